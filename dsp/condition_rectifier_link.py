"""Capacitance of a DC link and inductance before it, from the currents of the supply and the voltage of the link.

A bridge conducts the sum of the positive phase currents into the link. At six times the supply's frequency the drive
takes nearly none of it, so that the capacitor carries it: C = I/(6·2πf·U), independent of load, choke and supply.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.condition_rectifier import Array, SupplyAngle, _starts, _weights

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


class LinkSeenFromLine(NamedTuple):
    """Capacitance and inductance seen from the supply side, by pair of phases; shape (3,), NaN: not known."""

    c_f: Array
    loop_h: Array


def loop_inductance_h(u_v: Array, i_a: Array, fs_hz: float, u_dc_v: Array, u_dc_hz: float) -> float | None:
    """Inductance of two phases and the choke, henries, from the intervals in which exactly two phases conduct.

    The line voltage less that of the link drives the current through it: u = L·di/dt + R·i + u₀, fitted by least
    squares. None: the currents are too small or never flow in two phases only.
    """
    finer = _four_times_finer(u_dc_v)
    link = np.interp(np.arange(i_a.shape[1]) / fs_hz, np.arange(len(finer)) / (4 * u_dc_hz), finer)
    parts = [
        np.stack([part.voltage - _mean(link, part.at), part.rate, part.current]) for part in _pairs(u_v, i_a, fs_hz)
    ]
    drop, rate, current = np.concatenate(parts, axis=1)
    fitted = _fit(drop, [rate, current, np.ones_like(rate)])
    return float(fitted[0]) if fitted is not None and fitted[0] > 0 else None


def link_seen_from_line(u_v: Array, i_a: Array, fs_hz: float, supply: SupplyAngle) -> LinkSeenFromLine:
    """While two phases conduct u = q/C + L·di/dt + R·i + u₀ with the charge q that flowed into the link less its mean.

    q follows from the current into the link. u₀ differs by pair and direction, because the gains and
    offsets of the voltage channels do.
    """
    bins = int(np.clip(round(fs_hz / supply.hz), 40, 240))
    u_v, i_a = _folded(u_v, supply.angle, bins), _folded(i_a, supply.angle, bins)
    charge = _charge(np.abs(i_a).sum(axis=0) / 2, supply.hz)
    found = np.full((2, 3), np.nan)
    three = np.concatenate([np.arange(bins)] * 3)  # conduction may pass the end of a cycle
    for k, part in enumerate(_pairs(u_v[:, three], i_a[:, three], bins * supply.hz)):
        middle = (part.at >= bins) & (part.at < 2 * bins)
        back = (part.sign > 0).astype(float)
        columns = [_mean(charge[three], part.at), part.rate, part.current, back, 1 - back]
        fitted = _fit(part.voltage[middle], [column[middle] for column in columns])
        if fitted is not None and fitted[0] > 0 and fitted[1] > 0:
            found[:, k] = 1 / fitted[0], fitted[1]
    return LinkSeenFromLine(*found)


def _folded(rows: Array, angle: Array, bins: int) -> Array:
    """Mean of each row by the angle of the supply, shape (3, bins): what repeats in each cycle, without the noise."""
    at = np.floor(angle / (2 * np.pi) * bins).astype(int) % bins
    good = np.isfinite(rows).all(axis=0)
    counts = np.bincount(at[good], minlength=bins)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.array([np.bincount(at[good], row[good], bins) / counts for row in rows])
    return found


class _Pair(NamedTuple):
    """Where two phases conduct and the third does not: means over two intervals around each sample `at`."""

    at: npt.NDArray[np.intp]
    sign: Array
    voltage: Array
    rate: Array
    current: Array


def _pairs(u_v: Array, i_a: Array, fs_hz: float) -> list[_Pair]:
    size = np.abs(i_a)
    peak = np.nanmax(size) if np.isfinite(size).any() else 0.0
    found = []
    for one, two, idle in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        current, voltage = (i_a[one] - i_a[two]) / 2, u_v[one] - u_v[two]
        flows = (np.abs(current) > 0.1 * peak) & (size[idle] < 0.05 * peak)
        at = np.flatnonzero(flows[:-2] & flows[1:-1] & flows[2:]) + 1
        sign = np.sign(current[at])
        rate = sign * (current[at + 1] - current[at - 1]) * fs_hz / 2
        found.append(_Pair(at, sign, sign * _mean(voltage, at), rate, sign * _mean(current, at)))
    return found


def _mean(row: Array, at: npt.NDArray[np.intp]) -> Array:
    """Mean over the two intervals around each sample, by Simpson's rule."""
    found: Array = (row[at - 1] + 4 * row[at] + row[at + 1]) / 6
    return found


def _fit(values: Array, columns: list[Array]) -> Array | None:
    """Coefficients of the columns by least squares; None: too few values."""
    good = np.isfinite(values + sum(columns))
    if np.count_nonzero(good) < 3 * len(columns):
        return None
    matrix = np.stack([column[good] for column in columns], axis=1)
    scale = np.maximum(np.abs(matrix).max(axis=0), 1e-30)
    found: Array = np.linalg.lstsq(matrix / scale, values[good], rcond=None)[0] / scale
    return found


def _charge(into: Array, hz: float) -> Array:
    """Integral of the alternating part of the current into the link over one cycle."""
    orders = np.arange(len(into) // 2 + 1)
    lines = np.fft.rfft(into)
    lines[1:] /= 2j * np.pi * orders[1:] * hz
    lines[0] = 0
    found: Array = np.fft.irfft(lines, len(into))
    return found


def _four_times_finer(row: Array) -> Array:
    """The row at four times its rate, by its Fourier series; straight between the samples where one is missing."""
    n = len(row)
    if not np.isfinite(row).all():
        return np.interp(np.arange(4 * n) / 4, np.arange(n), row)
    found: Array = np.fft.irfft(np.fft.rfft(row), 4 * n) * 4
    return found
