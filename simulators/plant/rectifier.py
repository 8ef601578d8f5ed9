"""Six-pulse diode bridge with a DC choke and a stiff DC voltage: line current harmonics and DC voltage against load.

Closed form per 60° (Bose, "Modern Power Electronics"; Mohan): with x = ωL of the DC loop and û the line voltage's peak,
x·di/dθ = û·cos θ − Udc. Everything depends on one number, p = P·x/û². At small p the current has gaps
and Udc rises towards û; above p ≈ 0.0086 it flows on and Udc ≈ 3û/π less the commutation drop (3/π)·x_line·Id.
Commutation overlap is a moving average of width μ: an approximation that nobody has checked against a recording.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulators.plant.phasors import ORDERS, natural_sequence

_STEPS = 1500
_H = np.arange(ORDERS)
PRESENT = tuple(order for order in range(1, ORDERS) if order % 2 == 1 and natural_sequence(order) != 0)
_ACTIVE = np.isin(_H, PRESENT)


class Table(NamedTuple):
    """Rows rise with p. shape[k, h] = phasor of order h over |fundamental|, voltage L1 at angle 0; dc = Udc/û."""

    p: NDArray[np.float64]
    dc: NDArray[np.float64]
    shape: NDArray[np.complex128]

    def at(self, p: float) -> tuple[float, NDArray[np.complex128]]:
        """Linear between rows; the ends are held."""
        k = min(max(int(self.p.searchsorted(p)) - 1, 0), len(self.p) - 2)
        low, high = float(self.p[k]), float(self.p[k + 1])
        w = min(max((p - low) / (high - low), 0.0), 1.0)
        return float(self.dc[k]) * (1 - w) + float(self.dc[k + 1]) * w, self.shape[k] * (1 - w) + self.shape[k + 1] * w


def table(line_share: float) -> Table:
    """line_share: ωL of one line phase over ωL of the whole DC loop (choke + 2 × line)."""
    mean = 3 / math.pi
    points = [_gapped(mean + (1 - mean) * float(k)) for k in np.linspace(0.85, 0.001, 40) ** 2]
    edge = points[-1][1]
    points += [_flowing(edge * float(k), line_share) for k in np.geomspace(1.02, 12, 24)]
    rows = [(dc * j, dc, _harmonics(theta, i, overlap)) for dc, j, theta, i, overlap in points]
    return Table(
        np.array([row[0] for row in rows]), np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
    )


_Point = tuple[float, float, NDArray[np.float64], NDArray[np.float64], float]


def _gapped(dc: float) -> _Point:
    """Current with gaps: starts when the line voltage passes Udc, ends when the integral is used up."""
    start = -math.acos(dc)
    theta = start + np.linspace(0, math.pi / 3, _STEPS)
    wrapped = np.where(theta > math.pi / 6, theta - math.pi / 3, theta)
    drive = np.cos(wrapped) - dc
    i = np.concatenate([[0.0], np.cumsum((drive[1:] + drive[:-1]) / 2)]) * (theta[1] - theta[0])
    ended = np.flatnonzero(i[1:] <= 0)
    if len(ended):
        i[ended[0] + 1 :] = 0
    return dc, float((i[1:] + i[:-1]).sum()) / 2 * (theta[1] - theta[0]) * 3 / math.pi, wrapped, i, 0.0


def _flowing(j: float, line_share: float) -> _Point:
    """Current without gaps: mean plus a ripple that does not depend on load."""
    theta = np.linspace(-math.pi / 6, math.pi / 6, _STEPS)
    i = j + np.sin(theta) - 3 / math.pi * theta
    overlap = math.acos(max(1 - 2 * line_share * float(i[-1]), -1.0))
    return 3 / math.pi * (1 - line_share * j), j, theta, i, overlap


def _harmonics(theta: NDArray[np.float64], i: NDArray[np.float64], overlap: float) -> NDArray[np.complex128]:
    """Two pulses of 60° at ±30° about the voltage's peak, the same negated half a period later."""
    order = np.argsort(theta, kind="stable")
    x, y = theta[order], i[order]
    wave = y * np.exp(-1j * np.outer(_H, x))
    integral = ((wave[:, 1:] + wave[:, :-1]) / 2 * np.diff(x)).sum(axis=1)  # np.trapezoid is younger than numpy 1.26
    value = integral * np.cos(_H * math.pi / 6) * np.sinc(_H * overlap / 2 / math.pi) * np.exp(-0.5j * _H * overlap)
    value[~_ACTIVE] = 0
    return np.asarray(value / abs(value[1]))
