"""A month that cannot be signed: one sentence, and nothing is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.contract import COMPANY, CUSTOMER, DAY_MS, OTHER, document, signed, write_json
from support.contract_month import ISSUED_MS, PLAN, corrected, issued, month_document, revision, settled
from support.contract_parties import magwatt, write_key

from agent.cli import contract_month, main
from agent.contract import reasons as codes
from agent.contract.documents import file_body
from agent.contract.month_states import MonthRevision, read_revision, sign_month
from agent.contract.plan_versions import PlanVersion
from agent.savings.ledger.signing_key import LedgerKey
from drivers.reasons import Code, InvalidValue

HALF = signed(document(), CUSTOMER)
LATE = signed(document(version=2, replaces=PLAN.signed.id))


def file_of(made: MonthRevision, **edit: Any) -> dict[str, Any]:
    return {**file_body(made.signed), **edit}


CASES: dict[str, tuple[dict[str, Any], PlanVersion, LedgerKey, int, Code]] = {
    "wrong key": (file_of(revision(month_document())), PLAN, OTHER, DAY_MS, codes.KEY_OF_NO_PARTY),
    "signed already": (file_of(revision(month_document(), CUSTOMER)), PLAN, CUSTOMER, DAY_MS, codes.SIGNED_ALREADY),
    "plan signed by one": (file_of(revision(month_document(HALF), plan=HALF)), HALF, CUSTOMER, DAY_MS,
                           codes.PLAN_SIGNED_BY_ONE),
    "another plan": (file_of(revision(month_document())), LATE, CUSTOMER, DAY_MS, codes.PLAN_OF_MONTH_MISSING),
    "clock in the past": (file_of(revision(month_document())), PLAN, CUSTOMER, -600_001, codes.CLOCK_IN_PAST),
    "clock before the other signature": (file_of(revision(month_document(), COMPANY)), PLAN, CUSTOMER, 0,
                                         codes.CLOCK_BEFORE_SIGNATURE),
    "newer month": (file_of(revision(month_document()), document=month_document(s="magwatt.month/2")), PLAN, CUSTOMER,
                    DAY_MS, codes.DOCUMENT_NEWER),
    "newer file": (file_of(revision(month_document()), s="magwatt.signed/2"), PLAN, CUSTOMER, DAY_MS,
                   codes.DOCUMENT_NEWER),
    "changed amount": (file_of(revision(month_document()), document=month_document(amount__gross="5669.32")), PLAN,
                       CUSTOMER, DAY_MS, codes.SIGNATURE_OF_OTHER_DOCUMENT),
    "wrong amount": (file_of(revision(month_document(amount__gross="5669.32"))), PLAN, CUSTOMER, DAY_MS,
                     codes.MONTH_FIGURE_WRONG),
    "not issued": (file_of(revision(month_document()), signatures=[]), PLAN, CUSTOMER, DAY_MS, codes.MONTH_NOT_ISSUED),
    "issued by another": ({**file_body(issued(month_document(), OTHER))}, PLAN, CUSTOMER, DAY_MS,
                          codes.SIGNATURE_KEY_WRONG),
}  # fmt: skip


@pytest.mark.parametrize(("file", "plan", "key", "later_ms", "code"), CASES.values(), ids=CASES)
def test_nothing_is_signed(
    file: dict[str, Any], plan: PlanVersion, key: LedgerKey, later_ms: int, code: Code, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(contract_month.time, "time_ns", lambda: (ISSUED_MS + later_ms) * 1_000_000)
    month = write_json(tmp_path / "month.json", file)
    write_json(tmp_path / "plan.json", file_body(plan.signed))
    write_key(tmp_path / "party.pem", key)
    before = month.read_bytes()
    found = magwatt("contract", "sign", month, "--key", tmp_path / "party.pem", code=2)
    assert month.read_bytes() == before
    assert len(found.stderr.splitlines()) == 1, found.stderr
    with pytest.raises(InvalidValue) as caught:
        sign_month(read_revision(month, [plan]), key, "", ISSUED_MS + later_ms)
    assert caught.value.reason.code == code


def test_a_month_without_its_plan_and_a_plan_instead_of_a_month(tmp_path: Path) -> None:
    month = write_json(tmp_path / "month.json", file_of(settled(month_document())))
    key = write_key(tmp_path / "party.pem", CUSTOMER)
    assert len(magwatt("contract", "sign", month, "--key", key, code=2).stderr.splitlines()) == 1
    magwatt("contract", "sign", month, "--key", key, "--plan", month, code=2)
    plan = write_json(tmp_path / "other.json", file_body(PLAN.signed))
    magwatt("contract", "show", month, "--plan", plan)
    magwatt("contract", "show", month, "--plan", plan, "--json")


@pytest.mark.text
def test_a_file_alone_does_not_show_that_nothing_newer_exists(tmp_path: Path) -> None:
    plan = write_json(tmp_path / "plan.json", file_body(PLAN.signed))
    month = write_json(tmp_path / "month.json", file_of(settled(month_document())))
    for file in (plan, month):
        assert "the ledger may contain a newer" in magwatt("contract", "show", file).stdout.splitlines()[-1].lower()


def test_the_history_of_a_folder_contains_its_months(tmp_path: Path) -> None:
    first = settled(month_document())
    write_json(tmp_path / "plan.json", file_body(PLAN.signed))
    write_json(tmp_path / "month-1.json", file_of(first))
    write_json(tmp_path / "month-2.json", file_of(settled(corrected(first))))
    lines = magwatt("contract", "history", tmp_path).stdout.splitlines()
    assert len(lines) == 1 + 2 + 2  # the plan with its signatures, two revisions


@pytest.mark.text
def test_a_plan_names_its_signatory_and_only_a_signature_says_signed_by(tmp_path: Path) -> None:
    plan = write_json(tmp_path / "plan.json", file_body(HALF.signed))
    lines = magwatt("contract", "show", plan, code=1).stdout.splitlines()
    [company] = [line for line in lines if "Green Drive" in line]
    assert "signatory Li Wei" in company
    assert "signed" not in company


def test_words_of_tariff_and_rates_are_translated(tmp_path: Path) -> None:
    plan = write_json(tmp_path / "plan.json", file_body(PLAN.signed))
    month = write_json(tmp_path / "month.json", file_of(settled(month_document())))
    texts = [CliRunner().invoke(main, ["--lang", "zh", "contract", "show", str(file)]).stdout for file in (plan, month)]
    assert "6 %" in texts[0]
    for text in texts:
        assert not [word for word in ("peak", "flat", "valley", "all") if re.search(rf"\b{word}\b", text)]
