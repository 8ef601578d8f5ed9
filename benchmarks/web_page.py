"""The page in a real browser: bytes and time of the first load, delay of a live value, memory of a tab.

    python -m benchmarks.web_page [bytes] [load] [live] [memory]    default: all but memory, which takes ten minutes

`load` is a phone: processor four times slower, 1.6 Mbit/s, 150 ms round trip, empty cache; usable: the rows of the
motors are there and the page answers to a click. `live`: from the call that publishes a row at the broker to the
changed figure in the document, with `magwatt web` as a process of its own.
"""

from __future__ import annotations

import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page
from support.basics import Mosquitto
from support.browser import DESKTOP, PHONE, VIEWS, Watched, chromium
from support.page_process import RowPublisher, WebProcess
from support.plant_page import PlantPage, plant_page

LOADS, VALUES, MEMORY_S = 7, 100, 600
BYTES_S = 1.6e6 / 8
# When the first motor is shown, and when the main thread is free after it
_USABLE = """new MutationObserver((_, watching) => {
  if (!document.querySelector("main .row a.name")) return;
  watching.disconnect();
  requestAnimationFrame(() => setTimeout(() => { window.usableMs = performance.now(); }));
}).observe(document, {childList: true, subtree: true});"""
# Times at which the power of the motor changed, by its text
_CHANGES = """() => {
  window.changes = {};
  const look = () => {
    const text = document.querySelector(".row .p .val").textContent;
    window.changes[text] = window.changes[text] || performance.timeOrigin + performance.now();
  };
  const everything = {childList: true, subtree: true, characterData: true};
  new MutationObserver(look).observe(document.querySelector("main"), everything);
}"""


def main(names: list[str]) -> None:
    wanted = names or ["bytes", "load", "live"]
    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        if {"bytes", "load"} & set(wanted):
            with plant_page(Path(folder) / "plant") as plant:
                if "bytes" in wanted:
                    measure_bytes(browser, plant)
                if "load" in wanted:
                    measure_load(browser, plant)
        if {"live", "memory"} & set(wanted):
            with _live(browser, Path(folder)) as (page, publisher):
                if "live" in wanted:
                    measure_live(page, publisher)
                if "memory" in wanted:
                    measure_memory(page, publisher)


def measure_bytes(browser: Browser, plant: PlantPage) -> None:
    for language, (name, path) in ((language, view) for language in ("en-GB", "zh-CN") for view in VIEWS.items()):
        sizes: list[float] = []
        context = browser.new_context(**{**DESKTOP, "locale": language})
        watched = Watched(context, plant.address)
        _network(watched.page, sizes)
        watched.open(path)
        watched.page.wait_for_timeout(500)
        context.close()
        print(f"first load of {name}, {language}: {sum(sizes) / 1000:.1f} kB in {len(sizes)} answers", flush=True)


def measure_load(browser: Browser, plant: PlantPage) -> None:
    plant.show(stale=False)
    found_ms = []
    for _ in range(LOADS):
        context = browser.new_context(**PHONE)
        page = context.new_page()
        page.add_init_script(_USABLE)
        session = _network(page, [])
        session.send("Network.emulateNetworkConditions", {
            "offline": False, "latency": 150, "downloadThroughput": BYTES_S, "uploadThroughput": BYTES_S,
        })  # fmt: skip
        session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        page.goto(plant.address)
        page.wait_for_function("window.usableMs", timeout=30_000)
        found_ms.append(page.evaluate("window.usableMs"))
        context.close()
    print(f"usable on a slow phone: median {median(found_ms):.0f} ms, {min(found_ms):.0f} to {max(found_ms):.0f} ms of "
          f"{LOADS} loads", flush=True)  # fmt: skip


def measure_live(page: Page, publisher: RowPublisher) -> None:
    page.evaluate(_CHANGES)
    chance, sent_ms = random.Random(1), {}
    for number in range(VALUES):
        time.sleep(chance.uniform(0.6, 1.4))
        sent_ms[f"{20 + number / 10:.1f}"] = 1000 * time.time()
        publisher.publish_power(20_000 + 100 * number)
    page.wait_for_timeout(2000)
    seen_ms: dict[str, float] = page.evaluate("window.changes")
    delays_ms = [seen_ms[text] - at_ms for text, at_ms in sent_ms.items() if text in seen_ms]
    print(f"live value, {len(delays_ms)} of {VALUES} seen: median {median(delays_ms):.0f} ms, p95 "
          f"{quantiles(delays_ms, n=20)[-1]:.0f} ms, longest {max(delays_ms):.0f} ms", flush=True)  # fmt: skip


def measure_memory(page: Page, publisher: RowPublisher) -> None:
    """The heap of the scripts after a collection, with a row each second."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    for minute in range(MEMORY_S // 60 + 1):
        session.send("HeapProfiler.collectGarbage")
        metrics = {item["name"]: item["value"] for item in session.send("Performance.getMetrics")["metrics"]}
        print(f"after {minute} min: heap {metrics['JSHeapUsedSize'] / 1e6:.2f} MB, {metrics['Nodes']:.0f} nodes, "
              f"{metrics['JSEventListeners']:.0f} listeners", flush=True)  # fmt: skip
        for second in range(60):
            publisher.publish_power(20_000 + 100 * second)
            time.sleep(1)


def _network(page: Page, sizes: list[float]) -> CDPSession:
    """sizes: gets the bytes of each answer that is complete, with its headers."""
    session = page.context.new_cdp_session(page)
    session.on("Network.loadingFinished", lambda done: sizes.append(done["encodedDataLength"]))
    session.send("Network.enable")
    return session


@contextlib.contextmanager
def _live(browser: Browser, folder: Path) -> Iterator[tuple[Page, Any]]:
    """The Plant view of one motor, and who publishes its rows."""
    broker = Mosquitto(folder)
    broker.start()
    web, publisher = WebProcess(broker, folder), RowPublisher(broker)
    web.start()
    try:
        publisher.publish()
        context = browser.new_context(**DESKTOP)
        page = Watched(context, web.address).open("/")
        page.locator(".row .p .val").first.wait_for()
        yield page, publisher
        context.close()
    finally:
        web.stop()
        publisher.stop()
        broker.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
