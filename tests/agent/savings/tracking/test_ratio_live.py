"""A wrong transformer ratio opens an event in the first hour: at the retrofit, after a restart, after an exchange."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.basics import HandClock
from support.ratio_history import BEGIN_MS, FLOW, after, baseline
from support.retrofit_plant import config_toml
from support.savings import save_event, save_frozen

from agent.config.loader import load_config
from agent.config.topology import assets
from agent.core.messages import Message
from agent.delivery.store import Store
from agent.savings import reasons
from agent.savings.records import repository
from agent.savings.records.model import Interval, NonRoutineEvent
from agent.savings.records.non_routine_events import decided
from agent.savings.report.model.month import ReportMonth, collect
from agent.savings.service import SavingsService
from agent.savings.tracking.tracker import SavingsTracker
from drivers.reading import Reading

POLL_S, HOUR, DAY = 300.0, 4, 96


class Plant:
    """A running tracker with a frozen baseline, from the retrofit on."""

    def __init__(self, folder: Path) -> None:
        path = folder / "plant.toml"
        path.write_text(config_toml(True, "127.0.0.1:502", folder / "state", 1.0), encoding="utf-8")
        self.config = load_config(path)[0]
        self.clock = HandClock(BEGIN_MS / 1000)
        self.store, self.messages = Store(folder / "state", self.clock), list[Message]()
        save_frozen(self.store, baseline(1))
        self.serial, self.lane = "1", self.start()

    def start(self) -> SavingsTracker:
        [asset] = assets(self.config)
        return SavingsTracker(asset, POLL_S, self.store, self.messages.append, "UTC")

    def restart(self) -> None:
        self.lane.close()
        self.lane = self.start()

    def run(self, items: list[Interval], drive_share: float | None = None) -> None:
        """Measures these intervals. drive_share: output power of the drive over the meter; None: no response."""
        for item in items:
            w = 4 * (item.energy_wh or 0.0)
            for _ in range(3):
                self.clock.move(POLL_S)
                now, monotonic = self.clock.utc_ns(), self.clock.monotonic_ns()

                def reading(name: str, values: dict[str, Any], now: int = now, monotonic: int = monotonic) -> Reading:
                    return Reading(name, now, now, values, monotonic_ns=monotonic)

                if drive_share is not None:
                    self.lane.on_drive(reading("vfd-1", {"motor_power": drive_share * w / 1000}))
                found = reading("mcc-1", {"active_power": w, "serial_number": self.serial})
                self.lane.on_meter(found, found.values, found.flags)
                self.lane.on_signals(reading("signals-line-9", {FLOW: item.drivers[FLOW].mean}))
                self.lane.on_row([], 1400.0, None, now // 1_000_000)
        self.store.flush()

    @property
    def events(self) -> list[NonRoutineEvent]:
        return [event for event in repository.load_events(self.store, "pump") if event.kind == "ct_ratio"]

    @property
    def verdict(self) -> str:
        return str([message.values["savings_verdict"] for message in self.messages if message.kind == "savings"][-1])

    def decide(self, decision: str) -> None:
        save_event(self.store, decided(self.events[-1], decision, "Li Wei", "checked", BEGIN_MS))

    def reported(self) -> ReportMonth:
        now_ms = self.clock.utc_ns() // 1_000_000
        [asset] = assets(self.config)
        return self.store.do(lambda db: collect(db, self.config, asset, "2026-09", now_ms))

    def service(self) -> SavingsService:
        return SavingsService(self.config, self.store, "pump", self.clock.utc_ns() // 1_000_000)


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    return Plant(tmp_path)


def wrong(items: list[Interval], factor: float = 0.5) -> list[Interval]:
    return [replace(item, energy_wh=factor * (item.energy_wh or 0.0)) for item in items]


def test_at_the_retrofit(plant: Plant) -> None:
    items = after(1, 2, 0.5, 0.08)
    plant.run(items[: HOUR + 2])  # the first poll is late in the first interval; the last interval ends the hour
    [event] = plant.events
    assert (event.from_ms, event.to_ms) == (items[1].start_ms, None)
    assert event.cause.data["factor"] == pytest.approx(0.46, rel=0.05)
    assert plant.verdict == "undecided"
    plant.run(items[HOUR + 2 :])
    assert len(plant.events) == 1


def after_restart(plant: Plant, items: list[Interval]) -> None:
    plant.run(items)
    plant.restart()


def after_exchange(plant: Plant, items: list[Interval]) -> None:
    plant.run(items)
    plant.serial = "2"


def after_both(plant: Plant, items: list[Interval]) -> None:
    after_exchange(plant, items)
    plant.restart()


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.5])
@pytest.mark.parametrize("change", [after_restart, after_exchange, after_both])
def test_after_a_change(plant: Plant, change: Callable[[Plant, list[Interval]], None], factor: float) -> None:
    """Three days with the right ratio first."""
    items = after(1, 75, 1.0, 0.04)
    change(plant, items[: 3 * DAY])
    assert plant.events == []
    plant.run(wrong(items[3 * DAY :][: HOUR + 3], factor))  # an hour, and loads that had not occurred before
    [event] = plant.events
    assert abs(event.from_ms - items[3 * DAY].start_ms) <= 900_000  # by the interval of the change
    assert plant.verdict == "undecided"


def test_a_restart_continues_the_event(plant: Plant) -> None:
    items = after(1, 30, 0.5)
    plant.run(items[:8])
    plant.restart()
    plant.run(items[8:20])
    assert [(event.number, event.to_ms) for event in plant.events] == [(1, None)]
    plant.decide("keep")
    plant.run(items[20:26])
    assert plant.verdict == "provisional"
    plant.restart()
    plant.run(items[26:32])
    assert plant.verdict == "provisional"
    assert len(plant.events) == 1


def test_a_correction_ends_the_event(plant: Plant) -> None:
    items = after(1, 60, 1.0, 0.04)
    plant.run(wrong(items[: 2 * DAY]))
    plant.run(items[2 * DAY :])
    [event] = plant.events
    assert event.to_ms is not None
    assert abs(event.to_ms - items[2 * DAY].start_ms) <= 900_000
    begin, end = [message for message in plant.messages if message.values.get("event_kind") == "nre_ct_ratio"]
    assert (begin.values["event_state"], end.values["event_state"]) == ("begin", "end")


def test_report_and_commands_say_so_without_an_event(plant: Plant) -> None:
    """The intervals are stored by a version without this check: there is no event."""
    plant.run(after(1, 6, 0.5, 0.08))
    plant.store.do(lambda db: db.execute("delete from note where name like 'pump/1'").rowcount)
    month = plant.reported()
    assert month.saving is not None
    assert month.saving.verdict == "undecided"
    assert plant.service().saving(baseline(1)).verdict == "undecided"
    assert plant.events == [], "neither stores anything"
    [event] = plant.service().events()
    assert event.kind == "ct_ratio"
    plant.service().decide(event.number, "keep", "Li Wei", "the nameplate was read", 0.0)
    assert plant.service().saving(baseline(1)).verdict == "provisional"
    month = plant.reported()
    assert month.saving is not None
    assert not {caveat.code for caveat in month.saving.caveats} & {reasons.RATIO_UNDECIDED, reasons.RATIO_NOT_NUMBERED}


@pytest.mark.parametrize(("drive_share", "events"), [(0.96, 0), (1.92, 1), (None, 1)])
def test_a_large_saving_is_asked_unless_the_drive_confirms_it(
    plant: Plant, drive_share: float | None, events: int
) -> None:  # fmt: skip
    plant.run(after(1, 4, 1.0, 0.47), drive_share)
    assert len(plant.events) == events
    item = repository.load_intervals(plant.store, "pump")[4]
    if drive_share is None:
        assert item.drive_output_wh is None
    else:
        assert item.drive_output_wh == pytest.approx(drive_share * (item.energy_wh or 0.0), rel=0.02)


def test_the_energy_of_the_drive_survives_a_restart_within_an_interval(plant: Plant) -> None:
    items = after(1, 3, 1.0, 0.47)
    plant.run(items[:5], 0.96)
    plant.clock.move(POLL_S)
    plant.restart()
    plant.run(items[5:], 0.96)
    found = repository.load_intervals(plant.store, "pump")
    assert all(item.drive_output_wh == pytest.approx(0.96 * (item.energy_wh or 0.0), rel=0.03) for item in found[1:-1])
    assert plant.events == []
