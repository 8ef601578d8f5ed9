"""Efficiency from losses: uncertainty, braking, and cases without a result."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp import efficiency as eff


def test_losses_known_to_15_percent_give_the_efficiency_to_three_quarters_of_a_point() -> None:
    found = eff.from_losses(100.0, 5.0, 0.15 * 5.0, 0.0, eff.M5)
    assert found is not None
    assert found.value == pytest.approx(0.95)
    assert found.u == pytest.approx(0.0075)


@pytest.mark.parametrize(("gross", "loss"), [(0, 0), (10, 11), (10, 10), (math.nan, 1), (10, math.nan), (10, -1)])
def test_without_inputs_there_is_no_result(gross: float, loss: float) -> None:
    assert eff.from_losses(gross, loss, 0.1, 0.01, eff.M5) is None


@given(st.floats(1e3, 1e6), st.floats(0.001, 0.5), st.floats(0.1, 10))
def test_scaling_everything_changes_no_efficiency(gross: float, share: float, factor: float) -> None:
    inputs = (gross, gross * share, 0.2 * gross * share, 0.01 * gross)
    one = eff.from_losses(*inputs, eff.M5)
    two = eff.from_losses(*(factor * value for value in inputs), eff.M5)
    assert one is not None
    assert two is not None
    assert one.value == pytest.approx(two.value)
    assert one.u == pytest.approx(two.u)


def _slope(in_w: float, loss_w: float, u_loss_w: float, u_in_w: float) -> float:
    """Half the change of the efficiency when input and losses change by their uncertainty to both sides.

    in_w: electrical power, negative while the motor brakes; the losses are a separate quantity.
    """

    def efficiency(sign: float) -> float:
        electrical_w, lost_w = in_w + sign * u_in_w, loss_w + sign * u_loss_w
        shaft_w = electrical_w - lost_w
        return shaft_w / electrical_w if in_w > 0 else electrical_w / shaft_w

    return abs(efficiency(1) - efficiency(-1)) / 2


@pytest.mark.parametrize(("u_loss_w", "u_in_w"), [(0.01, 0.0), (0.0, 0.02)])
def test_u_is_the_slope_times_the_error(u_loss_w: float, u_in_w: float) -> None:
    found = eff.from_losses(1000.0, 50.0, u_loss_w, u_in_w, eff.M5)
    assert found is not None
    assert found.value == pytest.approx(950 / 1000)
    assert found.u == pytest.approx(_slope(1000.0, 50.0, u_loss_w, u_in_w), rel=1e-3)  # the slope is not constant


@pytest.mark.parametrize(("u_loss_w", "u_in_w"), [(0.01, 0.0), (0.0, 0.02)])
def test_braking_is_electrical_over_mechanical(u_loss_w: float, u_in_w: float) -> None:
    """A motor that returns 1000 W to the supply takes 1050 W from its shaft. U is not smaller than the slope, and not
    larger than the slope over the efficiency."""
    found = eff.from_losses(1050.0, 50.0, u_loss_w, u_in_w, eff.M5)
    assert found is not None
    assert found.value == pytest.approx(1000 / 1050)
    slope = _slope(-1000.0, 50.0, u_loss_w, u_in_w)
    assert slope * 0.999 < found.u < slope / found.value * 1.001  # the slope is not constant
