"""Tonnes that are heated before they are rolled, combined with grades: models fitted to sums over shifts."""

from __future__ import annotations

import numpy as np
import pytest
from support.accounting import evaluate
from support.retrofit import START_MS, ar1

from agent.savings import reasons
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.baseline.model_selection import SHIFT_S
from agent.savings.records.baseline_json import from_json, intact, to_json
from agent.savings.records.model import QUARTER_MS, Driver, Interval

TONNES, GRADE = "signal_rolled_t", "signal_grade"
AHEAD = 12  # quarter hours, over which a slab is heated before it is rolled
FIRST = -(-START_MS // (32 * QUARTER_MS)) * 32  # a quarter hour at which a shift of 8 h begins
LEVELS = {"levels": (2000.0, 3500.0), "per_t": (900.0, 900.0)}
SLOPES = {"levels": (2000.0, 2000.0), "per_t": (800.0, 1200.0)}
ONE = {"levels": (2000.0, 2000.0), "per_t": (900.0, 900.0)}


def mill(
    seed: int, n: int, *, levels: tuple[float, ...], per_t: tuple[float, ...], rate: float = 10.0, second: float = 0.5,
    first: int = 0, noise: float = 0.02, ahead: int = AHEAD,
) -> list[Interval]:  # fmt: skip
    """Campaigns of 16 h in one of two grades, shifts with different output. second: share of campaigns in grade 2."""
    rng = np.random.default_rng(seed)
    whole = n + ahead
    grade = np.repeat(rng.random(whole // 64 + 1) < second, 64)[:whole].astype(int)
    tonnes = np.repeat(rng.uniform(0.6, 1.4, whole // 32 + 1), 32)[:whole] * rate * rng.uniform(0, 2, whole)
    heated = np.asarray(per_t)[grade] * tonnes
    wh = np.asarray(levels)[grade][:n] + np.convolve(heated, np.ones(ahead) / ahead, "valid")[:n]
    wh *= 1 + ar1(rng, n, 0.6, noise)
    return [
        Interval("mill", (FIRST + first + k) * QUARTER_MS, float(wh[k]), meter="m 1",
                 drivers={TONNES: Driver(float(tonnes[k])), GRADE: Driver(grade[k] + 1.0)})
        for k in range(n)
    ]  # fmt: skip


def test_levels_by_grade_are_the_regression_of_shift_sums_on_counts_and_tonnes() -> None:
    """Expected values: numpy's lstsq over shift sums of intervals, tonnes and intervals in grade 2."""
    items = mill(1, 40 * 96, **LEVELS)
    found = learn("mill", items, drivers=[TONNES, GRADE], kind="indicator")
    assert found.shape["base"] == "production"
    shifts: dict[int, list[Interval]] = {}
    for item in items:
        shifts.setdefault(int(item.start_ms / 1000 // SHIFT_S), []).append(item)
    rows = [[len(s), sum(i.drivers[TONNES].mean for i in s), sum(i.drivers[GRADE].mean == 2 for i in s)]
            for s in shifts.values()]  # fmt: skip
    sums = [sum(i.energy_wh or 0.0 for i in s) for s in shifts.values()]
    beta, rest, *_ = np.linalg.lstsq(np.array(rows, float), np.array(sums), rcond=None)
    assert found.coefficients == pytest.approx(beta.tolist(), rel=1e-8)
    expected = float(rest[0]) / (found.n_effective - 3) * np.linalg.inv(np.array(rows, float).T @ np.array(rows, float))
    assert np.array(found.covariance) == pytest.approx(expected, rel=1e-6)


def test_without_earlier_heating_slopes_by_grade_are_the_energy_of_each_grade() -> None:
    found = learn("mill", mill(1, 40 * 96, noise=0.001, ahead=1, **SLOPES), drivers=[TONNES, GRADE], kind="slopes")
    production = found if found.shape["base"] == "production" else None
    for rival in found.rivals:
        if rival["kind"] == "slopes" and rival["shape"]["base"] == "production":
            production = production or type(found)(**{**_fields(found), "shape": rival["shape"],
                                                      "coefficients": tuple(rival["coefficients"])})  # fmt: skip
    assert production is not None
    assert production.coefficients == pytest.approx([2000, 800, 2000, 1200], rel=0.02)


def _fields(found: object) -> dict[str, object]:
    return {name: getattr(found, name) for name in found.__slots__}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("plant", "kinds"),
    [
        (ONE, {("production", None)}), (LEVELS, {("indicator", "production")}),
        (SLOPES, {("slopes", "production"), ("indicator", "production")}),
    ],
)  # fmt: skip
def test_sums_over_shifts_are_selected_where_slabs_are_heated_earlier(
    plant: dict[str, tuple[float, ...]], kinds: set[tuple[str, str | None]]
) -> None:
    """Fits to single intervals have too flat a slope and predict too much energy for a month with less production."""
    for seed in range(4):
        found = learn("mill", mill(seed, 28 * 96, **plant))
        assert (found.kind, found.shape.get("base")) in kinds, f"seed {seed}"


@pytest.mark.parametrize("plant", [LEVELS, SLOPES])
def test_with_less_to_roll_and_more_of_the_second_grade_u95_covers(plant: dict[str, tuple[float, ...]]) -> None:
    """The plant is unchanged: the true saving is zero and is within U95."""
    for seed in range(8):
        before = mill(seed, 28 * 96, **plant)
        after = mill(seed + 1000, 30 * 96, rate=9.0, second=0.7, first=29 * 96, **plant)
        saving, _ = evaluate(freeze(learn("mill", before), 0, "test"), after)
        assert abs(saving.saved_wh) <= saving.u95_wh, f"seed {seed}"


def test_the_slope_of_sums_excludes_slabs_heated_in_the_previous_shift() -> None:
    """On average, heating precedes rolling by (AHEAD − 1)/2 intervals.

    With independent production in each shift, this share of its 32 intervals is missing from the slope. The mean of 8
    seeds is within 3 standard errors (standard deviation of one seed: 4 % of the slope).
    """
    slopes = [
        learn("mill", mill(seed, 28 * 96, **LEVELS), drivers=[TONNES, GRADE], kind="indicator").coefficients[1]
        for seed in range(8)
    ]
    expected = 900 * (1 - (AHEAD - 1) / 2 / 32)
    assert np.mean(slopes) == pytest.approx(expected, rel=3 * 0.04 / 8**0.5)


def test_grades_with_separate_tonnes_are_not_distinguished() -> None:
    """Tonnes vary between intervals, but their sums over shifts follow from the grade: the VIF is that of the sums."""
    items = mill(3, 28 * 96, **LEVELS)
    even = [
        Interval("mill", item.start_ms, item.energy_wh, meter="m 1", drivers={
            GRADE: item.drivers[GRADE],
            TONNES: Driver(item.drivers[GRADE].mean * 8 * (1 + 0.5 * (-1) ** k)),
        })
        for k, item in enumerate(items)
    ]  # fmt: skip
    assert learn("mill", even).shape.get("base") != "production"


def test_a_model_by_tonnes_and_grade_is_frozen_as_any_other() -> None:
    for plant in (LEVELS, SLOPES):
        frozen = freeze(learn("mill", mill(2, 28 * 96, **plant)), 0, "Li Wei")
        assert intact(frozen)
        assert from_json(to_json(frozen)) == frozen
        assert reasons.MODEL_PRODUCTION(driver=TONNES) in [item.model for item in frozen.candidates]
