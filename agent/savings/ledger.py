"""The ledger: append-only records in the state file, each holding the hash of the one before and a signature.

A record is canonical JSON {"seq", "kind", "t_ms", "prev", …, "sig"}; its hash is SHA-256 of that text. Kinds: `key`
(the first; announces who signs), `hour` (agent.savings.hours), `checkpoint` (a day's end), `baseline` (frozen, whole),
`decision` (of a person about an event), `import` (of a history). What a person did says in `hours_to_ms` up to where
all hours stand in records before it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agent.savings.ledger_key import Key

SCHEMA = "magwatt.ledger/1"
BEGIN = "0" * 64  # what the first record names as the one before


@dataclass(frozen=True, slots=True)
class Record:
    seq: int
    t_ms: int
    kind: str
    body: dict[str, Any]
    hash: str


def canonical(body: Mapping[str, Any]) -> str:
    """The one text of a body: keys sorted, no spaces, UTF-8, no NaN. Raises ValueError."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def signed_by(key: Key, body: Mapping[str, Any]) -> bool:
    """Whether a record's signature is this key's. Raises LedgerKeyError where nobody can tell."""
    unsigned = {name: value for name, value in body.items() if name != "sig"}
    return key.verifies(canonical(unsigned).encode(), str(body.get("sig", "")))


def append_to(
    db: sqlite3.Connection, key: Key, t_ms: int, entries: Iterable[tuple[str, Mapping[str, Any]]]
) -> list[Record]:  # fmt: skip
    """Appends all entries (kind, body) inside a transaction of the caller.

    Two processes may append at the same time: the end of the chain is read inside the transaction.
    """
    last = db.execute("select seq, hash from ledger order by seq desc limit 1").fetchone()
    seq, before = last or (0, BEGIN)
    wanted = list(entries)
    if not seq and (not wanted or wanted[0][0] != "key"):
        wanted.insert(0, ("key", {"key": key.said()}))
    written = []
    for kind, body in wanted:
        seq += 1
        whole = {**body, "s": SCHEMA, "seq": seq, "kind": kind, "t_ms": t_ms, "prev": before}
        whole["sig"] = key.sign(canonical(whole).encode())
        text = canonical(whole)
        before = digest(text)
        db.execute("insert into ledger values (?, ?, ?, ?, ?)", (seq, t_ms, kind, text, before))
        written.append(Record(seq, t_ms, kind, whole, before))
    return written


def records(db: sqlite3.Connection, kind: str | None = None, after: int = 0, since_ms: int = 0) -> list[Record]:
    """Numbers above `after`, written since, in order; what is no JSON is left out here, `verify` names it."""
    rows = db.execute(
        "select seq, t_ms, kind, body, hash from ledger where seq > ? and t_ms >= ? and (? is null or kind = ?) "
        "order by seq",
        (after, since_ms, kind, kind),
    ).fetchall()
    found = []
    for seq, t_ms, word, text, said in rows:
        try:
            body = json.loads(text)
        except ValueError:
            continue
        if isinstance(body, dict):
            found.append(Record(seq, t_ms, word, body, said))
    return found
