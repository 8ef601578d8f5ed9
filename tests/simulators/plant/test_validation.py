"""Impossible parameters are rejected with one line that names the key."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import pytest

from simulators.plant import params
from simulators.plant.faults import Condition

MACHINES = {
    "induction motor": params.IE1_55KW,
    "magnet motor": params.MAGNET_55KW,
    "line-start motor": params.LINE_START_55KW,
    "drive": params.DRIVE_55KW,
    "grid": params.BUSBAR,
}


@pytest.mark.text
@pytest.mark.parametrize(
    ("what", "key", "value", "words"),
    [
        ("induction motor", "rs_ohm", -0.04, "rs_ohm: must be positive, got -0.04"),
        ("induction motor", "xm_ohm", 0.0, "xm_ohm: must be positive, got 0"),
        ("induction motor", "rfe_ohm", math.nan, "rfe_ohm: must be positive, got nan"),
        ("induction motor", "friction_w", -1.0, "friction_w: must not be negative, got -1"),
        ("induction motor", "speed_rpm", 1500.0, "speed_rpm must be below 1500 rpm, got 1500 rpm"),
        ("induction motor", "pole_pairs", 0, "pole_pairs must be an integer of at least 1, got 0"),
        ("induction motor", "pole_pairs", 1.5, "pole_pairs must be an integer of at least 1, got 1.5"),
        ("induction motor", "current_a", 70.0, "power_w 55000 W from 48497 VA is an efficiency above 1 (1.13)"),
        ("magnet motor", "ld_h", -1e-3, "ld_h: must be positive, got -0.001"),
        ("magnet motor", "flux20_wb", math.inf, "flux20_wb: must be positive, got inf"),
        ("magnet motor", "core_hysteresis", 1.2, "core_hysteresis: must be between 0 and 1, got 1.2"),
        ("magnet motor", "power_w", 70e3, "power_w 70000 W from 64170 VA is an efficiency above 1 (1.09)"),
        ("line-start motor", "cage_ohm", 0.0, "cage_ohm: must be positive, got 0"),
        ("drive", "choke_ohm", 0.0, "choke_ohm: must be positive, got 0"),
        ("drive", "line_ohm", 0.2, "choke_ohm is that of the complete DC loop and must be at least 2 × line_ohm"),
        ("drive", "fixed_w", -5.0, "fixed_w: must not be negative, got -5"),
        ("grid", "frequency_hz", 0.0, "frequency_hz: must be positive, got 0"),
        ("grid", "negative", 1.2 + 0j, "negative must be below 1, the positive sequence, got 1.2"),
        ("grid", "harmonics", ((60, 0.01, 0.0),), "harmonics must have orders from 2 to 50 and shares below 1"),
    ],
)
def test_impossible_machines(what: str, key: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{what}: {words}")) as caught:
        replace(MACHINES[what], **{key: value})
    assert "\n" not in str(caught.value)


@pytest.mark.text
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"flux_lost": 1.0}, "fault: bar, flux_lost, pole_lost and turns must be below 1"),
        ({"bar": -0.1}, "fault: bar: must be between 0 and 1, got -0.1"),
        ({"gap_static": 0.6, "gap_dynamic": 0.5}, "fault: gap_static + gap_dynamic must be below 1"),
        ({"turns": 0.02, "turns_ohm": -1.0}, "fault: turns_ohm: must not be negative, got -1"),
        ({"capacitance": 0.0}, "fault: capacitance: must be positive, got 0"),
    ],
)
def test_impossible_faults(how: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        Condition(**how)
