"""`baseline show`, the topic `savings` and the monthly report state the same saving, whatever happened before.

A history is drawn from a seed: outages of meter, register and drivers, transmitters that are stuck, energy that lags,
maintenance, clock steps, restarts, decisions, imports, ends of months, dated periods, and wrong transformer ratios. It
is applied to a running tracker; the three results are then compared.
"""

from __future__ import annotations

import math
import random
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.basics import HandClock
from support.retrofit import FLOW
from support.retrofit_plant import config_toml
from support.savings import save_event, save_frozen, save_intervals

from agent.config.loader import load_config
from agent.config.topology import assets
from agent.core.messages import Message
from agent.delivery.store import Store
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.reasons import DRIVER_MISSING, ENERGY_EXCLUDED
from agent.savings.records import repository
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval, Saving
from agent.savings.records.non_routine_events import decided
from agent.savings.report.model.month import collect
from agent.savings.service import SavingsService
from agent.savings.tracking.tracker import SavingsTracker
from drivers.reading import Reading

AIR, PUMPS = "signal_air_c", "signal_pumps_running"
SIGNALS = "".join(
    f'[signal.{name}]\nbus = "line"\nunit_id = 9\naddress = {address}\ntype = "f32"\nunit_of_measure = "{unit}"\n'
    'motor = "pump"\n'
    for name, address, unit in (("air", 2, "C"), ("pumps", 4, "running"))
)
POLL_S = 300
FAR_DAYS = 100  # of a clock that is wrong by much: intervals with such dates are part of no present saving


@cache
def drafts() -> list[Baseline]:
    """Baselines of 400 intervals before time 0: by flow (also with a lag), by flow and temperature, by state,
    and constant.
    """
    chance, found = random.Random(1), []
    for k in range(400):
        flow, air, pumps = chance.uniform(300, 700), chance.uniform(10, 30), float(chance.choice((1, 2)))
        wh = 12_000 + 20 * flow + 60 * air + 900 * pumps + chance.gauss(0, 150)
        drivers = {FLOW: Driver(flow), AIR: Driver(air), PUMPS: Driver(pumps)}
        found.append(Interval("pump", (k - 400) * QUARTER_MS, wh, drivers=drivers, meter="mcc-1 22091734 400/5",
                              reactive_varh=wh / 2))  # fmt: skip
    classes = ("0.5S", "0.5")
    by_flow = learn("pump", found, kind="polynomial", drivers=[FLOW], classes=classes)
    return [
        by_flow,
        *(replace(by_flow, shape={**by_flow.shape, "lags_s": {FLOW: lag_s}}) for lag_s in (3600.0, -1800.0)),
        learn("pump", found, kind="linear", drivers=[FLOW, AIR], classes=classes),
        learn("pump", found, drivers=[FLOW, PUMPS], classes=classes),
        learn("pump", found, kind="constant", classes=classes),
    ]


class History:
    """One motor from the start of its reporting period on."""

    def __init__(self, folder: Path, seed: int) -> None:
        path = folder / "plant.toml"
        path.write_text(config_toml(True, "127.0.0.1:502", folder / "state", 1.0, SIGNALS), encoding="utf-8")
        config = load_config(path)[0]
        self.chance = chance = random.Random(seed)
        begin = datetime(2026, 10, 31, 12, 7, tzinfo=UTC) + timedelta(hours=chance.randrange(-30, 12))
        self.clock = HandClock(begin.timestamp())
        self.store, self.messages = Store(folder / "state", self.clock), list[Message]()
        frozen_ms = self.now_ms // QUARTER_MS * QUARTER_MS
        draft = chance.choice(drafts())
        draft = replace(draft, from_ms=draft.from_ms + frozen_ms, to_ms=frozen_ms)
        self.baseline = freeze(draft, frozen_ms, "test")
        motor = config.motors["pump"]
        if chance.random() < 0.3:
            reporting = begin + timedelta(minutes=chance.randrange(0, 400))
            periods = [("baseline", begin - timedelta(days=4)), ("reporting", reporting)]
            if chance.random() < 0.5:
                periods.append(("end", reporting + timedelta(minutes=chance.randrange(300, 900))))
            motor = replace(motor, periods=tuple(periods))
        self.config = replace(config, motors={"pump": motor})
        self.register = chance.random() < 0.6
        self.silent = dict.fromkeys(("meter", "register", FLOW, AIR, PUMPS, "row"), 0.0)
        self.wh, self.flow, self.pumps, self.held = 7e6, 500.0, 1.0, False
        self.stuck_flow, self.stuck_until_s = 0.0, 0.0
        self.ratio = 0.9  # of the energy to that of the baseline
        self.lane = self.start()

    @property
    def now_ms(self) -> int:
        return self.clock.utc_ns() // 1_000_000

    def start(self) -> SavingsTracker:
        [asset] = assets(self.config)
        return SavingsTracker(asset, POLL_S, self.store, self.messages.append, "UTC", lambda _: self.held)

    def run(self, quarters: int) -> None:
        for k in range(quarters * 3):
            if k == 3:
                save_frozen(self.store, self.baseline)
            self.disturb()
            self.step(POLL_S + self.chance.uniform(-20, 20))

    def settle(self) -> None:
        """Ends the running interval, so that the newest message contains everything."""
        count = len(self.messages)
        while not any(message.kind == "savings" for message in self.messages[count:]):
            self.step(POLL_S)
        self.store.flush()

    def step(self, seconds: float) -> None:
        chance = self.chance
        self.clock.move(seconds)
        self.flow = min(max(self.flow + chance.gauss(0, 25), 270.0), 730.0)
        self.pumps = 3 - self.pumps if chance.random() < 0.05 else self.pumps
        w = self.ratio * (54_000 + 80 * self.flow + 3600 * self.pumps)
        self.wh += w * seconds / 3600
        quiet = {name for name, until_s in self.silent.items() if self.clock.monotonic_ns() / 1e9 < until_s}
        now_ns, monotonic_ns = self.clock.utc_ns(), self.clock.monotonic_ns()
        values: dict[str, Any] = {"active_power": w, "reactive_power": w / 3, "serial_number": "22091734"}
        if self.register and "register" not in quiet:
            values["energy_import"] = self.wh / 1000
        if "meter" not in quiet:
            reading = Reading("mcc-1", now_ns, now_ns, values, monotonic_ns=monotonic_ns)
            self.lane.on_meter(reading, reading.values, reading.flags)
        displayed = self.stuck_flow if self.clock.monotonic_ns() / 1e9 < self.stuck_until_s else self.flow
        signals = {FLOW: displayed, AIR: 15 + self.flow / 100 + chance.uniform(0, 3), PUMPS: self.pumps}
        known = {name: value for name, value in signals.items() if name not in quiet}
        if known:
            self.lane.on_signals(Reading("signals-line-9", now_ns, now_ns, known, monotonic_ns=monotonic_ns))
        if "row" not in quiet:
            self.lane.on_row([], 1400.0, None, now_ns // 1_000_000)

    def disturb(self) -> None:
        chance = self.chance
        for name in self.silent:
            if chance.random() < 0.02:
                longest_s = 9000 if name != "row" else 1200
                self.silent[name] = self.clock.monotonic_ns() / 1e9 + chance.uniform(200, longest_s)
        if chance.random() < 0.01:
            self.stuck_flow = self.flow
            self.stuck_until_s = self.clock.monotonic_ns() / 1e9 + chance.uniform(3600, 40_000)
        if chance.random() < 0.02:
            self.held = not self.held
        if chance.random() < 0.004:
            days = chance.choice((0, 0, 0, 0, FAR_DAYS))
            hours = chance.choice((-5, -2, -1, -0.3, 0.3, 1, 3)) if not days else 0
            self.clock.step(hours * 3600 + days * 86_400)
        if self.now_ms > self.baseline.to_ms + FAR_DAYS * 86_400_000 and chance.random() < 0.2:
            self.clock.step(-FAR_DAYS * 86_400)
        if chance.random() < 0.01:
            self.lane.close()
            if chance.random() < 0.5:
                self.clock.move(chance.uniform(60, 7200))
            self.lane = self.start()
        if chance.random() < 0.01:
            self.ratio = chance.choice((0.45, 0.68, 0.9, 0.9))
        if chance.random() < 0.01:
            self.decide()
        if chance.random() < 0.005:
            self.import_history()

    def decide(self) -> None:
        """A decision of another process."""
        self.store.flush()
        if events := repository.load_events(self.store, "pump"):
            decision = self.chance.choice(("exclude", "keep", "adjust"))
            adjust_wh = 12_345.0 if decision == "adjust" else 0.0
            event = decided(self.chance.choice(events), decision, "Li Wei", "test", self.now_ms, adjust_wh)
            with closing(Store(self.store.directory, self.clock)) as store:
                save_event(store, event)

    def import_history(self) -> None:
        """An import of another process: the intervals that are missing, or drivers of intervals that lack them."""
        self.store.flush()
        newest_ms = self.now_ms // QUARTER_MS * QUARTER_MS
        known = {item.start_ms: item for item in repository.load_intervals(self.store, "pump")}
        items = []
        for k in range(2, self.chance.randrange(3, 40)):
            start_ms = newest_ms - k * QUARTER_MS
            drivers = {FLOW: Driver(520.0), AIR: Driver(24.0), PUMPS: Driver(1.0)}
            item = known.get(start_ms) or Interval("pump", start_ms, 18_000.0, meter="mcc-1", source="imported")
            items.append(replace(item, drivers={**drivers, **item.drivers}))
        with closing(Store(self.store.directory, self.clock)) as store:
            save_intervals(store, items)

    def by_command(self) -> Saving:
        return SavingsService(self.config, self.store, "pump", self.now_ms).saving(self.baseline)

    def reported(self) -> list[Saving]:
        """The savings of all months since the baseline."""
        at, found = datetime.fromtimestamp(self.baseline.to_ms / 1000, UTC).replace(day=1), []
        while at.timestamp() * 1000 < self.now_ms + 31 * 86_400_000:
            month = self.store.do(
                lambda db, at=at: collect(db, self.config, assets(self.config)[0], f"{at:%Y-%m}", self.now_ms)
            )
            found += [month.saving] if month.saving else []
            at = (at + timedelta(days=32)).replace(day=1)
        return found

    def compare(self) -> None:
        self.settle()
        by_command, months = self.by_command(), self.reported()
        message = [item for item in self.messages if item.kind == "savings"][-1]
        published = message.values
        assert published["measured_energy_wh"] == round(by_command.measured_wh)
        assert published["adjusted_baseline_energy_wh"] == round(by_command.adjusted_wh)
        assert published["excluded_energy_wh"] == round(by_command.excluded_wh)
        assert published["savings_coverage_pct"] == round(100 * by_command.coverage, 1)
        assert published["savings_verdict"] == by_command.verdict
        assert message.uncertainties["saved_energy_wh"] == float(f"{by_command.u95_wh:.4g}")
        for name in ("intervals", "measured_wh", "adjusted_wh", "saved_wh", "excluded_wh"):
            total = sum(getattr(month, name) for month in months)
            assert total == pytest.approx(getattr(by_command, name), abs=1e-3), name
        first, last = (datetime.fromtimestamp(t_ms / 1000, UTC) for t_ms in (by_command.from_ms, by_command.to_ms - 1))
        if months and (first.year, first.month) == (last.year, last.month):
            assert months[0].verdict == "undecided", "without a ledger the report has no verdict"
            same = {"caveats": (), "open_events": 0, "verdict": ""}
            assert replace(months[0], **same) == replace(by_command, **same)  # type: ignore[arg-type]


SEEDS = [pytest.param(seed, marks=[pytest.mark.soak] if seed >= 20 else []) for seed in range(300)]


@pytest.mark.parametrize("seed", SEEDS)
def test_show_topic_and_report_agree(seed: int, tmp_path: Path) -> None:
    history = History(tmp_path, seed)
    history.run(history.chance.randrange(20, 60))
    history.compare()
    history.run(history.chance.randrange(4, 40))
    history.compare()
    history.store.close()


class Stuck(History):
    """No disturbance but a transmitter that is stuck from the fourth to the fourteenth hour; the flow swings."""

    def disturb(self) -> None:
        hours = (self.now_ms - self.baseline.to_ms) / 3.6e6
        self.flow = 500 + 190 * math.sin(2 * math.pi * hours / 8)
        self.stuck_flow, self.stuck_until_s = 507.33, math.inf if 4 <= hours < 14 else 0.0


@pytest.mark.parametrize("draft", range(4))
def test_intervals_with_a_stuck_transmitter_are_excluded_everywhere(draft: int, tmp_path: Path) -> None:
    """Its means have rounding errors: readings come at irregular times."""
    history = Stuck(tmp_path, 3)
    baseline = drafts()[draft]
    shifted = replace(baseline, from_ms=history.baseline.from_ms, to_ms=history.baseline.to_ms)
    history.baseline = freeze(shifted, history.baseline.to_ms, "test")
    history.config = replace(history.config, motors={"pump": replace(history.config.motors["pump"], periods=())})
    history.run(44)  # it is still stuck
    history.compare()
    history.run(32)
    history.compare()
    excluded = [caveat for caveat in history.by_command().caveats if caveat.code == ENERGY_EXCLUDED]
    assert DRIVER_MISSING(drivers=(FLOW,)) in [caveat.data["cause"] for caveat in excluded]
    assert history.by_command().intervals <= 76 - 38
    history.store.close()
