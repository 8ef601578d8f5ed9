"""Debian's Chromium through Playwright, and what every view of the page must satisfy in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pytest
from babel.messages.pofile import read_po
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect, sync_playwright
from support.basics import ROOT, real_command

VIEWS = {
    "plant": "/", "motor": "/m/descaling", "savings": "/savings", "pq": "/m/descaling/pq", "alarms": "/alarms",
    "commissioning": "/commissioning", "configuration": "/configuration", "health": "/health",
}  # fmt: skip
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", "color_scheme": "light"}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True,
    "locale": "zh-CN", "color_scheme": "dark",
}  # fmt: skip
LOADED_MS = 15_000
SETTLED_S = 1
FOCUS_PX_MIN = 2  # WCAG 2.2, 2.4.13
_WAITING = ("Loading", "being calculated", "being computed")
_ONLY_THIS_COMPUTER = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
_WORDS = re.compile(r"\b[A-Za-z][a-z]+(?: [a-z]{2,}){2,}")  # three words: a sentence or a label, no symbol or product
_COMMAND = re.compile("`[^`]*`")
_BROKEN = re.compile(r"undefined|\bNaN\b|\[object |\bnull\b|\{\w+\}")
_TEXTS = """() => {
  const found = [];
  const hidden = "script,style,code,pre,noscript,body [lang]";
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = walk.currentNode; node; node = walk.nextNode()) {
    const element = node.nodeType === 1 ? node : node.parentElement;
    if (element !== document.body && element.closest(hidden)) continue;
    if (node.nodeType === 3) found.push(node.data);
    else found.push(...["aria-label", "title", "alt", "placeholder"].map((name) => node.getAttribute(name) || ""));
  }
  return [document.title, ...found].map((text) => text.replace(/\\s+/g, " ").trim()).filter(Boolean);
}"""
_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > width + 1)
    .slice(0, 5).map((one) => `${one.tagName.toLowerCase()}.${one.getAttribute("class") || ""}`);
}"""
_FOCUS = """() => {
  const focused = document.activeElement;
  if (!document.querySelector("main").contains(focused)) return null;
  const places = [[focused], [focused, "::after"], [focused.closest(".row") || focused]];
  const styles = places.map((place) => getComputedStyle(...place));
  return Math.max(...styles.map((style) => (style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth))));
}"""
_CSP = """addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`);
});"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Missing: a failure in CI, a skip elsewhere."""
    command = real_command("chromium")
    if command.startswith("/snap/"):
        assert os.environ.get("CI") != "true", (
            "the snap of Chromium cannot be controlled: CI needs the package of Debian"
        )
        pytest.skip("Chromium is a snap, which a test cannot control: its own /tmp hides the profile of the test")
    expect.set_options(timeout=LOADED_MS)  # a page that lost the stream connects again after 3 s
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=command, args=["--no-sandbox", _ONLY_THIS_COMPUTER])
        yield browser
        browser.close()


class Watched:
    """A tab whose errors and requests are recorded.

    errors: of the console, of scripts, of the Content-Security-Policy, and responses with status 400 and above.
    foreign: requests to other hosts.
    """

    def __init__(self, context: BrowserContext, address: str, now_ms: int | None = None) -> None:
        """now_ms: the time of the browser is always this; None: it runs."""
        self.address, self.errors, self.foreign = address, list[str](), list[str]()
        self.page: Page = context.new_page()
        if now_ms is not None:
            self.page.clock.set_fixed_time(now_ms / 1000)
        self.page.add_init_script(_CSP)
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(f"{error.name}: {error.message}"))
        self.page.on("request", lambda request: self._check_host(request.url))
        self.page.on("response", self._check_status)

    def open(self, path: str) -> Page:
        """Goes to a view by its address and waits until its data are there."""
        self.page.goto(self.address + path)
        self.wait()
        return self.page

    def wait(self) -> None:
        """Until a heading is there and nothing is loading or being calculated."""
        self.page.wait_for_function(
            """(waiting) => {
              const main = document.querySelector("main");
              return main && main.querySelector("h1") && !waiting.some((text) => main.innerText.includes(text));
            }""",
            arg=[*_WAITING, *map(chinese, _WAITING)],
            timeout=LOADED_MS,
        )  # fmt: skip

    def _check_status(self, answer: Response) -> None:
        if answer.status >= 400:
            self.errors.append(f"{answer.status} {answer.url}")

    def _check_host(self, url: str) -> None:
        if urlsplit(url).scheme not in ("data", "blob") and not url.startswith(self.address + "/"):
            self.foreign.append(url)


def broken_texts(page: Page) -> list[str]:
    """Texts that a program error produces."""
    return [text for text in texts(page) if _BROKEN.search(text)]


def english_texts(page: Page) -> list[str]:
    """Texts of a Chinese page that the catalogue translates, or that contain an English sentence."""
    known = catalogue()
    return [
        text for text in dict.fromkeys(texts(page))
        if known.get(text, text) != text or _WORDS.search(_COMMAND.sub("", text))
    ]  # fmt: skip


def texts(page: Page) -> list[str]:
    """All texts and labels, also those for screen readers; without code, and parts in another language."""
    found: list[str] = page.evaluate(_TEXTS)
    return found


def too_wide(page: Page, width: int | None = None) -> list[str]:
    """The elements that make the page scroll sideways at this width; None: as it is."""
    if width is not None and page.viewport_size is not None:
        page.set_viewport_size({"width": width, "height": page.viewport_size["height"]})
    found: list[str] = []
    for _ in range(SETTLED_S * 20):  # charts follow the width a moment later
        found = page.evaluate(_WIDE)
        if not found:
            break
        page.wait_for_timeout(50)
    return found


def accessibility_findings(page: Page) -> list[str]:
    """Findings of axe-core whose impact is serious or critical."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{item['id']} ({item['impact']}): {'; '.join(_shown(node) for node in item['nodes'][:3])}"
        for item in found if item["impact"] in ("serious", "critical")
    ]  # fmt: skip


def chinese(english: str) -> str:
    return catalogue().get(english, english)


@cache
def catalogue() -> dict[str, str]:
    """English text → Chinese text."""
    with (ROOT / "agent/locale/zh_CN/LC_MESSAGES/magwatt.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file) if message.id}


def focus_width_px(page: Page) -> float | None:
    """The width of the ring around the first control of the view when the keyboard focuses it; None: there is none."""
    page.locator("main").focus()
    page.keyboard.press("Tab")
    found: float | None = page.evaluate(_FOCUS)
    return found


def problems(watched: Watched, widths: Sequence[int] = (), language: str = "en") -> list[str]:
    """Everything that is wrong with the view that is open; an empty list: nothing."""
    page = watched.page
    found = [f"error: {text}" for text in watched.errors]
    found += [f"request to another host: {url}" for url in watched.foreign]
    found += [f"broken text: {text}" for text in broken_texts(page)]
    if language == "zh":
        found += [f"English text: {text}" for text in english_texts(page)]
    size = page.viewport_size
    for width in widths or [None]:  # type: ignore[list-item]
        found += [f"too wide at {width}: {name}" for name in too_wide(page, width)]
    if size is not None:
        page.set_viewport_size(size)
    found += [f"axe: {text}" for text in accessibility_findings(page)]
    if (width_px := focus_width_px(page)) is not None and width_px < FOCUS_PX_MIN:
        found.append("the focus is not visible")
    watched.errors.clear()
    watched.foreign.clear()
    return found


def _shown(node: dict[str, Any]) -> str:
    return f"{' '.join(map(str, node['target']))}: {(node['failureSummary'] or '').splitlines()[-1].strip()}"
