"""A missing driver is interpolated linearly: its energy was measured, only the interpolated value is uncertain.

The plant needs 20 Wh for each unit of flow, so that every expected value can be calculated by hand.
"""

from __future__ import annotations

import json
import math
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from support import metered_retrofit
from support.accounting import evaluate
from support.independent_plant_cases import both
from support.retrofit import FLOW, START_MS

from agent.config.loader import load_config
from agent.config.topology import assets
from agent.delivery.store.read_only import open_read_only
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.baseline.regression import interpolation_u
from agent.savings.reasons import DRIVER_MISSING
from agent.savings.records.baseline_json import intact
from agent.savings.records.interpolation import with_lagged_drivers
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval, Saving
from agent.savings.report.model.month import ReportMonth, collect

AIR = "signal_air_c"


def flow(k: int) -> float:
    return 300.0 + 37 * k % 601


def quarter(k: int, share: float = 1.0) -> Interval:
    drivers = {FLOW: Driver(flow(k)), AIR: Driver(20.0 + k % 7)}
    return Interval("pump", START_MS + k * QUARTER_MS, share * (5000 + 20 * flow(k)), drivers=drivers, meter="a")


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    measured = [replace(quarter(k), energy_wh=5000 + 20 * flow(k) + 100 * (-1) ** k) for k in range(600)]
    return freeze(learn("pump", measured, drivers=[FLOW], kind="polynomial"), 0, "test")


def without(name: str, *gaps: range) -> list[Interval]:
    missing = {k for gap in gaps for k in gap}
    found = [quarter(1000 + k, 0.8) for k in range(200)]
    return [
        replace(item, drivers={key: value for key, value in item.drivers.items() if key != name})
        if k in missing else item for k, item in enumerate(found)
    ]  # fmt: skip


def of(baseline: Baseline, measured: list[Interval]) -> Saving:
    return evaluate(baseline, measured)[0]


def line_error(missing: int) -> float:
    """RMS difference between the mean of `missing` flows and the mean of the flows before and after them."""
    errors = [
        np.mean([flow(k + j) for j in range(1, missing + 1)]) - (flow(k) + flow(k + missing + 1)) / 2
        for k in range(600 - missing - 1)
    ]
    return float(np.sqrt(np.mean(np.square(errors))))


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_the_uncertainty_is_that_of_a_straight_line_over_the_same_number_of_intervals(
    baseline: Baseline, missing: int
) -> None:
    """Errors within a gap are fully correlated: 20 Wh times the interpolation error of the flow, per interval."""
    found = of(baseline, without(FLOW, range(10, 10 + missing)))
    assert found.intervals == 200
    assert found.causes["gaps"] == 0
    assert found.causes["interpolation"] == pytest.approx(20 * missing * line_error(missing), rel=0.02)


def test_errors_of_different_gaps_are_independent(baseline: Baseline) -> None:
    one, four = (of(baseline, without(FLOW, *(range(10 * k, 10 * k + 2) for k in range(1, n + 1)))) for n in (1, 4))
    assert four.causes["interpolation"] == pytest.approx(2 * one.causes["interpolation"], rel=0.02)
    side_by_side = of(baseline, without(FLOW, range(10, 12), range(13, 15)))
    assert side_by_side.causes["interpolation"] == pytest.approx(math.sqrt(2) * one.causes["interpolation"], rel=0.02)


def test_a_driver_that_the_model_does_not_use_changes_nothing(baseline: Baseline) -> None:
    whole, other = of(baseline, without(FLOW)), of(baseline, without(AIR, range(10, 13)))
    assert replace(other, caveats=()) == replace(whole, caveats=())
    measured = without(AIR, range(10, 13))
    measured[11] = replace(measured[11], coverage=0.5)
    assert of(baseline, measured).intervals == 199, "half of it was not polled, and no register supplies the rest"


def test_an_unpolled_interval_counts_with_an_interpolated_driver_only_if_the_register_has_its_energy(
    baseline: Baseline,
) -> None:
    measured = without(FLOW, range(10, 12))
    measured[10] = replace(measured[10], coverage=0.4)
    assert of(baseline, measured).intervals == 199
    measured[10] = replace(measured[10], filled_wh=0.6 * (measured[10].energy_wh or 0.0))
    found = of(baseline, measured)
    assert found.intervals == 200
    assert found.causes["gaps"] == pytest.approx(0.3 * measured[10].filled_wh)


def test_a_baseline_frozen_without_interpolation_uncertainty_keeps_its_value(baseline: Baseline) -> None:
    """30 % of the energy, the rule that applied when the baseline was frozen."""
    shape = {key: value for key, value in baseline.shape.items() if key != "straight_u"}
    old, measured = freeze(replace(baseline, shape=shape), 0, "test"), without(FLOW, range(10, 13))
    assert intact(old)
    found = of(old, measured)
    assert found.causes["gaps"] == pytest.approx(0.3 * sum(item.energy_wh or 0.0 for item in measured[10:13]))
    assert found.causes["interpolation"] == 0


def test_interpolation_is_exact_for_a_linear_driver_and_does_not_cross_a_pause() -> None:
    starts_ms = [k * QUARTER_MS for k in (0, 1, 2, 3, 4, 100, 101, 102, 103, 104)]
    x = np.array([float(k) for k in range(10)])
    assert interpolation_u(x, starts_ms, 900) == pytest.approx([0.0, 0.0, 0.0], abs=1e-12)
    assert interpolation_u(x[:3] ** 2, starts_ms[:3], 900) == pytest.approx([1.0, 1.0, 1.0]), (
        "too short for longer gaps"
    )


def test_within_an_interval_of_an_hour_nothing_is_interpolated_and_the_driver_can_have_any_value() -> None:
    """A gap of an hour between hourly values is none; shorter intervals of a later period can have one."""
    x = np.arange(10.0)
    assert interpolation_u(x, [k * 3_600_000 for k in range(10)], 3600) == pytest.approx([math.sqrt(99 / 12)])


def test_the_length_of_an_interpolation_is_its_time(baseline: Baseline) -> None:
    """Of three intervals without flow two were not recorded: the third has the uncertainty of a gap of three."""
    measured = without(FLOW, range(10, 13))
    found = of(baseline, [*measured[:11], *measured[13:]])
    assert found.intervals == 198
    assert found.causes["interpolation"] == pytest.approx(20 * line_error(3), rel=0.02)


def test_five_percent_missing_barely_increase_u() -> None:
    """U95 is below 5 % of the saving with 5 % of the flow values missing; with the complete flow it is 3.8 %."""
    measured = [both("driver missing", seed)[0] for seed in range(4)]
    assert np.mean([item.saving.u95_wh / item.true_wh for item in measured]) < 0.05
    assert sum(item.covered for item in measured) >= 3


def month_of(plant: Path, month: str) -> ReportMonth:
    config = load_config(plant / "plant.toml")[0]
    db = open_read_only(plant / "state" / "magwatt.sqlite")
    try:
        return collect(db, config, assets(config)[0], month, metered_retrofit.utc_ms("2024-12-01 00:00"))
    finally:
        db.close()


def test_the_page_interpolates_across_the_end_of_a_month(tmp_path: Path) -> None:
    """Two intervals without flow, one before and one after midnight."""
    metered_retrofit.retrofit(tmp_path, days=33)
    before = month_of(tmp_path, "2024-10"), month_of(tmp_path, "2024-11")
    edge_ms = metered_retrofit.utc_ms("2024-11-01 00:00")
    with sqlite3.connect(tmp_path / "state" / "magwatt.sqlite") as db:
        for start_ms in (edge_ms - QUARTER_MS, edge_ms):
            [body] = db.execute("select body from interval where start_ms = ?", (start_ms,)).fetchone()
            measured = json.dumps({**json.loads(body), "drivers": {}})
            db.execute("update interval set body = ? where start_ms = ?", (measured, start_ms))
    db.close()
    for whole, month in zip(before, ("2024-10", "2024-11"), strict=True):
        found = month_of(tmp_path, month)
        assert found.saving
        assert whole.saving
        assert found.saving.intervals == whole.saving.intervals
        assert found.saving.causes["interpolation"] > whole.saving.causes["interpolation"]
        assert len(found.intervals) == len(whole.intervals)


@pytest.mark.parametrize(("after", "claimed"), [(1.0, 40), (3.0, 38)])
def test_a_state_that_changed_while_it_was_missing_is_not_known(after: float, claimed: int) -> None:
    """Two intervals lack the state. Interpolation from 1 to 3 would give 2, which needs 999 Wh, not 1000 or 3000."""
    needs = {1.0: 1000.0, 2.0: 999.0, 3.0: 3000.0}

    def measured(k: int, grade: float) -> Interval:
        noise = 5.0 * (-1) ** k
        return Interval(
            "pump", START_MS + k * QUARTER_MS, needs[grade] + noise, drivers={"signal_grade": Driver(grade)}, meter="a"
        )

    baseline = freeze(
        learn("pump", [measured(k, 1.0 + k // 4 % 3) for k in range(600)], drivers=["signal_grade"]),
        0,
        "test",
    )
    found = [measured(1000 + k, 1.0 if k < 20 else after) for k in range(40)]
    found[19:21] = [replace(item, drivers={}) for item in found[19:21]]
    lines = evaluate(baseline, found)[1]
    assert sum(line.excluded is None for line in lines) == claimed
    assert {line.excluded for line in lines} - {None} <= {DRIVER_MISSING(drivers=("signal_grade",))}


def by_minute(items: list[Interval], lag_min: int) -> list[float | None]:
    """The mean of the signal over the minutes of each interval, lag_min earlier; None where a minute is unknown."""
    value = {
        item.start_ms // 60_000 + minute: item.drivers[FLOW].mean
        for item in items if FLOW in item.drivers for minute in range(item.length_s // 60)
    }  # fmt: skip
    found: list[float | None] = []
    for item in items:
        minutes = [item.start_ms // 60_000 + k - lag_min for k in range(item.length_s // 60)]
        found.append(None if any(k not in value for k in minutes) else float(np.mean([value[k] for k in minutes])))
    return found


def history(seed: int) -> list[Interval]:
    """Intervals of random lengths with pauses, some without the signal."""
    chance, at_ms, found = np.random.default_rng(seed), 0, []
    for _ in range(60):
        length_s = int(chance.choice([600, 900, 1800, 3600]))
        if chance.random() < 0.1:
            at_ms += int(chance.integers(1, 300)) * 60_000
        drivers = {FLOW: Driver(chance.uniform(100, 900))} if chance.random() < 0.9 else {}
        found.append(Interval("pump", at_ms, 1.0, length_s=length_s, drivers={**drivers, AIR: Driver(5.0)}))
        at_ms += 1000 * length_s
    return found


@pytest.mark.parametrize("lag_min", [-240, -45, -7, 15, 60, 90, 225])
@pytest.mark.parametrize("seed", range(5))
def test_a_lagged_driver_is_the_mean_over_the_earlier_time(lag_min: int, seed: int) -> None:
    items = history(seed)
    lagged = with_lagged_drivers(items, {FLOW: 60.0 * lag_min})
    expected = by_minute(items, lag_min)
    assert sum(value is None for value in expected) < 50
    for item, found, value in zip(items, lagged, expected, strict=True):
        assert found.drivers[AIR] == item.drivers[AIR]
        if value is None:
            assert FLOW not in found.drivers
        else:
            assert found.drivers[FLOW].mean == pytest.approx(value)
        assert (found.start_ms, found.energy_wh) == (item.start_ms, item.energy_wh)


def test_a_lag_of_an_interpolated_driver_keeps_its_uncertainty(baseline: Baseline) -> None:
    """The interpolated intervals are the same, two intervals later."""
    lagged = freeze(replace(baseline, shape={**baseline.shape, "lags_s": {FLOW: 1800.0}}), 0, "test")
    straight, late = (of(each, without(FLOW, range(10, 12))) for each in (baseline, lagged))
    assert late.intervals == straight.intervals - 2, "the first two have no value half an hour earlier"
    assert late.causes["interpolation"] == pytest.approx(straight.causes["interpolation"], rel=1e-6)
