"""Draws the pictures of the page in docs/pictures/page, from the invented plant of the tests, whose time does not run.

`demo` is the Plant view of `magwatt demo` after a minute. Run: make page-pictures. With names (plant motor …) only
those; `record` takes the messages of the invented plant from a demo. Needs Chromium.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from playwright.sync_api import Browser
from support.basics import interruptible
from support.browser import DESKTOP, PHONE, VIEWS, Watched, chromium
from support.page_plant import NOW_MS, RECORDING
from support.plant_page import plant_page

from agent.cli.demo_runner import embedded_broker, start_processes
from agent.config.loader import parse_broker
from agent.delivery.mqtt.follower import Follower

FOLDER = Path(__file__).resolve().parents[1] / "pictures" / "page"
COLOURS = 128
BYTES_MAX = 150_000
DEMO_S = 60.0
RECORD_S, FAULT = 75.0, "dip"
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
    "savings": Picture("/savings", DESKTOP, 1500),
    "alarms": Picture("/alarms", DESKTOP, 1400),
    "alarms-phone": Picture("/alarms", LIGHT_PHONE, 1400),
    "commissioning": Picture("/commissioning", DESKTOP, 1400),
    "configuration": Picture("/configuration", DESKTOP, 1400),
    "health": Picture("/health", DESKTOP, 1400),
}


def main(names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    if not names or "demo" in names:
        demo()
    if names == ["demo"]:
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        plant_page(Path()) as plant,
        chromium() as browser,
    ):
        plant.show(stale=False)
        for name in [name for name in names if name != "demo"] or PICTURES:
            draw(browser, plant.address, name, NOW_MS)


def demo() -> None:
    """In a separate process with real devices on loopback; its time runs."""
    with subprocess.Popen(interruptible("demo", "--headless"), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = next(line.partition("http://")[2].strip().rstrip("/") for line in process.stdout if "http://" in line)
        threading.Thread(target=process.stdout.read, daemon=True).start()  # its rows are not needed
        time.sleep(DEMO_S)
        with chromium() as browser:
            draw(browser, f"http://{address}", "demo")
        process.terminate()


def draw(browser: Browser, address: str, name: str, now_ms: int | None = None) -> None:
    """Writes a PNG with few colours. now_ms: see `Watched`."""
    picture = PICTURES.get(name, PICTURES["plant"])
    context = browser.new_context(**picture.context)
    page = Watched(context, address, now_ms).open(picture.path)
    page.wait_for_timeout(500)  # charts are drawn
    height_px = int(page.evaluate("document.documentElement.scrollHeight"))
    size = {"width": picture.context["viewport"]["width"], "height": min(height_px, picture.height_px or height_px)}
    page.set_viewport_size(size)
    page.wait_for_timeout(300)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    context.close()
    few = _with_few_colours(shot)
    file = FOLDER / f"{name}.png"
    few.save(file, optimize=True)
    print(f"{name}: {file.stat().st_size:,} bytes", flush=True)
    if file.stat().st_size > BYTES_MAX:
        sys.exit(f"{file} has more than {BYTES_MAX:,} bytes")


def _with_few_colours(shot: Image.Image) -> Image.Image:
    """The most frequent colours stay as they are, so that tints of rows do; others become the nearest of them."""
    pixels = np.asarray(shot).reshape(-1, 3)
    colours, places, counts = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    kept = colours[np.argsort(-counts)[:COLOURS]].astype(int)
    nearest = np.array([np.argmin(((kept - colour) ** 2).sum(axis=1)) for colour in colours.astype(int)], np.uint8)
    few = Image.frombytes("P", shot.size, nearest[places.reshape(-1)].tobytes())
    few.putpalette(kept.astype(np.uint8).tobytes())
    return few


def record() -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        url = f"mqtt://127.0.0.1:{stack.enter_context(embedded_broker())}"
        start_processes(Path(folder), stack, url, FAULT)
        follower = Follower(parse_broker(url), "magwatt/v1/demo/#")
        follower.start()
        time.sleep(RECORD_S)
        follower.stop()
    found = {f"{seen.asset}/{kind}": body for seen in follower.seen.values() for kind, body in seen.messages.items()}
    for topic, messages in follower.gateway_messages.items():
        found |= {f"{topic.rpartition('/')[2]}/{kind}": body for kind, body in messages.items()}
    for name, body in found.items():
        if name.endswith("/meta"):
            body["metrics"] = {}
    lines = (
        f"{json.dumps(name)}: {json.dumps(body, ensure_ascii=False, separators=(',', ':'))}"
        for name, body in sorted(found.items())
    )
    RECORDING.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["record"]:
        record()
    else:
        main(sys.argv[1:])
