"""Losses, efficiencies and classes against tables, measured curves and laws."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp import efficiency as eff
from dsp.tables import converter_fed, ie_efficiency, poles_of_speed, reference_drive_loss_w


def test_class_limits_reproduce_the_regulatory_table(data: Path) -> None:
    """GB 18613-2020 was written down as numbers, the polynomials come from elsewhere: they agree to the last digit."""
    cases = json.loads((data / "efficiency" / "cases.json").read_text())["cases"]
    limits = [case for case in cases if case["kind"] == "ie_limit_50hz"]
    assert len(limits) >= 10
    for case in limits:
        given_ = case["inputs"]
        value = 100 * ie_efficiency(given_["ie"], given_["power_kw"], given_["poles"])
        assert value == pytest.approx(case["expected"]["efficiency_pct"], abs=case["tol"]), case["id"]


def test_outside_the_table_is_an_error() -> None:
    for ie_class, kw, poles in (("IE6", 55, 4), ("IE3", 55, 10), ("IE3", 5000, 4)):
        with pytest.raises(ValueError, match="no class limit"):
            ie_efficiency(ie_class, kw, poles)


def test_better_classes_are_better_and_converters_cost() -> None:
    for kw in (0.55, 7.5, 55, 160, 315):
        values = [ie_efficiency(f"IE{n}", kw, 4) for n in range(1, 6)]
        assert values == sorted(values)
        assert converter_fed(values[2], kw) < values[2]
    assert [poles_of_speed(rpm) for rpm in (750, 1000, 1500, 3000)] == [8, 6, 4, 2]


# Catalogue part-load efficiencies of equivalent circuits (25, 50, 75, 100 %), fitted elsewhere: none of our formulas.
CURVES = {
    (7.5, 0.860): (76.8, 84.5, 86.2, 86.0),
    (7.5, 0.904): (84.1, 89.5, 90.6, 90.4),
    (55, 0.921): (86.9, 91.5, 92.3, 92.1),
    (55, 0.946): (91.5, 94.4, 94.8, 94.6),
    (160, 0.938): (89.8, 93.4, 94.0, 93.8),
    (315, 0.960): (93.4, 95.8, 96.1, 96.0),
}


@pytest.mark.parametrize(("kw", "rated"), CURVES)
def test_m1_meets_motors_it_has_not_seen_within_its_u(kw: float, rated: float) -> None:
    for load, true_pct in zip((0.25, 0.5, 0.75, 1.0), CURVES[kw, rated], strict=True):
        p1_w = kw * 1000 * load / (true_pct / 100)
        shaft_w = eff.m1_shaft_power_w(p1_w, kw * 1000, rated)
        u = eff.m1_u(shaft_w / (kw * 1000))
        assert u is not None
        assert abs(shaft_w / p1_w - true_pct / 100) <= u
    assert eff.m1_shaft_power_w(kw * 1000 / rated, kw * 1000, rated) == pytest.approx(kw * 1000), (
        "exact at its nameplate"
    )


def test_m1_against_a_measured_motor(data: Path) -> None:
    """The 18.5 kW load test of the Modelica library: measured, not modelled."""
    lines = (data / "machines" / "measured_18kw5.csv").read_text().splitlines()
    rows = [dict(zip(lines[2].split(","), map(float, line.split(",")), strict=True)) for line in lines[3:] if line]
    rated = min(rows, key=lambda row: abs(row["p_shaft_w"] - 18_500))
    checked = 0
    for row in rows:
        shaft_w, efficiency = row["p_shaft_w"], row["efficiency"]
        if shaft_w < 0.15 * 18_500 or efficiency <= 0:
            continue
        got_w = eff.m1_shaft_power_w(shaft_w / efficiency, 18_500, rated["efficiency"])
        u = eff.m1_u(shaft_w / 18_500)
        assert u is not None
        assert abs(got_w / (shaft_w / efficiency) - efficiency) <= u
        checked += 1
    assert checked >= 8


@given(st.floats(0.16, 1.3), st.floats(0.75, 0.98))
def test_m1_gives_back_the_load_it_was_built_from(load: float, rated: float) -> None:
    constant, linear, square = 0.34, 0.06, 0.60
    loss = (1 / rated - 1) * (constant + linear * load + square * load**2)
    assert eff.m1_shaft_power_w(1000 * (load + loss), 1000, rated) == pytest.approx(1000 * load, rel=1e-9)


def test_m1_says_nothing_at_light_load() -> None:
    assert eff.m1_u(0.14) is None
    us = [eff.m1_u(load) for load in (0.15, 0.3, 0.9)]
    assert us == sorted(us, reverse=True)  # type: ignore[type-var]


RATING = eff.PmRating(55_000, 2_200, 98, 100, 0.025)


def test_pm_losses_meet_the_nameplate_and_follow_their_laws() -> None:
    rated = eff.pm_losses(RATING, 98, 100, 100)
    assert rated.total_w == pytest.approx(2_200)
    assert rated.copper_w == pytest.approx(3 * 98**2 * 0.025 * 335 / 255)  # IEC 60034-1, k = 235
    half = eff.pm_losses(RATING, 49, 100, 100)
    assert half.copper_w == pytest.approx(rated.copper_w / 4)
    slow = eff.pm_losses(RATING, 98, 50, 100)
    assert slow.copper_w == rated.copper_w
    assert slow.core_w == pytest.approx(rated.core_w / 2**1.5)
    assert slow.mechanical_w == pytest.approx(rated.mechanical_w / 2**2.5)
    assert eff.pm_losses(RATING, 98, -100, 100) == rated, "losses do not know the direction"


def test_direct_loss_method_beats_torque() -> None:
    """The decision number: η = 0.95, losses ±15 % give ±0.75 points; torque would have to be good to 0.79 %."""
    found = eff.from_losses(100.0, 5.0, 0.15, 0.0, eff.M5)
    assert found is not None
    assert found.value == pytest.approx(0.95)
    assert found.u == pytest.approx(0.0075)


@pytest.mark.parametrize(("in_w", "loss_w"), [(0, 0), (-5, 1), (10, 11), (math.nan, 1), (10, math.nan), (10, -1)])
def test_nothing_is_said_where_nothing_is_known(in_w: float, loss_w: float) -> None:
    assert eff.from_losses(in_w, loss_w, 0.1, 0.01, eff.M5) is None


@given(st.floats(1e3, 1e6), st.floats(0.001, 0.5), st.floats(0.1, 10))
def test_scaling_everything_changes_no_efficiency(in_w: float, share: float, factor: float) -> None:
    one = eff.from_losses(in_w, in_w * share, 0.2, 0.01, eff.M5)
    two = eff.from_losses(in_w * factor, in_w * share * factor, 0.2, 0.01, eff.M5)
    assert one is not None
    assert two is not None
    assert one.value == pytest.approx(two.value)
    assert one.u == pytest.approx(two.u)


def test_drive_losses_at_the_reference_point_and_down() -> None:
    assert eff.drive_loss_w(3240, 1.0, 0.9) == pytest.approx(3240, rel=0.01)
    points = [eff.drive_loss_w(3240, i, 0.9) for i in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert points == sorted(points)
    assert points[0] > 0, "a drive that waits still needs power"
    assert eff.drive_class_factor("IE2")[0] < eff.drive_class_factor("IE1")[0] < eff.drive_class_factor("IE0")[0]
    assert eff.drive_class_factor(None)[1] > eff.drive_class_factor("IE2")[1]


def test_reference_drive_losses() -> None:
    assert reference_drive_loss_w(55) == 3240
    assert 3240 < reference_drive_loss_w(60) < 4350
    assert reference_drive_loss_w(200) == 10_000
    assert reference_drive_loss_w(2000) == 2 * reference_drive_loss_w(1000)
    assert reference_drive_loss_w(0.05) == 100


def test_drive_shape_against_the_doe_table(data: Path) -> None:
    """Generic efficiencies of the US DOE tip sheet, 75 hp, printed to a whole percent: so ±0.005 / η of loss each."""
    lines = (data / "efficiency" / "vfd_efficiency_doe.csv").read_text().splitlines()
    row = next(line.split(",") for line in lines if line.startswith("75,"))
    for load, efficiency in zip((0.25, 0.42, 0.50, 0.75), map(float, row[3:7]), strict=True):
        true_w = load * 55_000 * (1 / efficiency - 1)
        print_w = load * 55_000 * 0.005 / efficiency**2
        speed = load ** (1 / 3)  # a pump: power with the cube of the speed, current with its square
        got_w = eff.drive_loss_w(55_000 * (1 / 0.97 - 1), speed**2, speed)
        assert abs(got_w - true_w) <= 0.35 * got_w + print_w


def test_meter_uncertainty() -> None:
    """Class 0.5 alone: 0.5 %/√3·2 = 0.577 %. With a class 0.5 CT at PF 0.5 its 30′ weigh tan φ · 0.0087 = 1.5 %."""
    assert eff.power_u("0.5", None, 1.0) == pytest.approx(2 * 0.005 / math.sqrt(3))
    with_ct = eff.power_u("0.5", "0.5", 0.5)
    assert with_ct == pytest.approx(2 * math.hypot(0.006, 0.005, 0.0087266 * math.sqrt(3)) / math.sqrt(3), rel=1e-4)
    assert eff.power_u("0.5", "0.5", 0.9, 0.005) > eff.power_u("0.5", "0.5", 0.9, 0.03) > eff.power_u("0.5", "0.5", 0.9)
