"""From readings to `condition`, alarms and back: the stage and the alarm service in the pipeline of the agent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.basics import HandClock
from support.config_text import at_input, bus, drive, load, magnet, site, table

from agent.alarms.model import AlarmKey
from agent.alarms.operator_log import OperatorLog
from agent.delivery.store import Store
from agent.runtime.assembly import Agent, AgentOptions
from drivers.reading import Quality, Reading, Value

MOTOR = "pump"
METER = {"voltage_l12": 400.0, "voltage_l23": 400.0, "voltage_l31": 400.0, "current_l1": 50.0, "current_l2": 50.0,
         "current_l3": 50.0, "active_power": 31_000.0, "power_factor": 0.9}  # fmt: skip
DRIVE = {"output_frequency": 80.0, "motor_speed": 1200.0, "output_voltage": 300.0, "motor_current": 60.0,
         "motor_power": 29.0, "motor_torque": 60.0, "dc_bus_voltage": 540.0, "fault_code": 0.0}  # fmt: skip
LOST = {**METER, "current_l1": 0.0, "current_l2": 86.0, "current_l3": 86.0}


class Bench:
    """The agent without buses: the test supplies the readings and moves the clock. messages: topic → last payload."""

    def __init__(self, folder: Path, clock: HandClock) -> None:
        text = "\n".join((
            site(), table("store", state_dir="state"), bus(), at_input("m1"), drive("d1", fed_by="m1"),
            magnet(MOTOR, "d1"),
            table(f"motor.{MOTOR}.condition", application="pump", winding_class="F"),
        ))  # fmt: skip
        self.folder, self.clock = folder, clock
        config = load(folder, text)
        self.store = Store(folder / "state", clock)
        self.messages: dict[str, Any] = {}
        self.events: list[dict[str, Any]] = []
        self.agent = Agent(config, clock, self.store, AgentOptions(deliver=False))
        self.agent.publisher.on_message = self._receive
        self.agent.connect()

    def _receive(self, topic: str, payload: bytes, retain: bool) -> None:
        name = topic.removeprefix("magwatt/v1/mill-2/gw-07/")
        body = json.loads(payload) if payload else None
        if name == f"{MOTOR}/event" and body is not None:
            self.events.append(body["v"])
        elif retain:
            self.messages[name] = body

    def second(self, meter: dict[str, float] | None, drive: dict[str, float] | None) -> None:
        self.clock.move(1)
        for name, values in (("m1", meter), ("d1", drive)):
            self.agent.pipeline.process(self._reading(name, values))
        self.agent.pipeline.tick()
        self.agent.alarms.refresh()

    def _reading(self, device: str, values: dict[str, float] | None) -> Reading:
        now_ns = self.clock.utc_ns()
        found: dict[str, Value] = dict(values or {})
        quality = Quality.GOOD if values is not None else Quality.NO_REPLY
        return Reading(device, now_ns, now_ns, found, quality, monotonic_ns=self.clock.monotonic_ns())

    def acknowledge(self, code: str) -> None:
        log = OperatorLog(self.folder / "state")
        log.acknowledge(AlarmKey(MOTOR, code), self.clock.utc_ns() // 1_000_000, "Li")

    def close(self) -> None:
        self.agent.pipeline.close()
        self.store.close()

    def state_of(self, code: str) -> str | None:
        body = self.messages.get(f"{MOTOR}/alarm/{code}")
        return None if body is None else body["state"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    found = Bench(tmp_path, HandClock())
    yield found
    found.close()


def test_a_lost_phase_becomes_an_alarm_is_acknowledged_and_returns(bench: Bench) -> None:
    for _ in range(130):
        bench.second(METER, DRIVE)
    assert bench.messages[f"{MOTOR}/condition"]["faults"]["phase_loss"]["verdict"] == "clear"
    for _ in range(5):
        bench.second(LOST, DRIVE)
    assert bench.state_of("phase_loss") == "UNACK"
    fault = bench.messages[f"{MOTOR}/condition"]["faults"]["phase_loss"]
    assert (fault["verdict"], fault["severity"]) == ("finding", "alarm")
    assert bench.messages[f"{MOTOR}/condition"]["condition"] == "finding"

    bench.acknowledge("phase_loss")
    bench.second(LOST, DRIVE)
    assert bench.state_of("phase_loss") == "ACKED"
    for _ in range(30):
        bench.second(METER, DRIVE)
    assert bench.state_of("phase_loss") == "RTNUN", "it is latched: its end is acknowledged, too"
    bench.acknowledge("phase_loss")
    bench.second(METER, DRIVE)
    assert bench.state_of("phase_loss") == "NORM"
    changes = [event["alarm_change"] for event in bench.events if event.get("alarm") == "phase_loss"]
    assert changes == ["raised", "acknowledged", "returned", "acknowledged"]


def test_a_silent_drive_makes_the_terminals_live_or_unknown(bench: Bench) -> None:
    for _ in range(60):
        bench.second(METER, DRIVE)
    assert bench.state_of("live_terminals") is None, "while the drive runs it is not said"
    for _ in range(20):
        bench.second(METER, None)
    record = bench.messages[f"{MOTOR}/alarm/live_terminals"]
    assert (record["state"], record["priority"]) == ("UNACK", "safety")
    assert bench.state_of("no_reply-d1") in (None, "DSUPR"), "one cause, one alarm"


def test_the_alarm_of_a_silent_drive_returns_when_the_drive_responds(bench: Bench) -> None:
    """That the terminals are dead is never known; that the drive was silent has ended."""
    for drive_values, seconds in ((DRIVE, 60), (None, 20), (DRIVE, 10)):
        for _ in range(seconds):
            bench.second(METER, drive_values)
    assert bench.state_of("live_terminals") == "RTNUN", "it is latched"
    bench.acknowledge("live_terminals")
    bench.second(METER, DRIVE)
    assert bench.state_of("live_terminals") == "NORM"


@pytest.mark.parametrize("code", ["live_terminals", "phase_loss"])
def test_a_fault_that_ends_while_the_agent_is_down_returns_after_its_restart(tmp_path: Path, code: str) -> None:
    clock = HandClock()
    faulty = (METER, None) if code == "live_terminals" else (LOST, DRIVE)
    first = Bench(tmp_path, clock)
    for readings, seconds in (((METER, DRIVE), 60), (faulty, 20)):
        for _ in range(seconds):
            first.second(*readings)
    assert first.state_of(code) == "UNACK"
    first.close()
    second = Bench(tmp_path, clock)
    for _ in range(150):
        second.second(METER, DRIVE)
    assert second.state_of(code) == "RTNUN"
    second.close()


def test_a_drive_that_never_responds_counts_as_live(bench: Bench) -> None:
    """After a start of the gateway nothing is known of the motor."""
    for _ in range(20):
        bench.second(None, None)
    assert bench.state_of("live_terminals") == "UNACK"


def test_alarms_survive_a_restart_without_a_second_announcement(tmp_path: Path) -> None:
    clock = HandClock()
    first = Bench(tmp_path, clock)
    for _ in range(60):
        first.second(METER, DRIVE)
    for _ in range(10):
        first.second(LOST, DRIVE)
    assert first.state_of("phase_loss") == "UNACK"
    first.close()
    second = Bench(tmp_path, clock)
    for _ in range(10):
        second.second(LOST, DRIVE)
    assert second.state_of("phase_loss") == "UNACK"
    assert [event for event in second.events if event.get("alarm_announced")] == []
    second.close()


def test_the_word_safe_is_nowhere(bench: Bench) -> None:
    for meter, drive_values in ((METER, DRIVE), (METER, None), (None, None)):
        for _ in range(20):
            bench.second(meter, drive_values)
        for body in bench.messages.values():
            assert "safe" not in json.dumps(body).replace("safety", "").lower()
