"""The login form in a browser: what it sends must pass the check of origins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import DESKTOP
from support.page import running_page

from agent.core import password_hash as password
from agent.web.server.start_check import Listen

pytestmark = pytest.mark.browser
RIGHT = "correct horse battery"


@pytest.fixture
def login(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The form in front of the view /health, reached by its address."""
    password.write_hash(tmp_path / "hash", RIGHT)
    with running_page(listen=Listen(password=password.read_hash(tmp_path / "hash"))) as site:
        context = browser.new_context(**DESKTOP, base_url=f"http://{site.host}")
        page = context.new_page()
        page.goto("/health")
        yield page
        context.close()


def enter(page: Page, typed: str) -> None:
    page.fill("#password", typed)
    page.keyboard.press("Enter")


def test_a_wrong_and_the_right_password_and_the_way_out(login: Page) -> None:
    enter(login, "wrong")
    expect(login.locator("main")).to_contain_text("The password is wrong")
    enter(login, RIGHT)
    expect(login).to_have_url("/health")
    login.get_by_role("button", name="Log out").click()
    expect(login.locator("#password")).to_be_visible()


def test_a_view_whose_session_has_ended_leads_to_the_login(login: Page) -> None:
    """As after a restart of the page: the stream is rejected, and shows no status to the script."""
    enter(login, RIGHT)
    expect(login).to_have_url("/health")
    login.context.clear_cookies()
    follow = "import('/static/core/api.js').then((m) => m.follow({}, () => {}, () => {}))"
    login.evaluate(f"() => {{ setTimeout(() => {follow}, 100) }}")  # evaluate ends before the page is left
    expect(login).to_have_url("/login?next=%2Fhealth")
