"""Daily checkpoints: the signed hash of the last ledger record of a day, stored outside the state directory as well.

The hash chain detects changed records. Truncation of the ledger, or its replacement by an older copy, can only be
detected with an external checkpoint: retained at the broker, in a file on another disk, or in a report.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.core.local_time import format_date
from agent.savings.ledger.chain import SCHEMA, LedgerRecord, append_to, records
from agent.savings.ledger.reasons import CHECKPOINT_FIELDS_MISSING, CHECKPOINT_LINE_INVALID
from agent.savings.ledger.signing_key import LedgerKey
from drivers.reasons import InvalidValue

PUBLISHED = ("site", "gateway", "day", "key", "prev", "sig")  # fields of the record's body


def append_daily_checkpoint(
    db: sqlite3.Connection, key: LedgerKey, t_ms: int, zone: str, where: Mapping[str, str]
) -> LedgerRecord | None:
    """Append a checkpoint if the last record belongs to a past day; call it before the first record of the new day.

    where: site and gateway.
    """
    last = db.execute("select seq, t_ms, kind, hash from ledger order by seq desc limit 1").fetchone()
    if last is None or last[2] == "checkpoint" or format_date(last[1], zone) >= format_date(t_ms, zone):
        return None
    seq, last_ms, _, hash_ = last
    body = {**where, "day": format_date(last_ms, zone), "last": seq, "hash": hash_, "key": key.fingerprint}
    return append_to(db, key, t_ms, [("checkpoint", body)])[0]


def checkpoint_message(record: LedgerRecord) -> dict[str, Any]:
    """The published part of a checkpoint: enough to find it and to check its signature without the ledger."""
    return {"seq": record.seq, "hash": record.hash, "at": record.t_ms} | {name: record.body[name] for name in PUBLISHED}


def record_body(checkpoint: Mapping[str, Any]) -> dict[str, Any] | None:
    """The body of its ledger record, for checking the signature; None if fields are missing."""
    if not all(isinstance(checkpoint.get(name), str) for name in PUBLISHED) or not isinstance(
        checkpoint.get("at"), int
    ):
        return None
    before, seq = checkpoint["prev"], checkpoint["seq"]
    added = {"s": SCHEMA, "kind": "checkpoint", "seq": seq, "t_ms": checkpoint["at"], "last": seq - 1, "hash": before}
    return {name: checkpoint[name] for name in PUBLISHED} | added


def export(path: Path, record: LedgerRecord) -> None:
    """Append a checkpoint to a JSON Lines file and sync it to disk. Raises OSError.

    A line that a power failure left incomplete is terminated first.
    """
    with path.open("ab+") as file:
        torn = bool(file.tell()) and (file.seek(-1, os.SEEK_END), file.read(1))[1] != b"\n"
        file.write(("\n" * torn + json.dumps(checkpoint_message(record), ensure_ascii=False) + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def read(text: str) -> list[dict[str, Any]]:
    """Checkpoints from an exported file, from a report's JSON, or from one message. Raises InvalidValue."""
    found: list[Any] = []
    try:
        content = json.loads(text)
        found = content if isinstance(content, list) else [content]
    except (ValueError, RecursionError):
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    found.append(json.loads(line))
                except (ValueError, RecursionError):
                    raise InvalidValue(CHECKPOINT_LINE_INVALID, line=number) from None
    checkpoints = [item.get("ledger", item) if isinstance(item, dict) else item for item in found]
    for number, checkpoint in enumerate(checkpoints, 1):
        if (
            not isinstance(checkpoint, dict)
            or not isinstance(seq := checkpoint.get("seq"), int)
            or not 0 <= seq < 2**63  # an integer of SQLite
            or not isinstance(checkpoint.get("hash"), str)
            or not _is_utf8(checkpoint)
        ):
            raise InvalidValue(CHECKPOINT_FIELDS_MISSING, number=number)
    return checkpoints


def _is_utf8(checkpoint: Mapping[str, Any]) -> bool:
    """Whether all its texts can be encoded: JSON can state half of a character, which no ledger contains."""
    try:
        return bool(json.dumps(checkpoint, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return False


def newest(db: sqlite3.Connection, after: int = 0) -> LedgerRecord | None:
    """The last checkpoint in the chain with a number above `after`."""
    query = "select seq from ledger where kind = 'checkpoint' and seq > ? order by seq desc limit 1"
    row = db.execute(query, (after,)).fetchone()
    return next(records(db, "checkpoint", row[0] - 1), None) if row else None
