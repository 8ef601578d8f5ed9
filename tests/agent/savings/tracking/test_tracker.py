"""Savings of one motor while the agent runs: published for each interval, also with invalid contents of the store."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.accounting import evaluate
from support.basics import HandClock
from support.retrofit import FLOW
from support.retrofit_plant import config_toml
from support.savings import save_event, save_frozen

from agent.analysis.efficiency.reasons import METER_WIRING, WIRING_FAULTS
from agent.config.loader import load_config
from agent.config.topology import assets
from agent.core.messages import Message, encode
from agent.delivery.store import Store, StoreError
from agent.savings.accounting.account import Account, SavingsBasis
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.records import repository
from agent.savings.records.model import QUARTER_MS, Driver, Interval, Saving
from agent.savings.report.model.month import collect
from agent.savings.tracking.tracker import SavingsTracker
from drivers.reading import Reading
from drivers.reasons import Reason, local_time

W = 100e3


class Bench:
    def __init__(self, folder: Path, clock: HandClock) -> None:
        path = folder / "plant.toml"
        path.write_text(config_toml(True, "127.0.0.1:502", folder / "state", 1.0), encoding="utf-8")
        self.config = load_config(path)[0]
        self.asset = assets(self.config)[0]
        self.clock, self.store, self.published = clock, Store(folder / "state", clock), list[Message]()
        self.held = False
        self.lane = self.start()

    def start(self) -> SavingsTracker:
        return SavingsTracker(self.asset, 1.0, self.store, self.published.append, "UTC", lambda _: self.held)

    def run(self, quarters: float, withheld: Reason | None = None, w: float = W) -> None:
        for _ in range(round(quarters * 90)):
            self.clock.move(10)
            now = self.clock.utc_ns()
            values: dict[str, Any] = {"active_power": w, "reactive_power": w / 2, "serial_number": "22091734"}
            reading = Reading("mcc-1", now, now, values, monotonic_ns=self.clock.monotonic_ns())
            self.lane.on_meter(reading, reading.values, reading.flags)
            flow = Reading(
                "signals-line-9", now, now, {"signal_flow_m3_h": 500.0}, monotonic_ns=self.clock.monotonic_ns()
            )
            self.lane.on_signals(flow)
            self.lane.on_row([], 1400.0, withheld, now // 1_000_000)
        self.store.flush()

    def savings(self) -> list[dict[str, Any]]:
        return [dict(message.values) for message in self.published if message.kind == "savings"]

    def events(self) -> list[tuple[str, str]]:
        return [(message.values["event_kind"], message.values["event_state"]) for message in self.published
                if message.kind == "event"]  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path, clock: HandClock) -> Bench:
    return Bench(tmp_path, clock)


def freeze_what_was(bench: Bench, wh: float = 30e3) -> None:
    """Freezes a constant baseline of the last 300 intervals."""
    now_ms = bench.clock.utc_ns() // 1_000_000 // QUARTER_MS * QUARTER_MS
    published = [Interval("pump", now_ms - (300 - k) * QUARTER_MS, wh + k % 2) for k in range(300)]
    save_frozen(bench.store, freeze(learn("pump", published, kind="constant", classes=("0.5S", "0.5")), now_ms, "test"))


def test_each_quarter_hour_is_published_with_the_saving_to_date(bench: Bench) -> None:
    freeze_what_was(bench)
    bench.run(5)
    published = bench.savings()
    assert len(published) >= 4
    newest = published[-1]
    assert newest["interval_energy_wh"] == pytest.approx(25e3, rel=1e-6)
    assert newest["interval_saved_wh"] == pytest.approx(5e3, rel=1e-3)
    assert newest["savings_verdict"] == "provisional"
    assert newest["saved_share_pct"] == pytest.approx(100 / 6, rel=1e-3)
    message = [item for item in bench.published if item.kind == "savings"][-1]
    assert message.uncertainties["saved_energy_wh"] > 0
    kept = repository.load_intervals(bench.store, "pump")
    assert kept[-2].drivers["signal_flow_m3_h"].mean == 500
    assert kept[-2].meter == "mcc-1 22091734 400/5"


def test_the_saving_of_an_interval_has_its_own_uncertainty(bench: Bench) -> None:
    """That of the first interval is that of the sum of one. A sum of n equal intervals has at least sqrt(n) times the
    uncertainty of one (if they are independent) and at most n times (if they are not)."""
    freeze_what_was(bench)
    bench.run(7)
    messages = [item for item in bench.published if item.kind == "savings" and item.values.get("interval_saved_wh")]
    of_one = [item.uncertainties["interval_saved_wh"] for item in messages]
    of_all = [item.uncertainties["saved_energy_wh"] for item in messages]
    n = len(messages)
    assert n >= 4
    assert 0.99 * n**0.5 * of_one[-1] <= of_all[-1] <= 1.01 * n * of_one[-1]
    assert of_one[0] == of_all[0] > 0


def test_the_uncertainty_of_an_interval_is_of_the_values_that_the_model_takes(bench: Bench) -> None:
    """The energy follows the flow by an hour: each saving is as uncertain as that of a report over its interval."""
    freeze_a_line(bench, lag_s=3600.0)
    run_flows(bench, [320.0, 480.0, 640.0, 350.0, 600.0, 400.0, 330.0, 690.0])
    baseline = repository.load_frozen(bench.store, "pump")
    assert baseline is not None
    basis = SavingsBasis.of(bench.asset, "UTC", baseline)
    messages = [item for item in bench.published if item.kind == "savings"]
    told = {item.t_ms - QUARTER_MS: item.uncertainties.get("interval_saved_wh") for item in messages}
    known = [item.t_ms - QUARTER_MS for item in messages if item.values["interval_saved_wh"] is not None]
    assert len(known) >= 4

    def load(from_ms: int, to_ms: int) -> list[Interval]:
        return [item for item in repository.load_intervals(bench.store, "pump", from_ms, to_ms)
                if item.end_ms <= start_ms + QUARTER_MS]  # fmt: skip

    for start_ms in known:
        alone = Account(basis, (), load, (start_ms, start_ms + QUARTER_MS))
        alone.add_until(None, start_ms + QUARTER_MS)
        saving = alone.saving(start_ms + QUARTER_MS)
        assert saving.intervals == 1
        assert told[start_ms] == float(f"{saving.u95_wh:.4g}")


def test_the_newest_message_is_stored_for_a_page_that_starts_now(bench: Bench) -> None:
    freeze_what_was(bench)
    bench.run(3)
    newest = [item for item in bench.published if item.kind == "savings"][-1]
    bench.lane.close()
    stored = bench.store.entries(repository.MESSAGE)
    assert stored == {"pump": json.loads(encode(newest, ""))}
    assert stored["pump"]["v"]["interval_saved_wh_u"] > 0


def test_without_a_baseline_energy_is_published_and_no_saving(bench: Bench) -> None:
    bench.run(2.2)
    assert bench.savings()[-1]["interval_energy_wh"] == pytest.approx(25e3, rel=1e-6)
    assert "saved_energy_wh" not in bench.savings()[-1]


def test_maintenance_and_wiring_errors_are_immediate_events_and_mark_the_interval(bench: Bench) -> None:
    bench.run(2)
    bench.held = True
    bench.run(0.02)
    assert bench.events() == [("nre_maintenance", "begin")]
    bench.held = False
    bench.run(2.5, withheld=METER_WIRING(fault=WIRING_FAULTS["ct_reversed"](phases="L1")))
    bench.run(2.5)
    assert bench.events() == [("nre_maintenance", "begin"), ("nre_ct_wiring", "begin"), ("nre_maintenance", "end"),
                              ("nre_ct_wiring", "end")]  # fmt: skip
    assert {flag for item in repository.load_intervals(bench.store, "pump") for flag in item.flags} == {
        "maintenance",
        "ct_wiring",
    }


def test_a_new_tracker_continues_the_same_quarter_hour(bench: Bench) -> None:
    bench.run(1.5)
    bench.lane.close()
    bench.lane = bench.start()
    bench.run(1)
    whole = [item for item in repository.load_intervals(bench.store, "pump") if item.coverage > 0.9]
    assert whole[0].energy_wh == pytest.approx(25e3, rel=0.02)


def test_a_decision_of_another_process_counts_from_the_next_quarter(bench: Bench) -> None:
    freeze_what_was(bench)
    bench.run(2)
    bench.held = True
    bench.run(1)
    bench.held = False
    bench.run(3)
    before = bench.savings()[-1]["excluded_energy_wh"]
    assert before > 20e3
    (event,) = repository.load_events(bench.store, "pump")
    from agent.savings.records.non_routine_events import decided

    save_event(bench.store, decided(event, "keep", "Li Wei", "as ever", 0))
    bench.run(1)
    assert bench.savings()[-1]["excluded_energy_wh"] < before - 20e3
    assert bench.savings()[-1]["nre_open"] == 0


def test_a_changed_baseline_gives_no_saving_and_a_reason(bench: Bench) -> None:
    freeze_what_was(bench)
    bench.run(2.2)
    body = bench.store.entries(repository.FROZEN)["pump"]
    bench.store.save_entry(repository.FROZEN, "pump", "", {**body, "coefficients": [60e3]})
    bench.run(1.2)
    newest = bench.savings()[-1]
    assert "saved_energy_wh" not in newest
    assert newest["savings_caveats"] == "baseline_changed"
    bench.store.save_entry(repository.FROZEN, "pump", "", body)
    bench.run(1.2)
    assert bench.savings()[-1]["savings_verdict"] == "provisional"


def test_a_new_motor_with_half_the_energy_is_neither_a_changed_ratio_nor_a_shift(bench: Bench) -> None:
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
    assert ("nre_ct_ratio", "begin") in bench.events(), "of the new motor it would be one"


def test_invalid_entries_in_the_store_do_not_stop_tracking(tmp_path: Path, bench: Bench) -> None:
    bench.run(1.2)
    bench.store.do(lambda db: db.execute("update interval set body = '{\"asset\": 5}'").rowcount)
    bench.lane.close()
    bench.lane = bench.start()
    bench.run(2.2)
    assert bench.savings()[-1]["interval_energy_wh"] == pytest.approx(25e3, rel=1e-6)


def rename(bench: Bench, table: str, to: str) -> None:
    """A table that is missing makes each transaction fail that needs it."""
    with contextlib.suppress(StoreError):
        bench.store.flush()  # a write that fails must not be in the transaction of this one
    bench.store.do(lambda db: db.execute(f"alter table {table} rename to {to}").rowcount)


@contextlib.contextmanager
def unwritable_events(bench: Bench) -> Iterator[None]:
    """Each transaction fails that writes an event."""
    fail = f"when new.kind = '{repository.EVENT}' begin select raise(abort, 'no event today'); end"
    bench.store.do(lambda db: db.execute(f"create trigger unwritable before insert on note {fail}").rowcount)
    yield
    bench.store.do(lambda db: db.execute("drop trigger unwritable").rowcount)


def test_events_that_could_not_be_stored_are_stored_with_a_later_interval(bench: Bench) -> None:
    bench.run(2)
    bench.held = True
    with unwritable_events(bench):
        bench.run(2)
    assert bench.events() == []
    bench.run(1)
    [event] = repository.load_events(bench.store, "pump")
    assert (event.number, event.kind, event.to_ms) == (1, "maintenance", None)
    assert bench.events() == [("nre_maintenance", "begin")]
    bench.held = False
    with unwritable_events(bench):
        bench.run(3)
    bench.run(1)
    [ended] = repository.load_events(bench.store, "pump")
    assert ended.to_ms is not None
    assert ended.number == 1
    inside = [item for item in repository.load_intervals(bench.store, "pump") if "maintenance" in item.flags]
    assert ended.to_ms == inside[-1].end_ms
    assert bench.events() == [("nre_maintenance", "begin"), ("nre_maintenance", "end")]


def test_an_event_that_ended_before_it_could_be_stored_is_stored_once(bench: Bench) -> None:
    bench.run(2)
    bench.held = True
    with unwritable_events(bench):
        bench.run(1)
        bench.held = False
        bench.run(3)
    bench.run(1)
    [event] = repository.load_events(bench.store, "pump")
    assert (event.number, event.kind) == (1, "maintenance")
    assert event.to_ms is not None
    assert bench.events() == [("nre_maintenance", "end")]


def test_intervals_that_exceed_the_memory_are_logged_with_their_time_span(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """The state file cannot be written while the register fills two gaps of 39 days."""
    bench.run(0.1)

    def read(days: float) -> None:
        bench.clock.move(days * 86_400)
        now, hours = bench.clock.utc_ns(), bench.clock.monotonic_ns() / 3.6e12
        values: dict[str, Any] = {"active_power": W, "energy_import": W / 1000 * hours}
        reading = Reading("mcc-1", now, now, values, monotonic_ns=bench.clock.monotonic_ns())
        bench.lane.on_meter(reading, reading.values, reading.flags)

    second = 1 / 86_400
    for days in (second, second):
        read(days)
    rename(bench, "interval", "unwritable")
    from_ms = bench.clock.utc_ns() // 1_000_000 // QUARTER_MS * QUARTER_MS
    for days in (39.0, second, 39.0, second):
        read(days)
    rename(bench, "unwritable", "interval")
    bench.lane.close()
    stored = [item for item in repository.load_intervals(bench.store, "pump") if item.start_ms > from_ms]
    [logged] = [line for line in caplog.records if "lost" in line.getMessage()]
    assert logged.args is not None
    assert list(logged.args)[2:] == [local_time(from_ms), local_time(stored[0].start_ms)]


@pytest.mark.parametrize("back_h", [3, 30])
def test_a_clock_step_back_changes_no_total(bench: Bench, back_h: int) -> None:
    """Published sums equal those of a report over all stored intervals, also those dated later than the clock."""
    freeze_what_was(bench)
    bench.run(4 * 40)
    bench.clock.step(-back_h * 3600)
    bench.run(4 * 2)
    baseline = repository.load_frozen(bench.store, "pump")
    assert baseline is not None
    known = [item for item in repository.load_intervals(bench.store, "pump", baseline.to_ms) if item.coverage > 0.01]
    events = repository.load_events(bench.store, "pump")
    whole, _ = evaluate(baseline, known, events=events, classes=("0.5S", "0.5"))
    published = bench.savings()[-1]
    assert published["measured_energy_wh"] == pytest.approx(whole.measured_wh, abs=30e3), "but for the one that runs"
    assert published["saved_energy_wh"] == pytest.approx(whole.saved_wh, abs=6e3)
    assert published["savings_coverage_pct"] <= 101


def test_a_register_with_missing_readings_fills_no_gap(bench: Bench) -> None:
    """The first response after a gap of four hours lacks the export register: the next complete one fills the gap."""
    wh = 1_000_000.0

    def read(hours: float, export: bool = True) -> None:
        nonlocal wh
        bench.clock.move(3600 * hours)
        wh += W * hours
        now = bench.clock.utc_ns()
        values: dict[str, Any] = {"active_power": W, "energy_import": wh / 1000}
        values |= {"energy_export": 400.0} if export else {}
        reading = Reading("mcc-1", now, now, values, monotonic_ns=bench.clock.monotonic_ns())
        bench.lane.on_meter(reading, reading.values, reading.flags)

    for hours, export in (*[(1 / 360, True)] * 360, (4.0, False), *[(1 / 360, True)] * 360):
        read(hours, export)
    bench.lane.close()
    energy_wh = sum(item.energy_wh or 0.0 for item in repository.load_intervals(bench.store, "pump"))
    assert energy_wh == pytest.approx(6 * W, abs=W / 300)


def freeze_a_line(bench: Bench, lag_s: float = 0.0) -> None:
    """Freezes a linear baseline of the last 400 intervals: 30 kWh at 500 m³/h, and 20 Wh for each further m³/h."""
    now_ms = bench.clock.utc_ns() // 1_000_000 // QUARTER_MS * QUARTER_MS
    published = []
    for k in range(400):
        flow = 300 + 37 * k % 400
        wh = 20_000 + 20 * flow + 100 * (-1) ** (k // 2)
        published.append(Interval("pump", now_ms - (400 - k) * QUARTER_MS, wh, drivers={FLOW: Driver(float(flow))}))
    draft = learn("pump", published, kind="polynomial", drivers=[FLOW], classes=("0.5S", "0.5"))
    if lag_s:
        draft = replace(draft, shape={**draft.shape, "lags_s": {FLOW: lag_s}})
    save_frozen(bench.store, freeze(draft, now_ms, "test"))


def run_flows(bench: Bench, flows: list[float | None], *, register: bool = False) -> None:
    """Runs one interval for each flow; None: not received. Stops shortly after the start of the next interval."""
    for flow in flows:
        for _ in range(90):
            step(bench, flow, register)
    while not 0 < bench.clock.utc_ns() // 1_000_000 % QUARTER_MS < 20_000:
        step(bench, flows[-1], register)
    bench.store.flush()


def step(bench: Bench, flow: float | None, register: bool) -> None:
    bench.clock.move(10)
    now, monotonic = bench.clock.utc_ns(), bench.clock.monotonic_ns()
    values: dict[str, Any] = {"active_power": W, "reactive_power": W / 2, "serial_number": "22091734"}
    values |= {"energy_import": W / 1000 * (monotonic / 3.6e12)} if register else {}
    reading = Reading("mcc-1", now, now, values, monotonic_ns=monotonic)
    bench.lane.on_meter(reading, reading.values, reading.flags)
    if flow is not None:
        bench.lane.on_signals(Reading("signals-line-9", now, now, {FLOW: flow}, monotonic_ns=monotonic))
    bench.lane.on_row([], 1400.0, None, now // 1_000_000)


def reported(bench: Bench) -> Saving:
    """The saving in the monthly report of the same file, without the current interval (published at its end)."""
    now_ms = bench.clock.utc_ns() // 1_000_000
    runs_ms = now_ms // QUARTER_MS * QUARTER_MS
    bench.store.do(lambda db: db.execute("delete from interval where start_ms >= ?", (runs_ms,)).rowcount)
    month = f"{datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m}"
    found = bench.store.do(lambda db: collect(db, bench.config, bench.asset, month, now_ms))
    assert found.saving is not None
    return found.saving


def assert_the_same(bench: Bench) -> Saving:
    published, page = bench.savings()[-1], reported(bench)
    message = [item for item in bench.published if item.kind == "savings"][-1]
    assert published["measured_energy_wh"] == pytest.approx(page.measured_wh, abs=1)
    assert published["saved_energy_wh"] == pytest.approx(page.saved_wh, abs=1)
    assert message.uncertainties["saved_energy_wh"] == float(f"{page.u95_wh:.4g}"), "told to four digits"
    assert published["excluded_energy_wh"] == pytest.approx(page.excluded_wh, abs=1)
    return page


@pytest.mark.parametrize("missing", [1, 2, 3, 4, 6])
def test_a_missing_driver_is_interpolated_live_as_in_the_report(bench: Bench, missing: int) -> None:
    """A gap of up to three intervals is within the limit of one hour; longer gaps are excluded from both."""
    freeze_a_line(bench)
    run_flows(bench, [400.0, 420.0, 450.0, *[None] * missing, 600.0, 580.0, 500.0, *[None] * 2, 520.0, 510.0, 500.0])
    page = assert_the_same(bench)
    assert page.causes["interpolation"] > 0
    assert (page.excluded_wh > 20e3) == (missing > 3)


def test_interpolation_is_unchanged_by_a_restart_while_the_driver_is_missing(bench: Bench) -> None:
    freeze_a_line(bench)
    run_flows(bench, [400.0, 420.0, 450.0, None])
    bench.lane.close()
    bench.lane = bench.start()
    run_flows(bench, [None, 600.0, 580.0, 500.0])
    page = assert_the_same(bench)
    assert page.causes["interpolation"] > 0


def test_a_value_before_the_reporting_period_is_used_for_interpolation(bench: Bench) -> None:
    run_flows(bench, [400.0, 420.0, 450.0])
    freeze_a_line(bench)
    run_flows(bench, [None, None, 600.0, 580.0, 500.0])
    assert assert_the_same(bench).causes["interpolation"] > 0


def test_an_intermittent_driver_does_not_reload_earlier_intervals(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every second interval lacks the flow: only intervals of the last hours are read again, not a year.

    They are those that can change (five hours), before them those that their drivers can need (five hours), and the
    time that shows whether the signal is stuck (two hours); the newest value is up to an hour old.
    """
    freeze_a_line(bench)
    run_flows(bench, [400.0, 420.0, 450.0] * 24)
    wide: list[int] = []
    load = repository.load_intervals

    def watched(store: Store, asset: str, from_ms: int = 0, to_ms: int | None = None) -> list[Interval]:
        if from_ms < bench.clock.utc_ns() // 1_000_000 - 14 * 3_600_000:
            wide.append(from_ms)
        return load(store, asset, from_ms, to_ms)

    monkeypatch.setattr(repository, "load_intervals", watched)
    run_flows(bench, [None, 500.0, None, 480.0] * 4 + [None, None, 450.0, None, None, 470.0] * 2)
    assert wide == []
    assert assert_the_same(bench).causes["interpolation"] > 0


@pytest.mark.parametrize("asleep_s", [1500, 2400, 5000])
def test_energy_filled_after_a_stop_is_equal_live_and_in_the_report(bench: Bench, asleep_s: int) -> None:
    """Nothing was polled during the stop: the register supplies the energy, the flow is interpolated for an hour."""
    freeze_a_line(bench)
    run_flows(bench, [400.0, 420.0, 450.0], register=True)
    while bench.clock.utc_ns() // 1_000_000 % QUARTER_MS < 880_000:
        step(bench, 450.0, True)
    bench.clock.move(asleep_s)
    run_flows(bench, [600.0, 580.0, 500.0], register=True)
    page = assert_the_same(bench)
    assert page.causes["gaps"] > (1000 if asleep_s < 3600 else 0)
    assert (page.excluded_wh > 4 * W / 4) == (asleep_s > 3600), "longer than the hour: no quarter of it is claimed"


@pytest.mark.parametrize(("mean_w", "expected_w"), [(80e3, 80e3), (None, W)])
def test_the_mean_of_a_minute_is_integrated_where_it_is_chosen(
    bench: Bench, mean_w: float | None, expected_w: float
) -> None:
    """A meter that rejects it is integrated by its power."""
    lane = SavingsTracker(bench.asset, 60.0, bench.store, bench.published.append, "UTC")
    lane.power = "active_power_mean_1min"
    for _ in range(32):
        bench.clock.move(60)
        now = bench.clock.utc_ns()
        values: dict[str, Any] = {"active_power": W, "active_power_mean_1min": mean_w}
        reading = Reading("mcc-1", now, now, values, monotonic_ns=bench.clock.monotonic_ns())
        lane.on_meter(reading, reading.values, reading.flags)
    lane.close()
    bench.store.flush()
    stored = repository.load_intervals(bench.store, bench.asset.name)
    full = [item for item in stored if item.coverage == pytest.approx(1.0)]
    assert full
    assert full[0].energy_wh == pytest.approx(expected_w / 4)
