"""The site of the documentation, built as `make docs` does and opened from the disk.

A warning fails the build: for example a link to a file or heading that does not exist.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from support.basics import ROOT
from support.browser import DESKTOP, PHONE, Watched, chromium, too_wide

pytestmark = pytest.mark.browser
LOADED = re.compile(r"<(?:script|img|link|iframe|source)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")
PICTURES, TABLES, CODE = "explanation/plant.html", "reference/metrics.html", "reference/ledger-format.html"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def test_pages_load_nothing_from_another_host(site: Path) -> None:
    found = [(page.name, tag) for page in site.rglob("*.html") for tag in LOADED.findall(page.read_text("utf-8"))]
    assert found == []


@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_page_fits_the_screen_and_requests_only_files(site: Path, browser: Browser, device: dict[str, Any]) -> None:
    with browser.new_context(**device) as context:
        tab = Watched(context, f"file://{site}")
        for path in ("index.html", PICTURES, TABLES, CODE):
            assert too_wide(tab.open(f"/{path}")) == [], path
        assert tab.foreign == tab.errors == []


@pytest.mark.parametrize(
    ("words", "page"),
    [
        ("节电量", "reference/glossary.html"),
        ("settle contract", "how-to/contract.html"),
        ("savings_caveats", "reference/metrics.html"),
    ],
)
def test_the_search_finds_words_of_both_languages(site: Path, browser: Browser, words: str, page: str) -> None:
    """Without a server. savings_caveats is a metric."""
    with browser.new_context(**DESKTOP) as context:
        tab = Watched(context, f"file://{site}")
        opened = tab.open("/index.html")
        opened.click(".md-search__input")
        opened.keyboard.type(words)
        opened.keyboard.press("End")  # the search waits for a key, which an inserted Chinese letter is not
        first = opened.locator(f'.md-search-result__link[href*="/{page}"]').first
        first.wait_for(timeout=10_000)
        assert tab.foreign == tab.errors == []
