"""The page of the invented plant, and Chromium, for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from support.browser import chromium
from support.plant_page import PlantPage, plant_page


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PlantPage]:
    with plant_page(tmp_path_factory.mktemp("plant")) as page:
        yield page


@pytest.fixture(scope="module")  # not longer: while it exists, no other test of this process may run an event loop
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser
