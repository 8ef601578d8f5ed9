"""The ledger of the state file as files of the lake: the signed lines, and the fields of intervals as columns.

The lines are what a verifier needs; the columns repeat what a query needs (docs/reference/ledger-format.md). A line
that is not a record stays a line.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pyarrow as pa
from msgspec import Struct

from agent.delivery.files.lake.columns import TEXT
from agent.delivery.files.lake.parts import Origin, folder_of, write
from agent.delivery.files.lake.rows import day_of

DATASET = "ledger"
PART = 50_000  # records in memory
_TIME = pa.timestamp("ms", tz="UTC")


class Place(Struct):
    """The newest exported record. seq: its number; 0: none. hash: of its line."""

    seq: int = 0
    hash: str = ""


class _Fields(Struct):
    """The fields of a record that are columns; those of intervals are None in other records."""

    asset: str | None = None
    from_ms: int | None = None
    length_s: int | None = None
    energy_wh: int | None = None
    auxiliary_wh: int | None = None
    filled_wh: int | None = None
    adjusted_wh: int | None = None
    covered_s: int | None = None
    late: bool | None = None
    config: str | None = None
    software: str | None = None


SCHEMA = pa.schema([
    ("seq", pa.int64()), ("t", _TIME), ("kind", TEXT), ("line", pa.string()), ("asset", TEXT), ("start", _TIME),
    ("length_s", pa.int32()), ("energy_wh", pa.int64()), ("auxiliary_wh", pa.int64()), ("filled_wh", pa.int64()),
    ("adjusted_wh", pa.int64()), ("covered_s", pa.int32()), ("late", pa.bool_()), ("config", TEXT),
    ("software", TEXT),
])  # fmt: skip
Row = tuple[int, int, str, str]  # seq, t_ms, kind, line


def export_ledger(db: sqlite3.Connection, lake: Path, origin: Origin, after: Place) -> Place:
    """Writes the records after a place, or all of them if the ledger has another record there; returns the newest.

    Records that a restored backup replaced stay in the lake. Raises OSError, sqlite3.Error.
    """
    found = db.execute("select hash from ledger where seq = ?", (after.seq,)).fetchone()
    if after.seq and (not found or found[0] != after.hash):
        after = Place()
    query = "select seq, t_ms, kind, body from ledger where seq > ? order by seq limit ?"
    while rows := db.execute(query, (after.seq, PART)).fetchall():
        months: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            months[day_of(row[1])[:7]].append(row)
        for month, records in months.items():
            write(folder_of(lake, DATASET, origin, month=month) / _name(records), ledger_table(records), origin)
        last = rows[-1]
        after = Place(last[0], _digest(last[3]))
    return after


def ledger_table(rows: Iterable[Row]) -> pa.Table:
    """Records with the columns of SCHEMA."""
    decoder = msgspec.json.Decoder(_Fields)
    columns: list[tuple[object, ...]] = []
    for seq, t_ms, kind, line in rows:
        try:
            fields = decoder.decode(line) if kind == "interval" else _Fields()
        except msgspec.MsgspecError:
            fields = _Fields()
        columns.append((seq, t_ms, kind, line, *(getattr(fields, name) for name in _Fields.__struct_fields__)))
    arrays = zip(*columns, strict=True) if columns else ([] for _ in SCHEMA)
    return pa.table([_array(list(values), column.type) for values, column in zip(arrays, SCHEMA, strict=True)],
                    schema=SCHEMA)  # fmt: skip


def key_of(db: sqlite3.Connection) -> str:
    """Fingerprint of the key that signs the ledger now; empty: there is no record yet."""
    row = db.execute("select body from ledger where kind = 'key' order by seq desc limit 1").fetchone()
    try:
        return str(msgspec.json.decode(row[0])["key"]["fingerprint"]) if row else ""
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""


def _name(records: list[Row]) -> str:
    """With the hash of the last line: after a restored backup the ledger has other records with these numbers."""
    return f"part-{records[0][0]}_{records[-1][0]}-{_digest(records[-1][3])[:8]}.parquet"


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def _array(values: list[object], kind: pa.DataType) -> pa.Array:
    return pa.array(values, pa.string()).dictionary_encode() if kind == TEXT else pa.array(values, kind)
