"""Voltage tolerance curves at their edges."""

from __future__ import annotations

import pytest

from dsp.voltage_tolerance import CURVES, tolerance_curve


@pytest.mark.parametrize(
    ("duration_s", "pct"), [(0.01, 0), (0.02, 0), (0.021, 50), (0.2, 50), (0.21, 70), (0.5, 70), (0.9, 80), (60, 90)]
)
def test_semi_f47(duration_s, pct):
    """SEMI F47-0706 as printed in PG&E Power Quality Bulletin 3: 50 % for 0.2 s, 70 % for 0.5 s, 80 % for 1 s."""
    assert tolerance_curve("semi-f47").lowest_pct(duration_s) == pct


@pytest.mark.parametrize("name", CURVES)
def test_a_longer_event_never_allows_a_deeper_one(name):
    steps = tolerance_curve(name).steps
    assert list(steps) == sorted(steps)
    assert tolerance_curve(name).mark in ("S", "M")


def test_an_unknown_curve():
    with pytest.raises(ValueError, match="name must be one of"):
        tolerance_curve("cbema")
