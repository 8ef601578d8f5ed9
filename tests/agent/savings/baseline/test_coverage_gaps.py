"""Coverage gaps: ranges of a driver with almost no baseline data, as between idling and the lowest flow.

Intervals in a gap are neither fitted nor counted as savings. A driver with few distinct values or with sparse tails
has no gap. Intervals with the motor off are found by their energy: see test_off_state.py.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
from msgspec.structs import replace
from support.accounting import evaluate
from support.independent_plant_cases import Outcome, both
from support.retrofit import FLOW, START_MS

from agent.savings import reasons
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.baseline.models import covered_ranges
from agent.savings.baseline.regression import coverage_gaps
from agent.savings.records.baseline_json import from_json, intact, to_json
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval
from agent.savings.tracking.event_detector import NonRoutineEventDetector


def pump_wh(flow: float) -> float:
    """A pump at constant speed: high energy even at no flow."""
    return 20_000 + 30 * flow - 0.01 * flow**2


def quarter(k: int, flow: float, wh: float | None = None, **more: object) -> Interval:
    found = Interval("pump", START_MS + k * QUARTER_MS, pump_wh(flow) if wh is None else wh,
                     drivers={FLOW: Driver(flow)}, meter="a")  # fmt: skip
    return replace(found, **more)  # type: ignore[arg-type]


def two_weeks(rest: bool = True) -> list[Interval]:
    """Flows of 500 to 900; with `rest`, the pump runs against a closed valve from 22:00 to 06:00."""
    chance, found = np.random.default_rng(7), []
    for k in range(14 * 96):
        flow = 500.0 + 400 * chance.random()
        if rest and (k % 96 < 24 or k % 96 >= 88):
            flow = 0.0
        found.append(quarter(k, flow, pump_wh(flow) * (1 + 0.005 * chance.normal())))
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
    assert [line.excluded for k, line in enumerate(lines) if k != 5] == [None] * 99, "no flow is not a gap"
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


def test_the_coverage_gap_is_part_of_the_frozen_baseline(baseline: Baseline) -> None:
    assert intact(baseline)
    assert from_json(json.loads(json.dumps(to_json(baseline)))) == baseline
    assert not intact(replace(baseline, shape={**baseline.shape, "holes": {}}))


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
    """A single curve for off and running has errors of −0.2 and −0.4 % of the energy; U95 covers 77 and 75 %."""
    covered, bias = counted([half for seed in range(8) for half in both(name, seed)])
    assert covered >= 14
    assert abs(bias) < 0.001


def test_a_gap_of_a_driver_that_is_not_used_excludes_nothing_from_fit_and_saving() -> None:
    """The model uses only the flow, which has no gap. The temperature has one (cold and hot weeks), but no effect."""
    chance, items = np.random.default_rng(3), []
    for k in range(960):
        flow = 900 * chance.random()
        drivers = {FLOW: Driver(flow), "signal_air_degc": Driver((0.0 if k < 480 else 30.0) + chance.random())}
        items.append(quarter(k, flow, (5000 + 20 * flow) * (1 + 0.005 * chance.normal()), drivers=drivers))
    found = learn("pump", items)
    assert found.drivers == (FLOW,)
    saving, lines = evaluate(found, items)
    assert found.n == saving.intervals == 960
    assert {line.excluded for line in lines} == {None}
