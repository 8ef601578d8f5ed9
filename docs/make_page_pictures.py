"""Draws the pictures of the page in docs/page, from the invented plant of the tests, whose time stands still.

Run: make page-pictures. With names (plant motor …) only those. Needs Chromium.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image
from playwright.sync_api import Browser
from support.browser import DESKTOP, PHONE, VIEWS, Watched, chromium
from support.page_plant import NOW_MS
from support.plant_page import PlantPage, plant_page

FOLDER = Path(__file__).parent / "page"
COLOURS = 96
BYTES_MAX = 150_000
DARK = {**DESKTOP, "color_scheme": "dark"}
CHINESE = {**DESKTOP, "locale": "zh-CN"}
LIGHT_PHONE = {**PHONE, "color_scheme": "light"}


class Picture(NamedTuple):
    """path: of the view. context: of the browser. height_px: longest, of the page; None: as high as it is."""

    path: str
    context: dict[str, Any]
    height_px: int | None = None


PICTURES = {
    "plant": Picture("/", DESKTOP),
    "plant-dark": Picture("/", DARK),
    "plant-chinese": Picture("/", CHINESE),
    "plant-phone": Picture("/", PHONE, 1400),
    "motor": Picture(VIEWS["motor"], DESKTOP),
    "power-quality": Picture(VIEWS["pq"], DESKTOP),
    "savings": Picture("/savings", DESKTOP),
    "alarms": Picture("/alarms", DESKTOP, 1400),
    "alarms-phone": Picture("/alarms", LIGHT_PHONE, 1400),
    "commissioning": Picture("/commissioning", DESKTOP, 1400),
    "configuration": Picture("/configuration", DESKTOP, 1400),
    "health": Picture("/health", DESKTOP, 1400),
}


def main(names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, plant_page(Path(folder)) as plant, chromium() as browser:
        plant.show(stale=False)
        for name in names or PICTURES:
            drawn = draw(browser, plant, PICTURES[name])
            (FOLDER / f"{name}.png").write_bytes(drawn)
            print(f"{name}: {len(drawn):,} bytes")
            if len(drawn) > BYTES_MAX:
                sys.exit(f"{name}.png has more than {BYTES_MAX:,} bytes")


def draw(browser: Browser, plant: PlantPage, picture: Picture) -> bytes:
    """A PNG with few colours."""
    context = browser.new_context(**picture.context)
    page = Watched(context, plant.address, NOW_MS).open(picture.path)
    page.wait_for_timeout(500)  # charts are drawn
    height_px = int(page.evaluate("document.documentElement.scrollHeight"))
    size = {"width": picture.context["viewport"]["width"], "height": min(height_px, picture.height_px or height_px)}
    page.set_viewport_size(size)
    page.wait_for_timeout(300)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    context.close()
    few = shot.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    out = io.BytesIO()
    few.save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main(sys.argv[1:])
