"""Outages as a reader sees them: broker and page are real processes that are ended and started again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from support.basics import Mosquitto, wait_until
from support.browser import DESKTOP, Watched
from support.page_process import RowPublisher, WebProcess

pytestmark = pytest.mark.browser
INTERVAL_S = 1.0


@pytest.fixture
def web(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[WebProcess]:
    agent, process = RowPublisher(mosquitto, INTERVAL_S), WebProcess(mosquitto, tmp_path)
    process.start()
    yield process
    process.stop()
    agent.stop()


def grey(page: Page) -> bool:
    """Whether the power of the motor is shown as old."""
    return page.locator(".row .val.stale").count() > 0


def test_values_turn_grey_without_broker_or_server_and_come_back(
    web: WebProcess, mosquitto: Mosquitto, browser: Browser
) -> None:
    context = browser.new_context(**DESKTOP)
    watched = Watched(context, web.address)
    page = watched.open("/")
    expect(page.locator(".row .val").first).to_have_text("51.7", timeout=15_000)
    wait_until(lambda: not grey(page), 10, "fresh values")
    page.evaluate("window.sameDocument = true")

    mosquitto.stop()
    ended_s = time.monotonic()
    expect(page.locator(".row .val.stale").first).to_be_visible(timeout=10_000)
    assert time.monotonic() - ended_s <= 3 * INTERVAL_S + 1.0  # the page notices each second
    expect(page.locator("p.contact")).to_be_visible()
    expect(page.locator("header .right > span")).to_have_text("no contact")
    mosquitto.start()
    expect(page.locator(".row .val.stale")).to_have_count(0, timeout=30_000)
    expect(page.locator("p.contact")).to_have_count(0)

    web.stop()
    ended_s = time.monotonic()
    expect(page.locator("p.contact")).to_contain_text("No contact for", timeout=10_000)
    assert time.monotonic() - ended_s <= 3 * INTERVAL_S + 2.0  # 3 s without a stream, noticed each second
    assert grey(page)
    web.start()
    expect(page.locator("p.contact")).to_have_count(0, timeout=30_000)
    expect(page.locator(".row .val.stale")).to_have_count(0, timeout=30_000)
    assert page.evaluate("window.sameDocument")
    context.close()
