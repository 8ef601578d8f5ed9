"""Reload of a running agent: the unchanged bus continues without a gap, and an invalid file changes nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, wait_until

pytestmark = pytest.mark.alone  # no period is missed: few other processes run

ROOT = "magwatt/v1/demo/gw-01"
PERIOD_S = 1.0
PUMPS = ("pump-1", "pump-2")


def start(log: Path, *arguments: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", "from agent.cli import main; main()", *arguments],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
        )  # fmt: skip


@dataclass
class Scene:
    config: Path
    log: Path
    agent: subprocess.Popen[bytes]
    lock: threading.Lock = field(default_factory=threading.Lock)
    rows: list[tuple[str, Any]] = field(default_factory=list)

    def of(self, *levels: str) -> list[dict[str, Any]]:
        with self.lock:
            return [body for topic, body in self.rows if topic == "/".join((ROOT, *levels))]

    def events(self, kind: str) -> list[list[dict[str, Any]]]:
        """The reasons of each event of that kind."""
        bodies = [body for body in self.of("event") if body and body["v"].get("event_kind") == kind]
        return [body["r"]["event_text"] for body in bodies]

    def rewrite(self, pattern: str, by: str) -> None:
        """Replace the file as an editor does: write a new file, then rename it."""
        text, count = re.subn(pattern, by, self.config.read_text(), count=1, flags=re.DOTALL)
        assert count == 1, pattern
        new = self.config.with_suffix(".new")
        new.write_text(text)
        os.replace(new, self.config)

    def listen(self, client: paho.Client, port: int) -> None:
        def keep(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
            text = message.payload.decode()
            plain = message.topic.endswith("/status")
            with self.lock:
                self.rows.append((message.topic, text if plain else json.loads(text) if text else None))

        client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        client.on_message = keep
        client.connect("127.0.0.1", port)
        client.loop_start()

    def gaps_s(self, asset: str) -> list[float]:
        times = [row["t"] / 1000 for row in self.of(asset, "telemetry")]
        return [later - earlier for earlier, later in pairwise(times)]


@pytest.fixture
def scene(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Scene]:
    config = tmp_path / "plant.toml"
    plant = start(
        tmp_path / "plant.log", "simulate", "pump-station", "--write-config", str(config), "--broker", mosquitto.url
    )
    agent, client = None, paho.Client(CallbackAPIVersion.VERSION2)
    try:
        wait_until(config.exists, 20, "the plant is served")
        config.write_text(re.sub(r"\[motor\.[\w-]+\.waveform\][^[]*", "", config.read_text()).replace('"2s"', '"0s"'))
        agent = start(tmp_path / "agent.log", "run", str(config))
        found = Scene(config, tmp_path / "agent.log", agent)

        found.listen(client, mosquitto.port)
        wait_until(
            lambda: all(len(found.of(name, "telemetry")) >= 3 for name in ("pump-1", "pump-2")), 30, "rows of both"
        )
        yield found
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(60) == 0
        assert "Traceback" not in found.log.read_text()
    finally:
        client.disconnect()
        client.loop_stop()
        for process in (agent, plant):
            if process is not None and process.poll() is None:
                process.terminate()
                process.wait(60)


def test_a_changed_bus_does_not_delay_the_other(scene: Scene) -> None:
    before = len(scene.of("pump-2", "telemetry"))
    scene.rewrite(r'(\[bus\.[\w-]+\]\s+tcp = "[^"]+"[^[]*?poll_interval = )"1s"', r'\1"500ms"')
    wait_until(lambda: bool(scene.events("config_changed")), 15, "the file was noticed by itself")
    [change] = scene.events("config_changed")[0]
    assert change["code"] == "config_key_changed"
    assert re.fullmatch(r"bus\.[\w-]+\.poll_interval", change["data"]["key"])
    assert (change["data"]["before"], change["data"]["after"]) == ("1s", "500ms")
    changed = len(scene.of("pump-1", "telemetry"))
    wait_until(lambda: len(scene.of("pump-1", "telemetry")) >= changed + 8, 15, "pump 1 goes on")
    assert max(scene.gaps_s("pump-1")[changed + 2 :]) < 0.9, "twice as often"
    scene.rewrite(r"(\[motor\.pump-1\][^[]*?kw = )[\d.]+", r"\g<1>33")
    scene.agent.send_signal(signal.SIGHUP)
    wait_until(lambda: len(scene.events("config_changed")) == 2, 15, "a signal works at once")
    wait_until(lambda: (scene.of("pump-1", "meta") or [{}])[-1]["motor"]["rated_power_kw"] == 33, 10, "meta follows")
    wait_until(lambda: len(scene.of("pump-2", "telemetry")) >= before + 8, 20, "pump 2 went on")
    assert max(scene.gaps_s("pump-2")) < 1.7 * PERIOD_S, "not a single period was left out"
    ids = [int(row["id"].split("-")[1]) for row in scene.of("pump-2", "telemetry")]
    assert ids == sorted(set(ids))


def test_an_invalid_file_is_reported_and_polling_continues(scene: Scene) -> None:
    scene.rewrite(r"(\[motor\.pump-1\][^[]*?)kw = ", r"\1kilowatt = ")
    wait_until(lambda: bool(scene.events("config_rejected")), 15, "the mistake is told")
    assert any("motor.pump-1.kilowatt" in str(problem) for problem in scene.events("config_rejected")[0])
    seen = [len(scene.of(name, "telemetry")) for name in PUMPS]
    wait_until(lambda: all(len(scene.of(name, "telemetry")) >= count + 3
                           for name, count in zip(PUMPS, seen, strict=True)), 15, "rows go on")  # fmt: skip
    assert max(scene.gaps_s("pump-1") + scene.gaps_s("pump-2")) < 1.7 * PERIOD_S
    assert len(scene.events("config_rejected")) == 1, "reported once"


def test_a_removed_motor_is_deleted_at_the_broker_and_maintenance_is_followed(scene: Scene) -> None:
    hold = [sys.executable, "-P", "-c", "from agent.cli import main; main()", "maintenance", "pump-2", "--config",
            str(scene.config)]  # fmt: skip
    subprocess.run([*hold, "--reason", "轴承更换", "--for", "1h"], check=True, capture_output=True, timeout=180)
    wait_until(lambda: scene.of("pump-2", "state")[-1]["state"] == "maintenance", 10, "the state says so")
    state = scene.of("pump-2", "state")[-1]
    assert state["reason"][0]["code"] == "in_maintenance_until"
    assert state["reason"][0]["data"]["note"] == "轴承更换"
    assert 3_500_000 < state["reason"][0]["data"]["until_ms"] - state["since"] <= 3_600_000
    wait_until(lambda: "MAINTENANCE" in scene.of("pump-2", "telemetry")[-1]["f"]["*"], 10, "so do rows")
    assert "MAINTENANCE" not in scene.of("pump-1", "telemetry")[-1]["f"]["*"]
    subprocess.run([*hold, "--release"], check=True, capture_output=True, timeout=180)
    wait_until(lambda: scene.of("pump-2", "state")[-1]["state"] == "online", 10, "released")

    def ends() -> list[str]:
        event_values = [body["v"] for body in scene.of("pump-2", "event")]
        return [event["event_state"] for event in event_values if event["event_kind"] == "maintenance"]

    wait_until(lambda: len(ends()) == 2, 20, "both ends are marked")
    assert ends() == ["begin", "end"]
    scene.rewrite(r"\[motor\.pump-1\][^[]*", "")
    wait_until(lambda: bool(scene.events("config_changed")), 15, "noticed")
    wait_until(lambda: None in scene.of("pump-1", "state") and None in scene.of("pump-1", "meta"), 10, "taken off")
    count = len(scene.of("pump-1", "telemetry"))
    more = len(scene.of("pump-2", "telemetry")) + 3
    wait_until(lambda: len(scene.of("pump-2", "telemetry")) >= more, 10, "the other goes on")
    assert len(scene.of("pump-1", "telemetry")) <= count + 1


def test_a_changed_broker_receives_all_rows(scene: Scene, tmp_path: Path) -> None:
    folder = tmp_path / "two"
    folder.mkdir()
    second, client = Mosquitto(folder), paho.Client(CallbackAPIVersion.VERSION2)
    second.start()
    try:
        scene.listen(client, second.port)
        scene.rewrite(r'url = "[^"]+"', f'url = "{second.url}"')
        scene.agent.send_signal(signal.SIGHUP)
        wait_until(lambda: (f"{ROOT}/status", "offline") in scene.rows, 10, "goodbye to the first")
        count = len(scene.of("pump-2", "telemetry"))
        wait_until(lambda: len(scene.of("pump-2", "telemetry")) >= count + 4, 15, "rows at the second")
        with scene.lock:
            bodies = [body for _, body in scene.rows if isinstance(body, dict) and "id" in body]
        found = {int(body["id"].split("-")[1]) for body in bodies}
        assert set(range(min(found), max(found) - 2)) - found == set(), "of either broker, none is missing"
    finally:
        client.disconnect()
        client.loop_stop()
        second.stop()
