"""Capacitance of a DC link and inductance before it, from the currents of the supply and the voltage of the link.

A bridge conducts the sum of the positive phase currents into the link. At six times the supply's frequency the drive
takes nearly none of it, so that the capacitor carries it: C = I/(6·2πf·U), independent of load, choke and supply.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dsp.condition_rectifier import Array, SupplyAngle, _starts, _weights

_SIMPSON = np.array([1.0, 4.0, 1.0]) / 6  # mean over two intervals: exact to the third power of time
PULSES = 6  # of a three-phase bridge in a cycle
RATE_MIN = 2 * 2 * PULSES  # samples of the link's voltage in a cycle: the twelfth order must not appear as the sixth


class LinkRipple(NamedTuple):
    """Ripple of the link at the sixth order.

    c_f: capacitance by window, shape (m,), farads; NaN: a sample is missing, or there is no ripple.
    u_v: ripple, peak, shape (m,), volts.
    i_a: ripple of the current into the link, peak, shape (m,), amperes.
    """

    c_f: Array
    u_v: Array
    i_a: Array


def link_ripple(i_a: Array, fs_hz: float, u_dc_v: Array, u_dc_hz: float, supply: SupplyAngle) -> LinkRipple:
    """Ripple of current and voltage in the windows of `order_windows`.

    i_a: phase currents, shape (3, n), both half waves complete (no open diode). u_dc_v: shape (m,), from the same
    instant as i_a; its delay against i_a does not matter.
    """
    into = np.abs(i_a).sum(axis=0) / 2  # the positive currents, because the sum of all is 0
    n = i_a.shape[1]
    dc_angle = np.interp(np.arange(len(u_dc_v)) / u_dc_hz, np.arange(n) / fs_hz, supply.angle)
    found = []
    for first, last in _starts(supply.angle):
        angle, weights = _weights(supply.angle, first, last)
        i_6 = abs(2 * np.sum(into[first:last] * np.exp(-1j * PULSES * angle) * weights))
        dc_first, dc_last = (int(np.ceil(k / fs_hz * u_dc_hz)) for k in (first, last))
        u_6 = np.nan
        if 0 < dc_last <= len(u_dc_v) and dc_last - dc_first > RATE_MIN:
            angle, weights = _weights(dc_angle, dc_first, dc_last)
            u_6 = abs(2 * np.sum(u_dc_v[dc_first:dc_last] * np.exp(-1j * PULSES * angle) * weights))
        found.append((i_6, u_6))
    i_6, u_6 = np.array(found, dtype=float).reshape(-1, 2).T
    with np.errstate(divide="ignore", invalid="ignore"):
        c_f = i_6 / (2 * np.pi * supply.hz * PULSES * u_6)
    return LinkRipple(np.where(np.isfinite(c_f), c_f, np.nan), u_6, i_6)


def loop_inductance_h(u_v: Array, i_a: Array, fs_hz: float, u_dc_v: Array, u_dc_hz: float) -> float | None:
    """Inductance of two phases and the choke, henries, from the intervals in which exactly two phases conduct.

    The line voltage less that of the link drives the current through it: u = L·di/dt + R·i + u₀, fitted by least
    squares. None: the currents are too small or never flow in two phases only.
    """
    n = i_a.shape[1]
    finer = _four_times_finer(u_dc_v)
    link = np.interp(np.arange(n) / fs_hz, np.arange(len(finer)) / (4 * u_dc_hz), finer)
    size = np.abs(i_a)
    peak = np.nanmax(size) if np.isfinite(size).any() else 0.0
    rows = []
    for one, two, idle in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        current, voltage = (i_a[one] - i_a[two]) / 2, u_v[one] - u_v[two]
        flows = (np.abs(current) > 0.1 * peak) & (size[idle] < 0.05 * peak)
        at = np.flatnonzero(flows[:-2] & flows[1:-1] & flows[2:]) + 1
        sign = np.sign(current[at])
        drop, amps = (
            sign * voltage[[at - 1, at, at + 1]] - link[[at - 1, at, at + 1]],
            sign * current[[at - 1, at, at + 1]],
        )
        rows.append(np.stack([_SIMPSON @ drop, (amps[2] - amps[0]) * fs_hz / 2, _SIMPSON @ amps]))
    drop, rate, current = np.concatenate(rows, axis=1)
    good = np.isfinite(drop + rate + current)
    if np.count_nonzero(good) < 50:
        return None
    fitted = np.linalg.lstsq(np.stack([rate[good], current[good], np.ones(good.sum())], axis=1), drop[good], rcond=None)
    return float(fitted[0][0]) if fitted[0][0] > 0 else None


def _four_times_finer(row: Array) -> Array:
    """The row at four times its rate, by its Fourier series; straight between the samples where one is missing."""
    n = len(row)
    if not np.isfinite(row).all():
        return np.interp(np.arange(4 * n) / 4, np.arange(n), row)
    found: Array = np.fft.irfft(np.fft.rfft(row), 4 * n) * 4
    return found
