"""Efficiency from losses or shaft power: uncertainty, signs, and cases without a result."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp import efficiency as eff


def test_direct_loss_method_beats_torque() -> None:
    """η = 0.95 with losses ±15 % gives ±0.75 points; a torque measurement would have to be accurate to 0.79 %."""
    found = eff.from_losses(100.0, 5.0, 0.15, 0.0, eff.M5)
    assert found is not None
    assert found.value == pytest.approx(0.95)
    assert found.u == pytest.approx(0.0075)
    by_torque = eff.direct(100.0, 95.0, 0.0, 0.0079, eff.M9)
    assert by_torque is not None
    assert by_torque.u == pytest.approx(0.0075, rel=0.01)


@pytest.mark.parametrize(("in_w", "loss_w"), [(0, 0), (10, 11), (10, 10), (math.nan, 1), (10, math.nan), (10, -1)])
def test_without_inputs_there_is_no_result(in_w: float, loss_w: float) -> None:
    assert eff.from_losses(in_w, loss_w, 0.1, 0.01, eff.M5) is None


def test_each_efficiency_has_an_uncertainty() -> None:
    for u in ((math.nan, 0.01), (0.01, math.nan)):
        assert eff.from_losses(100, 5, *u, eff.M5) is None
        assert eff.direct(100, 95, *u, eff.M9) is None


@pytest.mark.parametrize(("in_w", "out_w"), [(10, 11), (10, 0), (10, -5), (-10, -9), (math.nan, 5)])
def test_no_efficiency_is_one_or_more(in_w: float, out_w: float) -> None:
    assert eff.direct(in_w, out_w, 0.01, 0.01, eff.M9) is None


@given(st.floats(1e3, 1e6), st.floats(0.001, 0.5), st.floats(0.1, 10))
def test_scaling_everything_changes_no_efficiency(in_w: float, share: float, factor: float) -> None:
    one = eff.from_losses(in_w, in_w * share, 0.2, 0.01, eff.M5)
    two = eff.from_losses(in_w * factor, in_w * share * factor, 0.2, 0.01, eff.M5)
    assert one is not None
    assert two is not None
    assert one.value == pytest.approx(two.value)
    assert one.u == pytest.approx(two.u)


@given(st.floats(1e3, 1e6), st.floats(1, 1e5))
def test_braking_is_electrical_over_mechanical(out_w: float, loss_w: float) -> None:
    """A motor that returns out_w to the supply takes out_w + loss_w from its shaft."""
    found = eff.from_losses(-out_w, loss_w, 0.2, 0.01, eff.M5)
    assert found is not None
    assert found.value == pytest.approx(out_w / (out_w + loss_w))
    assert 0 < found.value < 1
    shaft = eff.shaft_power(-out_w, loss_w, 0.2, 0.01, eff.M5)
    assert shaft.value == pytest.approx(-(out_w + loss_w))


def test_u_is_the_slope_times_the_error() -> None:
    """U equals the difference quotient of the formula, for both signs of the power."""
    for in_w in (1000.0, -1000.0):
        for u_loss, u_in in ((0.2, 0.0), (0.0, 0.01)):
            step = 1e-4
            one, two = (
                eff.from_losses(
                    in_w * (1 + sign * step * bool(u_in)), 50 * (1 + sign * step * bool(u_loss)), 0, 0, "M5"
                )
                for sign in (-1, 1)
            )
            found = eff.from_losses(in_w, 50, u_loss, u_in, "M5")
            assert one is not None
            assert two is not None
            assert found is not None
            slope = abs(two.value - one.value) / (2 * step)
            assert found.u == pytest.approx(slope * (u_loss or u_in), rel=1e-3)
