"""Events from the state file of an agent: with their waveform, and whether the motor ran on."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.basics import HandClock
from support.store import without_fsync

from agent.config.model import StoreSettings
from agent.core.messages import Message
from agent.core.text import Catalogue
from agent.delivery.mqtt.follower import FollowedMessage
from agent.delivery.store import Store
from agent.delivery.store.event_history import EventHistory
from agent.delivery.store.history import History
from agent.web.base.context import Web
from agent.web.base.motors import Entry
from agent.web.power_quality.past_supply import past_supply, past_waveform
from dsp.voltage_tolerance import tolerance_curve

T_MS = 1_790_000_000_000 // 60_000 * 60_000 + 20_000  # 20 s after a full minute
MINUTE_MS = 60_000
CURVE, EN = tolerance_curve("semi-f47"), Catalogue("en")
SAMPLES = [325.0 * math.sin(2 * math.pi * k / 40.96) for k in range(600)]


def dip(start_ms: int, asset: str = "m", **more: Any) -> Message:
    values = {"event_kind": "dip", "event_start_ms": start_ms, "event_duration_s": 0.12, "event_extreme_pct": 71.6,
              "event_reference_v": 230.0, "event_phases": [1]}  # fmt: skip
    return Message(asset, "event", start_ms + 120, {**values, **more})


class Plant:
    """A stopped agent's state file, and a page that reads it a quarter of an hour after T_MS."""

    def __init__(self, folder: Path, clock: HandClock) -> None:
        with without_fsync():
            self.store = Store(folder, clock, StoreSettings(commit_interval_s=0.01, defer_s=0.01))
        self._events, self._history = EventHistory(self.store), History(self.store, (0.0, 1e9, 1e9))
        config = SimpleNamespace(state_dir=folder)
        self.web = Web(SimpleNamespace(seen={}), config, now_ms=lambda: T_MS + 15 * MINUTE_MS)  # type: ignore[arg-type]
        self.followed = FollowedMessage("magwatt/v1/demo/gw-01", "m")
        self.entry = Entry("m", "magwatt/v1/demo/gw-01/m", self.followed, None)

    def stop(self, *events: Message, power_w: dict[int, float] | None = None) -> None:
        """Stores events, and the power of the minutes by their number from that of T_MS."""
        for number, value in sorted((power_w or {}).items()):
            t_ms = T_MS + MINUTE_MS * number
            self._history.on_published(Message("m", "telemetry", t_ms, {"active_power_w": value}))
        for event in events:
            self._events.on_published(event)
        self._history.stop()
        self.store.flush()
        self.store.close()

    def read(self, from_ms: int = T_MS - 30 * 86_400_000) -> Any:
        return past_supply(self.web, self.entry, from_ms, CURVE, EN)


@pytest.fixture
def plant(tmp_path: Path, clock: HandClock) -> Plant:
    return Plant(tmp_path, clock)


def test_the_events_of_the_motor_in_their_order(plant: Plant) -> None:
    clock_step = Message("m", "event", T_MS + 5, {"event_kind": "clock_step"})
    plant.stop(dip(T_MS + 1000), clock_step, dip(T_MS), dip(T_MS, "other"), dip(T_MS - 40 * 86_400_000))
    events, problem = plant.read()
    assert [event.start_ms for event in events] == [T_MS, T_MS + 1000]
    assert problem is None
    assert (events[0].pct, events[0].phases, events[0].below_curve) == (71.6, [1], False)


def test_an_event_that_is_not_stored_yet_is_there_once(plant: Plant) -> None:
    plant.stop(dip(T_MS))
    plant.followed.messages["event"] = {"t": T_MS + 60_120, "v": dict(dip(T_MS + 60_000).values)}
    assert [event.start_ms for event in plant.read()[0]] == [T_MS, T_MS + 60_000]
    plant.followed.messages["event"] = {"t": T_MS + 120, "v": dict(dip(T_MS).values)}
    assert [event.start_ms for event in plant.read()[0]] == [T_MS]
    assert plant.read(T_MS + 1000)[0] == []


@pytest.mark.parametrize(
    ("power_w", "outcome"),
    [
        ({-2: 30e3, -1: 30e3, 1: 29e3, 2: 29e3}, "ran"),
        ({-1: 30e3, 0: 30e3, 1: 5.0, 2: 5.0}, "stopped"),
        ({-1: 30e3, 0: 5.0, 1: 5.0, 2: 28e3}, "ran"),  # started again
        ({-1: -30e3, 1: -29e3}, "ran"),  # a brake returns power
        ({-1: 0.0, 1: 0.0}, None),  # was off
        ({-1: 30e3, 0: 5.0}, None),  # the minutes after it are not stored yet
        ({-9: 30e3, 1: 30e3}, None),  # nothing is known of the time before
        ({}, None),
    ],
)
def test_whether_the_motor_ran_on(plant: Plant, power_w: dict[int, float], outcome: str | None) -> None:
    """The minute of the event itself (0) is a mixture and does not count."""
    plant.stop(dip(T_MS), power_w=power_w)
    assert plant.read()[0][0].outcome == outcome


def test_the_waveform_of_a_stored_event(plant: Plant) -> None:
    samples = {"snapshot_start_ms": T_MS - 50, "snapshot_rate_hz": 2048.0, "snapshot_u_l1_v": SAMPLES}
    plant.stop(dip(T_MS, **samples), dip(T_MS + 1000))
    assert [event.has_waveform for event in plant.read()[0]] == [True, False]
    found = past_waveform(plant.web, plant.entry, T_MS + 120, CURVE, EN)
    assert found is not None
    assert found.u_v[0] == pytest.approx(SAMPLES, abs=325 / 32767)
    assert found.least_pct[0] == pytest.approx(100 * 325 / math.sqrt(2) / 230, abs=0.1)
    assert past_waveform(plant.web, plant.entry, T_MS + 1120, CURVE, EN) is None
    assert past_waveform(plant.web, plant.entry, T_MS + 121, CURVE, EN) is None


def test_the_waveform_of_the_live_event_needs_no_file(plant: Plant) -> None:
    plant.store.close()
    samples = {"snapshot_start_ms": T_MS - 50, "snapshot_rate_hz": 2048.0, "snapshot_u_l1_v": SAMPLES}
    plant.followed.messages["event"] = {"t": T_MS + 120, "v": dict(dip(T_MS, **samples).values)}
    found = past_waveform(plant.web, plant.entry, T_MS + 120, CURVE, EN)
    assert found is not None
    assert found.start_ms == T_MS - 50


def test_without_a_state_file_the_reason_is_said(plant: Plant, tmp_path: Path) -> None:
    plant.store.close()
    plant.web.config.state_dir = tmp_path / "nowhere"  # type: ignore[union-attr,misc]
    events, problem = plant.read()
    assert events == []
    assert problem is not None
    assert problem.code == "page_state_file_absent"
    assert past_waveform(plant.web, plant.entry, T_MS, CURVE, EN) is None
