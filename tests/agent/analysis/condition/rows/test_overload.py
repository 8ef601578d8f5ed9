"""Thermal overload by I²t: time without rows heats nothing, a wrong rated current is no overload."""

from __future__ import annotations

from support.condition.steady_rows import Row, Watched, machine, row

CODE = "overload"
ON_LINE = machine(kind="induction", at="line", emf_v=None, xq_ohm=None, application="conveyor")


def line_row(t_s: float, **values: float | None) -> Row:
    names = ("u12_v", "u23_v", "u31_v", "i1_a", "i2_a", "i3_a", "p_in_kw")
    return {name: value for name, value in row(t_s, **values).items() if name in names}


def at(amps: float, kw: float) -> Row:
    return {"i1_a": amps, "i2_a": amps, "i3_a": amps, "p_in_kw": kw}


def test_a_lasting_overload_is_found_before_the_time_constant_has_passed() -> None:
    """1.3 times the rated current ends at 1.69 / 1.15² = 1.28 of the capacity: 0.9 after 1165 s · ln(1.28/0.38)."""
    watched = Watched(ON_LINE).feed(1500, line_row, **at(27.3, 15.0))
    assert 1350 < watched.found[CODE].at_s < 1460


def test_a_dip_in_the_first_row_after_a_gap_is_none() -> None:
    watched = Watched(ON_LINE).feed(900, line_row, **at(14.0, 7.0))
    watched.t_s += 12_000
    watched.feed(1, line_row, **at(100.0, 7.0)).feed(60, line_row, **at(14.0, 7.0))
    assert CODE not in watched.found


def test_a_wrong_rated_current_is_none() -> None:
    """On the line the power shows it: at 64 % of the rated power no motor draws 1.45 times its current."""
    watched = Watched(ON_LINE).feed(3000, line_row, **at(30.5, 7.0))
    assert CODE not in watched.found
