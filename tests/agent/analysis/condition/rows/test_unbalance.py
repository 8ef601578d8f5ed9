"""The voltage explains first; what it does not explain is a contact."""

from __future__ import annotations

import pytest
from support.condition.steady_rows import Row, Watched, machine, row

from agent.analysis.condition.answers import Severity

UNBALANCED_U = {"u12_v": 393.0, "u23_v": 401.5, "u31_v": 404.5}  # 1.67 % by NEMA MG 1


def test_an_unbalanced_supply_explains_the_currents_of_a_bridge() -> None:
    watched = Watched().feed(300, **UNBALANCED_U, i1_a=7.4, i2_a=9.4, i3_a=10.1)
    assert list(watched.found) == ["supply_unbalance"]
    finding = watched.found["supply_unbalance"]
    assert finding.value == pytest.approx(1.68, abs=0.1)


@pytest.mark.parametrize(("mean_a", "found"), [(10.5, False), (20.5, True)])
def test_at_half_the_current_a_motor_on_the_line_shows_twice_the_unbalance(mean_a: float, found: bool) -> None:
    """1.67 % of unbalance explain 14 % of the rated current: 23 % of half of it, but not of all."""
    on_line = machine(kind="induction", at="line", emf_v=None, xq_ohm=None, application="conveyor")
    currents = {"i1_a": 0.77 * mean_a, "i2_a": 1.05 * mean_a, "i3_a": 1.18 * mean_a, "p_in_kw": 0.5 * mean_a}

    def line_row(t_s: float, **values: float | None) -> Row:
        names = ("u12_v", "u23_v", "u31_v", "i1_a", "i2_a", "i3_a", "p_in_kw")
        return {name: value for name, value in row(t_s, **values).items() if name in names}

    sound = dict.fromkeys(("i1_a", "i2_a", "i3_a"), mean_a) | {"p_in_kw": 0.5 * mean_a}
    watched = Watched(on_line).feed(700, line_row, **sound).feed(300, line_row, **UNBALANCED_U, **currents)
    assert ("current_unbalance" in watched.found) is found


@pytest.mark.parametrize(("volts", "severity"), [(396.6, None), (395.1, Severity.NOTE), (392.0, Severity.WARNING)])
def test_severity_by_size(volts: float, severity: Severity | None) -> None:
    """One line voltage lower than the others so that the largest deviation is 0.85, 1.2 and 2 % of the mean."""
    watched = Watched().feed(300, u12_v=volts, u23_v=400.0 + (400 - volts) / 2, u31_v=400.0 + (400 - volts) / 2)
    assert getattr(watched.found.get("supply_unbalance"), "severity", None) is severity


def test_a_contact_is_found_against_the_learned_currents() -> None:
    watched = Watched().feed(700).feed(300, i1_a=9.8, i2_a=7.8, i3_a=9.6)
    assert list(watched.found) == ["contact_resistance"]
    assert watched.found["contact_resistance"].at_s < 700 + 130


def test_a_contact_is_found_from_the_start_when_it_is_large() -> None:
    assert "contact_resistance" in Watched().feed(300, i1_a=9.8, i2_a=7.6, i3_a=9.6).found


def test_light_load_of_a_bridge_is_not_judged() -> None:
    assert not Watched().feed(300, i1_a=1.6, i2_a=1.0, i3_a=1.9, p_in_kw=1.0, p_out_kw=0.9, i_out_a=3.0).found


def test_a_dip_is_a_note_and_no_unbalance() -> None:
    watched = Watched().feed(120)
    for _ in range(10):
        watched.feed(20).feed(1, u12_v=300.0, u31_v=290.0)
    assert list(watched.found) == ["supply_dip"]
    assert watched.found["supply_dip"].severity is Severity.NOTE
