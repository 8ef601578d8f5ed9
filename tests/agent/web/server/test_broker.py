"""The page with a real broker: it starts without one, follows it, loses it, and comes back without a reload."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, within
from support.page import ROOT, RUNNING, RunningServer, Stream

from agent.config.model import Mqtt
from agent.core.messages import Message, encode, encode_plain
from agent.delivery import live_source as source_module
from agent.web.server.server import page_of
from agent.web.server.start_check import Listen

pytestmark = pytest.mark.alone


class Agent:
    """What an agent publishes: its state and meta retained, a row when asked."""

    def __init__(self, port: int) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.will_set(f"{ROOT}/status", "offline", qos=1, retain=True)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self.send("status", b"online", retain=True)
        self.send("pump-1/meta", encode_plain("meta", 0, {"name": "Pump 1", "motor": {"kind": "pm"}}), retain=True)

    def send(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self._client.publish(f"{ROOT}/{topic}", payload, qos=1, retain=retain).wait_for_publish(5)

    def row(self, power_w: float) -> None:
        t_ms = time.time_ns() // 1_000_000
        values = {**RUNNING, "active_power_w": power_w}
        self.send("pump-1/telemetry", encode(Message("pump-1", "telemetry", t_ms, values), "1"))

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], RunningServer]]:
    """Starts a page that follows the broker on a port."""
    monkeypatch.setattr(source_module, "RETRY_S", 0.2)
    running: list[Any] = []

    def start(port: int) -> RunningServer:
        server, source = page_of(Mqtt("127.0.0.1", port, False), "magwatt/v1/#", None, Listen())
        page = RunningServer(server)
        page.start()
        source.start()
        running.append((page, source))
        return page

    yield start
    for page, source in running:
        page.stop()
        source.stop()


def event_with(stream: Stream, found: Callable[[Any], bool], limit_s: float) -> Any:
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        if found(event := stream.event()):
            return event
    raise AssertionError("no such event")


def test_a_broker_that_comes_goes_and_comes_back(
    tmp_path: Path, follow: Callable[[int], RunningServer]
) -> None:  # fmt: skip
    """One stream sees it all: no broker with the reason, values, stale values, values again."""
    broker = Mosquitto(tmp_path)
    page = follow(broker.port)
    stream = Stream(page)
    assert stream.event()["contact"]["connected"] is False
    contact = event_with(stream, lambda event: event["contact"]["problem"]["code"] == "broker_problem", 5)["contact"]
    assert str(broker.port) in contact["problem"]["text"]
    broker.start()
    within(lambda: page.json("/api/v1/plant")["contact"]["connected"], 10, "the page found the broker")
    agent = Agent(broker.port)
    agent.row(30000.0)
    row = event_with(stream, lambda event: any(row["power_w"]["v"] for row in event["motors"]), 5)["motors"][0]
    assert (row["name"], row["power_w"]["v"], row["stale"]) == ("Pump 1", 30000.0, False)

    agent.stop()
    broker.stop()
    killed_s = time.monotonic()
    lost = event_with(stream, lambda event: any(row["stale"] for row in event["motors"]), 8)
    assert time.monotonic() - killed_s < 4.5, "grey within three intervals, which are at least three seconds"
    assert lost["contact"]["problem"]["code"] == "page_contact_lost"
    assert lost["motors"][0]["power_w"]["v"] == 30000.0, "the last value, marked as stale"

    broker.start()
    agent = Agent(broker.port)
    within(lambda: page.json("/api/v1/plant")["contact"]["connected"], 15, "connected again")
    agent.row(31000.0)
    event_with(stream, lambda event: any(row["power_w"]["v"] == 31000.0 for row in event["motors"]), 5)
    agent.stop()
    stream.close()
    broker.stop()


def test_from_the_broker_to_the_client_in_300_ms(mosquitto: Mosquitto, follow: Callable[[int], RunningServer]) -> None:
    page = follow(mosquitto.port)
    within(lambda: page.json("/api/v1/plant")["contact"]["connected"], 10, "connected")
    agent, stream = Agent(mosquitto.port), Stream(page)
    delays_s = []
    for number in range(20):
        power_w = 30000.0 + number
        sent_s = time.monotonic()
        agent.row(power_w)
        event_with(stream, lambda event, w=power_w: any(row["power_w"]["v"] == w for row in event["motors"]), 5)  # type: ignore[misc]
        delays_s.append(time.monotonic() - sent_s)
        time.sleep(0.05)
    assert sorted(delays_s)[-2] <= 0.3, delays_s
    agent.stop()
    stream.close()
