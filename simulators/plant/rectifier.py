"""Six-pulse diode bridge with a DC choke and capacitor: line current harmonics and DC voltage against load.

One period of 60° in the time domain, made periodic by Newton's method (Bose, "Modern Power Electronics"; Mohan). In
per unit of the line voltage's peak û and of x, the ωL of the complete DC loop: di/dθ = v − u, du/dθ = (i − p/u)/b
with b = ω²LC, a load of constant power. Below p ≈ 0.0086 the current is discontinuous and Udc rises towards û;
above, it is continuous. During commutation three diodes conduct: half the sum of both line voltages drives the
current, through a line inductance that is smaller by half. Oscillations at the resonant frequency of the DC link,
which occur in a real bridge without damping, do not repeat every 60° and are not modelled.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from simulators.plant.phasors import ORDERS, Floats, Vectors, natural_sequence

PRESENT = tuple(order for order in range(1, ORDERS) if order % 2 == 1 and natural_sequence(order) != 0)
_H = np.arange(ORDERS)
_ABSENT = ~np.isin(_H, PRESENT)
_STEPS, _ROWS = 300, 80
_P_LOW, _P_HIGH = 6e-4, 0.105  # of a 55 kW drive: 0.8 and 140 kW
_MEAN, _EDGE = 3 / math.pi, 0.0086


class RectifierTable(NamedTuple):
    """Results against load; rows with increasing p = P·x/û².

    p: load in per unit.
    dc: Udc/û.
    shape: shape[k, h]: phasor of order h over |fundamental|, voltage of L1 at angle 0.
    """

    p: Floats
    dc: Floats
    shape: Vectors

    def at(self, p: float) -> tuple[float, Vectors]:
        """Interpolate linearly between rows; constant beyond the ends."""
        k = min(max(int(self.p.searchsorted(p)) - 1, 0), len(self.p) - 2)
        low, high = float(self.p[k]), float(self.p[k + 1])
        w = min(max((p - low) / (high - low), 0.0), 1.0)
        return float(self.dc[k]) * (1 - w) + float(self.dc[k + 1]) * w, self.shape[k] * (1 - w) + self.shape[k + 1] * w


def table(line_share: float, smoothing: float) -> RectifierTable:
    """Return the table of a bridge.

    line_share: ωL of one line phase over that of the complete DC loop (choke + 2 × line).
    smoothing: b = ω²LC.
    """
    return points(np.geomspace(_P_LOW, _P_HIGH, _ROWS), line_share, smoothing)


def points(p: Floats, line_share: float, smoothing: float) -> RectifierTable:
    """Return the results at the given loads. Raises ValueError if no periodic solution is found."""
    dc = np.where(p > _EDGE, _MEAN * (1 - line_share * p / _MEAN), 1 - (1 - _MEAN) * np.minimum(p / _EDGE, 1) ** 0.6)
    i, u = np.maximum(p / dc - _EDGE, 0.0), dc.copy()
    for _ in range(40):
        found = _period(p, i, u, line_share, smoothing)
        f, g = found.i[-1] - i, found.u[-1] - u
        if max(np.abs(f).max(), np.abs(g).max()) < 1e-9:
            return RectifierTable(p, found.u[:-1].mean(axis=0), _harmonics(found))
        small = 1e-6
        by_i, by_u = (_period(p, i + a, u + b, line_share, smoothing) for a, b in ((small, 0.0), (0.0, small)))
        f_i, g_i = (by_i.i[-1] - found.i[-1]) / small - 1, (by_i.u[-1] - found.u[-1]) / small
        f_u, g_u = (by_u.i[-1] - found.i[-1]) / small, (by_u.u[-1] - found.u[-1]) / small - 1
        scale = f_i * g_u - f_u * g_i
        i = np.maximum(i - np.clip((f * g_u - g * f_u) / scale, -0.02, 0.02), 0.0)
        u = u - np.clip((g * f_i - f * g_i) / scale, -0.02, 0.02)
    raise ValueError(f"bridge: no steady state with line share {line_share:g} and smoothing {smoothing:g}")


class _Period(NamedTuple):
    """One period between two commutations, shape (steps + 1, loads).

    rising: current of the phase that starts to conduct.
    """

    i: Floats
    u: Floats
    rising: Floats


_THETA = np.linspace(-math.pi / 6, math.pi / 6, _STEPS + 1)  # angle relative to the peak of the line voltage


def _period(p: Floats, i: Floats, u: Floats, line_share: float, smoothing: float) -> _Period:
    """Integrate one period by the midpoint rule, for all loads together."""
    step = math.pi / 3 / _STEPS
    out = _Period(*(np.empty((_STEPS + 1, len(p))) for _ in range(3)))
    passing = ((i > 0) & (line_share > 0)).astype(float)  # 1 during commutation, a fraction in its last step, then 0
    rising = np.where(passing > 0, 0.0, i)

    def slope(theta: float, i: Floats, u: Floats) -> Floats:
        v, before = math.cos(theta), math.cos(theta + math.pi / 3)
        alone, both = v - u, ((v + before) / 2 - u) / (1 - 0.5 * line_share)
        di = alone + passing * (both - alone)
        return np.where((i <= 0) & (di < 0), 0.0, di)

    def commutation_slope(theta: float, di: Floats) -> Floats:
        return (math.sin(theta + math.pi / 6) / line_share + di) / 2

    for k, theta in enumerate(_THETA):
        out.i[k], out.u[k], out.rising[k] = i, u, np.where(passing > 0, rising, i)
        di = slope(theta, i, u)
        if line_share > 0:
            gap, closing = i - rising, step * (commutation_slope(theta + step / 2, di) - di)
            passing = np.where(gap > 0, np.clip(gap / np.maximum(closing, 1e-12), 0.0, 1.0), 0.0) * (passing > 0)
        half_i, half_u = np.maximum(i + step / 2 * di, 0.0), u + step / 2 * (i - p / u) / smoothing
        di = slope(theta + step / 2, half_i, half_u)
        i, u = np.maximum(i + step * di, 0.0), u + step * (half_i - p / half_u) / smoothing
        if line_share > 0:
            rising = np.minimum(rising + step * commutation_slope(theta + step / 2, di), i)
            passing = passing * (passing == 1)
    return out


def _harmonics(found: _Period) -> Vectors:
    """Return the harmonics of a phase: it starts, conducts while the other side commutates, ends.

    Negative half a period later.
    """
    parts = ((found.rising, -math.pi / 6), (found.i, math.pi / 6), (found.i - found.rising, math.pi / 2))
    weights = np.ones(_STEPS + 1)
    weights[[0, -1]] = 0.5
    value = sum(
        np.einsum("th,tn->nh", weights[:, None] * np.exp(-1j * np.outer(_THETA + shift, _H)), wave)
        for wave, shift in parts
    )
    value = np.asarray(value)
    value[:, _ABSENT] = 0
    return np.asarray(value / np.abs(value[:, 1:2]))
