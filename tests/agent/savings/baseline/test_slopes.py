"""Slopes that differ by state: compared with a regression per state, model selection, limits of the range."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from msgspec.structs import replace
from support.accounting import evaluate, excluded_energy
from support.retrofit import FLOW, PUMPS, SHIFT, START_MS, TEMPERATURE
from support.retrofit_cases import by_grade, by_pumps, by_shift

from agent.savings import reasons
from agent.savings.accounting.driver_error import DriverError
from agent.savings.accounting.interval_comparison import expected_wh
from agent.savings.accounting.verdict import outside_baseline
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.baseline.model_selection import ModelForm, fit_form
from agent.savings.baseline.models import factors, formula, others_at_mean
from agent.savings.records.baseline_json import from_json, intact, to_json
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval

RANGES = {1: (200.0, 550.0), 2: (450.0, 900.0)}


def two_pumps(flow: float, pumps: float) -> float:
    return 3000 + 20 * flow if pumps == 1 else 5000 + 11 * flow


def measured(
    law: Callable[[float, float], float] = two_pumps, n: int = 1200, noise: float = 0.01, seed: int = 7,
    second: Callable[[int], int] = lambda k: 1 + k // 30 % 2,
) -> list[Interval]:  # fmt: skip
    """A random flow within the range of the number of pumps; noise proportional to the energy."""
    rng = Random(seed)
    found = []
    for k in range(n):
        pumps = second(k)
        flow = rng.uniform(*RANGES[pumps])
        wh = law(flow, pumps) * (1 + rng.gauss(0, noise))
        drivers = {FLOW: Driver(flow), PUMPS: Driver(float(pumps))}
        found.append(Interval("pump", START_MS + k * QUARTER_MS, wh, drivers=drivers, meter="m 1"))
    return found


def at(flow: float, pumps: float, k: int = 0) -> Interval:
    return Interval("pump", k * QUARTER_MS, 10_000.0, drivers={FLOW: Driver(flow), PUMPS: Driver(pumps)})


STATES = {"states": [1.0, 2.0], "within": 0.1, "by_state": "slopes"}


def samples(items: list[Interval], *names: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Columns and energies."""
    columns = {name: np.array([item.drivers[name].mean for item in items]) for name in names}
    return columns, np.array([item.energy_wh for item in items])


def straight(items: list[Interval]) -> Baseline:
    """The linear model with slopes by state, even if another one predicts slightly better."""
    best = fit_form(ModelForm("polynomial", (FLOW, PUMPS), {"degree": 1, **STATES}), *samples(items, FLOW, PUMPS), {})
    assert best is not None
    return replace(
        learn("pump", items, drivers=[FLOW, PUMPS]), kind="polynomial", shape=best.shape,
        coefficients=tuple(best.fit.coefficients.tolist()), covariance=tuple(map(tuple, best.fit.covariance.tolist())),
        n_effective=best.fit.n_effective, residual_wh=best.fit.residual, drivers=best.drivers,
    )  # fmt: skip


def test_each_state_has_its_regression_line_and_uncertainty() -> None:
    """Textbook regression per state; s² = Σr²/(n'−p) of both together.

    b = Sxy/Sxx, a = ȳ − b·x̄, var b = s²/Sxx, var a = s²·(1/n + x̄²/Sxx), cov = −s²·x̄/Sxx.
    """
    items = measured()
    found = straight(items)
    x, pumps, y = (np.array(column) for column in zip(
        *((i.drivers[FLOW].mean, i.drivers[PUMPS].mean, i.energy_wh) for i in items), strict=True))  # fmt: skip
    squares, blocks = 0.0, []
    for k, state in enumerate((1, 2)):
        a, b = x[pumps == state], y[pumps == state]
        n, middle, sxx = len(a), a.mean(), float(((a - a.mean()) ** 2).sum())
        slope = float(((a - middle) * (b - b.mean())).sum()) / sxx
        level = float(b.mean()) - slope * middle
        assert found.coefficients[2 * k : 2 * k + 2] == pytest.approx([level, slope], rel=1e-8)
        squares += float(((b - level - slope * a) ** 2).sum())
        textbook = np.array([[1 / n + middle**2 / sxx, -middle / sxx], [-middle / sxx, 1 / sxx]])
        blocks.append((np.array(found.covariance)[2 * k : 2 * k + 2, 2 * k : 2 * k + 2], textbook))
    for block, textbook in blocks:
        assert block == pytest.approx(squares / (found.n_effective - 4) * textbook, rel=1e-6)
    assert found.residual_wh == pytest.approx(math.sqrt(squares / (len(x) - 4)), rel=1e-8)
    assert np.array(found.covariance)[:2, 2:] == pytest.approx(0)


def test_slopes_are_selected_where_they_differ_and_predict_both_states() -> None:
    found = learn("pump", measured())
    assert (found.shape["by_state"], found.drivers) == ("slopes", (FLOW, PUMPS))
    for flow, pumps in ((250.0, 1), (500.0, 1), (500.0, 2), (850.0, 2)):
        assert expected_wh(found, at(flow, pumps)) == pytest.approx(two_pumps(flow, pumps), rel=0.005)


@pytest.mark.parametrize("step", [0.0, 1500.0])
def test_slopes_are_not_selected_where_only_levels_differ_or_nothing_does(step: float) -> None:
    for seed in range(12):
        items = measured(lambda q, pumps: 3000 + 20 * q + step * (pumps - 1), 800, seed=seed)
        assert learn("pump", items).shape.get("by_state") != "slopes", f"seed {seed}"


@pytest.mark.parametrize("seeds", [range(2), pytest.param(range(2, 10), marks=pytest.mark.soak)])
def test_in_complete_retrofits_slopes_are_selected_by_pumps_and_grade_and_not_by_shift(seeds: range) -> None:
    taken = {
        case: sum(case(seed).baseline.shape.get("by_state") == "slopes" for seed in seeds)
        for case in (by_grade, by_shift)
    }
    assert taken == {by_grade: len(seeds), by_shift: 0}
    for item in map(by_pumps, seeds):
        assert item.baseline.drivers == (FLOW, PUMPS)
        assert abs(item.saving.saved_wh - item.true_wh) <= 1.5 * item.saving.u95_wh


def test_a_state_with_few_samples_has_no_separate_line() -> None:
    """Each state needs ten independent samples per coefficient: 18 intervals are too few for two."""
    rare = measured(n=1200, second=lambda k: 2 if k % 200 < 3 else 1)
    assert sum(item.drivers[PUMPS].mean == 2 for item in rare) == 18
    found = learn("pump", rare)
    assert found.shape.get("by_state") != "slopes"
    best = min(found.candidates, key=lambda item: item.cv_rmse)
    assert best.model.code == reasons.MODEL_WITH_SLOPES, "it would foretell best"
    named = learn("pump", rare, drivers=[FLOW, PUMPS])
    assert named.shape["by_state"] == "levels", "who names the drivers asks for no slopes"


def test_a_flow_that_was_never_seen_in_a_state_is_out_of_range() -> None:
    found = freeze(learn("pump", measured()), 0, "test")
    asked = [at(300, 1, 0), at(800, 2, 1), at(300, 2, 2), at(800, 1, 3), at(545, 1, 4), at(500, 3, 5), at(950, 2, 6)]
    lines = evaluate(found, asked)[1]
    assert [bool(line.excluded) for line in lines] == [False, False, True, True, False, True, True]
    low, high = found.shape["ranges"][FLOW][1]
    in_state = {"driver": FLOW, "low": low, "high": high, "state_driver": PUMPS, "state": 2.0}
    assert lines[2].excluded == reasons.DRIVER_OUT_OF_RANGE_IN_STATE(value=300.0, **in_state)
    assert low == pytest.approx(450, abs=5)
    assert lines[5].excluded == reasons.STATE_UNKNOWN(value=3.0)
    below, above = (outside_baseline(excluded_energy([line])) for line in lines[2:4])
    assert below is not None
    assert above is not None
    assert below.data["cause"] == reasons.BELOW_RANGE_IN_STATE(**in_state)
    assert above.data["cause"].code == reasons.ABOVE_RANGE_IN_STATE
    assert above.data["cause"].data["state"] == 1


def test_numbers_that_were_never_seen_so_together_in_this_state_are_out_of_range() -> None:
    """Inlet temperature and flow are correlated with two pumps only: each state has a separate leverage limit."""
    rng = Random(2)
    items = []
    for item in measured(n=2400):
        pumps, flow = item.drivers[PUMPS].mean, item.drivers[FLOW].mean
        inlet = rng.gauss(20, 5)
        if pumps == 2:
            inlet = 20 + (flow - 675) / 40 + rng.gauss(0, 2)
        wh = (item.energy_wh or 0.0) + 100 * pumps * inlet
        items.append(replace(item, energy_wh=wh, drivers={**item.drivers, TEMPERATURE: Driver(inlet)}))
    found = learn("pump", items)
    assert (set(found.drivers), found.drivers[-1]) == ({FLOW, TEMPERATURE, PUMPS}, PUMPS)
    assert found.shape["by_state"] == "slopes"
    asked = [replace(at(q, p), drivers={**at(q, p).drivers, TEMPERATURE: Driver(t)})
             for q, p, t in ((250, 1, 27), (470, 2, 15), (470, 2, 28))]  # fmt: skip
    *inside, outside = [line.excluded for line in evaluate(found, asked)[1]]
    assert inside == [None, None]
    assert outside is not None
    assert outside.code == reasons.DRIVERS_OUT_OF_RANGE_TOGETHER


def test_numbers_that_move_together_in_one_state_only_have_the_vif_of_that_state() -> None:
    rng = Random(2)
    items = []
    for item in measured(n=1200):
        flow = item.drivers[FLOW].mean
        inlet = rng.gauss(20, 5) if item.drivers[PUMPS].mean == 1 else 20 + (flow - 675) / 20 + rng.gauss(0, 0.3)
        items.append(replace(item, drivers={**item.drivers, TEMPERATURE: Driver(inlet)}))
    form = ModelForm("linear", (FLOW, TEMPERATURE, PUMPS), {"powers": [[0, 0], [1, 0], [0, 1]], **STATES})
    found = fit_form(form, *samples(items, FLOW, TEMPERATURE, PUMPS), {})
    assert found is not None
    q, t = (
        np.array([i.drivers[name].mean for i in items if i.drivers[PUMPS].mean == 2]) for name in (FLOW, TEMPERATURE)
    )
    vif = 1 / (1 - float(np.corrcoef(q, t)[0, 1]) ** 2)
    assert vif > 10
    assert found.shape["vif"][TEMPERATURE] == pytest.approx(vif, rel=1e-3)
    assert not found.sound


def test_the_error_of_a_signal_has_the_slope_of_the_state() -> None:
    """A limit of 10 m³/h, rectangular."""
    found = straight(measured())
    for pumps, slope in ((1, found.coefficients[1]), (2, found.coefficients[3])):
        saving, _ = evaluate(found, [at(500, pumps)], driver_errors={FLOW: DriverError(absolute=10.0)})
        assert saving.causes["driver"] == pytest.approx(abs(slope) * 10 / math.sqrt(3), rel=1e-9)


def test_a_model_by_slopes_is_frozen_hashed_and_described_as_any_other() -> None:
    found = straight(measured())
    frozen = freeze(found, 0, "Li Wei")
    assert intact(frozen)
    assert from_json(json.loads(json.dumps(to_json(frozen)))) == frozen
    widened = {**frozen.shape, "ranges": {FLOW: [[0.0, 900.0], [0.0, 900.0]]}}
    assert not intact(replace(frozen, shape=widened))
    marks = factors(found.kind, found.shape, ["x", "y"])
    assert marks == ["[y = 1]", "x·[y = 1]", "[y = 2]", "x·[y = 2]"]
    assert formula([3000.0, 20.0, 5000.0, 11.0], marks) == "3000·[y = 1] + 20·x·[y = 1] + 5000·[y = 2] + 11·x·[y = 2]"
    straight_line = reasons.MODEL_POLYNOMIAL(degree=1, driver=FLOW)
    model = reasons.MODEL_WITH_SLOPES(model=straight_line, state=PUMPS)
    assert model in [item.model for item in found.candidates]


def test_the_curve_is_that_of_the_most_frequent_state_within_its_range() -> None:
    items = measured(second=lambda k: 1 if k % 30 < 10 else 2)
    found = learn("pump", items)
    drawn = [others_at_mean(found, item) for item in items]
    assert {item.drivers[PUMPS].mean for item in drawn} == {2.0}
    known = [item.drivers[FLOW].mean for item in drawn if FLOW in item.drivers]
    assert min(known) >= found.shape["ranges"][FLOW][1][0]
    assert len(known) < len(items)
    assert found.shape["means"][FLOW] == pytest.approx(675, abs=15)


def test_a_driver_value_near_a_state_is_that_state() -> None:
    found = learn("pump", measured())
    assert expected_wh(found, at(500, 2.04)) == expected_wh(found, at(500, 2))
    assert evaluate(found, [at(500, 2.04)])[1][0].excluded is None
    assert SHIFT not in found.ranges
