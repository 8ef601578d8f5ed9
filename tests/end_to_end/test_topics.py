"""Tonnes that an MES publishes, through the complete agent: the motor's row, its
state, the drivers of a quarter hour.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, wait_until
from support.mqtt import Listener

from agent.core.clock import SystemClock
from agent.delivery.store import Store
from agent.savings.records import repository

pytestmark = pytest.mark.alone

ROOT = "magwatt/v1/demo/gw-01"
TONNES = """
[signal.tonnes]
topic = "mill/line-3"
value = "tonnes_per_h"
time = "t"
unit_of_measure = "t/h"
motor = "pump-1"
expected_interval = "1s"
"""
SHIFT = '\n[signal.shift]\ntopic = "mill/shift"\nunit_of_measure = "no"\nmotor = "pump-1"\nlow = 1\nhigh = 3\n'
METRIC = "signal_tonnes_t_h"
COMMAND = [sys.executable, "-P", "-c", "from agent.cli import main; main()"]


class Mes(threading.Thread):
    """Publishes `tonnes` at 1 Hz; None: nothing."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.tonnes: Any = 31.25
        self.ending = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def run(self) -> None:
        while not self.ending.wait(1.0):
            if self.tonnes is not None and self.client.is_connected():
                body = {"tonnes_per_h": self.tonnes, "t": time.time_ns() // 1_000_000}
                self.client.publish("mill/line-3", json.dumps(body), qos=1)

    def stop(self) -> None:
        self.ending.set()
        self.client.disconnect()
        self.client.loop_stop()


@dataclass
class Scene:
    folder: Path
    config: Path
    broker: Mosquitto
    mes: Mes
    agent: subprocess.Popen[bytes]
    listeners: list[Listener] = field(default_factory=list)

    def bodies(self, topic: str) -> list[dict[str, Any]]:
        found = [payload for listener in self.listeners for payload in listener.of(f"{ROOT}/{topic}")]
        return [json.loads(payload) for payload in found if payload]

    def rows(self, motor: str = "pump-1") -> list[dict[str, Any]]:
        return self.bodies(f"{motor}/telemetry")

    def wait_for(self, value: float | None, flags: set[str], metric: str = METRIC) -> None:
        def there() -> bool:
            row = self.rows()[-1]
            own = set(row.get("f", {}).get(metric, []))
            return metric in row["v"] and row["v"][metric] == value and own == flags

        wait_until(there, 15, f"{metric} = {value} {flags}: {self.rows()[-1]['v'].get(metric)}")

    def rewrite(self, text: str) -> None:
        new = self.config.with_suffix(".new")
        new.write_text(text)
        os.replace(new, self.config)
        self.agent.send_signal(signal.SIGHUP)


@pytest.fixture
def scene(tmp_path: Path, mosquitto: Mosquitto) -> Iterator[Scene]:
    config = tmp_path / "plant.toml"
    agent: subprocess.Popen[bytes] | None = None
    with (tmp_path / "log").open("wb") as log:
        plant = subprocess.Popen([*COMMAND, "simulate", "pump-station", "--write-config", str(config), "--broker",
                                  mosquitto.url], stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # fmt: skip
        mes = Mes(mosquitto.port)
        try:
            wait_until(config.exists, 20, "the plant is served")
            text = re.sub(r"\[motor\.[\w-]+\.waveform\][^[]*", "", config.read_text()).replace('"2s"', '"0s"')
            config.write_text(text + TONNES)
            mes.start()
            agent = subprocess.Popen([*COMMAND, "run", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            found = Scene(tmp_path, config, mosquitto, mes, agent, [Listener(mosquitto.port)])
            wait_until(lambda: len(found.rows()) >= 2, 30, "rows")
            yield found
            assert "Traceback" not in (tmp_path / "log").read_text(), (tmp_path / "log").read_text()[-3000:]
        finally:
            mes.stop()
            for process in (agent, plant):
                if process is not None and process.poll() is None:
                    process.terminate()
                    process.wait(60)
    for listener in found.listeners:
        listener.stop()


def test_tonnes_are_in_the_row_and_are_a_driver_of_the_interval(scene: Scene) -> None:
    scene.wait_for(31.25, set())
    meta = scene.bodies("pump-1/meta")[-1]["metrics"]["telemetry"][METRIC]
    assert (meta["unit"], meta["kind"]) == ("t/h", "measured")
    assert METRIC not in scene.rows("pump-2")[-1]["v"]
    seen = len(scene.rows())
    wait_until(lambda: len(scene.rows()) >= seen + 4, 15, "some seconds more")
    scene.agent.send_signal(signal.SIGTERM)
    assert scene.agent.wait(60) == 0
    (state,) = {path.parent for path in scene.folder.rglob("*.sqlite*")}
    store = Store(state, SystemClock())
    try:
        intervals = repository.load_intervals(store, "pump-1")
        assert intervals, "what there is of the running quarter hour is kept"
        assert {item.drivers[METRIC].mean for item in intervals if item.coverage > 0.002} == {31.25}
        assert not any(item.drivers for item in repository.load_intervals(store, "pump-2"))
    finally:
        store.close()


def test_invalid_payloads_and_outages_of_a_publisher_are_reported_with_their_end(scene: Scene) -> None:
    scene.wait_for(31.25, set())
    scene.mes.tonnes = "n/a"
    scene.wait_for(None, {"OUT_OF_RANGE"})
    scene.mes.tonnes = None
    scene.wait_for(None, {"OUT_OF_RANGE", "STALE", "NO_REPLY"})
    wait_until(lambda: bool(scene.bodies("pump-1/state")[-1]["reason"]), 5, "the state has a reason")
    assert [reason["data"]["device"] for reason in scene.bodies("pump-1/state")[-1]["reason"]] == ["signal.tonnes"]
    assert scene.bodies("pump-1/state")[-1]["state"] == "stale"
    scene.mes.tonnes = 30
    scene.wait_for(30, set())
    wait_until(lambda: scene.bodies("pump-1/state")[-1]["state"] == "online", 5, "the state recovers")


def test_a_lost_signal_broker_is_a_gap_of_the_tonnes_only(scene: Scene) -> None:
    scene.wait_for(31.25, set())
    scene.broker.stop()
    time.sleep(8)
    scene.broker.start()
    scene.listeners.append(Listener(scene.broker.port))

    def measured_on() -> bool:
        late = [row["v"] for row in scene.bodies("pump-1/backfill/telemetry")]
        return any(values.get(METRIC) is None and values["active_power_w"] is not None for values in late)

    wait_until(measured_on, 60, "power was measured meanwhile")
    scene.mes.tonnes = 29
    scene.wait_for(29, set())


def test_adding_and_removing_a_signal_does_not_delay_the_other_motor(scene: Scene) -> None:
    scene.wait_for(31.25, set())
    before = scene.config.read_text()
    scene.rewrite(before + SHIFT)
    wait_until(lambda: len(scene.bodies("event")) >= 1, 15, "taken over")
    scene.mes.client.publish("mill/shift", "2", qos=1)
    scene.wait_for(2, set(), "signal_shift_no")
    scene.wait_for(31.25, set())
    scene.rewrite(before.replace(TONNES, ""))
    wait_until(
        lambda: METRIC not in scene.rows()[-1]["v"] and "signal_shift_no" not in scene.rows()[-1]["v"], 15, "gone"
    )
    times = [row["t"] / 1000 for row in scene.rows("pump-2")]
    assert max(later - earlier for earlier, later in pairwise(times)) < 1.7
