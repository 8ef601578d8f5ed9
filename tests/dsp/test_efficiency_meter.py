"""Limits and uncertainty of a metered power, against the printed tables of the standards."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from dsp.efficiency_meter import ct_limits, energy_u, meter_limit, power_limits, power_u, power_u_parts, vt_limits

# IEC 61869-2, table 201: current in % of rated → ratio error in %, phase displacement in minutes
PRINTED = {
    "0.1": {5: (0.4, 15), 20: (0.2, 8), 100: (0.1, 5), 120: (0.1, 5)},
    "0.2": {5: (0.75, 30), 20: (0.35, 15), 100: (0.2, 10), 120: (0.2, 10)},
    "0.2S": {1: (0.75, 30), 5: (0.35, 15), 20: (0.2, 10), 100: (0.2, 10), 120: (0.2, 10)},
    "0.5": {5: (1.5, 90), 20: (0.75, 45), 100: (0.5, 30), 120: (0.5, 30)},
    "0.5S": {1: (1.5, 90), 5: (0.75, 45), 20: (0.5, 30), 100: (0.5, 30), 120: (0.5, 30)},
    "1": {5: (3.0, 180), 20: (1.5, 90), 100: (1.0, 60), 120: (1.0, 60)},
    "3": {50: (3.0, 120), 120: (3.0, 120)},
}
CERTIFICATE_TEXT = "0.05 % 2'"


@pytest.mark.parametrize("name", PRINTED)
def test_limits_of_current_transformers_are_those_of_the_table(name: str) -> None:
    for percent, (ratio_pct, minutes) in PRINTED[name].items():
        assert ct_limits(name, percent / 100) == pytest.approx((ratio_pct / 100, minutes), rel=1e-12)
    for (low, at_low), (high, at_high) in pairwise(PRINTED[name].items()):
        middle = tuple((a + b) / 2 for a, b in zip(at_low, at_high, strict=True))
        assert ct_limits(name, (low + high) / 200) == pytest.approx((middle[0] / 100, middle[1]), rel=1e-12)


def test_class_05_at_60_percent_of_rated_current() -> None:
    """Half way between 0.75 % / 45′ at 20 % and 0.5 % / 30′ at 100 %."""
    assert ct_limits("0.5", 0.6) == pytest.approx((0.00625, 37.5))


@pytest.mark.parametrize("name", [*PRINTED, CERTIFICATE_TEXT])
def test_limits_never_increase_with_the_current(name: str) -> None:
    found = [ct_limits(name, k / 1000) for k in range(1501)]
    for one, two in pairwise(found):
        assert two[0] <= one[0] * (1 + 1e-12)
        assert two[1] <= one[1] * (1 + 1e-12)
    assert found[1500] == pytest.approx(found[1200])
    assert all(math.isfinite(ratio) for ratio, _ in found)


@pytest.mark.parametrize("name", PRINTED)
def test_below_the_table_the_error_of_the_current_stays_constant(name: str) -> None:
    """Limits proportional to 1/current: their product with the current is that of the lowest point."""
    percent, (ratio_pct, minutes) = next(iter(PRINTED[name].items()))
    ratio, phase = ct_limits(name, percent / 400)
    assert (ratio / 4, phase / 4) == pytest.approx((ratio_pct / 100, minutes))


def test_a_certificate_applies_at_all_currents() -> None:
    for current in (0.005, 0.05, 0.6, 1.2):
        assert ct_limits(CERTIFICATE_TEXT, current) == pytest.approx((0.0005, 2))


@pytest.mark.parametrize(
    ("name", "ratio_pct", "minutes"), [("0.1", 0.1, 5), ("0.2", 0.2, 10), ("0.5", 0.5, 20), ("1", 1, 40)]
)
def test_limits_of_voltage_transformers(name: str, ratio_pct: float, minutes: float) -> None:
    assert vt_limits(name) == pytest.approx((ratio_pct / 100, minutes))
    assert vt_limits(f"{ratio_pct} % {minutes}'") == pytest.approx((ratio_pct / 100, minutes))


def test_class_3_of_voltage_transformers_and_an_unknown_one() -> None:
    assert vt_limits("3")[0] == pytest.approx(0.03)
    with pytest.raises(ValueError, match=r"one of 0\.1, 0\.2, 0\.5, 1, 3"):
        vt_limits("0.5S")


# IEC 62053-21 and -22: class, power factor, current in % of rated, limit in %
@pytest.mark.parametrize(
    ("name", "pf", "percent", "limit_pct"),
    [
        ("0.2S", 1.0, 5, 0.2), ("0.2S", 1.0, 3, 0.4), ("0.2S", 0.5, 10, 0.3), ("0.5S", 1.0, 5, 0.5),
        ("0.5S", 1.0, 3, 1.0), ("0.5S", 0.5, 10, 0.6), ("1", 1.0, 10, 1.0), ("1", 0.5, 20, 1.0), ("2", 1.0, 10, 2.0),
        ("A", 1.0, 100, 2.0), ("B", 1.0, 100, 1.0), ("C", 1.0, 100, 0.5), ("D", 1.0, 100, 0.2), ("E", 1.0, 100, 0.1),
    ],
)  # fmt: skip
def test_limits_of_meters(name: str, pf: float, percent: float, limit_pct: float) -> None:
    assert meter_limit(name, pf, percent / 100) == pytest.approx(limit_pct / 100)


@pytest.mark.parametrize(
    ("name", "pf", "percent", "limit_pct"), [("1", 1.0, 6, 1.5), ("1", 0.5, 12, 1.5), ("0.5S", 0.5, 6, 1.0)]
)
def test_meters_at_low_currents_have_at_least_the_limit_of_the_standard(
    name: str, pf: float, percent: float, limit_pct: float
) -> None:
    assert meter_limit(name, pf, percent / 100) >= limit_pct / 100


@pytest.mark.parametrize(
    ("name", "pf", "percent", "limit_pct"),
    [
        ("0.17 %", 1.0, 5, 0.17),
        ("0.17%", 1.0, 100, 0.17),
        ("0.2 %", 0.5, 10, 0.3),
        ("0.2 %", 1.0, 3, 0.4),
        ("3 %", 1, 9, 3),
    ],
)
def test_the_certificate_of_a_meter_is_a_limit(name: str, pf: float, percent: float, limit_pct: float) -> None:
    """It widens at low power factors and currents like class 0.2S."""
    assert meter_limit(name, pf, percent / 100) == pytest.approx(limit_pct / 100)
    alone = power_u(name, None, pf, percent / 100)
    assert alone == pytest.approx(2 * limit_pct / 100 / math.sqrt(3))


@pytest.mark.parametrize("text", ["", "0.3", "5 %", "0 %", "0.005 %", "-1 %", "nan %", "0.17 % 2'", "0.17"])
def test_no_limit_and_no_class_of_a_meter(text: str) -> None:
    with pytest.raises(ValueError, match="certificate"):
        meter_limit(text, 1.0)


def test_voltage_transformers_are_part_of_the_uncertainty() -> None:
    """Class 0.5: 0.5 % and 20′, which count tan φ = √3 times at power factor 0.5."""
    parts = power_u_parts("0.2S", "0.2S", 0.5, 1.0, "0.5")
    assert parts.vt_ratio == pytest.approx(2 * 0.005 / math.sqrt(3))
    assert parts.vt_phase == pytest.approx(2 * math.radians(20 / 60) * math.sqrt(3) / math.sqrt(3))
    assert parts.total == pytest.approx(math.hypot(*parts))
    assert power_u("0.2S", "0.2S", 0.5, 1.0, "0.5") == parts.total > power_u("0.2S", "0.2S", 0.5)
    assert power_limits("0.2S", "0.2S", 1.0, 0.6, "0.5")[3:] == pytest.approx((0.005, math.radians(20 / 60)))


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
    expected = 2 * math.hypot(1.5 * 0.002, 0.0005, 0.000581776 * math.sqrt(3)) / math.sqrt(3)
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
