"""The change from an HMAC key, of an earlier version, to an Ed25519 key: the chain continues, nothing is rewritten.

The `key` record of the new key names the last record before it and contains the signature of the old key: `follows` =
{"fingerprint", "last", "hash", "sig"}. The record is signed with the new key, and so confirms all records before it by
their hash: who has the public key no longer needs the secret of the old one.

The key file is replaced first; it contains the old key as `former`. The note of kind `ledger-key` is written in the
transaction of the record and decides which of the two signs. So a kill at any time leaves a key that continues the
chain, and a running agent changes to the new key with the transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.delivery.store import Store
from agent.savings.ledger import reasons as codes
from agent.savings.ledger.chain import LedgerRecord, append_to, canonical, records, signed_by
from agent.savings.ledger.interval_records import (
    INTERVAL,
    provisional_records,
    record_of_provisional,
    remove_provisional_of,
)
from agent.savings.ledger.signing_key import ED25519, FILE, HMAC, LedgerKey, LedgerKeyError, load, new_key, replace_key

NOTE = "ledger-key"  # kind of note; its fingerprint is that of the key that signs since the change


def key_in_force(db: sqlite3.Connection, key: LedgerKey) -> LedgerKey:
    """The key that signs the next record, of the key file `key`. Raises LedgerKeyError when it is in neither."""
    row = db.execute("select fingerprint from note where kind = ? and name = ''", (NOTE,)).fetchone()
    if row is None:
        return key.former or key
    if row[0] != key.fingerprint:
        raise LedgerKeyError(codes.KEY_REPLACED, fingerprint=str(row[0]))
    return key


def begin_signed(store: Store, now_ms: int) -> LedgerRecord | None:
    """Changes the ledger of a state directory to an Ed25519 key and waits for the commit; an agent may be running.

    Returns the record of the new key; None: the ledger is empty, and its first record will be signed with the new key.
    Raises StoreError; LedgerKeyError when there is no HMAC key, or it is not the one of the ledger.
    """
    assert store.directory is not None
    path = store.directory / FILE
    key = load(path)
    if key.kind == HMAC:
        key = replace(new_key(), former=key)
        store.do(lambda db: _check_old(db, key.former, path))
        replace_key(store.directory, key)
    return store.do(lambda db: _append(db, key, path, now_ms))


def _check_old(db: sqlite3.Connection, old: LedgerKey | None, path: Path) -> None:
    first = next(records(db, "key"), None)
    if old is None or (first is not None and first.body["key"]["fingerprint"] != old.fingerprint):
        raise LedgerKeyError(codes.KEY_NOT_OF_LEDGER, path=str(path))


def _append(db: sqlite3.Connection, key: LedgerKey, path: Path, now_ms: int) -> LedgerRecord | None:
    old = key_in_force(db, key)
    if old.kind != HMAC:
        raise LedgerKeyError(codes.LEDGER_SIGNED_ALREADY, path=str(path), fingerprint=old.fingerprint)
    _check_old(db, old, path)
    running = [
        (INTERVAL, record_of_provisional(body))
        for text, body in provisional_records(db)
        if signed_by(old, body) and remove_provisional_of(db, text, body)
    ]
    record = None
    if db.execute("select 1 from ledger limit 1").fetchone():
        append_to(db, old, now_ms, running)
        [(last, hash_)] = db.execute("select seq, hash from ledger order by seq desc limit 1").fetchall()
        follows = {"fingerprint": old.fingerprint, "last": last, "hash": hash_}
        follows["sig"] = old.sign(_statement(key.declaration(), follows))
        record = append_to(db, key, now_ms, [("key", {"key": key.declaration(), "follows": follows})])[-1]
    db.execute("insert or replace into note values (?, '', ?, ?, '{}')", (NOTE, key.fingerprint, now_ms))
    return record


def follows_validly(
    body: Mapping[str, Any], new: LedgerKey, old: LedgerKey, fingerprint: str, seq: int, before: str
) -> bool:  # fmt: skip
    """Whether a later `key` record is a valid change of the key.

    new: the key that it declares.
    old, fingerprint: the key before it, and the fingerprint that the ledger declares for it. The signature of the old
        key is verified if its secret is known.
    seq, before: number of the record, and hash of the one before it.
    """
    follows = body.get("follows")
    if old.kind != HMAC or new.kind != ED25519 or not isinstance(follows, dict):
        return False
    if (follows.get("fingerprint"), follows.get("last"), follows.get("hash")) != (fingerprint, seq - 1, before):
        return False
    return not old.secret or old.verifies(_statement(body["key"], follows), str(follows.get("sig", "")))


def _statement(declaration: Mapping[str, Any], follows: Mapping[str, Any]) -> bytes:
    """What the old key signs."""
    named = {name: follows[name] for name in ("fingerprint", "last", "hash")}
    return canonical({"key": dict(declaration), "follows": named}).encode()
