"""Orders of the supply in voltages and currents of a rectifier, in windows of ten cycles that follow its angle.

Plain numpy; a recording is analysed once. A window with a missing sample (NaN) has NaN results.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.complex128]
CYCLES = 10  # of a window; Hann weights, so that the orders do not leak into each other
ORDERS = 14
STEEP = 25.0  # steps half a run away: 4 for a sinusoid of which the peak lies within a step, 16 for a flattened one
STANDING_MIN = 0.005  # of the samples: two in a row happen by chance
_HZ_MIN, _HZ_MAX = 40.0, 70.0
_TURN = complex(np.exp(2j * np.pi / 3))


class SupplyAngle(NamedTuple):
    """Angle of the fundamental's positive sequence.

    angle: radians, rising, shape (n,); an order h of the supply turns with h times this angle.
    hz: mean frequency.
    swapped: the phases are connected in the order 1, 3, 2; sequences are exchanged.
    """

    angle: Array
    hz: float
    swapped: bool


class OrderWindows(NamedTuple):
    """Orders in windows of ten cycles, each half overlapping the next; m windows.

    t_s: centre, seconds from the first sample, shape (m,).
    u, i: peak phasors relative to the supply's angle, shape (m, 3, ORDERS); order 0: the mean. NaN above 0.45 of the
        sampling rate.
    p_w: active power, shape (m,).
    hz: frequency, shape (m,).
    """

    t_s: Array
    u: Vectors
    i: Vectors
    p_w: Array
    hz: Array


class CycleLevels(NamedTuple):
    """Levels over one cycle, at each half cycle; m values.

    t_s: end of the cycle, seconds from the first sample, shape (m,).
    u_v, i_a: rms by phase, shape (3, m).
    """

    t_s: Array
    u_v: Array
    i_a: Array


def space_vector(abc: Array) -> Vectors:
    """Space vector of three phases, shape (3, n) → (n,); its length is the peak of a balanced set."""
    found: Vectors = (abc[0] + _TURN * abc[1] + _TURN**2 * abc[2]) * (2 / 3)
    return found


def supply_angle(abc: Array, fs_hz: float) -> SupplyAngle | None:
    """Angle of the fundamental of three voltages, or of three currents where no voltage was recorded.

    abc: shape (3, n); missing samples (NaN) are bridged. None: no fundamental between 40 and 70 Hz, or less than
    two cycles.
    """
    vector = space_vector(abc)
    seen = np.isfinite(vector)
    n = len(vector)
    if seen.mean() < 0.5 or n < 2 * fs_hz / _HZ_MIN:
        return None
    vector = np.where(seen, vector, 0)
    spectrum, hz = np.fft.fft(vector * np.hanning(n)), np.fft.fftfreq(n, 1 / fs_hz)
    lines = np.zeros(n)
    inside = (np.abs(hz) >= _HZ_MIN) & (np.abs(hz) <= _HZ_MAX)
    lines[inside] = np.abs(spectrum[inside])
    peak = int(lines.argmax())
    if not lines[peak] > 0.05 * n * np.sqrt(np.mean(np.abs(vector) ** 2)) / 2:
        return None
    swapped = bool(hz[peak] < 0)
    turning = np.conj(vector) if swapped else vector
    turn = 2 * np.pi * abs(float(hz[peak])) * np.arange(n) / fs_hz
    cycle = max(2, round(fs_hz / abs(float(hz[peak]))))
    still = turning * np.exp(-1j * turn)
    for _ in range(3):  # a mean over one cycle removes the negative sequence and the harmonics
        still = _running_mean(still, cycle)
    if seen.all():
        slow = np.unwrap(np.angle(still))
    else:
        weight = seen.astype(float)
        for _ in range(3):
            weight = _running_mean(weight, cycle)
        known = weight > 0.3
        if not known.any():
            return None
        slow = np.interp(np.arange(n), np.flatnonzero(known), np.unwrap(np.angle(still[known])))
    return SupplyAngle(turn + slow, float(abs(hz[peak]) + (slow[-1] - slow[0]) / (2 * np.pi * n / fs_hz)), swapped)


def order_windows(u_v: Array, i_a: Array, fs_hz: float, supply: SupplyAngle) -> OrderWindows:
    """Orders 0 to 13 of voltages and currents, shape (3, n) each; where a phase is missing its results are NaN."""
    starts = window_edges(supply.angle)
    orders = np.arange(ORDERS)
    t_s, hz, p_w = (np.full(len(starts), np.nan) for _ in range(3))
    u, i = (np.full((len(starts), 3, ORDERS), np.nan, dtype=complex) for _ in range(2))
    turn = np.exp(-1j * supply.angle)
    for k, (first, last) in enumerate(starts):
        angle, weights = window_weights(supply.angle, first, last)
        turns = _powers(turn[first:last], weights)
        for values, rows in ((u, u_v), (i, i_a)):
            real, imaginary = np.split(rows[:, first:last] @ turns.T, 2, axis=1)
            values[k] = real + 1j * imaginary
        p_w[k] = np.sum((u_v[:, first:last] * i_a[:, first:last]) @ weights)
        hz[k] = (angle[-1] - angle[0]) / (2 * np.pi * (last - first - 1)) * fs_hz
        t_s[k] = (first + last) / 2 / fs_hz
    for values in (u, i):
        values[:, :, 1:] *= 2
        values[:, :, orders * supply.hz > 0.45 * fs_hz] = np.nan
    return OrderWindows(t_s, u, i, p_w, hz)


def _powers(turn: Vectors, weights: Array) -> Array:
    """Powers 0 to ORDERS − 1 of each value times its weight: real parts, then imaginary parts.

    Shape (n,) → (2 · ORDERS, n). Products are faster than an exponential for each order.
    """
    found = np.empty((2, ORDERS, len(turn)))
    power = weights.astype(complex)
    for k in range(ORDERS):
        found[0, k], found[1, k] = power.real, power.imag
        power *= turn
    return found.reshape(2 * ORDERS, -1)


def cycle_levels(u_v: Array, i_a: Array, fs_hz: float, hz: float) -> CycleLevels:
    """Rms over one cycle at each half cycle; NaN where a sample of the cycle is missing."""
    cycle = max(2, round(fs_hz / hz))
    ends = np.arange(cycle, u_v.shape[1] + 1, max(1, cycle // 2))
    levels = []
    for rows in (u_v, i_a):
        total = np.zeros((3, rows.shape[1] + 1))
        missing = ~np.isfinite(rows)
        np.cumsum(np.where(missing, 0, rows) ** 2, axis=1, out=total[:, 1:])
        holes = np.concatenate([np.zeros((3, 1)), np.cumsum(missing, axis=1)], axis=1)
        mean = (total[:, ends] - total[:, ends - cycle]) / cycle
        levels.append(np.where(holes[:, ends] > holes[:, ends - cycle], np.nan, np.sqrt(np.maximum(mean, 0))))
    return CycleLevels(ends / fs_hz, *levels)


def sequences(phasors: Vectors, swapped: bool = False) -> Vectors:
    """Zero, positive and negative sequence of three phase phasors: shape (…, 3) → (…, 3)."""
    one, two, three = phasors[..., 0], phasors[..., 1], phasors[..., 2]
    if swapped:
        two, three = three, two
    found: Vectors = np.stack(
        [one + two + three, one + _TURN * two + _TURN**2 * three, one + _TURN**2 * two + _TURN * three], axis=-1
    ) / 3  # fmt: skip
    return found


def clipped_share(row: Array) -> float:
    """Share of the samples at which a channel is at the limit of its converter; 0: it was not clipped.

    1: the channel has one value only. A clipped wave does not change at its highest or lowest value and leaves it
    steeply; the peak of a wave that only lies within one step of a coarse converter leaves it slowly.
    """
    values = row[np.isfinite(row)]
    if len(values) < 100:
        return 0.0
    high, low = values.max(), values.min()
    if high == low:
        return 1.0
    if max(np.count_nonzero(values == high), np.count_nonzero(values == low)) < STANDING_MIN * len(values):
        return 0.0
    levels = np.unique(values)
    step = float(np.diff(levels[-min(len(levels), 50) :]).min())
    return sum(_standing_share(rows, step) for rows in (values, -values))


def _standing_share(values: Array, step: float) -> float:
    """Share of the samples at the highest value, if most of their runs are left by more than STEEP steps."""
    at_top = np.concatenate([[False], values == values.max(), [False]])
    edges = np.flatnonzero(np.diff(at_top.astype(np.int8)))
    firsts, lasts = edges[::2], edges[1::2] - 1
    half = (lasts - firsts + 1) // 2
    whole = (half >= 1) & (firsts - half >= 0) & (lasts + half < len(values))
    firsts, lasts, half = firsts[whole], lasts[whole], half[whole]
    share = float((lasts - firsts + 1).sum()) / len(values)
    if share < STANDING_MIN:
        return 0.0
    drop = values.max() - (values[firsts - half] + values[lasts + half]) / 2
    return share if float(np.median(drop)) > STEEP * step else 0.0


def window_edges(angle: Array) -> list[tuple[int, int]]:
    """First and last sample (exclusive) of each window; the last windows of a short recording are missing."""
    length, step = 2 * np.pi * CYCLES, np.pi * CYCLES
    count = int((angle[-1] - angle[0] - length) // step) + 1
    begins = angle[0] + step * np.arange(max(count, 0))
    rising = np.maximum.accumulate(angle)
    firsts, lasts = np.searchsorted(rising, begins), np.searchsorted(rising, begins + length)
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True) if last - first > 4 * CYCLES]


def window_weights(angle: Array, first: int, last: int) -> tuple[Array, Array]:
    """The angles of a window and its Hann weights, whose sum is 1."""
    part = angle[first:last]
    middle = (part[0] + part[-1]) / 2
    weights = np.maximum(1 + np.cos((part - middle) / CYCLES), 0)
    return part, weights / weights.sum()


def _running_mean(values: npt.NDArray[np.generic], length: int) -> npt.NDArray[np.generic]:
    """Mean over `length` samples around each; fewer at the ends."""
    n, half = len(values), length // 2
    total = np.concatenate([[0], np.cumsum(values)])
    ends, begins = np.full(n, total[-1]), np.full(n, total[0])
    ends[: max(n - length + half + 1, 0)] = total[length - half :]
    begins[half:] = total[: max(n - half, 0)]
    at = np.arange(n)
    counts = np.minimum(at + length - half, n) - np.maximum(at - half, 0)
    found: npt.NDArray[np.generic] = (ends - begins) / counts
    return found
