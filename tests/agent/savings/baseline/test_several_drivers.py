"""Baselines on several drivers, compared with closed forms: selection of drivers, rejection, excluded intervals."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from msgspec.structs import replace
from support.accounting import evaluate, excluded_energy
from support.retrofit import FLOW, SHIFT, START_MS, TEMPERATURE

from agent.savings import reasons
from agent.savings.accounting.driver_error import DriverError
from agent.savings.accounting.interval_comparison import expected_wh
from agent.savings.accounting.verdict import outside_baseline
from agent.savings.baseline.baseline import collinear_drivers, freeze, learn
from agent.savings.baseline.models import others_at_mean
from agent.savings.baseline.samples import LearnError
from agent.savings.baseline.states import states_of
from agent.savings.records.baseline_json import from_json, intact, to_json
from agent.savings.records.model import QUARTER_MS, Driver, Interval

Law = Callable[[float, float], float]
TONNES = "signal_line_rpm"


def measured(
    law: Law, n: int = 960, second: str = TEMPERATURE, noise: float = 60.0, seed: int = 7, tie: float = 0.0
) -> list[Interval]:
    """A random flow, and a second driver: a random temperature, tied to the flow by `tie`, or a shift of 8 h."""
    rng = Random(seed)
    found = []
    for k in range(n):
        flow = rng.uniform(300, 900)
        other = float(1 + k // 32 % 3) if second == SHIFT else rng.gauss(20 + tie * (flow - 600), 5)
        wh = law(flow, other) + rng.gauss(0, noise)
        drivers = {FLOW: Driver(flow), second: Driver(other)}
        found.append(Interval("pump", START_MS + k * QUARTER_MS, wh, drivers=drivers, meter="m 1"))
    return found


def plane(flow: float, other: float) -> float:
    return 4000 + 20 * flow + 50 * other


def steps(flow: float, shift: float) -> float:
    return 4000 + 20 * flow + (0.0, 900.0, -400.0)[int(shift) - 1]


def column(items: list[Interval], name: str) -> np.ndarray:
    return np.array([item.drivers[name].mean for item in items])


def energies(items: list[Interval]) -> np.ndarray:
    return np.array([item.energy_wh or 0.0 for item in items])


def test_a_plane_is_the_least_squares_plane_with_its_covariance() -> None:
    """Expected values: numpy's lstsq, and s²·(XᵀX)⁻¹ times (n−p)/(n'−p)."""
    items = measured(plane)
    found = learn("pump", items, drivers=[FLOW, TEMPERATURE], kind="linear")
    assert found.shape["powers"] == [[0, 0], [1, 0], [0, 1]]
    x = np.stack([np.ones(len(items)), column(items, found.drivers[0]), column(items, found.drivers[1])], axis=1)
    y = energies(items)
    beta, rest, *_ = np.linalg.lstsq(x, y, rcond=None)
    assert found.coefficients == pytest.approx(beta.tolist(), rel=1e-9)
    expected = float(rest[0]) / (found.n_effective - 3) * np.linalg.inv(x.T @ x)
    assert np.array(found.covariance) == pytest.approx(expected, rel=1e-7)
    assert found.residual_wh == pytest.approx(math.sqrt(rest[0] / (len(y) - 3)))


def test_levels_of_states_are_those_of_the_analysis_of_covariance() -> None:
    """By hand from a textbook: slope within the states Σ(x−x̄)(y−ȳ)/Σ(x−x̄)², level of a state ȳ − b·x̄."""
    items = measured(steps, second=SHIFT)
    found = learn("pump", items)
    assert (found.drivers, found.shape["by_state"]) == ((FLOW, SHIFT), "levels")
    straight = learn("pump", items, drivers=[FLOW, SHIFT], kind="polynomial")
    assert straight.shape["degree"] == 1
    assert straight.hash == found.hash == ""
    x, y, shift = column(items, FLOW), energies(items), column(items, SHIFT)
    groups = [(x[shift == s], y[shift == s]) for s in (1, 2, 3)]
    over = sum(float(((a - a.mean()) * (b - b.mean())).sum()) for a, b in groups)
    slope = over / sum(float(((a - a.mean()) ** 2).sum()) for a, _ in groups)
    levels = [float(b.mean() - slope * a.mean()) for a, b in groups]
    assert straight.coefficients == pytest.approx(
        [levels[0], slope, levels[1] - levels[0], levels[2] - levels[0]], rel=1e-8
    )


def test_two_drivers_are_selected_where_both_have_an_effect() -> None:
    found = learn("pump", measured(plane))
    assert set(found.drivers) == {FLOW, TEMPERATURE}
    for flow, other in ((350.0, 14.0), (600.0, 26.0), (850.0, 19.0)):
        item = Interval("pump", 0, 0.0, drivers={FLOW: Driver(flow), TEMPERATURE: Driver(other)})
        assert expected_wh(found, item) == pytest.approx(plane(flow, other), rel=0.003)


def test_a_product_term_is_selected_where_it_exists() -> None:
    found = learn("pump", measured(lambda q, t: 4000 + 20 * q + 50 * t + 0.2 * q * t))
    assert any(sum(map(bool, powers)) == 2 for powers in found.shape["powers"])
    item = Interval("pump", 0, 0.0, drivers={FLOW: Driver(800.0), TEMPERATURE: Driver(27.0)})
    assert expected_wh(found, item) == pytest.approx(4000 + 16_000 + 1350 + 4320, rel=0.003)


def test_three_drivers_are_selected_where_three_have_an_effect() -> None:
    rng = Random(4)
    items = []
    for item in measured(plane):
        speed = rng.uniform(10, 30)
        drivers = {**item.drivers, TONNES: Driver(speed)}
        items.append(replace(item, energy_wh=(item.energy_wh or 0.0) + 70 * speed, drivers=drivers))
    found = learn("pump", items)
    assert set(found.drivers) == {FLOW, TEMPERATURE, TONNES}
    slopes = dict(zip(found.drivers, found.coefficients[1:4], strict=True))
    if found.shape["powers"][4:] == []:
        assert slopes[TONNES] == pytest.approx(70, rel=0.03)


@pytest.mark.parametrize("second", [TEMPERATURE, SHIFT])
def test_a_driver_without_effect_is_not_selected(second: str) -> None:
    for seed in range(20):
        found = learn("pump", measured(lambda q, _: 4000 + 20 * q, 480, second, 400.0, seed))
        assert found.drivers == (FLOW,), f"seed {seed}"


def test_correlated_drivers_are_not_both_selected_and_reported() -> None:
    """The temperature follows the flow to within about 5 %; VIF = 1/(1−R²) of their regression."""
    items = measured(plane, tie=0.5)
    x, t = column(items, FLOW), column(items, TEMPERATURE)
    vif = 1 / (1 - float(np.corrcoef(x, t)[0, 1]) ** 2)
    assert vif > 10
    assert len(learn("pump", items).drivers) == 1
    [found] = collinear_drivers(items)
    assert found.code == reasons.DRIVERS_COLLINEAR
    assert (found.data["one"], found.data["other"]) == (FLOW, TEMPERATURE)
    assert found.data["vif"] == pytest.approx(vif, rel=1e-3)
    assert collinear_drivers(measured(plane)) == []
    insisted = learn("pump", items, kind="linear")
    assert insisted.shape["vif"] == {
        FLOW: pytest.approx(vif, rel=1e-3), TEMPERATURE: pytest.approx(vif, rel=1e-3)
    }  # fmt: skip


def test_requested_drivers_are_used_exclusively() -> None:
    needless = measured(lambda q, _: 4000 + 20 * q)
    assert set(learn("pump", needless, drivers=[TEMPERATURE, FLOW]).drivers) == {FLOW, TEMPERATURE}
    assert learn("pump", measured(plane), drivers=[TEMPERATURE]).drivers == (TEMPERATURE,)
    with pytest.raises(LearnError) as error:
        learn("pump", needless, drivers=[FLOW, TEMPERATURE], kind="affinity")
    assert error.value.reason == reasons.NO_MODEL_OF_KIND_AND_DRIVERS(
        asset="pump", kind="affinity", drivers=(FLOW, TEMPERATURE)
    )


def test_an_unseen_combination_within_both_ranges_is_excluded() -> None:
    """Leverage of a plane, 1/n + d²/(n−1) with Mahalanobis distance d; limit: the maximum of the baseline period."""
    items = measured(plane, tie=0.02)
    found = freeze(learn("pump", items, drivers=[FLOW, TEMPERATURE], kind="linear"), 0, "test")
    assert found.shape["powers"] == [[0, 0], [1, 0], [0, 1]]
    cloud = np.stack([column(items, FLOW), column(items, TEMPERATURE)])
    inverse, middle = np.linalg.inv(np.cov(cloud)), cloud.mean(axis=1)

    def far(flow: float, other: float) -> float:
        away = np.array([flow, other]) - middle
        return float(away @ inverse @ away)

    most = max(far(q, t) for q, t in cloud.T)
    s2 = found.covariance[0][0] / _hat_of_the_constant(items, found.drivers)
    assert found.shape["variance_most_wh2"] == pytest.approx(s2 * (1 / len(items) + most / (len(items) - 1)), rel=1e-6)
    low, high = found.ranges[TEMPERATURE]
    corner, inside = (310.0, high - 0.1), (310.0, low + 0.4 * (high - low))
    assert far(*corner) > 1.1 * most > far(*inside)
    lines = evaluate(found, [
        Interval("pump", k * QUARTER_MS, 9000.0, drivers={FLOW: Driver(q), TEMPERATURE: Driver(t)})
        for k, (q, t) in enumerate([corner, inside, (200.0, 20.0), (600.0, high + 5)])
    ])[1]  # fmt: skip
    excluded = [line.excluded for line in lines]
    assert excluded[0] is not None
    assert excluded[1] is None
    assert excluded[0].code == reasons.DRIVERS_OUT_OF_RANGE_TOGETHER
    advice = outside_baseline(excluded_energy(lines[:2]))
    assert advice is not None
    assert advice.data["cause"] == reasons.COMBINATION_UNKNOWN(drivers=found.drivers)
    for reason, driver, value in ((excluded[2], FLOW, 200.0), (excluded[3], TEMPERATURE, high + 5)):
        assert reason is not None
        assert (reason.code, reason.data["driver"]) == (reasons.DRIVER_OUT_OF_RANGE, driver)
        assert reason.data["value"] == pytest.approx(value)


def _hat_of_the_constant(items: list[Interval], names: tuple[str, ...]) -> float:
    x = np.stack([np.ones(len(items)), *(column(items, name) for name in names)], axis=1)
    return float(np.linalg.inv(x.T @ x)[0, 0])


def test_one_missing_driver_of_two_is_a_missing_driver() -> None:
    found = learn("pump", measured(plane))
    lines = evaluate(found, [Interval("pump", 0, 1.0, drivers={FLOW: Driver(500.0)})])[1]
    assert lines[0].excluded == reasons.DRIVER_MISSING(drivers=(TEMPERATURE,))


def test_errors_of_two_drivers_add_in_quadrature() -> None:
    """Limits of 2 % of the flow and 2 K: rectangular, their standard uncertainty is the effect / √3."""
    found = learn("pump", measured(plane), drivers=[FLOW, TEMPERATURE], kind="linear")
    assert found.shape["powers"] == [[0, 0], [1, 0], [0, 1]]
    values = [(490.0, 19.0), (510.0, 21.0)]  # their means are 500 and 20; a value that stays would be a stuck signal
    items = [replace(item, drivers={FLOW: Driver(values[k % 2][0]), TEMPERATURE: Driver(values[k % 2][1])})
             for k, item in enumerate(measured(plane))]  # fmt: skip
    slopes = dict(zip(found.drivers, found.coefficients[1:], strict=True))
    expected = len(items) * math.hypot(slopes[FLOW] * 10, slopes[TEMPERATURE] * 2) / math.sqrt(3)
    errors = {FLOW: DriverError(relative=0.02), TEMPERATURE: DriverError(absolute=2.0)}
    assert evaluate(found, items, driver_errors=errors)[0].causes["driver"] == pytest.approx(expected, rel=1e-9)


def test_a_driver_that_changes_within_a_quarter_hour_is_not_a_state() -> None:
    """Intervals with a change of state have means between two states; a mean close to a state counts as this state."""
    x = np.repeat([1.0, 2.0, 3.0] * 10, 32)
    x[32::32] = x[32::32] * 0.75 + x[31:-1:32] * 0.25
    level = states_of(x)
    assert level == {"states": [1.0, 2.0, 3.0], "within": pytest.approx(0.1)}
    assert states_of(np.random.default_rng(1).uniform(0, 1, 500)) is None
    assert states_of(np.round(np.random.default_rng(1).normal(10, 1.5, 900))) is None, "a coarse number is no state"
    items = measured(steps, second=SHIFT)
    mixed = items[:1]
    for before, item in pairwise(items):
        state = 0.4 * before.drivers[SHIFT].mean + 0.6 * item.drivers[SHIFT].mean
        mixed.append(replace(item, drivers={**item.drivers, SHIFT: Driver(state)}))
    found = learn("pump", mixed)
    assert found.shape["by_state"] == "levels"
    assert found.n == len(items) - 29
    near = Interval("pump", 0, 1.0, drivers={FLOW: Driver(500.0), SHIFT: Driver(2.05)})
    assert expected_wh(found, near) == pytest.approx(steps(500, 2), rel=0.005)
    between = replace(near, drivers={FLOW: Driver(500.0), SHIFT: Driver(1.5)})
    saving, lines = evaluate(found, [between])
    unknown = reasons.STATE_UNKNOWN(value=1.5)
    assert lines[0].excluded == unknown
    assert reasons.OUTSIDE_BASELINE(share=1.0, part=1.0, cause=unknown) in saving.caveats


def test_a_curve_is_drawn_at_the_means_of_the_other_drivers() -> None:
    items = measured(steps, second=SHIFT)
    found = learn("pump", items)
    drawn = [others_at_mean(found, item) for item in items]
    assert len({item.drivers[SHIFT].mean for item in drawn}) == 1
    assert [item.drivers[FLOW] for item in drawn] == [item.drivers[FLOW] for item in items]
    single = learn("pump", items, drivers=[FLOW])
    assert others_at_mean(single, items[3]) == items[3]


def test_a_baseline_of_two_drivers_is_frozen_as_any_other() -> None:
    for items in (measured(plane), measured(steps, second=SHIFT)):
        frozen = freeze(learn("pump", items), 0, "Li Wei")
        assert intact(frozen)
        assert from_json(json.loads(json.dumps(to_json(frozen)))) == frozen
        assert not intact(replace(frozen, shape={**frozen.shape, "variance_most_wh2": 1e99}))
