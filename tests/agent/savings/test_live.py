"""One motor's savings while the agent runs: told each quarter hour, and what happens when the store holds nonsense."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from retrofitplant import config_toml
from testkit import HandClock

from agent.config import load_config
from agent.messages import Message
from agent.savings import keep
from agent.savings.adjust import evaluate
from agent.savings.baseline import freeze, learn
from agent.savings.live import SavingsLane
from agent.savings.types import QUARTER_MS, Interval
from agent.store import Store
from agent.topology import assets
from drivers.reading import Reading

W = 100e3


class Bench:
    def __init__(self, folder: Path, clock: HandClock) -> None:
        path = folder / "plant.toml"
        path.write_text(config_toml(True, "127.0.0.1:502", folder / "state", 1.0), encoding="utf-8")
        self.asset = assets(load_config(path)[0])[0]
        self.clock, self.store, self.told = clock, Store(folder / "state", clock), list[Message]()
        self.held = False
        self.lane = self.start()

    def start(self) -> SavingsLane:
        return SavingsLane(self.asset, 1.0, self.store, self.told.append, "UTC", lambda _: self.held)

    def run(self, quarters: float, withheld: str = "", w: float = W) -> None:
        for _ in range(round(quarters * 90)):
            self.clock.move(10)
            now = self.clock.utc_ns()
            values: dict[str, Any] = {"active_power": w, "reactive_power": w / 2, "serial_number": "22091734"}
            reading = Reading("mcc-1", now, now, values, monotonic_ns=self.clock.monotonic_ns())
            self.lane.take_meter(reading, reading.values, reading.flags)
            flow = Reading(
                "signals-line-9", now, now, {"signal_flow_m3_h": 500.0}, monotonic_ns=self.clock.monotonic_ns()
            )
            self.lane.take_signals(flow)
            self.lane.take_row([], 1400.0, withheld, now // 1_000_000)
        self.store.flush()

    def savings(self) -> list[dict[str, Any]]:
        return [dict(message.values) for message in self.told if message.kind == "savings"]

    def events(self) -> list[tuple[str, str]]:
        return [(message.values["event_kind"], message.values["event_state"]) for message in self.told
                if message.kind == "event"]  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path, clock: HandClock) -> Bench:
    return Bench(tmp_path, clock)


def freeze_what_was(bench: Bench, wh: float = 30e3) -> None:
    """A constant baseline over the last days."""
    now_ms = bench.clock.utc_ns() // 1_000_000 // QUARTER_MS * QUARTER_MS
    told = [Interval("pump", now_ms - (100 - k) * QUARTER_MS, wh + k % 2) for k in range(100)]
    keep.save_frozen(bench.store, freeze(learn("pump", told, kind="constant", classes=("0.5S", "0.5")), now_ms, "test"))


def test_each_quarter_hour_is_told_with_what_was_saved_since(bench: Bench) -> None:
    freeze_what_was(bench)
    bench.run(5)
    told = bench.savings()
    assert len(told) >= 4
    newest = told[-1]
    assert newest["interval_energy_wh"] == pytest.approx(25e3, rel=1e-6)
    assert newest["interval_saved_wh"] == pytest.approx(5e3, rel=1e-3)
    assert newest["savings_verdict"] == "proven"
    assert newest["saved_share_pct"] == pytest.approx(100 / 6, rel=1e-3)
    message = [item for item in bench.told if item.kind == "savings"][-1]
    assert message.uncertainties["saved_energy_wh"] > 0
    kept = keep.load_intervals(bench.store, "pump")
    assert kept[-2].drivers["signal_flow_m3_h"].mean == 500
    assert kept[-2].meter == "mcc-1 22091734 400/5"


def test_without_a_baseline_energy_is_told_and_no_saving(bench: Bench) -> None:
    bench.run(2.2)
    assert bench.savings()[-1]["interval_energy_wh"] == pytest.approx(25e3, rel=1e-6)
    assert "saved_energy_wh" not in bench.savings()[-1]


def test_hold_and_wiring_are_events_at_once_and_mark_the_quarter(bench: Bench) -> None:
    bench.run(2)
    bench.held = True
    bench.run(0.02)
    assert bench.events() == [("savings_hold", "begin")]
    bench.held = False
    bench.run(2.5, withheld="meter wiring: ct_reversed:L1")
    bench.run(2.5)
    assert bench.events() == [("savings_hold", "begin"), ("savings_wiring", "begin"), ("savings_hold", "end"),
                              ("savings_wiring", "end")]  # fmt: skip
    assert {flag for item in keep.load_intervals(bench.store, "pump") for flag in item.flags} == {"hold", "wiring"}


def test_another_lane_goes_on_in_the_same_quarter_hour(bench: Bench) -> None:
    bench.run(1.5)
    bench.lane.close()
    bench.lane = bench.start()
    bench.run(1)
    whole = [item for item in keep.load_intervals(bench.store, "pump") if item.coverage > 0.9]
    assert whole[0].energy_wh == pytest.approx(25e3, rel=0.02)


def test_a_decision_of_another_process_counts_from_the_next_quarter(bench: Bench) -> None:
    freeze_what_was(bench)
    bench.run(2)
    bench.held = True
    bench.run(1)
    bench.held = False
    bench.run(3)
    before = bench.savings()[-1]["unclaimed_energy_wh"]
    assert before > 20e3
    (event,) = keep.load_events(bench.store, "pump")
    from agent.savings.events import decided

    keep.save_event(bench.store, decided(event, "keep", "Li Wei", "as ever", 0))
    bench.run(1)
    assert bench.savings()[-1]["unclaimed_energy_wh"] < before - 20e3
    assert bench.savings()[-1]["savings_events_open"] == 0


def test_a_baseline_that_was_changed_claims_nothing_and_says_why(bench: Bench) -> None:
    freeze_what_was(bench)
    bench.run(2.2)
    body = bench.store.notes(keep.FROZEN)["pump"]
    bench.store.save_note(keep.FROZEN, "pump", "", {**body, "coefficients": [60e3]})
    bench.run(1.2)
    newest = bench.savings()[-1]
    assert "saved_energy_wh" not in newest
    assert "is not the one that was frozen" in newest["savings_reason"]
    bench.store.save_note(keep.FROZEN, "pump", "", body)
    bench.run(1.2)
    assert bench.savings()[-1]["savings_verdict"] == "proven"


def test_a_new_motor_that_uses_half_is_no_forgotten_ratio_and_no_shift(bench: Bench) -> None:
    bench.run(60)
    bench.lane.close()
    motor = bench.asset.motor
    assert motor is not None
    bench.asset = replace(bench.asset, motor=replace(motor, kind="induction", rpm=1485.0), drive=None)
    bench.lane = bench.start()
    bench.run(110, w=W / 2)
    assert bench.events() == []
    bench.lane = bench.start()
    bench.run(4, w=W)
    assert ("savings_ratio", "begin") in bench.events(), "of the new motor it would be one"


def test_nonsense_in_the_store_ends_nothing(tmp_path: Path, bench: Bench) -> None:
    bench.run(1.2)
    bench.store.do(lambda db: db.execute("update interval set body = '{\"asset\": 5}'").rowcount)
    bench.lane.close()
    bench.lane = bench.start()
    bench.run(2.2)
    assert bench.savings()[-1]["interval_energy_wh"] == pytest.approx(25e3, rel=1e-6)


@pytest.mark.parametrize("back_h", [3, 30])
def test_a_clock_that_goes_back_changes_no_sum(bench: Bench, back_h: int) -> None:
    """What is told live is what a report works out from all that is kept, with the hours the clock is yet to reach."""
    freeze_what_was(bench)
    bench.run(4 * 40)
    bench.clock._utc_ns -= back_h * 3600 * 10**9
    bench.run(4 * 2)
    baseline = keep.load_frozen(bench.store, "pump")
    assert baseline is not None
    known = [item for item in keep.load_intervals(bench.store, "pump", baseline.to_ms) if item.coverage > 0.01]
    whole, _ = evaluate(baseline, known, events=keep.load_events(bench.store, "pump"), classes=bench.lane.classes)
    told = bench.savings()[-1]
    assert told["used_energy_wh"] == pytest.approx(whole.measured_wh, abs=30e3), "but for the one that runs"
    assert told["saved_energy_wh"] == pytest.approx(whole.saved_wh, abs=6e3)
    assert told["savings_coverage_pct"] <= 101


def test_a_register_of_which_half_was_not_heard_fills_no_gap(bench: Bench) -> None:
    """Export missing in one answer, after four hours without one: the difference with the next whole answer counts."""
    wh = 1_000_000.0

    def read(hours: float, export: bool = True) -> None:
        nonlocal wh
        bench.clock.move(3600 * hours)
        wh += W * hours
        now = bench.clock.utc_ns()
        values: dict[str, Any] = {"active_power": W, "energy_import": wh / 1000}
        values |= {"energy_export": 400.0} if export else {}
        reading = Reading("mcc-1", now, now, values, monotonic_ns=bench.clock.monotonic_ns())
        bench.lane.take_meter(reading, reading.values, reading.flags)

    for hours, export in (*[(1 / 360, True)] * 360, (4.0, False), *[(1 / 360, True)] * 360):
        read(hours, export)
    bench.lane.close()
    energy_wh = sum(item.energy_wh or 0.0 for item in keep.load_intervals(bench.store, "pump"))
    assert energy_wh == pytest.approx(6 * W, abs=W / 300)
