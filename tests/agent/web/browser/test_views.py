"""Every view in a real browser: English on a light desktop, Chinese on a dark phone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from support.browser import DESKTOP, PHONE, VIEWS, Watched, problems
from support.page_plant import NOW_MS
from support.plant_page import PlantPage

pytestmark = pytest.mark.browser
FIRST_LOAD_BYTES_MAX = 90_000


@pytest.fixture(scope="module")
def desktop(browser: Browser, plant: PlantPage) -> Iterator[Watched]:
    """No motor is stale, so that the page draws where the power goes."""
    plant.show(stale=False)
    context = browser.new_context(**DESKTOP)
    yield Watched(context, plant.address, NOW_MS)
    context.close()


@pytest.fixture(scope="module")
def phone(browser: Browser, plant: PlantPage) -> Iterator[Watched]:
    plant.show(stale=True)
    context = browser.new_context(**PHONE)
    yield Watched(context, plant.address, NOW_MS)
    context.close()


@pytest.mark.parametrize("view", VIEWS)
def test_view_on_a_desktop(desktop: Watched, view: str) -> None:
    """No error, no request to another host, no sideways scrolling, no serious finding of axe-core."""
    desktop.open(VIEWS[view])
    assert problems(desktop, widths=(1024, 1280)) == []


@pytest.mark.parametrize("view", VIEWS)
def test_view_on_a_chinese_phone(phone: Watched, view: str) -> None:
    """As on a desktop, and no text is in English."""
    phone.open(VIEWS[view])
    assert problems(phone, widths=(360, 390), language="zh") == []


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_first_load_is_small(browser: Browser, plant: PlantPage, language: str) -> None:
    """Everything that the Plant view transfers, as compressed, with headers; without the stream, which does not end."""
    context = browser.new_context(**{**DESKTOP, "locale": language})
    watched = Watched(context, plant.address, NOW_MS)
    sizes: list[float] = []
    network = context.new_cdp_session(watched.page)
    network.on("Network.loadingFinished", lambda done: sizes.append(done["encodedDataLength"]))
    network.send("Network.enable")
    watched.open("/")
    context.close()
    assert 7 <= len(sizes) <= 10  # document, style sheet, four scripts, month, icon: the count shows that it was seen
    assert sum(sizes) <= FIRST_LOAD_BYTES_MAX


def test_planted_faults_are_found(browser: Browser, plant: PlantPage) -> None:
    """The checks above can fail: image of another host without a text, program error, English text, width."""
    context = browser.new_context(**PHONE)
    tab = Watched(context, plant.address, NOW_MS)
    page = tab.open("/more")
    page.evaluate("""() => {
      const main = document.querySelector("main");
      const [image, text, wide] = ["img", "p", "div"].map((name) => main.appendChild(document.createElement(name)));
      image.src = "http://elsewhere.example/image.png";
      text.textContent = "the value is undefined";
      wide.style.width = "2000px";
      wide.style.height = "1px";
      console.error("planted");
    }""")
    page.wait_for_timeout(300)
    found = "\n".join(problems(tab, language="zh"))
    context.close()
    for part in ("error: planted", "error: CSP: img-src", "another host: http://elsewhere.example",
                 "broken text: the value", "English text: the value", "too wide", "axe: image-alt"):  # fmt: skip
        assert part in found
