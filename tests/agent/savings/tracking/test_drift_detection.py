"""Load shifts are detected with all drivers of the baseline: a change of the second one neither opens nor hides one."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from random import Random

import pytest

from agent.savings.baseline.baseline import learn
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval
from agent.savings.tracking.drift_detection import DriftDetector, LoadModel
from agent.savings.tracking.event_detector import NonRoutineEventDetector

QUIET, AFTER = 24, 12  # days
SEEDS = range(4)
Law = Callable[[float, float], float]


def throttled(flow: float, inlet: float) -> float:
    return (10_000 + 20 * flow) * (1 - 0.005 * (inlet - 20))


def driven(flow: float, inlet: float) -> float:
    """After a retrofit: cubic in the flow, with half of the effect of the inlet temperature."""
    return (1500 + 18_000 * (flow / 800) ** 3) * (1 - 0.0025 * (inlet - 20))


def by_pumps(flow: float, pumps: float) -> float:
    return 10_000 + 20 * flow if pumps == 1 else 14_000 + 11 * flow


def weather(rng: Random, k: int, warmer: float) -> float:
    """±6 K over five days and ±3 K over a day, so that the baseline period contains all later temperatures."""
    return 20 + 6 * math.sin(2 * math.pi * k / 480) + 3 * math.sin(2 * math.pi * k / 96) + warmer + rng.gauss(0, 0.5)


def days(seed: int, law: Law, *, second: str = "inlet", moved: bool = False, share: float = 1.0) -> list[Interval]:
    """Intervals of QUIET + AFTER days.

    moved: after QUIET days the inlet is 5 K warmer and varies less, or two pumps run for 90 % of the time, not 50 %.
    share: factor of the energy after QUIET days.
    """
    rng = Random(seed)
    found = []
    pumps = 1.0
    for k in range(96 * (QUIET + AFTER)):
        late = k >= 96 * QUIET
        flow = 600 + 150 * math.sin(2 * math.pi * k / 96) + rng.gauss(0, 30)
        if second == "inlet":
            other = 25 + rng.gauss(0, 1) if late and moved else weather(rng, k, 0.0)
        else:
            pumps = (2.0 if rng.random() < (0.9 if late and moved else 0.5) else 1.0) if k % 12 == 0 else pumps
            other = pumps
        wh = law(flow, other) * (1 + rng.gauss(0, 0.01)) * (share if late else 1.0)
        drivers = {"flow": Driver(flow), second: Driver(other)}
        found.append(Interval("pump", k * QUARTER_MS, wh, drivers=drivers, meter="mcc-1 1 400/5"))
    return found


def watched(baseline: Baseline, rows: list[Interval]) -> list[str]:
    watch = NonRoutineEventDetector("pump")
    watch.set_model(baseline)
    return [event.kind for item in rows for event in watch.on_interval(item)]


@cache
def of_both(law: Law, second: str = "inlet") -> Baseline:
    return learn("pump", days(99, law, second=second), drivers=["flow", second])


@cache
def of_one(law: Law, second: str = "inlet") -> Baseline:
    return learn("pump", days(99, law, second=second), drivers=["flow"])


@pytest.mark.parametrize(("old", "now", "second"), [
    (throttled, throttled, "inlet"), (throttled, driven, "inlet"), (by_pumps, by_pumps, "pumps"),
])  # fmt: skip
def test_no_shift_opens_where_only_the_second_driver_moves(old: Law, now: Law, second: str) -> None:
    """A baseline on the flow alone opens one, which shows that the second driver is necessary."""
    both, one = of_both(old, second), of_one(old, second)
    for seed in SEEDS:
        rows = days(seed, now, second=second, moved=True)
        assert watched(both, rows) == [], f"seed {seed}"
    if (old, now) != (throttled, driven):
        assert "load_shift" in [
            kind for seed in SEEDS for kind in watched(one, days(seed, now, second=second, moved=True))
        ]


@pytest.mark.parametrize("share", [1.02, 0.98])
@pytest.mark.parametrize(("old", "now", "second"), [
    (throttled, throttled, "inlet"), (throttled, driven, "inlet"), (by_pumps, by_pumps, "pumps"),
])  # fmt: skip
def test_a_shift_of_2_percent_is_detected_with_a_moving_second_driver(
    share: float, old: Law, now: Law, second: str
) -> None:
    both = of_both(old, second)
    for seed in SEEDS:
        assert "load_shift" in watched(both, days(seed, now, second=second, moved=True, share=share)), f"seed {seed}"


def test_a_shift_of_1_percent_is_not_detected_by_flow_alone() -> None:
    """With the flow alone, the effect of the inlet (±3 % over five days) is part of the scatter of the blocks."""
    rows = [days(seed, throttled, share=1.01) for seed in SEEDS]
    assert not any("load_shift" in watched(of_one(throttled), items) for items in rows)
    assert all("load_shift" in watched(of_both(throttled), items) for items in rows)


def test_a_state_that_is_new_or_between_two_opens_nothing() -> None:
    both = of_both(by_pumps, "pumps")
    rows = days(1, by_pumps, second="pumps")
    for k in (*range(500, 520), *range(2500, 2600)):
        rows[k] = Interval("pump", rows[k].start_ms, 3 * (rows[k].energy_wh or 0.0), meter=rows[k].meter,
                           drivers={**rows[k].drivers, "pumps": Driver(3.0 if k > 2000 else 1.5)})  # fmt: skip
    assert watched(both, rows) == []


def test_a_missing_driver_opens_no_event_and_permanently_the_other_one_is_used() -> None:
    both = of_both(throttled)
    rows = days(2, throttled)
    for k in (0, *range(700, 740)):
        rows[k] = Interval("pump", rows[k].start_ms, rows[k].energy_wh, meter=rows[k].meter,
                           drivers={"inlet": rows[k].drivers["inlet"]})  # fmt: skip
    assert watched(both, rows) == []
    for k in range(800, len(rows)):
        wh = (rows[k].energy_wh or 0.0) * (2 if k > 2000 else 1)
        rows[k] = Interval("pump", rows[k].start_ms, wh, meter=rows[k].meter, drivers={"flow": rows[k].drivers["flow"]})
    assert "ct_ratio" in watched(both, rows)


@pytest.mark.parametrize("law", [lambda flow: 80.0, lambda flow: flow**2 / 100])
def test_a_constant_or_proportional_second_driver_opens_no_event(law: Callable[[float], float]) -> None:
    """Half a year without a change. The effects of the drivers cannot be separated, and no event may open."""
    rng = Random(1)
    like = DriftDetector(LoadModel(("flow", "inlet"), ((50.0, 50.0), (50.0, 50.0))))
    for k in range(96 * 180):
        flow = 100 * rng.random()
        drivers = {"flow": Driver(flow), "inlet": Driver(law(flow))}
        item = Interval("pump", k * QUARTER_MS, (1000 + 10 * flow) * (1 + rng.gauss(0, 0.02)), drivers=drivers)
        assert like.compare(item) == (None, None), k // 96


def test_grades_without_a_common_curve_are_compared_separately() -> None:
    """Energy depends on the grade: more intervals of two grades are no shift, 2 % more energy in all grades is."""
    level = {1.0: 1000.0, 2.0: 1200.0, 3.0: 1030.0, 4.0: 1100.0}

    def rows(late: float, share: float) -> list[Interval]:
        rng, grade, found = Random(4), 1.0, []
        for k in range(96 * 40):
            after = k >= 96 * 24
            if k % 12 == 0:
                grade = rng.choice((2.0, 4.0) if after and rng.random() < late else tuple(level))
            wh = level[grade] * (1 + rng.gauss(0, 0.01)) * (share if after else 1.0)
            found.append(Interval("pump", k * QUARTER_MS, wh, drivers={"grade": Driver(grade)}, meter="a"))
        return found

    baseline = learn("pump", rows(0.0, 1.0)[: 96 * 14])
    assert (baseline.drivers, baseline.shape["by_state"]) == (("grade",), "levels")
    assert watched(baseline, rows(0.9, 1.0)) == []
    assert watched(baseline, rows(0.0, 1.02)) == ["load_shift"]


@pytest.mark.parametrize("share", [1, 2, 4])
def test_measured_intervals_after_imported_hours_open_nothing(share: int) -> None:
    """15 min use a quarter of the energy of an hour; mean powers are compared. A factor of 2 or 4 is found."""
    rng, rows = Random(3), list[Interval]()
    for k in range(400):
        length_s = 3600 if k < 300 else 900
        flow = 600 + rng.gauss(0, 50)
        wh = (1000 + 10 * flow) * (1 + rng.gauss(0, 0.01)) * length_s / 3600 * (share if k >= 350 else 1)
        start_ms = rows[-1].end_ms if rows else 0
        rows.append(Interval("pump", start_ms, wh, length_s, drivers={"flow": Driver(flow)}, meter="mcc-1 1 400/5"))
    watch = NonRoutineEventDetector("pump")
    kinds = [event.kind for item in rows for event in watch.on_interval(item)]
    assert kinds == ([] if share == 1 else ["ct_ratio"] * len(kinds))
    assert bool(kinds) == (share > 1)
