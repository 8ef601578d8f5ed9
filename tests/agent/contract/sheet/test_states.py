"""What the sheet shows in each state, by its data attributes, in both languages."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace
from support.contract import COMPANY, CUSTOMER, OTHER
from support.contract_month import ISSUED_MS, PLAN, corrected, month_document, revision, settled
from support.contract_sheet import month_of_motors

from agent.contract import reasons as codes
from agent.contract.month_states import MonthHistory, MonthRevision
from agent.contract.plan_versions import PlanHistory
from agent.contract.sheet.page import sheet_articles
from agent.contract.sheet.sheet import Sheet, draft_sheet, sheet_of_file, sheet_of_history
from agent.core.text import LANGUAGES
from drivers.reasons import InvalidValue

MADE_MS = ISSUED_MS + 9 * 86_400_000


class Shown:
    """A sheet as its elements: data attributes and texts."""

    def __init__(self, sheet: Sheet, language: str) -> None:
        html = str(sheet_articles(sheet)[language])
        self.root = ElementTree.fromstring(re.sub(r"<br>|&nbsp;", " ", html))

    def values(self, name: str) -> list[str]:
        return [element.attrib[f"data-{name}"] for element in self.root.iter() if f"data-{name}" in element.attrib]

    def signed(self) -> dict[str, str]:
        return dict(zip(self.values("role"), self.values("signed"), strict=True))

    def lines(self) -> list[str]:
        return self.values("line")

    def cells(self, name: str, value: str) -> list[str]:
        found = next(element for element in self.root.iter() if element.attrib.get(f"data-{name}") == value)
        return ["".join(cell.itertext()) for cell in found.iter("td")]

    def blanks(self, name: str) -> int:
        """Places to fill in by hand: "blank" for name and date, "stamp"."""
        return sum(element.attrib.get("class") == name for element in self.root.iter())


@pytest.fixture(params=LANGUAGES)
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def of_file(found: MonthRevision, language: str) -> Shown:
    return Shown(sheet_of_file(found, MADE_MS), language)


def test_a_draft_has_a_mark_and_no_state_of_a_document(language: str) -> None:
    month = revision(month_document()).month
    note = codes.MONTH_PARTLY_COVERED(first="2026-10-05", last="–", month="2026-10")
    found = Shown(draft_sheet(month, PLAN, [note], MADE_MS), language)
    assert found.values("state") == ["draft"]
    assert found.values("mark") == ["draft"]
    assert found.lines() == ["draft", "note"]
    assert found.values("accepted") == ["no"]
    assert found.signed() == {"customer": "missing", "energy_service_company": "missing"}
    assert (found.blanks("blank"), found.blanks("stamp")) == (0, 0), "a draft cannot be stamped"


@pytest.mark.parametrize(
    ("keys", "state", "signed", "waits"),
    [
        ((), "issued", ("missing", "missing"), 2),
        ((CUSTOMER,), "accepted", ("valid", "missing"), 1),
        ((COMPANY,), "accepted", ("missing", "valid"), 1),
        ((CUSTOMER, COMPANY), "settled", ("valid", "valid"), 0),
    ],
)
def test_an_issued_month_waits_for_those_who_have_not_signed(
    language: str, keys: tuple[Any, ...], state: str, signed: tuple[str, str], waits: int
) -> None:
    found = of_file(revision(month_document(), *keys), language)
    assert found.values("state") == [state]
    assert tuple(found.signed().values()) == signed
    assert found.lines() == ["waits"] * waits
    assert (found.blanks("blank"), found.blanks("stamp")) == (signed.count("missing"), 2)
    assert found.values("accepted") == ["both" if state == "settled" else "no"]
    assert not found.values("mark")


def test_an_invalid_signature_is_never_accepted(language: str) -> None:
    """A month that both signed, of which one signature was made with another key, or for another document."""
    whole = settled(month_document())
    other = settled(month_document(drafted_ms=ISSUED_MS + 1))
    foreign = [replace(each, key=OTHER.fingerprint) if each.role == "customer" else each
               for each in whole.signed.signatures]  # fmt: skip
    moved = [*whole.signed.signatures[:2], other.signed.signatures[2]]
    for signatures, role in ((foreign, "customer"), (moved, "energy_service_company")):
        found = of_file(replace(whole, signed=replace(whole.signed, signatures=tuple(signatures))), language)
        assert found.values("state") == found.values("mark") == ["invalid"]
        assert found.lines() == ["problem"]
        assert found.values("accepted") == ["no"]
        assert found.signed()[role] == "invalid"
        assert sorted(found.signed().values()) == ["invalid", "valid"]
        assert (found.blanks("blank"), found.blanks("stamp")) == (0, 0)


def test_a_further_signature_that_is_not_valid_spoils_the_valid_ones(language: str) -> None:
    """Both parties have signed, and a third signature is added in the name of one of them."""
    whole = settled(month_document())
    more = replace(whole.signed.signatures[1], by="Zhang San")
    found = of_file(replace(whole, signed=replace(whole.signed, signatures=(*whole.signed.signatures, more))), language)
    assert found.values("state") == ["invalid"]
    assert found.values("accepted") == ["no"]
    assert found.signed() == {"customer": "invalid", "energy_service_company": "valid"}


def test_a_month_corrected_after_settlement_stays_settled_until_both_sign_again(language: str) -> None:
    first = settled(month_document())
    body = corrected(first)
    plans = PlanHistory([PLAN])

    def shown(second: MonthRevision, of: MonthRevision) -> Shown:
        return Shown(sheet_of_history(MonthHistory([first, second], plans), of, MADE_MS), language)

    for second in (revision(body), revision(body, CUSTOMER)):
        old, new = shown(second, first), shown(second, second)
        assert old.values("state") == ["settled"]
        assert old.lines() == ["replaced"]
        assert new.values("state") == ["issued" if len(second.missing) == 2 else "accepted"]
        assert new.lines()[-1] == "stays"
        assert new.values("revision") == ["2"]
    second = settled(body)
    old, new = shown(second, first), shown(second, second)
    assert (old.values("state"), old.values("mark")) == (["corrected"], ["corrected"])
    assert (new.values("state"), new.lines()) == (["settled"], [])


def test_a_correction_alone_states_that_what_was_settled_stays(language: str) -> None:
    """Of the file alone: it does not contain which of the former revisions is settled."""
    body = corrected(settled(month_document()))
    lines = [of_file(revision(body, *keys), language).lines() for keys in ((), (CUSTOMER,), (CUSTOMER, COMPANY))]
    assert lines == [["waits", "waits", "stays"], ["waits", "stays"], []]


def test_the_figures_are_those_of_the_document(language: str) -> None:
    found = of_file(settled(month_document()), language)
    thin = "\u202f"
    kwh, adjusted, *us = found.cells("motor", "fan")[2:7]
    assert (kwh, adjusted) == (f"8{thin}546", f"8{thin}546")
    assert us == ["± 340", "± 440", "± 520"]
    assert [found.cells("price", name)[2] for name in ("peak", "flat", "valley")] == [
        f"3{thin}446", f"5{thin}101", "−1"
    ]  # fmt: skip
    assert [found.cells("amount", name)[1] for name in ("value", "share", "net", "vat", "gross")] == [
        f"7{thin}086.64", "80 %", f"5{thin}348.41", "320.90", f"5{thin}669.31"
    ]  # fmt: skip
    assert found.values("assumption") == ["season_not_covered"]
    assert found.values("evidence") == ["provisional"]
    text = "".join(found.root.itertext())
    for part in (PLAN.signed.id, CUSTOMER.fingerprint, COMPANY.fingerprint, "cd" * 32, "ab" * 32, "EMC-2026-017"):
        assert part in text


def test_figures_that_do_not_follow_from_the_plan_are_not_printed() -> None:
    found = settled(month_document(amount__gross="5669.32"))
    with pytest.raises(InvalidValue) as caught:
        sheet_of_file(found, MADE_MS)
    assert caught.value.reason.code == codes.MONTH_FIGURE_WRONG


def test_the_printed_causes_add_up_to_the_printed_difference(language: str) -> None:
    body, plan = month_of_motors(4)
    found = of_file(revision(body, plan=plan), language)
    for name in plan.plan.motors:
        *parts, difference = [_number(text) for text in found.cells("difference", name)[1:]]
        kwh, adjusted = (_number(text) for text in found.cells("motor", name)[2:4])
        assert sum(parts) == difference == kwh - adjusted
    causes = {"production", "excluded", "unmeasured", "adjustments", "rounding", "difference"}
    assert set(found.values("cause")) == causes, "no cause is a sum of several"


def test_a_month_of_a_simulated_plant_is_marked(language: str) -> None:
    for simulated in (True, False):
        found = of_file(revision(month_document(simulated=simulated)), language)
        marks = [each for each in found.root.iter() if each.attrib.get("class") == "simulated"]
        assert len(marks) == simulated


def _number(text: str) -> Decimal:
    return Decimal(text.replace("\u202f", "").replace("−", "-"))
