"""Every view in both languages, light and dark, in five sizes: twenty cases, two of which `test_views.py` checks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext
from support.browser import VIEWS, Watched, problems
from support.page_plant import NOW_MS
from support.plant_page import PlantPage

pytestmark = [pytest.mark.soak, pytest.mark.browser]
SIZES = {1920: 1080, 1280: 800, 1024: 768, 390: 844, 360: 740}  # panel, desktop, tablet, phones
PHONE_MAX = 600
LANGUAGES = {"en": "en-GB", "zh": "zh-CN"}
PATHS = [*VIEWS.values(), "/m/fan", "/m/roller/pq", "/pq", "/m/backwash", "/m/reserve", "/more"]
CONTEXTS = list(product(SIZES, ("light", "dark"), LANGUAGES))


@pytest.fixture(scope="module", params=CONTEXTS, ids=lambda each: "-".join(map(str, each)))
def tab(request: pytest.FixtureRequest, browser: Browser, plant: PlantPage) -> Iterator[tuple[Watched, str]]:
    """A tab of one size, scheme and language, and the language."""
    width, scheme, language = request.param
    plant.show(stale=scheme == "dark")
    context = new_context(browser, width, scheme, language)
    yield Watched(context, plant.address, NOW_MS), language
    context.close()


def new_context(browser: Browser, width: int, scheme: Any, language: str) -> BrowserContext:
    phone = width <= PHONE_MAX
    return browser.new_context(
        viewport={"width": width, "height": SIZES[width]}, color_scheme=scheme, locale=LANGUAGES[language],
        device_scale_factor=2 if phone else 1, has_touch=phone, is_mobile=phone,
    )  # fmt: skip


@pytest.mark.parametrize(
    "path", [*VIEWS.values(), "/m/fan", "/m/roller/pq", "/pq", "/m/backwash", "/m/reserve", "/more"]
)
def test_view(tab: tuple[Watched, str], path: str) -> None:
    watched, language = tab
    watched.open(path)
    assert problems(watched, language=language) == []
