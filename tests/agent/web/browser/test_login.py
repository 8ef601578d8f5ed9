"""The login form in a browser: what it sends must pass the check of origins."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from support.browser import DESKTOP
from support.page import running_page

from agent.core import password_hash as password
from agent.web.server.start_check import Listen

pytestmark = pytest.mark.browser
RIGHT = "correct horse battery"


def test_a_wrong_and_the_right_password_and_the_way_out(browser: Browser, tmp_path: Path) -> None:
    password.write_hash(tmp_path / "hash", RIGHT)
    with running_page(listen=Listen(password=password.read_hash(tmp_path / "hash"))) as site:
        context = browser.new_context(**DESKTOP)
        page = context.new_page()
        page.goto(f"http://{site.host}/health")
        page.fill("#password", "wrong")
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_contain_text("The password is wrong")
        page.fill("#password", RIGHT)
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"http://{site.host}/health")
        page.get_by_role("button", name="Log out").click()
        expect(page.locator("#password")).to_be_visible()
        context.close()


def test_a_view_whose_session_has_ended_leads_to_the_login(browser: Browser, tmp_path: Path) -> None:
    """As after a restart of the page: the stream is rejected, and shows no status to the script."""
    password.write_hash(tmp_path / "hash", RIGHT)
    with running_page(listen=Listen(password=password.read_hash(tmp_path / "hash"))) as site:
        context = browser.new_context(**DESKTOP)
        page = context.new_page()
        page.goto(f"http://{site.host}/health")
        page.fill("#password", RIGHT)
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"http://{site.host}/health")
        context.clear_cookies()
        follow = "import('/static/core/api.js').then((m) => m.follow({}, () => {}, () => {}))"
        page.evaluate(f"() => {{ setTimeout(() => {follow}, 100) }}")  # evaluate ends before the page is left
        expect(page).to_have_url(f"http://{site.host}/login?next=%2Fhealth")
        context.close()
