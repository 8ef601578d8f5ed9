"""Roots that lay elsewhere against the ledger: which of the two is not what was signed, and from which record on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from agent.savings.ledger import Record, digest, signed_by
from agent.savings.ledger_key import Key, LedgerKeyError
from agent.savings.roots import text_of, told

if TYPE_CHECKING:
    from agent.savings.verify import Verdict


def check_roots(
    db: sqlite3.Connection, found: Verdict, roots: Iterable[Mapping[str, Any]], key: Key | None, called: str
) -> None:  # fmt: skip
    """A root that is not in the chain: it was set back before it, or written anew up to it. One that was edited proves
    nothing, and is told. key, called: that signs the ledger, and its fingerprint."""
    good = 0
    for root in sorted(roots, key=lambda item: int(item["seq"])):
        found.roots_elsewhere += 1
        seq, name = int(root["seq"]), f"the root kept elsewhere ({root.get('day', root['seq'])})"
        if edited := _edited(db, root, key):
            found.problems.append(f"{name} was edited, not the ledger: {edited}; take it from where nobody could write")
            continue
        row = db.execute("select body from ledger where seq = ?", (seq,)).fetchone()
        if root.get("key") and called and root["key"] != called:
            found.bad(1, f"{name} was signed by {root['key']}")
        elif row is None:
            last = db.execute("select max(seq) from ledger").fetchone()[0] or 0
            found.bad(last + 1, f"missing: {name} is number {seq}; the ledger was cut off or set back to an older copy")
            return
        elif digest(str(row[0])) != root["hash"]:
            found.bad(good + 1, f"or a later one, up to {seq}, was written anew: {name} has another hash")
            return
        else:
            found.self_named = False  # its hash holds record 1, and the key in it
        good = seq


def _edited(db: sqlite3.Connection, root: Mapping[str, Any], key: Key | None) -> str:
    """By which sign one knows; empty when there is none. A signature holds for one text only, so that a root which
    bears the one of a record that holds, and says something else, was that record's."""
    if key is None or not root.get("sig"):
        return ""
    record = _signed_as(db, root)
    try:
        if record is not None and _holds(key, record):
            was = told(record)
            differing = [f"{name} is not {root[name]}" for name in was if name in root and root[name] != was[name]]
            return f"it bears the signature of record {record.seq}, whose {', '.join(differing)}" if differing else ""
        text = text_of(root)
        if text is None:
            return ""
        whole = digest(text) == root["hash"]
        if not whole or (root["key"] == key.fingerprint and not signed_by(key, json.loads(text))):
            return f"its {'signature' if whole else 'hash'} is not that of what it says"
    except LedgerKeyError:
        pass
    return ""


def _signed_as(db: sqlite3.Connection, root: Mapping[str, Any]) -> Record | None:
    """The record with the root's signature: where its number says, or another root."""
    query = "select seq, t_ms, kind, body, hash from ledger where seq = ? or kind = 'root' order by seq = ? desc"
    for seq, t_ms, kind, text, said in db.execute(query, (root["seq"], root["seq"])):
        if isinstance(text, str) and root["sig"] in text:
            try:
                body = json.loads(text)
            except ValueError:
                continue
            if isinstance(body, dict) and body.get("sig") == root["sig"] and digest(text) == said:
                return Record(seq, t_ms, kind, body, said)
    return None


def _holds(key: Key, record: Record) -> bool:
    return record.kind == "root" and signed_by(key, record.body)
