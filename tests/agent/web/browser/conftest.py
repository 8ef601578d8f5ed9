"""The page of the invented plant, and Chromium, for the tests of a file."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from support.basics import wait_until
from support.browser import chromium
from support.plant_page import PlantPage, plant_page


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlantPage]:
    """With the report of its month, which a process computes once."""
    with plant_page(tmp_path_factory.mktemp("plant")) as page:
        wait_until(lambda: b'"state":"ready"' in _get(f"{page.address}/api/v1/plant/month"), 60, "the report of the month")
        yield page


@pytest.fixture(scope="module")  # not longer: while it exists, no other test of this process may run an event loop
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def _get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=30) as answer:
        body: bytes = answer.read()
        return body
