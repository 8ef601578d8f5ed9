"""Energy that follows the mean of a signal over hours: slabs are heated before they are rolled and counted."""

from __future__ import annotations

import numpy as np
import pytest
from support.accounting import evaluate
from support.retrofit import START_MS, ar1

from agent.savings.baseline.baseline import freeze, learn
from agent.savings.records.model import QUARTER_MS, Driver, Interval

TONNES, GRADE = "signal_rolled_t", "signal_grade"
AHEAD = 12  # quarter hours over which a slab is heated before it is rolled


def mill(seed: int, n: int, rate: float, per_t: tuple[float, float], first: int = 0) -> list[Interval]:
    """Campaigns of 16 h in one of two grades; output differs by shift and from interval to interval."""
    rng = np.random.default_rng(seed)
    whole = n + AHEAD
    grade = np.repeat(rng.integers(0, 2, whole // 64 + 1), 64)[:whole]
    tonnes = np.repeat(rng.uniform(0.6, 1.4, whole // 32 + 1), 32)[:whole] * rate * rng.uniform(0, 2, whole)
    heated_wh = np.asarray(per_t)[grade] * tonnes
    wh = 2000.0 + np.convolve(heated_wh, np.ones(AHEAD) / AHEAD, "valid")[:n]
    wh *= 1 + ar1(rng, n, 0.6, 0.02)
    return [
        Interval("mill", START_MS + (first + k) * QUARTER_MS, float(wh[k]), meter="m 1",
                 drivers={TONNES: Driver(float(tonnes[k])), GRADE: Driver(grade[k] + 1.0)})
        for k in range(n)
    ]  # fmt: skip


@pytest.mark.parametrize("per_t", [(900.0, 900.0), (800.0, 1200.0)])
def test_less_output_is_not_a_saving(per_t: tuple[float, float]) -> None:
    """A tenth less is rolled. Single quarter hours flatten the slope so that 6 % would be saved, falsely."""
    for seed in range(4):
        found = freeze(learn("mill", mill(seed, 20 * 96, 10.0, per_t)), 0, "test")
        after = mill(100 + seed, 30 * 96, 9.0, per_t, first=28 * 96)
        saving, _ = evaluate(found, after, classes=("0.2S", "0.2S"))
        assert abs(saving.saved_wh) <= saving.u95_wh < 0.03 * saving.adjusted_wh
        begin_s, end_s = (-found.shape["lags_s"][TONNES] + sign * found.shape["windows_s"][TONNES] / 2
                          for sign in (-1, 1))  # fmt: skip
        assert -3600 <= begin_s <= 1800
        assert 7200 <= end_s <= 14_400
