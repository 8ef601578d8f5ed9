"""Efficiency from losses or shaft power: uncertainty, signs, and cases without a result."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp import efficiency as eff
from dsp.efficiency_meter import ct_limits, energy_u, power_u


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


def test_meter_uncertainty() -> None:
    """Class 0.5 alone: 0.5 %/√3·2 = 0.577 %. With a class 0.5 CT at PF 0.5 its 30′ add tan φ · 0.0087 = 1.5 %."""
    assert power_u("0.5", None, 1.0) == pytest.approx(2 * 0.005 / math.sqrt(3))
    with_ct = power_u("0.5", "0.5", 0.5)
    assert with_ct == pytest.approx(2 * math.hypot(0.006, 0.005, 0.0087266 * math.sqrt(3)) / math.sqrt(3), rel=1e-4)
    assert power_u("0.5", "0.5", 0.9, 0.005) > power_u("0.5", "0.5", 0.9, 0.03) > power_u("0.5", "0.5", 0.9)


def test_transformers_with_a_certificate_use_its_errors() -> None:
    """A certificate with the limits of a class gives the same U; 0.05 % and 2′ at PF 0.5: 2′ add 0.000582 · tan φ."""
    assert power_u("0.2S", "0.5 % 30'", 0.5) == power_u("0.2S", "0.5", 0.5)
    assert power_u("0.2S", "0.5%, 30 min", 0.5) == power_u("0.2S", "0.5", 0.5)
    found = power_u("0.2S", "0.05 % 2'", 0.5)
    expected = 2 * math.hypot(1.2 * 0.002, 0.0005, 0.000581776 * math.sqrt(3)) / math.sqrt(3)
    assert found == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "text", ["", "0.5s", "5", "0.05 %", "2'", "nan % 2'", "-0.1 % 2'", "0 % 2'", "0.05 % 0'", "9 % 2'"]
)
def test_no_certificate_and_no_class(text: str) -> None:
    with pytest.raises(ValueError, match="certificate"):
        ct_limits(text)


def test_a_replaced_meter_increases_u_of_its_energy() -> None:
    one, two, three = (energy_u("0.5S", "0.5", exchanges) for exchanges in range(3))
    assert one < two < three
    assert two == pytest.approx(one * math.sqrt(2))
