"""The time by which the energy follows a signal: found to the interval where there is one, and not where there is none.

The plant needs 20 W for each unit of the flow that it had a known time earlier.
"""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from support.accounting import evaluate
from support.retrofit import FLOW, SHIFT, START_MS, ar1

from agent.savings import reasons
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.baseline.driver_preparation import prepare_drivers
from agent.savings.baseline.models import described
from agent.savings.records.model import Driver, Interval

DAYS = 16
LAG_MAX_MIN = 240


def wandering(rng: np.random.Generator, n: int) -> np.ndarray:
    """A flow that wanders over hours, by quarter hours."""
    found: np.ndarray = 600 + ar1(rng, n, 0.95, 120.0)
    return found


def white(rng: np.random.Generator, n: int) -> np.ndarray:
    found: np.ndarray = rng.uniform(300, 900, n)
    return found


def setpoint(rng: np.random.Generator, n: int) -> np.ndarray:
    """Held for one to eight hours, with process noise."""
    held = np.repeat(rng.uniform(300, 900, n), rng.integers(4, 33, n))[:n]
    found: np.ndarray = held + rng.normal(0, 5, n)
    return found


def daily(rng: np.random.Generator, n: int) -> np.ndarray:
    found: np.ndarray = 600 + 200 * np.sin(2 * np.pi * np.arange(n) / 96) + rng.normal(0, 30, n)
    return found


def plant(flow: np.ndarray, rng: np.random.Generator, lag_min: int, row_min: int, noise: float = 0.01,
          days: int = DAYS) -> list[Interval]:  # fmt: skip
    """Rows of row_min; flow: by quarter hours, from LAG_MAX_MIN before the first row to LAG_MAX_MIN after the last."""
    margin, each = LAG_MAX_MIN // 15, row_min // 15
    n = days * 96
    own = flow[margin : margin + n].reshape(-1, each).mean(axis=1)
    drives = flow[margin - lag_min // 15 : margin - lag_min // 15 + n].reshape(-1, each).mean(axis=1)
    wh = (5000 + 20 * drives) * row_min / 60 * (1 + rng.normal(0, noise, len(own)))
    return [
        Interval("pump", START_MS + k * row_min * 60_000, float(wh[k]), length_s=60 * row_min,
                 drivers={FLOW: Driver(float(own[k]))}, meter="m 1")
        for k in range(len(own))
    ]  # fmt: skip


def span(days: int = DAYS) -> int:
    return days * 96 + 2 * LAG_MAX_MIN // 15


def lags_s(items: list[Interval]) -> dict[str, float]:
    """Lags that are tried; the pump always runs."""
    return prepare_drivers(items, [True] * len(items), None).lags_s


@pytest.mark.parametrize(("lag_min", "row_min"), [(60, 15), (-45, 15), (15, 15), (180, 15), (60, 60), (-120, 60)])
def test_a_lag_is_found_to_the_interval(lag_min: int, row_min: int) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        items = plant(wandering(rng, span()), rng, lag_min, row_min)
        assert lags_s(items) == {FLOW: 60.0 * lag_min}, f"seed {seed}"


@pytest.mark.parametrize("law", [white, wandering, setpoint, daily])
def test_no_lag_is_found_where_there_is_none(law: object) -> None:
    assert callable(law)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        assert lags_s(plant(law(rng, span()), rng, 0, 15)) == {}, f"seed {seed}"


@pytest.mark.parametrize("law", [white, setpoint])
def test_no_lag_is_found_where_the_signal_has_no_effect(law: object) -> None:
    assert callable(law)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        items = [replace(item, energy_wh=5000 + rng.normal(0, 100)) for item in plant(law(rng, span()), rng, 0, 15)]
        assert lags_s(items) == {}, f"seed {seed}"


def test_a_model_with_a_lag_is_described_and_predicts() -> None:
    """Nothing is saved: the true saving is zero."""
    rng = np.random.default_rng(3)
    items = plant(wandering(rng, span(30)), rng, 60, 15, days=30)
    found = freeze(learn("pump", items[: 14 * 96]), 0, "test")
    assert found.shape["lags_s"] == {FLOW: 3600.0}
    model = described(found.kind, found.shape, found.drivers)
    assert (model.code, model.data["lag_min"], model.data["driver"]) == (reasons.MODEL_WITH_LAG, 60.0, FLOW)
    assert found.cv_rmse == pytest.approx(0.01, rel=0.1), "the scatter of the plant"
    saving, _ = evaluate(found, items[15 * 96 :])
    assert saving.intervals > 0.95 * 15 * 96
    assert abs(saving.saved_wh) <= saving.u95_wh < 0.005 * saving.adjusted_wh


def test_energy_before_the_signal_is_described_as_such() -> None:
    rng = np.random.default_rng(3)
    found = learn("pump", plant(wandering(rng, span()), rng, -45, 15))
    model = described(found.kind, found.shape, found.drivers)
    assert (model.code, model.data["lag_min"]) == (reasons.MODEL_WITH_LEAD, 45.0)


def test_a_daily_signal_beside_a_recorded_shift_has_no_lag() -> None:
    """A daily flow, taken eight hours late, would explain a part of the shifts."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        items = plant(daily(rng, span()), rng, 0, 15)
        shifts = [float(1 + k // 32 % 3) for k in range(len(items))]
        items = [
            replace(item, energy_wh=(item.energy_wh or 0.0) + (0.0, 1500.0, -1000.0)[int(shift) - 1],
                    drivers={**item.drivers, SHIFT: Driver(shift)})
            for item, shift in zip(items, shifts, strict=True)
        ]  # fmt: skip
        found = learn("pump", items)
        assert (set(found.drivers), found.shape["lags_s"]) == ({FLOW, SHIFT}, {}), f"seed {seed}"
