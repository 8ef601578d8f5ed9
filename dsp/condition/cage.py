"""Cage motor on the line: lines of slow modulation, and what a rotor, a load or a supply makes of them.

A slow change of load moves the working point along the circle diagram of the motor: its reactive part follows the
active part with the slope m = dQ/dP. An asymmetry of the rotor makes a backward field instead: measured along the
same axes it is mainly reactive. What remains of a line after the share of the load, |ΔQ − m·ΔP|, therefore measures the
rotor alone, whatever the load does, and is close to the sum of both sidebands (1 ± 2s)f.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp.condition.spectrum import PAD, Baseband, Modulation, above_floor, noise_floor, peaks

Floats = npt.NDArray[np.float64]

CELLS_MIN = 4.0  # resolution cells from zero: main lobe of the Blackman window, 3, and one for the rest of the parabola
PROMINENT = 4.0  # amplitude over the median floor; Rayleigh noise: once in 60,000 cells
SUPPLY_GAIN = 6.0  # current (of its active part) per voltage modulation; 0.7 to 5.9 over simulated machines
# Pull-out over rated torque: IEC 60034-1 requires 1.6, usual are 2 to 3.5; the resistance of the stator lowers the
# slope like a higher pull-out torque. T circuits of 3 to 250 kW, 2 to 8 poles, at 90 to 110 % voltage: 1.9 to 7.
_PULL_OUT_LOW, _PULL_OUT_HIGH = 1.8, 6.0
_TRIED = 5  # of the largest peaks
_SLOPE_MARGIN = 0.02  # added to the radius: an oscillation lags behind the circle diagram


class Line(NamedTuple):
    """One line of the modulation; amplitudes relative to the active part of the current (u: to the voltage).

    hz: distance from the fundamental.
    p, q: active and reactive amplitude.
    u: amplitude of the voltage's modulation.
    rest, rest_max: smallest and largest part that the slope of the load cannot explain.
    floor_p, floor_rest: noise floors of p and of the rest.
    sidebands: sum of both sidebands.
    """

    hz: float
    p: float
    q: float
    u: float
    rest: float
    rest_max: float
    floor_p: float
    floor_rest: float
    sidebands: float


class Slope(NamedTuple):
    """dQ/dP of the motor's circle diagram at this load, and how far it may be from it (as a complex ratio)."""

    mean: float
    radius: float

    @property
    def high(self) -> float:
        return self.mean + self.radius


class Sequences(NamedTuple):
    """Mean phasors, rms; reference: positive sequence of the voltage. u1_v, V; i1_a, u2_v, i2_a: A, V, A."""

    u1_v: float
    i1_a: complex
    u2_v: complex
    i2_a: complex


def sequences(base: Baseband) -> Sequences:
    unit = np.conj(base.u) / np.abs(base.u) / math.sqrt(2)
    mean = [complex((row * unit).mean()) for row in (base.i, base.u2, base.i2)]
    return Sequences(float(np.abs(base.u).mean()) / math.sqrt(2), *mean)


def load_slope(load: float, u_relative: float) -> Slope:
    """Slope of the circle diagram for the usual range of pull-out torques: tan(arcsin(T / Tk)).

    load: torque relative to rated. u_relative: voltage relative to rated; the pull-out torque follows its square. With
    the frequency of an oscillation the ratio falls and lags: z·|2 + jw| / |1 − z² + jw|, z and w: slip and frequency
    over the slip of pull-out.
    """
    x = max(load, 0.0) / max(u_relative, 0.1) ** 2
    low, high = (math.tan(math.asin(min(x / k, 0.9))) for k in (_PULL_OUT_HIGH, _PULL_OUT_LOW))
    return Slope((low + high) / 2, (high - low) / 2 + _SLOPE_MARGIN)


def _line(m: Modulation, k: int, slope: Slope) -> Line:
    rest = np.abs(m.q - slope.mean * m.p)
    p, q = complex(m.p[k]), complex(m.q[k])
    sidebands = (abs(p - 1j * q) + abs(p + 1j * q)) / 2
    width = slice(max(k - PAD, 0), k + PAD + 1)
    return Line(
        float(m.hz[k]),
        abs(p),
        abs(q),
        float(np.abs(m.u[width]).max()),
        float(rest[k]) - slope.radius * abs(p),
        float(rest[k]) + slope.radius * abs(p),
        noise_floor(np.abs(m.p), k),
        noise_floor(rest, k),
        sidebands,
    )


def rotor_line(m: Modulation, low_hz: float, high_hz: float, slope: Slope) -> Line | None:
    """The line between two frequencies with the largest part that the load cannot explain; None: none in the noise."""
    rest = np.abs(m.q - slope.mean * m.p)
    return _largest(m, rest - slope.radius * np.abs(m.p), rest, low_hz, high_hz, slope)


def active_line(m: Modulation, low_hz: float, high_hz: float, slope: Slope) -> Line | None:
    """The line between two frequencies with the largest active part."""
    p = np.abs(m.p)
    return _largest(m, p, p, low_hz, high_hz, slope)


def turn_line(m: Modulation, low_hz: float, high_hz: float, slope: Slope) -> Line | None:
    """The line between two frequencies with the largest sidebands."""
    both = (np.abs(m.p - 1j * m.q) + np.abs(m.p + 1j * m.q)) / 2
    return _largest(m, both, both, low_hz, high_hz, slope)


def supply_line(m: Modulation, low_hz: float, high_hz: float) -> tuple[float, float] | None:
    """Hz from the fundamental and amplitude of the largest line of the voltage between two frequencies."""
    u = np.abs(m.u)
    at = peaks(u)
    found = above_floor(u, at[_inside(m, at, low_hz, high_hz)], PROMINENT)
    if len(found) == 0:
        return None
    k = found[u[found].argmax()]
    return float(m.hz[k]), float(u[k])


def _inside(m: Modulation, at: npt.NDArray[np.intp], low_hz: float, high_hz: float) -> npt.NDArray[np.bool_]:
    hz = m.hz[at]
    return (max(low_hz, CELLS_MIN * m.cell_hz) <= hz) & (hz <= high_hz)


def _largest(m: Modulation, size: Floats, visible: Floats, low_hz: float, high_hz: float, slope: Slope) -> Line | None:
    first, last = np.searchsorted(m.hz, (max(low_hz, CELLS_MIN * m.cell_hz), high_hz))
    window = slice(max(int(first) - 1, 0), int(last) + 2)
    at = peaks(visible[window]) + window.start
    at = at[_inside(m, at, low_hz, high_hz)]
    for k in at[np.argsort(-size[at])][:_TRIED].tolist():
        if visible[k] > PROMINENT * noise_floor(visible, k):
            return _line(m, k, slope)
    return None


def without_line(x: Floats, rate_hz: float, hz: float) -> Floats:
    """A series without the sinusoid of this frequency."""
    angle = 2 * math.pi * hz / rate_hz * np.arange(len(x))
    basis = np.stack([np.cos(angle), np.sin(angle), np.ones(len(x))], axis=1)
    fit = np.linalg.lstsq(basis, x, rcond=None)[0]
    return np.asarray(x - basis[:, :2] @ fit[:2])


def span(x: Floats, rate_hz: float, over_s: float = 1.0) -> float:
    """Largest minus smallest mean over `over_s`."""
    n = max(1, round(over_s * rate_hz))
    if len(x) < 2 * n:
        n = max(1, len(x) // 4)
    means = x[: len(x) // n * n].reshape(-1, n).mean(axis=1)
    return float(means.max() - means.min())


def clipped_share(x: Floats) -> float:
    """Largest share of samples of a row within 0.5 % of its peak; a sine: 0.064, cut at 97 % of its peak: 0.16."""
    shares = []
    for row in x:
        high, low = float(row.max()), float(row.min())
        peak = max(high, -low)
        at_peak = np.count_nonzero(row >= 0.995 * peak) + np.count_nonzero(row <= -0.995 * peak)
        shares.append(int(at_peak) / len(row) if peak > 0 else 0.0)
    return max(shares)


def longest_complete(rows: Sequence[Floats]) -> slice:
    """The longest part in which no row has a NaN."""
    bad = np.zeros(len(rows[0]), bool)
    if not any(np.isnan(row.sum()) for row in rows):
        return slice(0, len(bad))
    for row in rows:
        bad |= np.isnan(row)
    edges = np.concatenate([[-1], np.nonzero(bad)[0], [len(bad)]])
    k = int(np.argmax(np.diff(edges)))
    return slice(int(edges[k]) + 1, int(edges[k + 1]))


def rest_floor(m: Modulation, k: int, slope: Slope) -> float:
    """Noise floor of what the load does not explain, near a bin."""
    return noise_floor(np.abs(m.q - slope.mean * m.p), k)
