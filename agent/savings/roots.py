"""Daily roots: the hash at the end of a day, signed, told to places that are not the state directory.

A ledger proves by itself that nothing in it was changed. That it was not cut off, or set back as a whole to an older
copy, only a root that lies elsewhere can show: retained at the broker, in a file on another disk, in a report.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agent.savings.ledger import SCHEMA, Record, append_to, records
from agent.savings.ledger_key import Key

TOLD = ("site", "gateway", "day", "key", "prev", "sig")  # of the record's body


def day_of(t_ms: int, zone: str) -> str:
    return f"{datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(ZoneInfo(zone)):%F}"


def close_day(db: sqlite3.Connection, key: Key, t_ms: int, zone: str, where: Mapping[str, str]) -> Record | None:
    """Appends a root when the last record is of a day that is over: call it before the new day's first. where: site and
    gateway."""
    last = db.execute("select seq, t_ms, kind, hash from ledger order by seq desc limit 1").fetchone()
    if last is None or last[2] == "root" or day_of(last[1], zone) >= day_of(t_ms, zone):
        return None
    seq, last_ms, _, said = last
    body = {**where, "day": day_of(last_ms, zone), "last": seq, "hash": said, "key": key.fingerprint}
    return append_to(db, key, t_ms, [("root", body)])[0]


def told(record: Record) -> dict[str, Any]:
    """What is published of a root: enough to find it, and to check its signature without the ledger."""
    return {"seq": record.seq, "hash": record.hash, "at": record.t_ms} | {name: record.body[name] for name in TOLD}


def record_body(root: Mapping[str, Any]) -> dict[str, Any] | None:
    """The body of the ledger record from which `told` made this, for checking its signature; None if fields are
    missing."""
    if not all(isinstance(root.get(name), str) for name in TOLD) or not isinstance(root.get("at"), int):
        return None
    seq = root["seq"]
    fixed = {"s": SCHEMA, "kind": "root", "seq": seq, "t_ms": root["at"], "last": seq - 1, "hash": root["prev"]}
    return {name: root[name] for name in TOLD} | fixed


def export(path: Path, record: Record) -> None:
    """Appends a root to a file of one JSON object a line, on the disk before it returns; behind a line that a power cut
    left torn it begins a new one. Raises OSError."""
    with path.open("ab+") as file:
        torn = bool(file.tell()) and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
        file.write(("\n" * torn + json.dumps(told(record), ensure_ascii=False) + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def read(text: str) -> list[dict[str, Any]]:
    """Roots from an exported file, from a report's JSON, or from one message. Raises ValueError."""
    found: list[Any] = []
    try:
        whole = json.loads(text)
        found = whole if isinstance(whole, list) else [whole]
    except ValueError:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    found.append(json.loads(line))
                except ValueError:
                    raise ValueError(f"line {number}: not a root; if a power cut tore it, take it out") from None
    roots = [item.get("ledger", item) if isinstance(item, dict) else item for item in found]
    for number, root in enumerate(roots, 1):
        if not isinstance(root, dict) or not isinstance(root.get("seq"), int) or not isinstance(root.get("hash"), str):
            raise ValueError(f"number {number}: not a root; it needs seq and hash")
    return roots


def newest(db: sqlite3.Connection) -> Record | None:
    """The last one in the chain, looked for from its end."""
    row = db.execute("select seq from ledger where kind = 'root' order by seq desc limit 1").fetchone()
    found = records(db, "root", row[0] - 1) if row else []
    return found[-1] if found else None
