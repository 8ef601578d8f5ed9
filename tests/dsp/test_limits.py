"""Limits: individual cells of the published tables, places where they apply, and comparison of values with them."""

from __future__ import annotations

import math

import pytest

from dsp.limits import DAY_S, PLACES, STANDARDS, WEEK_S, Statistic, about, compare, limits

WEEK = Statistic(600, 95.0, WEEK_S)
DAY = Statistic(3, 95.0, DAY_S)


def of(found, quantity, order=0, statistic=None):
    got = [x for x in found if (x.quantity, x.order) == (quantity, order) and statistic in (None, x.statistic)]
    assert len(got) == 1, got
    return got[0].high


@pytest.mark.parametrize("standard", STANDARDS)
def test_nothing_is_limited_at_a_drives_output(standard):
    assert limits(standard, "drive-output", 400.0, isc_over_il=10.0, short_circuit_mva=10.0) == ()
    places = [p for p in PLACES if limits(standard, p, 400.0)]
    assert about(standard).places == tuple(places)
    assert places == (["in-plant"] if standard == "iec61000-2-4" else ["pcc"])


@pytest.mark.parametrize("standard", STANDARDS)
def test_each_limit_is_positive_marked_and_unique(standard):
    found = [x for p in PLACES for x in limits(standard, p, 400.0, isc_over_il=60.0, short_circuit_mva=20.0)]
    assert len({(x.quantity, x.order, x.statistic) for x in found}) == len(found)
    for x in found:
        assert x.high > 0.0 > x.low
        assert x.mark in ("S", "M")
        assert x.standard
        assert 0 <= x.order <= 50


@pytest.mark.parametrize(
    ("nominal_v", "each", "thd"), [(400.0, 5.0, 8.0), (10e3, 3.0, 5.0), (110e3, 1.5, 2.5), (220e3, 1.0, 1.5)]
)
def test_ieee_519_voltages(nominal_v, each, thd):
    found = limits("ieee519", "pcc", nominal_v)
    assert of(found, "h_u", 5, WEEK) == of(found, "h_u", 50, WEEK) == each
    assert of(found, "thd_u", 0, WEEK) == thd
    assert of(found, "thd_u", 0, Statistic(3, 99.0, DAY_S)) == pytest.approx(1.5 * thd)


@pytest.mark.parametrize(
    ("ratio", "order", "percent"),
    [(19.9, 5, 4.0), (20.0, 5, 7.0), (30.0, 11, 3.5), (75.0, 17, 4.0), (500.0, 23, 2.0), (5000.0, 35, 1.4),
     (19.0, 50, 0.3), (19.0, 2, 2.0), (19.0, 6, 2.0), (19.0, 8, 4.0), (60.0, 4, 5.0), (60.0, 10, 10.0),
     (60.0, 12, 4.5)],
)  # fmt: skip
def test_ieee_519_currents(ratio, order, percent):
    """2022: even orders up to the 6th have half of the odd limit, higher ones the same as odd orders."""
    found = limits("ieee519", "pcc", 400.0, isc_over_il=ratio)
    assert of(found, "h_i", order, WEEK) == percent
    assert of(found, "h_i", order, Statistic(600, 99.0, WEEK_S)) == pytest.approx(1.5 * percent)
    assert of(found, "h_i", order, Statistic(3, 99.0, DAY_S)) == pytest.approx(2.0 * percent)


@pytest.mark.parametrize(("ratio", "tdd"), [(10, 5.0), (49, 8.0), (99, 12.0), (999, 15.0), (1001, 20.0)])
def test_ieee_519_tdd(ratio, tdd):
    assert of(limits("ieee519", "pcc", 400.0, isc_over_il=ratio), "tdd", 0, WEEK) == tdd


def test_en_50160():
    found = limits("en50160", "pcc", 400.0)
    want = {
        2: 2.0,
        3: 5.0,
        4: 1.0,
        5: 6.0,
        6: 0.5,
        7: 5.0,
        9: 1.5,
        11: 3.5,
        13: 3.0,
        15: 0.5,
        21: 0.5,
        24: 0.5,
        25: 1.5,
    }
    assert {order: of(found, "h_u", order) for order in want} == want
    assert max(x.order for x in found) == 25
    assert of(found, "thd_u") == 8.0
    assert of(found, "u2") == 2.0
    assert limits("en50160", "pcc", 110e3) == ()


@pytest.mark.parametrize(
    ("nominal_v", "thd", "odd", "even"),
    [(380, 5.0, 4.0, 2.0), (400, 5.0, 4.0, 2.0), (10e3, 4.0, 3.2, 1.6), (35e3, 3.0, 2.4, 1.2), (110e3, 2.0, 1.6, 0.8)],
)
def test_gbt_14549_voltages(nominal_v, thd, odd, even):
    found = limits("gbt14549", "pcc", nominal_v)
    assert (of(found, "thd_u"), of(found, "h_u", 5), of(found, "h_u", 4)) == (thd, odd, even)


def test_gbt_14549_currents_grow_with_the_short_circuit_power():
    found = limits("gbt14549", "pcc", 10e3, short_circuit_mva=250.0)
    assert of(found, "h_i", 5) == pytest.approx(20 * 2.5)
    assert of(found, "h_i", 7) == pytest.approx(15 * 2.5)
    assert of(found, "h_i", 25) == pytest.approx(4.1 * 2.5)


def test_gbt_15543_and_24337():
    assert [x.high for x in limits("gbt15543", "pcc", 400.0)] == [2.0, 4.0]
    found = limits("gbt24337", "pcc", 380.0)
    assert [x.high for x in found] == [0.2] * 2 + [0.5] * 14  # at 50 Hz two intervals between orders are below 100 Hz
    assert [x.high for x in limits("gbt24337", "pcc", 10e3)][:3] == [0.16, 0.16, 0.4]


@pytest.mark.parametrize(
    ("plant_class", "order", "percent"),
    [(1, 5, 3.0), (2, 5, 6.0), (3, 5, 8.0), (2, 17, 2.0), (2, 19, 2.27 * 17 / 19 - 0.27), (3, 49, 4.5 * 17 / 49 - 0.5),
     (2, 3, 5.0), (2, 27, 0.2), (3, 2, 3.0), (2, 12, 0.25 * 10 / 12 + 0.25), (3, 20, 1.0)],
)  # fmt: skip
def test_iec_61000_2_4(plant_class, order, percent):
    found = limits("iec61000-2-4", "in-plant", 690.0, plant_class=plant_class)
    assert of(found, "h_u", order) == pytest.approx(percent)


def test_unmeasured_quantities_are_not_compared():
    found = limits("en50160", "pcc", 400.0)
    values = {("h_u", 5, WEEK): 6.6, ("h_u", 7, WEEK): 5.0, ("thd_u", 0, WEEK): math.nan, ("u", 0, WEEK): (-12.0, 3.0)}
    got = {(f.limit.quantity, f.limit.order): f for f in compare(found, values)}
    assert len(got) == len(found)
    assert got["h_u", 5].complies is False
    assert got["h_u", 5].use == pytest.approx(1.1)
    assert got["h_u", 7].complies is True
    assert got["thd_u", 0].complies is None
    assert got["h_u", 3].complies is None
    assert (got["u", 0].complies, got["u", 0].value, got["u", 0].use) == (False, -12.0, pytest.approx(1.2))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("ieee51", "pcc", 400.0), "standard"),
        (("ieee519", "motor", 400.0), "place"),
        (("ieee519", "pcc", math.nan), "nominal_v"),
    ],
)
def test_invalid_arguments_are_rejected(arguments, word):
    with pytest.raises(ValueError, match=word):
        limits(*arguments)
    with pytest.raises(ValueError, match="plant_class"):
        limits("iec61000-2-4", "in-plant", 400.0, plant_class=4)
