"""Check externally stored checkpoints against the ledger and report the first record that differs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from agent.savings.checkpoints import canonical_text, checkpoint_message
from agent.savings.ledger import Record, digest, signed_by
from agent.savings.ledger_key import Key, LedgerKeyError

if TYPE_CHECKING:
    from agent.savings.verify import Verdict


def check_external(
    db: sqlite3.Connection, found: Verdict, checkpoints: Iterable[Mapping[str, Any]], key: Key | None, called: str
) -> None:  # fmt: skip
    """Add a problem to `found` for each checkpoint that is not in the chain: the ledger was replaced by an older copy,
    or its records up to the checkpoint were rewritten. An edited checkpoint proves nothing and is reported as edited.

    key, called: the key that signs the ledger, and its fingerprint.
    """
    good = 0
    for checkpoint in sorted(checkpoints, key=lambda item: int(item["seq"])):
        found.external_checkpoints += 1
        seq, name = int(checkpoint["seq"]), f"the external checkpoint ({checkpoint.get('day', checkpoint['seq'])})"
        if edited := _edited(db, checkpoint, key):
            found.problems.append(f"{name} was edited, not the ledger: {edited}; take it from where nobody could write")
            continue
        row = db.execute("select body from ledger where seq = ?", (seq,)).fetchone()
        if checkpoint.get("key") and called and checkpoint["key"] != called:
            found.bad(1, f"{name} was signed by {checkpoint['key']}")
        elif row is None:
            last = db.execute("select max(seq) from ledger").fetchone()[0] or 0
            found.bad(last + 1, f"missing: {name} is number {seq}; the ledger was cut off or set back to an older copy")
            return
        elif digest(str(row[0])) != checkpoint["hash"]:
            found.bad(good + 1, f"or a later one, up to {seq}, was written anew: {name} has another hash")
            return
        else:
            found.self_named = False  # its hash holds record 1, and the key in it
        good = seq


def _edited(db: sqlite3.Connection, checkpoint: Mapping[str, Any], key: Key | None) -> str:
    """Evidence that the checkpoint was edited; empty when there is none. A signature is valid for one text only: if a
    checkpoint has the signature of a valid record but other contents, the checkpoint was edited."""
    if key is None or not checkpoint.get("sig"):
        return ""
    record = _signed_as(db, checkpoint)
    try:
        if record is not None and _holds(key, record):
            was = checkpoint_message(record)
            differing = [
                f"{name} is not {checkpoint[name]}"
                for name in was
                if name in checkpoint and checkpoint[name] != was[name]
            ]
            return f"it bears the signature of record {record.seq}, whose {', '.join(differing)}" if differing else ""
        text = canonical_text(checkpoint)
        if text is None:
            return ""
        whole = digest(text) == checkpoint["hash"]
        if not whole or (checkpoint["key"] == key.fingerprint and not signed_by(key, json.loads(text))):
            return f"its {'signature' if whole else 'hash'} is not that of what it says"
    except LedgerKeyError:
        pass
    return ""


def _signed_as(db: sqlite3.Connection, checkpoint: Mapping[str, Any]) -> Record | None:
    """The record with the signature of the checkpoint: the one with its number, or another checkpoint."""
    query = "select seq, t_ms, kind, body, hash from ledger where seq = ? or kind = 'checkpoint' order by seq = ? desc"
    for seq, t_ms, kind, text, said in db.execute(query, (checkpoint["seq"], checkpoint["seq"])):
        if isinstance(text, str) and checkpoint["sig"] in text:
            try:
                body = json.loads(text)
            except ValueError:
                continue
            if isinstance(body, dict) and body.get("sig") == checkpoint["sig"] and digest(text) == said:
                return Record(seq, t_ms, kind, body, said)
    return None


def _holds(key: Key, record: Record) -> bool:
    return record.kind == "checkpoint" and signed_by(key, record.body)
