"""Outages as a reader sees them: broker and page are real processes that are ended and started again."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser, Page, expect
from support import page_plant
from support.basics import ROOT, Mosquitto, free_port, interruptible, wait_until
from support.browser import DESKTOP, Watched

pytestmark = pytest.mark.alone
INTERVAL_S = 1.0


class Agent:
    """Publishes the rows of one motor each INTERVAL_S, as long as the broker takes them."""

    def __init__(self, broker: Mosquitto) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join(10)
        self._client.disconnect()
        self._client.loop_stop()

    def _run(self) -> None:
        messages = [item for item in page_plant.live_messages(stale=False) if item[0] == "descaling"]
        while not self._ending.wait(INTERVAL_S):
            self._client.publish(f"{page_plant.GATEWAY}/status", "online", retain=True)
            for motor, kind, body, _ in messages:
                payload = msgspec.json.encode({**body, "t": time.time_ns() // 1_000_000})
                self._client.publish(f"{page_plant.GATEWAY}/{motor}/{kind}", payload, retain=kind in ("meta", "state"))


class WebProcess:
    """`magwatt web`, which can be ended and started again at the same address."""

    def __init__(self, broker: Mosquitto, folder: Path) -> None:
        self._port = free_port()
        self.address = f"http://127.0.0.1:{self._port}"
        self._command = interruptible("web", broker.url, "--listen", f"127.0.0.1:{self._port}")
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            self._command, cwd=self._folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert self._process.stdout is not None
        assert self.address.encode() in self._process.stdout.readline()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process.wait(15)
            self._process = None


@pytest.fixture
def web(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[WebProcess]:
    agent, process = Agent(mosquitto), WebProcess(mosquitto, tmp_path)
    process.start()
    yield process
    process.stop()
    agent.stop()


def grey(page: Page) -> bool:
    """Whether the power of the motor is shown as old."""
    return page.locator(".row .val.stale").count() > 0


def test_values_turn_grey_without_broker_or_server_and_come_back(
    web: WebProcess, mosquitto: Mosquitto, browser: Browser
) -> None:
    context = browser.new_context(**DESKTOP)
    watched = Watched(context, web.address)
    page = watched.open("/")
    expect(page.locator(".row .val").first).to_have_text("51.7", timeout=15_000)
    wait_until(lambda: not grey(page), 10, "fresh values")
    page.evaluate("window.sameDocument = true")

    mosquitto.stop()
    ended_s = time.monotonic()
    expect(page.locator(".row .val.stale").first).to_be_visible(timeout=10_000)
    assert time.monotonic() - ended_s <= 3 * INTERVAL_S + 1.0  # the page notices each second
    expect(page.locator("p.contact")).to_be_visible()
    mosquitto.start()
    expect(page.locator(".row .val.stale")).to_have_count(0, timeout=30_000)
    expect(page.locator("p.contact")).to_have_count(0)

    web.stop()
    ended_s = time.monotonic()
    expect(page.locator("p.contact")).to_contain_text("No contact for", timeout=10_000)
    assert time.monotonic() - ended_s <= 3 * INTERVAL_S + 2.0  # 3 s without a stream, noticed each second
    assert grey(page)
    web.start()
    expect(page.locator("p.contact")).to_have_count(0, timeout=30_000)
    expect(page.locator(".row .val.stale")).to_have_count(0, timeout=30_000)
    assert page.evaluate("window.sameDocument")
    context.close()
