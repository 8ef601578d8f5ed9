"""The commissioning on a phone in Chromium, in Chinese and dark: a fault is seen, corrected and recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from support.basics import real_command
from support.setup_cabinet import exchanged_transformers

TOUCHED = "button, input:not([type=radio]), label.choice, summary"
SIZES = f"""() => Array.from(document.querySelectorAll("{TOUCHED}")).filter((item) => item.getClientRects().length)
  .map((item) => [item.className || item.tagName, item.getBoundingClientRect().height])"""
WIDTH_PX, TARGET_PX = 360, 60


@pytest.mark.browser
def test_a_technician_corrects_exchanged_transformers(tmp_path: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = real_command("chromium")
    with exchanged_transformers(tmp_path) as (motor, setup), sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": WIDTH_PX, "height": 740}, is_mobile=True, has_touch=True, locale="zh-CN",
            color_scheme="dark",
        )  # fmt: skip
        trouble, hosts = list[str](), set[str]()
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.goto(f"{setup.origin}/#{setup.token}")
        walk(page, motor)
        assert page.url == f"{setup.origin}/", "the token is no part of the address any more"
        browser.close()
    assert trouble == []
    assert hosts == {setup.host}
    assert len(list((tmp_path / "commissioning").glob("pump-1-*.json"))) == 1


def walk(page: Any, motor: Any) -> None:
    choose(page, "commission")
    page.fill(".field input", "李伟")
    tap_next(page)
    statement = page.locator('.choice input[value="yes"]')
    wires = page.locator("svg.wiring .w-wrong")
    while wires.count() == 0:
        statement.or_(wires).first.wait_for()
        if statement.count():
            confirm(page)
    assert wires.count() == 2
    danger, steps = page.locator(".warn").bounding_box(), page.locator(".do").bounding_box()
    assert danger["y"] < steps["y"], "the danger stands before the instruction"
    assert page.locator(".lv td.bad").count() == 4, "power and angle of two phases"
    looks_right(page)
    motor.crossed = None
    page.wait_for_selector(".lv td.bad", state="detached")
    tap_next(page)
    wires.first.wait_for(state="detached")
    page.wait_for_selector(".foot")
    tap_next(page)
    while page.locator(".steps li.current").count():
        statement.wait_for()
        confirm(page)
        page.wait_for_timeout(50)
    looks_right(page)
    tap_next(page)
    page.locator(".field input").wait_for()
    page.locator(".foot .btn:not(.main)").tap()
    page.wait_for_selector(".foot", state="detached")


def choose(page: Any, value: str) -> None:
    page.locator(f'label.choice:has(input[value="{value}"])').tap()
    tap_next(page)


def confirm(page: Any) -> None:
    """Replies yes to the statement that is shown, and waits for the next page."""
    title = page.locator("form")
    shown = title.inner_text()
    looks_right(page)
    choose(page, "yes")
    while title.count() and title.inner_text() == shown:
        page.wait_for_timeout(20)


def tap_next(page: Any) -> None:
    page.locator("button[type=submit]:enabled").tap()


def looks_right(page: Any) -> None:
    """Targets for gloves, nothing wider than the screen."""
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH_PX
    small = [(name, height) for name, height in page.evaluate(SIZES) if height < TARGET_PX]
    assert small == []
