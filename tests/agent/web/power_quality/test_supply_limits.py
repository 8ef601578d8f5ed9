"""Limits of the power quality view: those of the standards' tables, the strictest where there are several."""

from __future__ import annotations

import pytest

from agent.web.power_quality.supply_limits import CHOICES, default_standard, shown_limits


def test_gbt_14549_at_low_voltage() -> None:
    """Table 1: 0.38 kV: THD 5.0 %, odd orders 4.0 %, even ones 2.0 %, up to 25; GB/T 15543: unbalance 2 %."""
    found = shown_limits("gbt14549", 400.0)
    assert found is not None
    assert found.orders_pct[2:26] == (2.0, 4.0) * 12
    assert set(found.orders_pct[26:]) == {None}
    assert (found.thd_pct, found.unbalance_pct, found.in_plant) == (5.0, 2.0, False)
    assert (found.percent, found.interval_s, found.period_s) == (95.0, 3, 86400)


def test_compatibility_levels_inside_the_plant() -> None:
    """IEC 61000-2-4, class 2: tables 2 to 5."""
    found = shown_limits("iec61000-2-4", None)
    assert found is not None
    assert [found.orders_pct[n] for n in (2, 3, 5, 7, 11, 13)] == [2.0, 5.0, 6.0, 5.0, 3.5, 3.0]
    assert (found.thd_pct, found.unbalance_pct, found.in_plant) == (8.0, 2.0, True)


def test_the_strictest_of_several_statistics_is_shown() -> None:
    """IEEE 519: 99 % of 3 s values below 1.5 times, 95 % of 10 min values below 1.0 times 5 %."""
    found = shown_limits("ieee519", 480.0)
    assert found is not None
    assert (found.orders_pct[5], found.thd_pct, found.unbalance_pct) == (5.0, 8.0, None)
    assert found.interval_s == 600


def test_a_voltage_that_a_standard_does_not_cover_has_no_limits() -> None:
    assert shown_limits("en50160", 110e3) is None
    assert shown_limits("ieee519", 110e3) is not None


@pytest.mark.parametrize(("zone", "standard"), [("Asia/Shanghai", "gbt14549"), ("Europe/Berlin", "iec61000-2-4")])
def test_the_default_follows_the_place(zone: str, standard: str) -> None:
    assert default_standard(zone) == standard
    assert standard in CHOICES
