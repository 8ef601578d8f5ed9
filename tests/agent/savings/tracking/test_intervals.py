"""Intervals from readings: energy against closed forms, register-filled gaps, no loss at clock steps and kills."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest

from agent.analysis.efficiency.energy_window import EnergyCell
from agent.savings.records.model import QUARTER_MS, Driver, Interval
from agent.savings.tracking.interval_accumulator import IntervalAccumulator
from agent.savings.tracking.intervals import IntervalBuilder, IntervalSettings

START_MS = 1_790_000_100_000 // QUARTER_MS * QUARTER_MS


@dataclass
class Bench:
    """A meter with its readings, a store, and the finished intervals.

    utc_off_ms: error of the clock.
    true_wh: register of the meter.
    read_every: the register is read at every n-th second.
    """

    kept: dict[int, Interval] = field(default_factory=dict)
    finished: list[Interval] = field(default_factory=list)
    now_s: float = 0.0
    utc_off_ms: int = 0
    true_wh: float = 1_000_000.0
    register_wh: float | None = None
    read_every: int = 1
    step_wh: float = 0.0

    def __post_init__(self) -> None:
        self.hours = self.start()

    def start(self, last: Interval | None = None) -> IntervalBuilder:
        settings = IntervalSettings("pump", 1.0, 160e3, 200.0, {"flow": 0.01}, self.step_wh)
        return IntervalBuilder(settings, self.kept.get, self._keep, self._done, last, self.register_wh)

    def _keep(self, item: Interval) -> None:
        self.kept[item.start_ms], self.register_wh = item, self.hours.register_wh

    def _done(self, item: Interval) -> None:
        self._keep(item)
        self.finished.append(item)

    @property
    def utc_ms(self) -> int:
        return START_MS + round(1000 * self.now_s) + self.utc_off_ms

    def run(
        self, seconds: float, w: float = 100e3, step_s: float = 1.0, registers: bool = True, var: float = 5e4
    ) -> None:
        for _ in range(round(seconds / step_s)):
            self.pass_by(step_s, w)
            seen = registers and round(self.now_s) % self.read_every == 0
            register = round(self.true_wh / 10) * 10 if seen else None
            self.hours.add_power(self.now_s, self.utc_ms, w, var, register)

    def pass_by(self, seconds: float, w: float = 100e3) -> None:
        """Time passes without a reading."""
        self.now_s += seconds
        self.true_wh += w * seconds / 3600

    def total_wh(self) -> float:
        self.hours.close()
        return sum(item.energy_wh or 0.0 for item in self.kept.values())


def test_an_hour_of_steady_power_is_four_equal_quarters() -> None:
    bench = Bench()
    bench.run(3700)
    for item in bench.finished[1:]:
        assert item.energy_wh == pytest.approx(25_000, rel=1e-9)
        assert item.coverage == pytest.approx(1)
        assert item.reactive_varh == pytest.approx(12_500, rel=1e-9)
        assert item.auxiliary_wh == pytest.approx(50)
        assert item.running_s == pytest.approx(900)
        assert item.filled_wh == 0
    assert [item.start_ms - START_MS for item in bench.finished] == [0, QUARTER_MS, 2 * QUARTER_MS, 3 * QUARTER_MS]


def test_a_linearly_rising_power_is_integrated_exactly_and_split_at_the_quarter_hour() -> None:
    bench = Bench()
    for k in range(131):
        bench.now_s = 7.0 * k
        bench.hours.add_power(bench.now_s, bench.utc_ms, 10.0 * bench.now_s, None, None)
    (first,) = bench.finished
    assert first.energy_wh == pytest.approx(10 * 900**2 / 2 / 3600, rel=1e-12)
    assert first.reactive_varh is None
    bench.hours.close()
    assert bench.kept[START_MS + QUARTER_MS].energy_wh == pytest.approx(10 * (910**2 - 900**2) / 2 / 3600, rel=1e-9)


def test_regeneration_is_negative() -> None:
    bench = Bench()
    bench.run(1000, w=-20e3, registers=False)
    assert bench.finished[0].energy_wh == pytest.approx(-5000, rel=0.002)


@pytest.mark.parametrize("gap_s", [45, 61, 600, 3600, 3 * 3600])
def test_energy_of_a_gap_is_filled_by_the_register(gap_s: int) -> None:
    bench = Bench()
    bench.run(500)
    bench.pass_by(gap_s, 150e3)
    bench.run(2000)
    counted_wh, bridged = bench.total_wh(), gap_s < 60
    if not bridged:  # a gap below one minute is interpolated without the register
        assert counted_wh == pytest.approx(bench.true_wh - 1_000_000 - 100e3 / 3600, abs=15)
        filled_wh = sum(item.filled_wh for item in bench.kept.values())
        assert filled_wh == pytest.approx((gap_s * 150e3 + 100e3) / 3600, abs=15)
    covered_s = 900 * sum(item.coverage for item in bench.kept.values())
    assert covered_s == pytest.approx(2499 + gap_s if bridged else 2498, abs=1e-6)


def test_a_gap_without_a_register_stays_a_gap() -> None:
    bench = Bench()
    bench.run(900, registers=False)
    bench.pass_by(1800)
    bench.run(910, registers=False)
    whole = [item for item in bench.finished if item.coverage > 0.99]
    assert len(whole) == 2
    assert bench.total_wh() == pytest.approx(2 * 25_000, rel=0.02)


def test_intervals_without_readings_end_in_time_with_unknown_energy() -> None:
    bench = Bench()
    bench.run(900)
    for _ in range(4 * 900):
        bench.pass_by(1.0)
        bench.hours.end_overdue(bench.utc_ms)
    silent = [item for item in bench.finished if item.coverage == 0]
    assert len(silent) == 3
    assert all(item.energy_wh is None for item in silent)
    bench.run(900)
    assert bench.total_wh() == pytest.approx(bench.true_wh - 1_000_000, abs=100)
    assert all(bench.kept[item.start_ms].energy_wh == pytest.approx(25_000, abs=50) for item in silent)


def test_a_register_that_was_set_fills_no_gap() -> None:
    bench = Bench()
    bench.run(500)
    bench.pass_by(300)
    bench.true_wh = 5.0
    bench.run(500)
    assert bench.total_wh() == pytest.approx(998 * 100e3 / 3600, rel=0.01)


@pytest.mark.parametrize("seed", range(6))
def test_kills_at_any_moment_lose_nothing_and_count_nothing_twice(seed: int) -> None:
    rng = Random(seed)
    bench = Bench(read_every=(1, 10, 300)[seed % 3])
    for _ in range(6):
        bench.run(rng.randint(70, 2000))
        last = bench.kept[max(bench.kept)]  # killed: only stored intervals remain
        bench.pass_by(rng.randint(1, 400))
        bench.hours = bench.start(last)
    bench.run(1900)
    assert bench.total_wh() == pytest.approx(bench.true_wh - 1_000_000, abs=200)
    assert max(item.coverage for item in bench.kept.values()) <= 1.01


@pytest.mark.parametrize("step_h", [-8, 8, -0.1])
def test_a_clock_step_and_its_return_lose_no_energy_and_are_reported(step_h: float) -> None:
    bench = Bench()
    bench.run(2000)
    bench.utc_off_ms = round(3_600_000 * step_h)
    bench.run(3000)
    bench.utc_off_ms = 0
    bench.run(3000)
    assert bench.total_wh() == pytest.approx(bench.true_wh - 1_000_000, abs=100)
    assert sum("clock_step" in item.flags for item in bench.kept.values()) >= 2


@pytest.mark.parametrize(
    "utc_off_h", [-8.0, -2.0, -1.9], ids=["8 h back", "where it stood", "hardly further than it stood"]
)
def test_a_power_failure_with_a_lost_clock_loses_no_energy_and_is_reported(utc_off_h: float) -> None:
    """The gateway is without power for two hours, and its clock has no battery: the register supplies the energy."""
    bench = Bench()
    bench.run(2000)
    last = bench.kept[max(bench.kept)]
    bench.pass_by(7200)
    bench.utc_off_ms = round(3_600_000 * utc_off_h)
    bench.hours = bench.start(last)
    bench.run(3000)
    assert bench.total_wh() == pytest.approx(bench.true_wh - 1_000_000, abs=100)
    [seen] = [item for item in bench.kept.values() if "clock_step" in item.flags and item.filled_wh > 150_000]
    assert seen.filled_wh == pytest.approx(200_000, rel=0.02)


def test_a_register_of_a_replaced_meter_fills_no_gap_with_any_clock() -> None:
    bench = Bench()
    bench.hours.meter = "mcc-1 1234 400/5"
    bench.run(2000)
    last = bench.kept[max(bench.kept)]
    bench.pass_by(7200)
    bench.utc_off_ms = -8 * 3_600_000
    bench.hours = bench.start(last)
    bench.hours.meter = "mcc-1 9999 400/5"
    bench.run(3000)
    assert bench.total_wh() == pytest.approx(5000 * 100e3 / 3600, rel=0.02)


def test_drivers_are_means_over_time_with_their_accuracy() -> None:
    bench = Bench()
    for k in range(1000):
        bench.run(1, registers=False)
        if k % 10 == 0:
            bench.hours.add_driver("flow", bench.now_s, 100.0 if k < 450 else 200.0)
    assert bench.finished[0].drivers["flow"].mean == pytest.approx(150, rel=0.02)
    assert bench.finished[0].drivers["flow"].u == pytest.approx(1.5, rel=0.02)


def test_a_driver_with_few_values_is_missing() -> None:
    bench = Bench()
    bench.run(10)
    bench.hours.add_driver("flow", bench.now_s, 100.0)
    bench.run(900)
    assert bench.finished[0].drivers == {}


def test_shaft_energy_and_losses_of_the_estimator_apply_to_the_complete_interval() -> None:
    bench = Bench()
    for k in range(901):
        bench.run(1, registers=False)
        if k % 4:  # three of four seconds
            cell = EnergyCell(bench.now_s, 1.0, 1e5, 0, 97e3, 0, 92e3, 0, 3e3, 300.0, 5e3, 0, 0, 0, 750.0, 500.0, 1.0)
            bench.hours.add_cells([cell], 1400.0)
    item = bench.finished[0]
    assert item.shaft_wh == pytest.approx(92e3 / 4, rel=0.01)
    assert item.drive_loss_wh == pytest.approx(3e3 / 4, rel=0.01)
    assert item.motor_loss_wh == pytest.approx(5e3 / 4, rel=0.01)
    assert item.speed_rpm == pytest.approx(1400)


def test_two_parts_of_a_quarter_are_one() -> None:
    stored = Interval("p", 0, 10.0, coverage=0.25, drivers={"f": Driver(100.0)}, register_wh=(5, 15),
                      flags=("maintenance",))  # fmt: skip
    both = IntervalAccumulator.resumed(stored)
    both.add_power(675, 160.0, None, 1.0)
    both.add_cell(EnergyCell(675, 675, shaft_plus=20 * 3600), None)
    both.add_driver("f", 200.0, 675)
    found = interval_of(both)
    assert (found.energy_wh, found.coverage) == (pytest.approx(40), 1)
    assert found.shaft_wh == pytest.approx(20 / 0.75), "three quarters of the time stand for all of it"
    assert found.drivers["f"].mean == pytest.approx(175)
    assert found.flags == ("maintenance",)
    again = IntervalAccumulator.resumed(found)
    again.add_power(675, 160.0, None, 1.0)
    assert "clock_step" in interval_of(again).flags


def test_energy_that_was_imported_after_the_last_run_is_not_filled_again() -> None:
    """The agent stops at 00:30; hours until 02:30 are imported; it starts again at 02:40 and measures until 03:05."""
    bench = Bench()
    bench.run(1800)
    bench.hours.close()
    stopped_wh = sum(item.energy_wh or 0.0 for item in bench.kept.values())
    hours = [Interval("pump", START_MS + (1800 + 3600 * k) * 1000, 100e3, 3600, source="imported") for k in range(2)]
    bench.pass_by(7800, 100e3)
    bench.hours = bench.start(hours[-1])
    bench.run(1500)
    bench.hours.close()
    wh = sum(item.energy_wh or 0.0 for item in bench.kept.values()) - stopped_wh
    assert wh == pytest.approx(100e3 * 1500 / 3600, rel=0.01)


def test_a_stored_interval_that_is_resumed_is_unchanged() -> None:
    stored = Interval("p", 0, 30.0, auxiliary_wh=5.0, shaft_wh=20.0, drive_loss_wh=2.0, motor_loss_wh=3.0,
                      u_drive_loss_wh=0.5, u_motor_loss_wh=0.75, reactive_varh=8.0, speed_rpm=1400.0,
                      drivers={"f": Driver(200.0)}, coverage=0.5, filled_wh=4.0, running_s=300.0, meter="m",
                      register_wh=(5, 35), flags=("bypass",), source="imported")  # fmt: skip
    found = IntervalAccumulator.resumed(stored).interval("p", "m", 60.0, {})
    for name in Interval.__slots__:
        value = getattr(stored, name)
        assert getattr(found, name) == (pytest.approx(value) if isinstance(value, float) else value), name


@pytest.mark.parametrize("first", [True, False])
def test_a_shaft_power_known_for_a_short_time_is_unknown(first: bool) -> None:
    """After a restart the estimator has no result for a while: the shaft energy of a part is not extrapolated."""
    known = Interval("p", 0, 10.0, coverage=0.4, shaft_wh=8.0, motor_loss_wh=1.0, u_motor_loss_wh=0.2)
    both = IntervalAccumulator.resumed(known if first else Interval("p", 0, 15.0, coverage=0.6))
    both.add_power(540 if first else 360, 100.0, None, 1.0)
    if not first:
        both.add_cell(EnergyCell(360, 360, shaft_plus=8.0 * 3600, copper=3600), None)
    found = interval_of(both)
    assert (found.shaft_wh, found.motor_loss_wh, found.drive_loss_wh, found.u_motor_loss_wh) == (None, None, None, 0.0)


def test_energy_that_a_register_filled_does_not_change_the_shaft_energy() -> None:
    both = IntervalAccumulator.resumed(Interval("p", 0, 10.0, coverage=0.4, shaft_wh=8.0))
    both.filled_wh += 15.0
    assert interval_of(both).shaft_wh == pytest.approx(8.0)
    both.add_power(540, 100.0, None, 1.0)
    both.add_cell(EnergyCell(540, 540, shaft_plus=12.0 * 3600), None)
    assert interval_of(both).shaft_wh == pytest.approx(20.0)


def interval_of(bucket: IntervalAccumulator) -> Interval:
    return bucket.interval("p", "", 0.0, {})


@pytest.mark.parametrize(("gap_s", "filled"), [(600, False), (3600, False), (8 * 3600, True)])
def test_a_coarse_register_fills_only_a_gap_of_ten_steps(gap_s: float, filled: bool) -> None:
    """Steps of 40 kWh, 100 kW: ten steps take 4 h; a shorter gap would get up to 40 kWh too much or too little."""
    step_wh = 40_000.0
    bench = Bench(step_wh=step_wh)
    for seconds in (300, gap_s):
        for _ in range(300):
            bench.pass_by(1.0)
            register = bench.true_wh // step_wh * step_wh
            bench.hours.add_power(bench.now_s, bench.utc_ms, 100e3, 0.0, register)
        if seconds == 300:
            bench.pass_by(gap_s)
    measured_wh, gap_wh = 100e3 * 600 / 3600, 100e3 * gap_s / 3600
    found_wh = bench.total_wh()
    if filled:
        assert found_wh == pytest.approx(measured_wh + gap_wh, abs=step_wh)
    else:
        assert found_wh == pytest.approx(measured_wh, rel=0.01), "nothing was invented"
