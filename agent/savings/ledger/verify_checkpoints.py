"""Check externally stored checkpoints against the ledger and report the first record that differs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from agent.savings.ledger import reasons as codes
from agent.savings.ledger.chain import canonical, digest, signed_by
from agent.savings.ledger.checkpoints import record_body
from agent.savings.ledger.signing_key import LedgerKey, LedgerKeyError
from agent.savings.ledger.verification import VerificationResult


class DeclaredKey(NamedTuple):
    """A key of the ledger. seq: number of the record that declares it."""

    key: LedgerKey
    seq: int


def check_external(
    db: sqlite3.Connection, found: VerificationResult, checkpoints: Iterable[Mapping[str, Any]],
    keys: Mapping[str, DeclaredKey],
) -> None:  # fmt: skip
    """Adds to `found` what external checkpoints show about the ledger.

    A valid checkpoint that is not in the chain: the ledger was truncated, rolled back to an older copy, or rewritten up
    to it. An invalid checkpoint is reported and proves nothing about the ledger.
    keys: keys that the ledger declares, by fingerprint; empty if it declares none.
    """
    good, key_seq = 0, max((declared.seq for declared in keys.values()), default=0)
    for checkpoint in sorted(checkpoints, key=lambda item: int(item["seq"])):
        found.external_checkpoints += 1
        seq, name = int(checkpoint["seq"]), str(checkpoint.get("day", checkpoint["seq"]))
        signer = keys.get(str(checkpoint.get("key")))
        if not _intact(checkpoint, signer.key if signer else None):
            found.problems.append(codes.CHECKPOINT_INVALID(checkpoint=name))
            continue
        row = db.execute("select body from ledger where seq = ?", (seq,)).fetchone()
        if checkpoint.get("key") and keys and signer is None:
            found.add_problem(codes.CHECKPOINT_OF_OTHER_KEY(seq=1, checkpoint=name, fingerprint=str(checkpoint["key"])))
        elif row is None:
            last = db.execute("select max(seq) from ledger").fetchone()[0] or 0
            found.add_problem(codes.CHECKPOINT_NOT_IN_LEDGER(seq=last + 1, checkpoint=name, checkpoint_seq=seq))
            return
        elif digest(str(row[0])) != checkpoint["hash"]:
            found.add_problem(codes.CHECKPOINT_DIFFERS(seq=good + 1, checkpoint=name, checkpoint_seq=seq))
            return
        elif seq >= key_seq:
            found.self_named = False  # the hash of the checkpoint confirms the records of the keys
        good = seq


def _intact(checkpoint: Mapping[str, Any], key: LedgerKey | None) -> bool:
    """Whether hash and signature of an external checkpoint match its content.

    key: the key whose fingerprint it names; None if it is not known. A checkpoint without a signature has nothing to
    check and counts as intact. A signature by another key, or one that cannot be checked here, is reported by the
    callers.
    """
    if not checkpoint.get("sig"):
        return True
    body = record_body(checkpoint)
    if body is None or digest(canonical(body)) != checkpoint["hash"]:
        return False
    try:
        return key is None or signed_by(key, body)
    except LedgerKeyError:
        return True
