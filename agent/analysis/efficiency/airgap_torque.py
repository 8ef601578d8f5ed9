"""Method M7, live: ratio of shaft power to input power from waveforms at the terminals of a motor."""

from __future__ import annotations

import math

import numpy as np

from drivers.reading import Waveform
from dsp.efficiency import copper_ohm
from dsp.efficiency_airgap import gap_torque_nm, whole_cycles
from dsp.efficiency_induction import Plate, assigned_stray_w, m1_core_and_friction_w

WINDOW_S = 1.0
_WARM_DEGC = 80.0  # chosen: windings are at 60 to 100 °C; 20 K change the loss in R1 by 8 %, 0.1 of M7's 2.25 points


class AirgapTorque:
    """Computes the ratio for an induction motor on the mains or at a sine filter."""

    def __init__(self, plate: Plate | None) -> None:
        """plate: without it, or without its r1_ohm, there is no ratio."""
        self._plate = plate
        self._parts: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = []
        self._samples = 0
        self._next = -1

    def ratio(self, block: Waveform) -> float | None:
        """The ratio over the last second, once for each second of waveform without gaps in which the motor drives."""
        roles = ("u1", "u2", "u3", "i1", "i2", "i3")
        if any(name not in block.channels for name in roles) or block.rate_hz <= 0:
            return None
        if block.index != self._next:
            self._parts, self._samples = [], 0
        self._next = block.index + block.samples.shape[1]
        self._parts.append(block.samples[[block.channels.index(name) for name in roles]])
        self._samples += block.samples.shape[1]
        if self._samples < WINDOW_S * block.rate_hz:
            return None
        rows = np.concatenate(self._parts, axis=1)
        self._parts, self._samples = [], 0
        return self._ratio(rows, block.rate_hz)

    def _ratio(self, rows: np.ndarray[tuple[int, ...], np.dtype[np.float64]], rate_hz: float) -> float | None:
        plate = self._plate
        if plate is None or plate.r1_ohm is None or not np.isfinite(rows).all():
            return None
        span = whole_cycles(rows[:3])
        if span is None:
            return None
        u, i = rows[:3, span[0] : span[1]], rows[3:, span[0] : span[1]]
        in_w = float((u * i).sum(axis=0).mean())
        torque = gap_torque_nm(u, i, rate_hz, copper_ohm(plate.r1_ohm, _WARM_DEGC), plate.poles)
        gap_w = torque * plate.sync_rpm * math.pi / 30
        if not (in_w > 0 and gap_w > 0):
            return None
        load = gap_w / plate.rated_w
        stray_w = 0.5 * assigned_stray_w(plate.rated_w / plate.efficiency, plate.rated_w, load)
        core_w, friction_w = m1_core_and_friction_w(plate)
        # the core losses are part of the air-gap power, because the core is parallel to the terminals
        out_w = (gap_w - core_w) * (1 - plate.rated_slip * load) - friction_w - stray_w
        return out_w / in_w if 0 < out_w < in_w else None
