"""Harmonics in percent, the worst phase, and the headlines in words."""

from __future__ import annotations

import pytest

from agent.core.text import Catalogue
from agent.web.power_quality.harmonic_headlines import harmonic_headline, nth, thd_headline, unbalance_headline
from agent.web.power_quality.harmonics import ORDERS, spectrum
from agent.web.power_quality.phasors import phasors_of_waveform
from agent.web.power_quality.supply_limits import shown_limits

EN, ZH = Catalogue("en"), Catalogue("zh_CN")
LIMITS = shown_limits("gbt14549", 400.0)


def orders(one: float, **parts: float) -> list[float | None]:
    found: list[float | None] = [0.0, one, *[0.0] * 39, *[None] * 10]
    for name, value in parts.items():
        found[int(name[1:])] = value
    return found


MESSAGE = {
    "harmonic_u_l1_v": orders(230.0, h5=2.3, h7=1.15),
    "harmonic_u_l2_v": orders(200.0, h5=9.0),
    "harmonic_u_l3_v": orders(0.0, h5=5.0),  # a dead phase has no percentages
    "harmonic_i_l1_a": orders(40.0, h5=14.0, h11=20.0),
}
PQ3S = {"thd_u_l1_pct": 1.1, "thd_u_l2_pct": 4.6, "thd_u_l3_pct": None, "thd_i_l1_pct": 60.0, "tdd_l1_pct": 31.0,
        "k_factor_l1": 22.0}  # fmt: skip


def test_percentages_are_of_the_fundamental_of_their_phase() -> None:
    u = spectrum(MESSAGE, PQ3S, "u")
    assert u is not None
    assert (u.pct[0][5], u.pct[0][7], u.pct[1][5], u.pct[2][5]) == (1.0, 0.5, 4.5, None)
    assert (u.worst_pct[5], u.worst_pct[7], u.worst_pct[45]) == (4.5, 0.5, None)
    assert (u.dominant_order, u.dominant_pct, u.worst_phase, u.worst_thd_pct) == (5, 4.5, 2, 4.6)
    assert len(u.worst_pct) == ORDERS


def test_the_current_has_its_own_indices() -> None:
    i = spectrum(MESSAGE, PQ3S, "i")
    assert i is not None
    assert (i.dominant_order, i.dominant_pct, i.worst_phase) == (11, 50.0, 1)
    assert (i.tdd_pct, i.k_factor) == ([31.0, None, None], [22.0, None, None])


def test_a_phase_without_current_has_no_percentages() -> None:
    """Its fundamental is noise, of which harmonics are hundreds of percent; the TDD is of the rated current."""
    noise = orders(0.02, h5=0.06, h7=0.05)
    message = MESSAGE | {"harmonic_i_l2_a": orders(41.0, h5=14.35), "harmonic_i_l3_a": noise}
    values = PQ3S | {"thd_i_l2_pct": 35.0, "thd_i_l3_pct": 300.0, "tdd_l3_pct": 0.2, "k_factor_l3": 40.0}
    lost = spectrum(message, values | {"current_l1_a": 42.0, "current_l2_a": 43.0, "current_l3_a": 0.1}, "i")
    assert lost is not None
    assert (lost.worst_thd_pct, lost.dominant_order, lost.worst_phase) == (60.0, 11, 1)
    assert (lost.thd_pct[2], lost.pct[2][5], lost.k_factor[2], lost.tdd_pct[2]) == (None, None, None, 0.2)
    unknown = spectrum(message, values, "i")
    assert unknown is not None
    assert unknown.worst_thd_pct == 300.0


def test_a_clean_voltage_has_no_dominant_harmonic_and_no_message_no_spectrum() -> None:
    clean = spectrum({"harmonic_u_l1_v": orders(230.0, h5=0.1)}, {}, "u")
    assert clean is not None
    assert (clean.dominant_order, clean.dominant_pct, clean.worst_phase) == (None, None, None)
    assert spectrum({}, {}, "u") is None
    assert spectrum({"harmonic_u_l1_v": None}, {}, "u") is None


@pytest.mark.text
def test_headlines_name_the_value_and_its_limit() -> None:
    u, i = spectrum(MESSAGE, PQ3S, "u"), spectrum(MESSAGE, PQ3S, "i")
    headline = harmonic_headline(u, i, LIMITS, EN)
    assert (headline.title, headline.beyond) == ("5th voltage harmonic 4.5 %", True)
    assert headline.detail == "above the limit of 4.0 %; current: 11th 50.0 %"
    assert harmonic_headline(u, i, LIMITS, ZH).title == "5 次电压谐波 4.5 %"
    assert harmonic_headline(u, i, None, EN).detail == "no limit; current: 11th 50.0 %"
    assert thd_headline(4.6, 60.0, LIMITS, EN).detail == "limit 5.0 %; current 60.0 %"


def test_a_headline_is_beyond_only_above_its_limit() -> None:
    assert not thd_headline(5.0, None, LIMITS, EN).beyond
    assert thd_headline(5.01, None, LIMITS, EN).beyond
    assert not thd_headline(None, None, LIMITS, EN).beyond
    assert not harmonic_headline(None, None, LIMITS, EN).beyond
    phasors = phasors_of_waveform({"angle_u_l2_deg": 120.0, "voltage_unbalance_pct": 2.1}, {})
    headline = unbalance_headline(phasors, LIMITS, EN)
    assert headline.beyond
    assert "L3" in headline.detail  # the other phase order is said
    assert not unbalance_headline(None, LIMITS, EN).beyond


@pytest.mark.text
def test_orders_in_words() -> None:
    assert [nth(n, EN) for n in (2, 3, 5, 11, 12, 13, 21, 22, 23, 47)] == [
        "2nd", "3rd", "5th", "11th", "12th", "13th", "21st", "22nd", "23rd", "47th",
    ]  # fmt: skip
    assert nth(11, ZH) == "11 次"
