"""The root finder: finds the root, stays in its bracket, rejects functions without a root."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from simulators.plant.root_finding import root


@pytest.mark.parametrize(
    ("f", "low", "high", "expected"),
    [
        (lambda x: x * x - 2, 0.0, 2.0, math.sqrt(2)),
        (lambda x: 2 - x * x, 0.0, 2.0, math.sqrt(2)),
        (lambda x: math.exp(20 * x) - 2, -1.0, 1.0, math.log(2) / 20),
        (lambda x: (x - 0.3) ** 3, 0.0, 1.0, 0.3),
        (lambda x: x, 0.0, 1.0, 0.0),
        (lambda x: x - 1, 0.0, 1.0, 1.0),
    ],
)
def test_a_root_is_found_with_few_calls(f: Callable[[float], float], low: float, high: float, expected: float) -> None:
    calls: list[float] = []

    def counted(x: float) -> float:
        calls.append(x)
        assert low <= x <= high
        return f(x)

    assert root(counted, low, high, width=1e-14, enough=1e-12) == pytest.approx(expected, abs=2e-4)
    assert len(calls) < 60


def test_no_change_of_sign_is_an_error() -> None:
    with pytest.raises(ValueError, match="sign"):
        root(lambda x: x * x + 1, -1.0, 1.0, width=1e-9, enough=1e-9)
