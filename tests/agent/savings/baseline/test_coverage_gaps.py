"""Coverage gaps: ranges of a driver with almost no baseline data, as between standstill and the lowest flow.

Intervals in a gap are neither fitted nor counted as savings, and standstill has a separate level. A driver with few
distinct values or with sparse tails has no gap.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from support.accounting import evaluate
from support.independent_plant_cases import Outcome, both
from support.retrofit import FLOW, START_MS

from agent.core.text import Catalogue
from agent.savings import reasons
from agent.savings.baseline.baseline import LearnError, freeze, learn
from agent.savings.baseline.models import covered_ranges, described, factors, formula, terms
from agent.savings.baseline.regression import coverage_gaps, design, least_squares, with_standstill
from agent.savings.records.baseline_json import from_json, intact, to_json
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval
from agent.savings.report.html import details
from agent.savings.tracking.event_detector import NonRoutineEventDetector

STANDBY_WH = 400.0


def pump_wh(flow: float) -> float:
    """A pump at constant speed: high energy even at almost no flow, almost none at standstill."""
    return 20_000 + 30 * flow - 0.01 * flow**2 if flow > 0 else STANDBY_WH


def quarter(k: int, flow: float, wh: float | None = None, **more: object) -> Interval:
    found = Interval("pump", START_MS + k * QUARTER_MS, pump_wh(flow) if wh is None else wh,
                     drivers={FLOW: Driver(flow)}, meter="a")  # fmt: skip
    return replace(found, **more)  # type: ignore[arg-type]


def two_weeks(rest: bool = True) -> list[Interval]:
    """Flows of 500 to 900; with `rest`, standstill from 22:00 to 06:00.

    The pump starts in the middle of an interval, which has half of the flow and of the energy.
    """
    chance, found = np.random.default_rng(7), []
    for k in range(14 * 96):
        flow = 500.0 + 400 * chance.random()
        wh = pump_wh(flow) * (1 + 0.005 * chance.normal())
        if rest and (k % 96 < 24 or k % 96 >= 88):
            flow, wh = 0.0, STANDBY_WH
        elif rest and k % 96 == 24:
            flow, wh = flow / 2, (wh + STANDBY_WH) / 2
        found.append(quarter(k, flow, wh, running_s=900.0 if flow >= 500 else 450.0 if flow > 0 else 0.0))
    return found


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return freeze(learn("pump", two_weeks()), 0, "test")


def test_intervals_between_standstill_and_the_lowest_flow_are_excluded_with_a_reason(baseline: Baseline) -> None:
    items = [quarter(2000 + k, 700.0) for k in range(100)]
    items[5], items[6] = quarter(2005, 250.0, 9000.0), quarter(2006, 0.0)
    saving, lines = evaluate(baseline, items)
    [(low, high)] = baseline.shape["holes"][FLOW]
    assert low == 0
    assert 490 < high < 520
    assert lines[5].excluded == reasons.DRIVER_IN_COVERAGE_GAP(driver=FLOW, value=250.0, low=0.0, high=high)
    assert lines[5].adjusted_wh is not None
    assert [line.excluded for k, line in enumerate(lines) if k != 5] == [None] * 99, "standstill is not a gap"
    assert saving.excluded_wh == 9000
    cause = reasons.IN_COVERAGE_GAP(driver=FLOW, low=0.0, high=high)
    assert reasons.ENERGY_EXCLUDED(energy_wh=9000, cause=cause) in saving.caveats
    assert covered_ranges(baseline, FLOW) == [(0.0, 0.0), (high, baseline.ranges[FLOW][1])]


def test_much_of_it_is_advised_on_and_opens_an_event(baseline: Baseline) -> None:
    items = [quarter(2000 + k, 250.0 if k % 4 == 0 else 700.0, 30_000.0) for k in range(100)]
    saving, lines = evaluate(baseline, items)
    [advice] = [caveat for caveat in saving.caveats if caveat.code == reasons.OUTSIDE_BASELINE]
    assert advice.data["share"] == pytest.approx(0.25)
    assert advice.data["part"] == 1
    assert advice.data["cause"].code == reasons.IN_COVERAGE_GAP
    assert advice.data["cause"].data["driver"] == FLOW
    watch = NonRoutineEventDetector("pump")
    pairs = zip(items, lines, strict=True)
    changed = [event for item, line in pairs for event in watch.on_interval(item, line.excluded)]
    [cause] = {event.cause for event in changed if event.kind == "out_of_range"}
    assert cause.code == reasons.RANGE_LEFT
    assert cause.data["cause"].code == reasons.DRIVER_IN_COVERAGE_GAP


def test_standstill_and_running_are_each_predicted_correctly(baseline: Baseline) -> None:
    """A single curve for both would have an error of more than 2 % at a flow of 500."""
    for flow in (0.0, 520.0, 600.0, 700.0, 890.0):
        [line] = evaluate(baseline, [quarter(2000, flow)])[1]
        assert line.adjusted_wh == pytest.approx(pump_wh(flow), rel=0.003)
    assert baseline.shape["residuals_wh"][0] == pytest.approx(0, abs=1e-6)
    assert baseline.shape["residuals_wh"][1] == pytest.approx(0.005 * pump_wh(700), rel=0.1)


def test_a_start_within_a_quarter_hour_is_excluded_with_a_reason(baseline: Baseline) -> None:
    """Ten minutes at a flow of 900: the mean of 600 is in the range, but takes less energy than a steady 600."""
    started = quarter(2000, 600.0, (2 * pump_wh(900) + STANDBY_WH) / 3, running_s=600.0)
    items = [
        started,
        *(quarter(2001 + k, 600.0, running_s=900.0) for k in range(9)),
        quarter(2010, 0.0, running_s=0.0),
    ]
    saving, lines = evaluate(baseline, items)
    assert [line.excluded for line in lines] == [reasons.TRANSITION_INTERVAL()] + [None] * 10
    [caveat] = [item for item in saving.caveats if item.code == reasons.ENERGY_EXCLUDED]
    assert caveat.data["cause"] == reasons.TRANSITION_INTERVAL()
    steady = freeze(learn("pump", two_weeks(rest=False)), 0, "test")
    assert "holes" not in steady.shape
    assert evaluate(steady, [started])[0].intervals == 1, "without a hole nothing changes"


def test_the_coverage_gap_is_part_of_the_frozen_baseline_and_its_formula(baseline: Baseline) -> None:
    assert intact(baseline)
    assert from_json(json.loads(json.dumps(to_json(baseline)))) == baseline
    assert not intact(replace(baseline, shape={**baseline.shape, "holes": {}}))
    assert described(baseline.kind, baseline.shape, baseline.drivers).code == reasons.MODEL_WITH_STANDSTILL
    marks = factors(baseline.kind, baseline.shape, ["x"])
    assert len(marks) == len(baseline.coefficients)
    assert formula(baseline.coefficients, marks).startswith(f"{STANDBY_WH:g}·[x ≤ ")


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("polynomial", {"degree": 2}), ("affinity", {})],
)
def test_terms_are_the_same_for_one_and_for_arrays(kind: str, shape: dict[str, object]) -> None:
    """Above standstill; the row at standstill is that of its mean."""
    x = np.array([500.0, 733.0, 900.0])
    many = design(kind, shape, x[:, None])
    shape = {**shape, "still": 250.0}
    assert [[0.0, *row] for row in many.tolist()] == [pytest.approx(terms(kind, shape, [value])) for value in x]
    for value in (0.0, 249.0):
        assert terms(kind, shape, [value]) == [1.0, *[0.0] * many.shape[1]]


def test_standstill_has_its_mean_and_the_rest_its_own_line() -> None:
    """Expected values: numpy's least squares of the running part, mean and variance of the other one.

    The residuals are not autocorrelated, so that the mean of 60 has the variance of 60/8 independent samples.
    """
    chance = np.random.default_rng(3)
    x = np.concatenate([np.zeros(60), 500 + 400 * chance.random(140)])
    y = np.where(x > 0, 20_000 + 30 * x, 400) + chance.normal(0, 50, 200)
    runs = x > 250
    running = least_squares(design("polynomial", {"degree": 1}, x[runs, None]), y[runs])
    found = with_standstill(running, y, runs)
    line = np.polyfit(x[60:], y[60:], 1)
    assert found.coefficients == pytest.approx([y[:60].mean(), line[1], line[0]])
    assert found.residuals[:60] == pytest.approx(y[:60] - y[:60].mean())
    tau = 140 / running.n_effective
    assert found.covariance[0, 0] == pytest.approx(y[:60].var(ddof=1) / (60 / tau / 8))
    assert found.covariance[0, 1:] == pytest.approx(0)
    assert found.covariance[1:, 1:] == pytest.approx(running.covariance)


@pytest.mark.parametrize(
    ("x", "found"),
    [
        (np.repeat(np.arange(21.0), 20), []),  # integer tonnes
        (np.repeat(np.arange(7.0), 60), []),  # seven equidistant values
        (np.concatenate([np.zeros(300), np.linspace(40, 100, 700)]), [(0.0, 40.0)]),
        (np.concatenate([np.zeros(300), [15.0, 20.0, 31.0], np.linspace(40, 100, 997)]), [(0.0, 40.0)]),
        (np.concatenate([np.zeros(3), np.linspace(40, 100, 700)]), [(0.0, 40.0)]),  # one short stop
        (np.concatenate([np.linspace(0, 10, 300), np.linspace(50, 60, 300)]), [(10.0, 50.0)]),
        (np.concatenate([np.zeros(300), np.linspace(0.2, 39.8, 40), np.linspace(40, 100, 700)]), []),  # rare values
        (np.random.default_rng(1).normal(50, 10, 1344), []),  # sparse tails
        (np.full(100, 3.0), []),
        (np.concatenate([np.zeros(300), np.full(50, 50.0), np.full(300, 100.0)]), [(0.0, 50.0), (50.0, 100.0)]),
    ],
)  # fmt: skip
def test_a_range_with_few_samples_is_a_coverage_gap(x: np.ndarray, found: list[tuple[float, float]]) -> None:
    assert coverage_gaps(np.random.default_rng(0).permutation(x)) == found


def test_a_state_driver_for_standstill_makes_the_coverage_gap_unnecessary() -> None:
    """With `running` as second driver the model distinguishes the two levels, so that it needs no coverage gap."""
    items = [replace(item, drivers={**item.drivers, "signal_running": Driver((item.running_s or 0.0) / 900)})
            for item in two_weeks()]  # fmt: skip
    found = learn("pump", items, drivers=[FLOW, "signal_running"])
    assert found.shape["states"] == [0.0, 1.0]
    assert not {"holes", "still"} & found.shape.keys()


def test_a_shift_driver_does_not_remove_the_coverage_gap() -> None:
    items = [replace(item, drivers={**item.drivers, "signal_crew": Driver(float(k // 96 % 2))},
                    energy_wh=(item.energy_wh or 0.0) * (1.05 if k // 96 % 2 else 1.0))
            for k, item in enumerate(two_weeks())]  # fmt: skip
    found = freeze(learn("pump", items, drivers=[FLOW, "signal_crew"]), 0, "test")
    assert FLOW in found.shape["holes"]
    inside = replace(quarter(2000, 250.0), drivers={FLOW: Driver(250.0), "signal_crew": Driver(1.0)})
    excluded = evaluate(found, [inside])[1][0].excluded
    assert excluded is not None
    assert excluded.code == reasons.DRIVER_IN_COVERAGE_GAP


def counted(outcomes: list[Outcome]) -> tuple[int, float]:
    covered = sum(item.covered for item in outcomes)
    return covered, float(np.mean([(item.saving.saved_wh - item.true_wh) / item.true_adjusted_wh for item in outcomes]))


@pytest.mark.parametrize("name", ["weeks", "two shifts"])
def test_a_mill_that_stops_is_covered_by_u95(name: str) -> None:
    """A single curve for standstill and running has errors of −0.2 and −0.4 % of the energy; U95 covers 77 and 75 %."""
    covered, bias = counted([half for seed in range(8) for half in both(name, seed)])
    assert covered >= 14
    assert abs(bias) < 0.001


@pytest.mark.parametrize("kind", ["polynomial", "affinity"])
def test_the_page_writes_each_coefficient_with_its_factor(kind: str) -> None:
    found = freeze(learn("pump", two_weeks(), kind=kind), 0, "test")
    assert "still" in found.shape
    equation, _symbols = details.formula_lines(found, Catalogue("en"))
    assert equation.startswith(f"E = {STANDBY_WH:g}·[x ≤ ")
    assert equation.count("[x > ") == len(found.coefficients) - 1
    [(_name, seen)] = details.ranges(found)
    assert seen.startswith("0 … 0 | ")


def test_a_motor_that_starts_in_each_quarter_hour_has_a_reason_for_no_baseline() -> None:
    items = [quarter(k, 100.0 if k % 2 else 900.0 + k % 9, 9000.0, running_s=450.0) for k in range(400)]
    items = [replace(item, drivers={FLOW: Driver(item.drivers[FLOW].mean + k % 11)}) for k, item in enumerate(items)]
    with pytest.raises(LearnError) as error:
        learn("pump", items)
    assert error.value.reason == reasons.TOO_FEW_OUTSIDE_GAPS(asset="pump", usable=0, n=400, drivers=(FLOW,), least=48)


def test_a_gap_of_a_driver_that_is_not_used_excludes_nothing_from_fit_and_saving() -> None:
    """The model uses only the flow, which has no gap. The temperature has one (cold and hot weeks), but no effect.

    Intervals with a start are fitted and counted as savings: both treat them in the same way.
    """
    chance, items = np.random.default_rng(3), []
    for k in range(960):
        flow, starts = 900 * chance.random(), k % 48 == 7
        drivers = {FLOW: Driver(flow), "signal_air_c": Driver((0.0 if k < 480 else 30.0) + chance.random())}
        wh = (5000 + 20 * flow) * (0.5 if starts else 1.0) * (1 + 0.005 * chance.normal())
        items.append(quarter(k, flow, wh, drivers=drivers, running_s=450.0 if starts else 900.0))
    found = learn("pump", items)
    assert found.drivers == (FLOW,)
    saving, lines = evaluate(found, items)
    assert found.n == saving.intervals == 960
    assert {line.excluded for line in lines} == {None}
