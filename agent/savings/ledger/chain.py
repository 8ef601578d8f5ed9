"""The ledger: append-only records in the state file, each holding the hash of the one before and a signature.

A record is canonical JSON {"seq", "kind", "t_ms", "prev", …, "sig"}; its hash is SHA-256 of that text. Kinds: `key`
(the first; declares the key that signs), `interval` (agent.savings.ledger.interval_records), `checkpoint` (end of a
day), `baseline` (a complete frozen baseline), `decision` (on an event), `plan` (a signed M&V plan), `month` (of a
contract), `import` (of a history), `restore` (of a backup: agent.backup.continuation); earlier versions wrote `hour`
instead of `interval`. A second `key` record follows an HMAC key (agent.savings.ledger.succession).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from agent.savings.ledger.signing_key import LedgerKey

SCHEMA = "magwatt.ledger/1"
BEGIN = "0" * 64  # `prev` of the first record


class LedgerRecord(Struct, frozen=True):
    """One record.

    seq: its number; the first is 1.
    t_ms: UTC time of writing.
    kind: see the module.
    body: its content, with number, time, kind and signature.
    hash: SHA-256 of the canonical text of the body.
    """

    seq: int
    t_ms: int
    kind: str
    body: dict[str, Any]
    hash: str


def canonical(body: Mapping[str, Any]) -> str:
    """The canonical text of a body: keys sorted, no spaces, UTF-8, no NaN. Raises ValueError."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def signed(key: LedgerKey, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with its signature. Raises LedgerKeyError when the key cannot sign here."""
    return {**body, "sig": key.sign(canonical(body).encode())}


def signed_by(key: LedgerKey, body: Mapping[str, Any]) -> bool:
    """Whether a record is signed with this key. Raises LedgerKeyError when the key cannot verify here."""
    unsigned = {name: value for name, value in body.items() if name != "sig"}
    return key.verifies(canonical(unsigned).encode(), str(body.get("sig", "")))


def append_to(
    db: sqlite3.Connection, key: LedgerKey, t_ms: int, entries: Iterable[tuple[str, Mapping[str, Any]]]
) -> list[LedgerRecord]:  # fmt: skip
    """Appends entries (kind, body) in the transaction of the caller.

    Two processes may append concurrently: the end of the chain is read in the transaction.
    """
    last = db.execute("select seq, hash from ledger order by seq desc limit 1").fetchone()
    seq, before = last or (0, BEGIN)
    new = list(entries)
    if not seq and (not new or new[0][0] != "key"):
        new.insert(0, ("key", {"key": key.declaration()}))
    written = []
    for kind, body in new:
        seq += 1
        complete = signed(key, {**body, "s": SCHEMA, "seq": seq, "kind": kind, "t_ms": t_ms, "prev": before})
        text = canonical(complete)
        before = digest(text)
        db.execute("insert into ledger values (?, ?, ?, ?, ?)", (seq, t_ms, kind, text, before))
        written.append(LedgerRecord(seq, t_ms, kind, complete, before))
    return written


def records(db: sqlite3.Connection, kind: str | None = None, after: int = 0) -> Iterator[LedgerRecord]:
    """Records with numbers above `after`, in order.

    kind: None: all kinds. Records that are not valid JSON are omitted; `verify` reports them.
    """
    rows = db.execute(
        "select seq, t_ms, kind, body, hash from ledger where seq > ? and (? is null or kind = ?) order by seq",
        (after, kind, kind),
    )
    for seq, t_ms, kind_, text, hash_ in rows:
        with contextlib.suppress(ValueError):
            if isinstance(body := json.loads(text), dict):
                yield LedgerRecord(seq, t_ms, kind_, body, hash_)
