"""Load torque of the waveform tier as a function of speed."""

from __future__ import annotations

from typing import NamedTuple


class Load(NamedTuple):
    """constant_nm acts the same way in both directions (a hanging weight), dry_nm against the motion.

    linear: Nm per rad/s; square: Nm per (rad/s)². dry_rad_s: where dry friction has three quarters of its value.
    """

    constant_nm: float = 0.0
    linear: float = 0.0
    square: float = 0.0
    dry_nm: float = 0.0
    dry_rad_s: float = 0.5
    inertia_kg_m2: float = 0.0


NO_LOAD = Load()
