"""Files of a lake: messages as the sink writes them, and what is in its Parquet files, read with pyarrow alone."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from agent.core.messages import Message, encode

ROOT = "magwatt/v1/mill-2/gw-07"


def line(row_id: str, message: Message) -> bytes:
    """A line of the open file of the sink."""
    asset = f"{message.asset}/" if message.asset else ""
    topic = json.dumps(f"{ROOT}/{asset}{message.kind}").encode()
    return b'{"topic":' + topic + b"," + encode(message, row_id)[1:] + b"\n"


def ndjson(path: Path, messages: Mapping[str, Message] | Iterable[tuple[str, Message]]) -> Path:
    """A closed file of the sink. messages: id → message."""
    found = messages.items() if isinstance(messages, Mapping) else messages
    path.write_bytes(b"".join(line(row_id, message) for row_id, message in found))
    return path


def parts(lake: Path, dataset: str = "*") -> list[str]:
    """Paths of its files, relative to the lake."""
    return sorted(str(path.relative_to(lake)) for path in lake.glob(f"{dataset}/**/*.parquet"))


def rows(lake: Path, dataset: str) -> list[dict[str, Any]]:
    """The rows of all files of a dataset, without the columns that are in their paths."""
    return [row for path in parts(lake, dataset) for row in pq.ParquetFile(lake / path).read().to_pylist()]


def ledger(bodies: Iterable[Mapping[str, Any]], name: str = "gw-07") -> sqlite3.Connection:
    """A table of records with these bodies, numbered and chained, not signed. name: makes the ledger another one."""
    db = sqlite3.connect(":memory:")
    db.execute("create table ledger (seq integer primary key, t_ms integer, kind text, body text, hash text)")
    db.execute("create table interval (asset text, start_ms integer, body text)")
    before = "0" * 64
    for seq, body in enumerate([{"kind": "key", "t_ms": 0, "key": {"fingerprint": name}}, *bodies], 1):
        line = json.dumps({**body, "seq": seq, "prev": before}, sort_keys=True, separators=(",", ":"))
        before = hashlib.sha256(line.encode()).hexdigest()
        db.execute("insert into ledger values (?, ?, ?, ?, ?)", (seq, body["t_ms"], body["kind"], line, before))
    return db


def interval(start_ms: int, energy_wh: int | None, adjusted_wh: int | None = None, **fields: Any) -> dict[str, Any]:
    """The body of a record of a quarter hour, written at its end; `fields` change or add others."""
    body = {"kind": "interval", "asset": "fan", "from_ms": start_ms, "length_s": 900, "energy_wh": energy_wh,
            "covered_s": 900, "t_ms": start_ms + 900_000}  # fmt: skip
    return body | ({} if adjusted_wh is None else {"adjusted_wh": adjusted_wh}) | fields


def lines_of(db: sqlite3.Connection) -> list[str]:
    return [line for (line,) in db.execute("select body from ledger order by seq")]
