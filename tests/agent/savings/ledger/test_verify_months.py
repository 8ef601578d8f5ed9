"""A month of a contract in the ledger names lines that are there, with their hashes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

import pytest
from support import contract_bundle as kit
from support.contract import COMPANY, CUSTOMER
from support.contract_month import revision

from agent.contract.documents import file_body
from agent.savings.ledger import reasons as codes
from agent.savings.ledger.verify import verify


def problems(body: Mapping[str, Any], db: sqlite3.Connection) -> list[str]:
    """Problems of the record of the month; the intervals of this ledger are in no state file."""
    kit.append(db, 0, "month", {"month": body})
    for table in ("interval (asset, start_ms, body)", "note (kind, name, fingerprint, t_ms, body)"):
        db.execute(f"create table {table}")
    [last] = db.execute("select max(seq) from ledger").fetchone()
    return [each.code for each in verify(db).problems if each.data.get("seq") == last]


EDITS = {
    "none": ({}, []),
    "hash of the last line": ({"ledger__hash": "00" * 32}, [codes.MONTH_LINES_WRONG]),
    "later line": ({"ledger__last": 999}, [codes.MONTH_LINES_WRONG]),
    "decision": ({"motor__fan__decisions": [{"line": "00" * 32, "event": 1, "decision": "keep", "energy_wh": {}}]},
                 [codes.MONTH_DECISION_MISSING]),
    "no ledger": ({"ledger": None}, [codes.RECORD_FIELDS_INVALID]),
}  # fmt: skip


@pytest.mark.parametrize(("edit", "expected"), EDITS.values(), ids=EDITS)
def test_lines_that_a_month_names(edit: dict[str, Any], expected: list[str]) -> None:
    db = kit.ledger()
    document = kit.document(db, **edit)
    assert problems({"s": "magwatt.signed/1", "document": document, "signatures": []}, db) == expected


def test_a_month_is_a_record_like_others() -> None:
    """A changed amount is found by the hash of the record."""
    db = kit.ledger()
    body = json.loads(json.dumps(file_body(revision(kit.document(db), CUSTOMER, COMPANY, plan=kit.PLAN).signed)))
    assert problems(body, db) == []
    db.execute(
        'update ledger set body = replace(body, \'"gross":"11.00"\', \'"gross":"12.00"\') where kind = \'month\''
    )
    assert codes.RECORD_HASH_WRONG in [each.code for each in verify(db).problems]
