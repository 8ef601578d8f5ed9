"""Rounding of published values."""

from __future__ import annotations

import math
import random
from decimal import ROUND_HALF_EVEN, Decimal

import pytest

from agent.core.metrics import Metric, rounded

COUNTER = Metric("energy_import_kwh", "kWh", "", "counter")
GAUGE = Metric("active_power_w", "W", "", "measured")


@pytest.mark.parametrize("seed", range(20))
def test_a_counter_keeps_the_watt_hour_however_large_it_is(seed: int) -> None:
    """Three decimals of a kWh: a consumer takes differences, so six significant digits would lose the energy."""
    chance = random.Random(seed)
    for magnitude in range(10):
        value = chance.uniform(0, 10.0**magnitude)
        exact = Decimal(value).quantize(Decimal("0.001"), ROUND_HALF_EVEN)
        assert rounded(COUNTER, value) == float(exact)


def test_small_steps_of_a_large_counter_add_up() -> None:
    """A motor of 1 kW at a counter of a million kWh: one row per second for an hour."""
    values = [rounded(COUNTER, 1e6 + second / 3600) or 0.0 for second in range(3601)]
    assert values == sorted(values)
    assert values[-1] - values[0] == 1.0
    assert len(set(values)) == 1001, "each Wh is visible"


def test_another_value_has_six_significant_digits() -> None:
    assert rounded(GAUGE, 123_456.78) == 123_457.0
    assert rounded(GAUGE, 0.000_123_456_78) == 0.000_123_457
    assert rounded(GAUGE, -98_765_432.1) == -98_765_400.0


@pytest.mark.parametrize(("decimals", "expected"), [(0, 1235), (1, 1234.6), (3, 1234.568)])
def test_decimals_of_the_table_come_first(decimals: int, expected: float) -> None:
    for kind in ("counter", "measured"):
        found = rounded(Metric("x", "", "", kind, "telemetry", decimals), 1234.5678)
        assert found == expected
        assert isinstance(found, int) == (decimals == 0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_represent_is_null(value: float) -> None:
    assert rounded(GAUGE, value) is rounded(COUNTER, value) is None


def test_integers_are_not_rounded() -> None:
    assert rounded(GAUGE, 2**60 + 1) == 2**60 + 1
