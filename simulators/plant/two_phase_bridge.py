"""Six-pulse bridge that has lost L1 of its supply, in steady state: it works on the line voltage of L2 and L3.

As simulators/plant/rectifier.py over half a period instead of 60°, without commutation overlap, with the resistance of
the DC loop: in per unit of the line voltage's peak û and of x, the ωL of the complete DC loop,
di/dθ = cos θ − u − r·i, du/dθ = (i − p/u)/b with b = ω²LC.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from simulators.plant.params import DriveParameters
from simulators.plant.phasors import ORDERS, Floats, Phasors, Vectors

_STEPS, _ROWS = 400, 40
_P_LOW, _P_HIGH = 1e-3, 0.06  # of a 55 kW drive: 1.3 and 80 kW
_THETA = np.linspace(-math.pi / 2, math.pi / 2, _STEPS + 1)  # angle relative to the peak of the line voltage
_STEP = math.pi / _STEPS


class TwoPhaseBridge(NamedTuple):
    """Results against load; rows with increasing p = P·x/û².

    p: load in per unit.
    dc: mean DC voltage over û.
    ripple: highest minus lowest DC voltage over û.
    shape: shape[k, h]: phasor of order h of the current of L2 over its fundamental's size, line voltage L2–L3 at
        angle 0.
    """

    p: Floats
    dc: Floats
    ripple: Floats
    shape: Vectors


@cache
def table(smoothing: float, damping: float) -> TwoPhaseBridge:
    """Return the table of a bridge. smoothing: b; damping: r."""
    return points(np.geomspace(_P_LOW, _P_HIGH, _ROWS), smoothing, damping)


def table_of(drive: DriveParameters) -> TwoPhaseBridge:
    """Return the currents and the DC voltage of the drive's bridge against load."""
    # Rounded, so that drives of the same model share a table.
    loop_ohm = drive.choke_r_ohm + 2 * drive.bridge_ohm
    return table(round(drive.choke_ohm * drive.capacitor_s, 9), round(loop_ohm / drive.choke_ohm, 9))


def points(p: Floats, smoothing: float, damping: float) -> TwoPhaseBridge:
    """Return the results at the given loads. Raises ValueError if no periodic solution is found."""

    def period(i: Floats, u: Floats) -> tuple[Floats, Floats]:
        return _half_period(p, i, u, smoothing, damping)

    i, u = np.zeros_like(p), np.full_like(p, 0.9)
    for _ in range(60):
        found_i, found_u = period(i, u)
        f, g = found_i[-1] - i, found_u[-1] - u
        if max(np.abs(f).max(), np.abs(g).max()) < 1e-9:
            return _results(p, found_i, found_u)
        small = 1e-6
        (i_i, u_i), (i_u, u_u) = period(i + small, u), period(i, u + small)
        f_i, g_i = (i_i[-1] - found_i[-1]) / small - 1, (u_i[-1] - found_u[-1]) / small
        f_u, g_u = (i_u[-1] - found_i[-1]) / small, (u_u[-1] - found_u[-1]) / small - 1
        scale = f_i * g_u - f_u * g_i
        i = np.maximum(i - np.clip((f * g_u - g * f_u) / scale, -0.02, 0.02), 0.0)
        u = u - np.clip((g * f_i - f * g_i) / scale, -0.02, 0.02)
    raise ValueError(f"bridge: no steady state on two phases with smoothing {smoothing:g} and damping {damping:g}")


def _half_period(p: Floats, i: Floats, u: Floats, smoothing: float, damping: float) -> tuple[Floats, Floats]:
    """Integrate half a period by the midpoint rule, for all loads together: i and u, shape (steps + 1, loads)."""
    out_i, out_u = np.empty((_STEPS + 1, len(p))), np.empty((_STEPS + 1, len(p)))
    for k, theta in enumerate(_THETA):
        out_i[k], out_u[k] = i, u
        half_i = np.maximum(i + _STEP / 2 * (math.cos(theta) - u - damping * i), 0.0)
        half_u = u + _STEP / 2 * (i - p / u) / smoothing
        i = np.maximum(i + _STEP * (math.cos(theta + _STEP / 2) - half_u - damping * half_i), 0.0)
        u = u + _STEP * (half_i - p / half_u) / smoothing
    return out_i, out_u


def _results(p: Floats, i: Floats, u: Floats) -> TwoPhaseBridge:
    """The current of L2 is i, then −i: odd orders only, twice the integral over half a period."""
    weights = np.ones(_STEPS + 1)
    weights[[0, -1]] = 0.5
    orders = np.arange(ORDERS)
    shape = np.einsum("th,tn->nh", weights[:, None] * np.exp(-1j * np.outer(_THETA, orders)), i)
    shape[:, ::2] = 0
    return TwoPhaseBridge(p, u[:-1].mean(axis=0), u.max(axis=0) - u.min(axis=0), shape / np.abs(shape[:, 1:2]))


class BridgeState(NamedTuple):
    """State at the input of a drive.

    u_v, i_a: phasors, shape (3, 51).
    dc_bus_v: mean of the DC voltage, V.
    ripple_v: peak to peak of the DC voltage, V.
    """

    u_v: Phasors
    i_a: Phasors
    dc_bus_v: float
    ripple_v: float


def solve(
    drive: DriveParameters, u_v: Phasors, impedance_ohm: Vectors, frequency_hz: float, output_w: float, loss_w: float
) -> BridgeState:
    """Return the input state of a drive without L1.

    u_v: voltages before the drive distorts them, phasors of shape (3, 51).
    impedance_ohm: impedance of the supply by order; the drop of the fundamental is part of u_v, as for a sound bridge.
    output_w: power of the motor, which determines the shape of the currents.
    loss_w: losses of the drive. Both are taken at the input terminals, harmonics included.
    """
    found = table_of(drive)
    line_v = u_v[1] - u_v[2]
    u1 = complex(line_v[1])
    peak_v = abs(u1) * math.sqrt(2)
    p = output_w * drive.choke_ohm * frequency_hz / 50 / peak_v**2
    k = min(max(int(found.p.searchsorted(p)) - 1, 0), len(found.p) - 2)
    w = min(max((p - float(found.p[k])) / float(found.p[k + 1] - found.p[k]), 0.0), 1.0)
    shape: Vectors = (found.shape[k] * (1 - w) + found.shape[k + 1] * w) * (u1 / abs(u1)) ** np.arange(ORDERS)
    drop_ohm = impedance_ohm.copy()
    drop_ohm[:2] = 0
    linear = float((line_v * shape.conj()).real.sum())
    square = 2 * float((drop_ohm.real * np.abs(shape) ** 2).sum())
    need_w = output_w + loss_w
    i_a = 2 * need_w / (linear + math.sqrt(linear**2 - 4 * square * need_w)) * shape
    currents = np.array([np.zeros(ORDERS), i_a, -i_a])
    dc, ripple = (float(row[k] * (1 - w) + row[k + 1] * w) * peak_v for row in (found.dc, found.ripple))
    return BridgeState(np.asarray(u_v - drop_ohm * currents), currents, dc, ripple)
