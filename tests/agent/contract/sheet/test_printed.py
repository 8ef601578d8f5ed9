"""The sheet in a real browser: printed on at most two A4 pages, and read on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from support.browser import DESKTOP, PHONE, chromium, too_wide
from support.contract import COMPANY, CUSTOMER
from support.contract_month import ISSUED_MS, month_document, revision
from support.contract_sheet import month_of_motors

from agent.contract.month_states import MonthRevision
from agent.contract.sheet.page import sheet_page
from agent.contract.sheet.sheet import draft_sheet, sheet_of_file

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def revisions() -> dict[str, MonthRevision]:
    four, plan = month_of_motors(4)
    return {
        "one": revision(month_document()),
        "four": revision(four, plan=plan),
        "four settled": revision(four, CUSTOMER, COMPANY, plan=plan),
    }


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_is_printed_on_at_most_two_pages(browser: Browser, tmp_path: Path, language: str) -> None:
    """One motor needs one page. Each page is an object of the file."""
    shown = {name: sheet_of_file(each, ISSUED_MS) for name, each in revisions().items()}
    one = revisions()["one"]
    shown["draft"] = draft_sheet(one.month, one.plan, (), ISSUED_MS)
    page, found = browser.new_page(), {}
    for name, sheet in shown.items():
        page.set_content(sheet_page(sheet, language))
        found[name] = len(re.findall(rb"/Type /Page\b(?!s)", page.pdf(prefer_css_page_size=True)))
    page.close()
    assert found == {"one": 1, "four": 2, "four settled": 2, "draft": 1}


@pytest.mark.parametrize("look", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_is_read_without_sideways_scrolling(browser: Browser, look: dict[str, object]) -> None:
    context = browser.new_context(**look)  # type: ignore[arg-type]
    page = context.new_page()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.set_content(sheet_page(sheet_of_file(revisions()["four"], ISSUED_MS), "zh"))
    assert too_wide(page) == []
    assert requests == []
    context.close()
