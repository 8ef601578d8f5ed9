"""Faults in one night through the complete agent: every non-routine event is detected in time, and no kWh is lost."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.retrofit import PUMP_HIGH_HEAD
from support.retrofit_plant import RetrofitPlant, run

from agent.analysis.efficiency.reasons import METER_RATIO
from agent.core.clock import SystemClock
from agent.delivery.store import Store
from agent.savings.records import repository
from agent.savings.records.model import Interval, NonRoutineEvent

EVERY_S = 10.0
HOUR_S = 3600.0


@dataclass
class Night:
    """State of the test.

    `told`: (event kind, event state, UTC ms) as published.
    began_ms: start of each fault.
    growths_wh: energy counted by the meter.
    """

    plant: RetrofitPlant
    folder: Path
    reported: list[tuple[str, str, int]] = field(default_factory=list)
    began_ms: dict[str, int] = field(default_factory=dict)
    growths_wh: float = 0.0

    def watch(self, seconds: float, clock_off_s: float = 0.0) -> None:
        """Run the agent for this time and add the energy that the meter counts."""
        before_wh = self.plant.register_wh

        def take(topic: str, payload: bytes, _retained: bool) -> None:
            if topic.endswith("/event"):
                body = json.loads(payload)
                values = body["v"]
                event_ms = body["t"] - round(1000 * clock_off_s)
                self.reported.append((values["event_kind"], values.get("event_state", ""), event_ms))

        run(self.plant, self.folder, seconds, EVERY_S, take, clock_off_s=clock_off_s)
        self.growths_wh += self.plant.register_wh - before_wh

    def look(self) -> tuple[list[Interval], list[NonRoutineEvent]]:
        store = Store(self.folder / "state", SystemClock())
        try:
            return repository.load_intervals(store, "pump"), repository.load_events(store, "pump")
        finally:
            store.close()

    def dark(self, seconds: float) -> None:
        """Run the plant without the agent."""
        before_wh = self.plant.register_wh
        for _ in range(round(seconds / EVERY_S)):
            self.plant.step(EVERY_S)
        self.growths_wh += self.plant.register_wh - before_wh


@pytest.fixture
def night(tmp_path: Path) -> Night:
    plant = RetrofitPlant(PUMP_HIGH_HEAD, 3, 0.9)
    plant.new = True
    plant.step(EVERY_S)
    found = Night(plant, tmp_path)
    found.watch(0.5 * HOUR_S)
    return found


def test_swapped_transformers_are_an_event_within_a_minute_and_end_with_it(night: Night) -> None:
    night.plant.wire("swapped ct12")
    began_ms = night.plant.now_ms
    night.watch(0.6 * HOUR_S)
    night.plant.wire("")
    night.watch(0.6 * HOUR_S)
    reported = [t_ms for kind, state, t_ms in night.reported if (kind, state) == ("nre_ct_wiring", "begin")]
    assert len(reported) == 1
    assert reported[0] - began_ms <= 60_000
    intervals, events = night.look()
    (event,) = [item for item in events if item.kind == "ct_wiring"]
    assert event.to_ms is not None
    assert event.proposal == "exclude"
    assert sum("ct_wiring" in item.flags for item in intervals) >= 2


def test_a_bypass_is_an_event_within_a_minute(night: Night) -> None:
    night.plant.bypassed = True
    began_ms = night.plant.now_ms
    night.watch(0.6 * HOUR_S)
    reported = [t_ms for kind, state, t_ms in night.reported if (kind, state) == ("nre_bypass", "begin")]
    assert len(reported) == 1
    assert reported[0] - began_ms <= 60_000
    (event,) = [item for item in night.look()[1] if item.kind == "bypass"]
    assert event.to_ms is None
    assert event.proposal == "keep", "what the bypass costs is in the sum"


def test_a_power_failure_and_a_clock_eight_hours_back_lose_no_kwh(night: Night) -> None:
    night.dark(2 * HOUR_S)
    night.watch(0.7 * HOUR_S)
    night.watch(1.1 * HOUR_S, clock_off_s=-8 * HOUR_S)
    night.watch(0.7 * HOUR_S)
    intervals, events = night.look()
    total_wh = sum(item.energy_wh or 0.0 for item in intervals)
    assert total_wh == pytest.approx(night.growths_wh, rel=0.003)
    filled_wh = sum(item.filled_wh for item in intervals)
    assert filled_wh == pytest.approx(2 * night.plant.true_wh[intervals[-20].start_ms][1] * 4, rel=0.05)
    assert all(event.to_ms is None or event.to_ms > event.from_ms for event in events)


def test_a_wrong_ratio_is_detected_within_an_hour_of_plant_time(night: Night) -> None:
    """The transformers are replaced by 200/5 ones; the meter still uses 400/5.

    With a drive a minute suffices, because the drive's power differs. Without a drive it takes an hour:
    tests/agent/savings/tracking/test_event_detector.py.
    """
    night.plant.wire("ratio ct 2")
    began_ms = night.plant.now_ms
    night.watch(0.6 * HOUR_S)
    reported = [t_ms for kind, state, t_ms in night.reported if (kind, state) == ("nre_ct_ratio", "begin")]
    (event,) = [item for item in night.look()[1] if item.kind == "ct_ratio"]
    assert reported[0] - began_ms <= 60_000
    assert event.cause.code == METER_RATIO
    assert event.cause.data["fault"].data["ratio"] == pytest.approx(2.0, abs=0.05)
