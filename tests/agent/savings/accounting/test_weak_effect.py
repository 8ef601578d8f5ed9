"""Weak drivers, compared with the least squares of all drivers (theorem of Frisch, Waugh and Lovell)."""

from __future__ import annotations

import json
import math
from functools import cache
from random import Random

import numpy as np
import pytest
from support.accounting import evaluate
from support.retrofit import FLOW, SHIFT, START_MS, TEMPERATURE

from agent.savings import reasons
from agent.savings.accounting.interval_comparison import expected_wh
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.baseline.models import others_at_mean
from agent.savings.records.baseline_json import from_json, intact, to_json
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval

PER_K, LEVELS = 2.5, (0.0, 18.0, -12.0)  # Wh; standard deviation 12 Wh, noise 70 Wh: too weak


@cache
def learned(second: str = TEMPERATURE) -> Baseline:
    return learn("pump", measured(second=second))


def measured(n: int = 960, warmer_k: float = 0.0, seed: int = 7, second: str = TEMPERATURE) -> list[Interval]:
    rng, found = Random(seed), []
    for k in range(n):
        flow = rng.uniform(300, 900)
        other = float(1 + k // 32 % 3) if second == SHIFT else rng.gauss(20 + warmer_k, 5)
        effect_wh = LEVELS[int(other) - 1] if second == SHIFT else PER_K * other
        wh = 4000 + 20 * flow + effect_wh + rng.gauss(0, 70)
        drivers = {FLOW: Driver(flow), second: Driver(other)}
        found.append(Interval("pump", START_MS + k * QUARTER_MS, wh, drivers=drivers, meter="m 1"))
    return found


def at(flow: float, **other: float) -> Interval:
    return Interval("pump", 0, 0.0, drivers={FLOW: Driver(flow), **{name: Driver(x) for name, x in other.items()}})


def column(items: list[Interval], name: str) -> np.ndarray:
    return np.array([item.drivers[name].mean for item in items])


def design(baseline: Baseline, items: list[Interval]) -> np.ndarray:
    """Terms of a polynomial or an affinity law of the flow."""
    flow = column(items, FLOW)
    powers = [0, 1, 3] if baseline.kind == "affinity" else range(baseline.shape["degree"] + 1)
    return np.stack([flow**power for power in powers], axis=1)


def test_the_adjusted_baseline_is_that_of_all_drivers() -> None:
    items = measured()
    found = learned()
    assert found.drivers == (FLOW,)
    y = np.array([item.energy_wh for item in items])
    full = np.linalg.lstsq(np.column_stack([design(found, items), column(items, TEMPERATURE)]), y, rcond=None)[0]
    for item in (at(400.0, **{TEMPERATURE: 25.0}), at(850.0, **{TEMPERATURE: 12.0})):
        row = np.append(design(found, [item])[0], item.drivers[TEMPERATURE].mean)
        assert expected_wh(found, item) == pytest.approx(row @ full, rel=1e-9)
    [remark] = found.dropped
    assert (remark.code, remark.data["driver"]) == (reasons.DRIVER_WEAK, TEMPERATURE)


def test_states_are_levels_of_all_drivers() -> None:
    items = measured(second=SHIFT)
    found = learned(SHIFT)
    assert found.drivers == (FLOW,)
    y, shift = np.array([item.energy_wh for item in items]), column(items, SHIFT)
    indicators = np.stack([shift == 2, shift == 3], axis=1)
    full = np.linalg.lstsq(np.column_stack([design(found, items), indicators]), y, rcond=None)[0]
    for state in (1.0, 2.0, 3.0):
        item = at(700.0, **{SHIFT: state})
        row = [*design(found, [item])[0], state == 2, state == 3]
        assert expected_wh(found, item) == pytest.approx(row @ full, rel=1e-9)


def test_u95_is_that_of_all_drivers() -> None:
    """Where the temperature differs by K from what the flow explains, u² is v·C·vᵀ and (K·m·u of its coefficient)²."""
    items, later = measured(), measured(400, warmer_k=3.0, seed=8)
    found = learned()
    low, high = column(items, TEMPERATURE).min(), column(items, TEMPERATURE).max()
    rows, t, y = design(found, items), column(items, TEMPERATURE), np.array([item.energy_wh for item in items])
    apart = t - rows @ np.linalg.lstsq(rows, t, rcond=None)[0]
    both = np.column_stack([rows, t])
    residuals = y - both @ np.linalg.lstsq(both, y, rcond=None)[0]
    n_effective = len(y)  # independent noise: checked by the next line
    assert found.n_effective == pytest.approx(n_effective)
    u_per_k = math.sqrt(residuals @ residuals / (n_effective - both.shape[1]) / (apart @ apart))
    explained = np.linalg.lstsq(rows, t, rcond=None)[0]
    compared = [item for item in later if found.ranges[FLOW][0] <= item.drivers[FLOW].mean <= found.ranges[FLOW][1]]
    change = float((np.clip(column(compared, TEMPERATURE), low, high) - design(found, compared) @ explained).sum())
    v = design(found, compared).sum(axis=0)
    saving, lines = evaluate(found, compared)
    assert saving.intervals == len(lines) == len(compared)
    assert change > 2 * len(compared)  # K
    assert saving.causes["model"] == pytest.approx(
        math.hypot(math.sqrt(v @ np.array(found.covariance) @ v), change * u_per_k), rel=1e-6
    )


def test_a_value_outside_the_range_counts_as_its_end_and_a_missing_one_not_at_all() -> None:
    items = measured()
    found = learned()
    high = float(column(items, TEMPERATURE).max())
    beyond, end = (at(600.0, **{TEMPERATURE: celsius}) for celsius in (high + 30, high))
    assert expected_wh(found, beyond) == expected_wh(found, end)
    own = float(design(found, [at(600.0)])[0] @ np.array(found.coefficients))
    assert expected_wh(found, at(600.0)) == pytest.approx(own, rel=1e-12)
    by_shift = learned(SHIFT)
    assert expected_wh(by_shift, at(600.0, **{SHIFT: 2.5})) == expected_wh(by_shift, at(600.0))


def test_a_curve_is_not_corrected() -> None:
    found = learned()
    cold, warm = (others_at_mean(found, at(600.0, **{TEMPERATURE: celsius})) for celsius in (10.0, 30.0))
    assert expected_wh(found, cold) == expected_wh(found, warm) == expected_wh(found, at(600.0))


def test_specified_drivers_have_no_weak_ones() -> None:
    assert "weak" not in learn("pump", measured(), drivers=[FLOW]).shape


def test_a_frozen_baseline_corrects_as_before() -> None:
    frozen = freeze(learned(), 0, "test")
    loaded = from_json(json.loads(json.dumps(to_json(frozen), sort_keys=True)))
    assert intact(loaded)
    item = at(450.0, **{TEMPERATURE: 26.0})
    assert expected_wh(loaded, item) == expected_wh(frozen, item)
