"""The ledger of the state file as files of the lake: the signed lines, and the fields of intervals as columns.

The lines are what a verifier needs; the columns repeat what a query needs (docs/reference/ledger-format.md). A line
that is not a record stays a line.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
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
    """The newest exported record.

    seq: its number; 0: none. hash: of its line.
    restores: number of restorations of a backup that the ledger had then.
    """

    seq: int = 0
    hash: str = ""
    restores: int = 0


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
    interval: str | None = None


SCHEMA = pa.schema([
    ("seq", pa.int64()), ("t", _TIME), ("kind", TEXT), ("line", pa.string()), ("asset", TEXT), ("start", _TIME),
    ("length_s", pa.int32()), ("energy_wh", pa.int64()), ("auxiliary_wh", pa.int64()), ("filled_wh", pa.int64()),
    ("adjusted_wh", pa.int64()), ("covered_s", pa.int32()), ("late", pa.bool_()), ("config", TEXT),
    ("software", TEXT), ("stored", pa.string()),
])  # fmt: skip
Row = tuple[int, int, str, str]  # seq, t_ms, kind, line
Stored = Callable[[str | None, int | None], str | None]  # asset, start → the interval as it is stored


def export_ledger(db: sqlite3.Connection, lake: Path, origin: Origin, after: Place) -> Place:
    """Writes the records after a place; returns the newest.

    All records are written if the ledger was restored since, or has another record at that place. Earlier files
    stay: a reader uses those with the highest number of restorations. Raises OSError, sqlite3.Error.
    """
    (restores,) = db.execute("select count(*) from ledger where kind = 'restore'").fetchone()
    known = db.execute("select hash from ledger where seq = ?", (after.seq,)).fetchone()
    if after.seq and (restores != after.restores or known != (after.hash,)):
        after = Place()
    query = "select seq, t_ms, kind, body from ledger where seq > ? order by seq limit ?"
    while rows := db.execute(query, (after.seq, PART)).fetchall():
        months: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            months[day_of(row[1])[:7]].append(row)
        for month, records in months.items():
            folder = folder_of(lake, DATASET, origin, ledger=_identity(db), month=month)
            write(folder / _name(records, restores), ledger_table(records, partial(_stored, db)), origin)
        after = Place(rows[-1][0], _digest(rows[-1][3]), restores)
    return after


def ledger_table(rows: Iterable[Row], stored: Stored = lambda asset, start_ms: None) -> pa.Table:
    """Records with the columns of SCHEMA. `stored`: the interval that the hash of the record names, while it is
    stored: later it is in a later record."""
    decoder = msgspec.json.Decoder(_Fields)
    columns: list[tuple[object, ...]] = []
    for seq, t_ms, kind, line in rows:
        try:
            fields = decoder.decode(line) if kind == "interval" else _Fields()
        except msgspec.MsgspecError:
            fields = _Fields()
        interval = stored(fields.asset, fields.from_ms) if fields.interval else None
        fields.interval = interval if interval and _digest(interval) == fields.interval else None
        columns.append((seq, t_ms, kind, line, *(getattr(fields, name) for name in _Fields.__struct_fields__)))
    arrays = [
        _array(list(values), column.type) for values, column in zip(zip(*columns, strict=True), SCHEMA, strict=True)
    ]
    return pa.table(arrays, schema=SCHEMA)


def key_of(db: sqlite3.Connection) -> str:
    """Fingerprint of the key that signs the ledger now; empty: there is no record yet."""
    row = db.execute("select body from ledger where kind = 'key' order by seq desc limit 1").fetchone()
    try:
        return str(msgspec.json.decode(row[0])["key"]["fingerprint"]) if row else ""
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""


def _stored(db: sqlite3.Connection, asset: str | None, start_ms: int | None) -> str | None:
    row = db.execute("select body from interval where asset = ? and start_ms = ?", (asset, start_ms)).fetchone()
    return row[0] if row else None


def _identity(db: sqlite3.Connection) -> str:
    """First 16 digits of the hash of the first record: two gateways with one name have two ledgers."""
    return _digest(db.execute("select body from ledger order by seq limit 1").fetchone()[0])[:16]


def _name(records: list[Row], restores: int) -> str:
    """With the hash of the last line: a rewritten ledger has other records with these numbers."""
    return f"records-{restores}-{records[0][0]}_{records[-1][0]}-{_digest(records[-1][3])[:8]}.parquet"


def identity_of(db: sqlite3.Connection) -> str:
    """Distinguishes ledgers of gateways with the same name; "": there is no record yet."""
    return _identity(db) if db.execute("select 1 from ledger limit 1").fetchone() else ""


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def _array(values: list[object], kind: pa.DataType) -> pa.Array:
    return pa.array(values, pa.string()).dictionary_encode() if kind == TEXT else pa.array(values, kind)
