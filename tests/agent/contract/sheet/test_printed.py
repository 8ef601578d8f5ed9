"""The sheet in a real browser: printed on one A4 page for one motor, on two for four, and read on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser
from support.browser import DESKTOP, PHONE, chromium, too_wide
from support.contract import COMPANY, CUSTOMER
from support.contract_month import ISSUED_MS, PLAN, corrected, month_document, revision, settled
from support.contract_sheet import ASSUMPTIONS, month_of_motors

from agent.contract import reasons as codes
from agent.contract.month_states import MonthHistory, MonthRevision
from agent.contract.plan_versions import PlanHistory
from agent.contract.sheet.page import sheet_page
from agent.contract.sheet.sheet import Sheet, draft_sheet, sheet_of_file, sheet_of_history
from agent.savings.ledger.signing_key import LedgerKey

pytestmark = pytest.mark.browser

CUT_OFF = """[...document.querySelectorAll(".wide")].filter((each) => each.scrollWidth > each.clientWidth)
  .map((each) => each.innerText)"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


MORE: dict[str, Any] = {
    "simulated": True, "motor__fan__assumptions": ASSUMPTIONS, "motor__fan__unmeasured_s": 12_600,
    "motor__fan__decisions": [{"line": "ef" * 32, "event": 3, "decision": "keep", "energy_wh": {}}],
}  # fmt: skip
REASON = "certificate of the meter; event 3 is decided again after the inspection of the inverter on 12 November 2026"


def one_motor() -> dict[str, Sheet]:
    """A simulated month with two assumptions, in each state."""
    first = settled(month_document(**MORE))
    second = revision(corrected(first))
    third = corrected(second, revision=3, reason=REASON, **MORE)
    keys: dict[str, tuple[LedgerKey, ...]] = {"issued": (), "accepted": (CUSTOMER,), "settled": (CUSTOMER, COMPANY)}
    files = {name: sheet_of_file(revision(month_document(**MORE), *each), ISSUED_MS) for name, each in keys.items()}
    history = {}
    for name, each in keys.items():
        months = [first, second, revision(third, *each)]
        history |= {f"{month.month.revision} of {name}": sheet_of_history(
            MonthHistory(months, PlanHistory([PLAN])), month, ISSUED_MS) for month in months}  # fmt: skip
    alone = {f"alone {name}": sheet_of_file(revision(third, *each), ISSUED_MS) for name, each in keys.items()}
    moved = first.signed.signatures[:2] + revision(month_document(), COMPANY).signed.signatures[1:]
    invalid = replace(first, signed=replace(first.signed, signatures=moved))
    notes = [codes.MONTH_PARTLY_COVERED(first="2026-10-05", last="–", month="2026-10")]
    return {
        **files, **history, **alone, "draft": draft_sheet(first.month, first.plan, notes, ISSUED_MS),
        "invalid": sheet_of_file(invalid, ISSUED_MS),
    }  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_one_motor_is_printed_on_one_page_in_each_state(browser: Browser, language: str) -> None:
    found = printed(browser, one_motor(), language)
    assert {name: pages for name, pages in found.items() if pages != 1} == {}


def printed(browser: Browser, shown: Mapping[str, Sheet], language: str) -> dict[str, int]:
    """Pages of each sheet; each one is an object of the file."""
    page, found = browser.new_page(), {}
    for name, sheet in shown.items():
        page.set_content(sheet_page(sheet, language))
        found[name] = len(re.findall(rb"/Type /Page\b(?!s)", page.pdf(prefer_css_page_size=True)))
    page.close()
    return found


def revisions() -> dict[str, MonthRevision]:
    four, plan = month_of_motors(4)
    return {
        "four": revision(four, plan=plan),
        "four settled": revision(four, CUSTOMER, COMPANY, plan=plan),
    }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_four_motors_are_printed_on_two_pages(browser: Browser, language: str) -> None:
    shown = {name: sheet_of_file(each, ISSUED_MS) for name, each in revisions().items()}
    assert printed(browser, shown, language) == {"four": 2, "four settled": 2}


@pytest.mark.parametrize("look", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_is_read_without_sideways_scrolling(browser: Browser, look: dict[str, object]) -> None:
    context = browser.new_context(**look)  # type: ignore[arg-type]
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.set_content(sheet_page(sheet_of_file(revisions()["four"], ISSUED_MS), "zh"))
    assert too_wide(page) == []
    assert page.evaluate(CUT_OFF) == [], "a table is read without scrolling within it"
    assert requests == []
    context.close()
