"""A week of synthetic intervals compared with limits; the expected values are counted with numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsp.aggregate import AggregationInterval, columns
from dsp.limit_assessment import Assessment
from dsp.limits import DAY_S, WEEK_S, limits

AT = columns()
SIZE = max(s.stop for s in AT.values())
UN = 400.0 / math.sqrt(3.0)


def interval(seconds, flagged=False, **values):
    row = np.full(SIZE, np.nan)
    for name, value in values.items():
        row[AT[name]] = np.ravel(value)
    return AggregationInterval(seconds, 0.0, float(seconds), row, row, row, 15, flagged, True)


def table(**orders):
    out = np.zeros((3, 51))
    for order, value in orders.items():
        out[:, int(order[1:])] = value
    return out


def test_ieee_519_over_a_day_and_a_week():
    """Log-normal 5th harmonic current.

    Daily P99 of 3 s values with 2 x the limit, weekly P99 and P95 of 10 min values with 1.5 x and 1 x the limit.
    """
    rng = np.random.default_rng(1)
    which = limits("ieee519", "pcc", 400.0, isc_over_il=30.0)
    a = Assessment(which, 400.0, demand_a=200.0)
    short, long = rng.lognormal(2.0, 0.4, (2000, 3)), rng.lognormal(2.0, 0.3, (1008, 3))
    for phases in short:
        a.add(interval(3, sg_i_a=table(h5=phases), tdd_pct=[4.0, 5.0, np.nan], sg_u_v=table(h5=2.0, h7=12.0)))
    for phases in long:
        a.add(interval(600, sg_i_a=table(h5=phases), tdd_pct=[9.0, 5.0, 1.0]))
    found = {
        (f.limit.quantity, f.limit.order, f.limit.statistic.percent, p): f
        for p in (DAY_S, WEEK_S)
        for f in a.findings(p)
    }
    pct = lambda x, p: np.sort(x.max(axis=1))[math.ceil(len(x) * p / 100) - 1] / 2.0  # noqa: E731  # worst phase, % of IL
    for x, percent, period, factor in ((short, 99, DAY_S, 2.0), (long, 99, WEEK_S, 1.5), (long, 95, WEEK_S, 1.0)):
        f = found["h_i", 5, percent, period]
        want = pct(x, percent) / (7.0 * factor)
        assert want <= f.use <= want * 1.0051
        assert f.held == (f.use <= 1.0)
    assert found["tdd", 0, 95, WEEK_S].held is False  # 9 % with a limit of 8 %
    assert found["tdd", 0, 99, DAY_S].use == pytest.approx(5.0 / 16.0, rel=0.006)
    assert found["h_u", 7, 99, DAY_S].use == pytest.approx(100 * 12.0 / UN / 7.5, rel=0.006)
    assert found["h_u", 7, 95, WEEK_S].held is None  # not measured
    assert {f.held for f in a.findings(DAY_S)} == {None}  # a new day without values


def test_flagged_intervals_are_left_out_and_counted():
    a = Assessment(limits("en50160", "pcc", 400.0), 400.0)
    for k in range(100):
        a.add(interval(600, flagged=k % 10 == 0, thd_u_pct=[20.0] * 3 if k % 10 == 0 else [4.0] * 3))
    assert a.counted(600, WEEK_S) == (90, 10)
    (f,) = [f for f in a.findings(WEEK_S) if f.limit.quantity == "thd_u"]
    assert f.use == pytest.approx(0.5, rel=0.006)
    assert f.value == pytest.approx(4.0, rel=0.006)


@pytest.mark.parametrize(("share", "held"), [(0.04, True), (0.06, False)])
def test_voltage_outside_on_either_side(share, held):
    """Half of the outliers are above, half below the range; the 95 % apply to their sum."""
    a = Assessment(limits("en50160", "pcc", 400.0), 400.0)
    out = round(1000 * share)
    for k in range(1000):
        factor = 1.02 if k >= out else 1.12 if k % 2 else 0.88
        a.add(interval(600, u_rms_v=[UN, UN * factor, UN]))
    (f,) = [f for f in a.findings(WEEK_S) if f.limit.quantity == "u"]
    assert f.held is held


def test_class_3_allows_more_below_than_above():
    a = Assessment(limits("iec61000-2-4", "in-plant", 400.0, plant_class=3), 400.0)
    a.add(interval(600, u_rms_v=[0.88 * UN, UN, UN], u2_pct=2.9, sg_u_v=table(h5=0.081 * UN)))
    found = {(f.limit.quantity, f.limit.order): f for f in a.findings(WEEK_S)}
    assert found["u", 0].use == pytest.approx(12.0 / 15.0, rel=0.006)
    assert found["u2", 0].held is True
    assert found["h_u", 5].held is False


def test_flicker_and_frequency():
    a = Assessment(limits("en50160", "pcc", 400.0), 400.0)
    for k in range(84):
        a.add_plt(0.7 if k else 1.4, flagged=False)
    for _ in range(1000):
        a.add_frequency(49.9)
    a.add_frequency(math.nan)
    (f,) = [f for f in a.findings(WEEK_S) if f.limit.quantity == "plt"]
    assert f.use == pytest.approx(0.7, rel=0.006)
    (f,) = a.findings(31536000)
    assert f.use == pytest.approx(0.2, rel=0.006)


def test_interharmonics_and_amperes():
    a = Assessment(limits("gbt24337", "pcc", 380.0), 380.0)
    a.add(interval(3, isg_u_v=table(h1=0.19 * 2.2, h5=0.6 * 2.2)))
    found = {f.limit.order: f for f in a.findings(DAY_S)}
    assert (found[1].held, found[5].held) == (True, False)
    a = Assessment(limits("gbt14549", "pcc", 10e3, short_circuit_mva=100.0), 10e3)
    a.add(interval(3, sg_i_a=table(h5=19.0, h7=16.0)))
    found = {(f.limit.quantity, f.limit.order): f for f in a.findings(DAY_S)}
    assert (found["h_i", 5].held, found["h_i", 7].held) == (True, False)
