"""Aggregation of windows to 150/180 cycles (about 3 s), 10 minutes and 2 hours (IEC 61000-4-30, 4.4 to 4.7 [M]).

Magnitudes are aggregated as root mean square, powers and frequency as mean. A 3 s interval consists of 15 windows, a
10 min interval of the windows that begin in it, a 2 h interval of twelve 10 min values. At each 10 min tick a new 3 s
interval begins while the one in progress is completed, so two of them overlap (overlap 2). Windows overlap at the tick
if the stream was informed of it with `Stream.tick` (overlap 1); otherwise each window belongs to the interval in which
it begins.

An interval that contains a flagged window is flagged. Missing values (NaN) of single windows are omitted; a value that
is missing in all windows is NaN. `AggregationInterval.complete` is false when too many rms, power or frequency values
are missing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp._jit import Floats, Ints, kernel
from dsp.results import Flag
from dsp.window import Window
from dsp.window_layout import AGGREGATED, FIRST, MAGNITUDES, MEANS, PLACES

# Quantities that determine how much of an interval was measured. Other quantities can be missing for other reasons, for
# example an order at the edge of the band or a THD without a fundamental.
_COVERAGE = ("u_rms_v", "i_rms_a", "p_phase_w", "p_w", "frequency_hz")

TEN_MINUTES_S = 600
WINDOWS = 15  # per 3 s interval
FREQUENCY_S = 10
_GRACE_S = 1e-6  # rounding may date a window slightly before its tick: a time of 1.8e9 s has a resolution of 2.4e-7 s
_FRACTION = 0.95  # of an interval must be covered for it to be complete

# a window with one of these flags makes its intervals flagged: events, and values that are not reliable
_FLAGGED = int(
    Flag.EVENT
    | Flag.GAP
    | Flag.CLIPPED
    | Flag.SYNC_LOST
    | Flag.FREQUENCY_CHANGING
    | Flag.FREQUENCY_HELD
    | Flag.CONSTANT_SIGNAL
)


def is_flagged(window: Window) -> bool:
    """Whether the window makes its intervals flagged, for Aggregator.add()."""
    return int(window.flags) & _FLAGGED != 0


def columns() -> dict[str, slice]:
    """Position of each quantity in a row of `row_of`; tables are stored phase by phase, orders 0 .. 50."""
    return {n: slice(PLACES[n].start - FIRST, PLACES[n].stop - FIRST) for n in (*MAGNITUDES, *MEANS)}


def row_of(window: Window) -> Floats:
    """Values of a window as one row, for Aggregator.of_windows()."""
    return window.row[AGGREGATED]


class AggregationInterval(NamedTuple):
    """Values of one interval, in the column order of the aggregator.

    seconds: nominal length: 3, 600 or 7200.
    start_s: start, seconds of the absolute clock of Aggregator.add().
    end_s: end, seconds of the same clock.
    values: rms or mean of each quantity; NaN if it was not measured in the interval.
    low: smallest value of each quantity among the windows (2 h: among the 10 min values); NaN if not measured.
    high: largest value, likewise.
    windows: number of windows (2 h: of 10 min values) in the interval.
    flagged: True if one of the windows is flagged, because of an event or an unreliable value.
    complete: True if the interval is complete: at least 95 % of it was measured.
    """

    seconds: int
    start_s: float
    end_s: float
    values: Floats
    low: Floats
    high: Floats
    windows: int
    flagged: bool
    complete: bool


@kernel
def _add(row: Floats, square: int, total: Floats, count: Ints, low: Floats, high: Floats) -> None:
    """Add a row to the running sums: entries before `square` as squares, the others unchanged.

    NaN adds nothing, because it compares unequal to itself.
    """
    for k in range(square):
        y = row[k]
        total[k] += y * y if y == y else 0.0
    for k in range(square, row.shape[0]):
        y = row[k]
        total[k] += y if y == y else 0.0
    for k in range(row.shape[0]):
        count[k] += row[k] == row[k]
    for k in range(row.shape[0]):
        low[k] = row[k] if row[k] < low[k] else low[k]
        high[k] = row[k] if row[k] > high[k] else high[k]


class _Sum:
    """Running sums of an interval in progress."""

    def __init__(self, size: int, magnitudes: int, coverage: Ints) -> None:
        self._magnitudes, self._coverage = magnitudes, coverage
        self._total, self._low, self._high = np.zeros(size), np.zeros(size), np.zeros(size)
        self._count = np.zeros(size, dtype=np.int64)
        self.clear()

    def clear(self) -> None:
        self._total[:] = 0.0
        self._count[:] = 0
        self._low[:], self._high[:] = np.inf, -np.inf
        self.windows = 0
        self.flagged = False
        self.start_s = self.end_s = self.covered_s = 0.0

    def add(self, row: Floats, start_s: float, end_s: float, flagged: bool) -> None:
        if not self.windows:
            self.start_s = start_s
        self.end_s = end_s
        self.covered_s += end_s - start_s
        self.windows += 1
        self.flagged |= flagged
        _add(row, self._magnitudes, self._total, self._count, self._low, self._high)

    def close(self, seconds: int, start_s: float, end_s: float) -> AggregationInterval:
        with np.errstate(invalid="ignore", divide="ignore"):
            values = self._total / self._count
        values[: self._magnitudes] = np.sqrt(values[: self._magnitudes])
        empty = self._count == 0
        low, high = self._low.copy(), self._high.copy()
        values[empty] = low[empty] = high[empty] = np.nan
        seen = self._count[self._coverage]
        seen = seen[seen > 0]
        complete = (
            self.covered_s >= _FRACTION * seconds and len(seen) > 0 and bool(seen.min() >= _FRACTION * self.windows)
        )
        interval = AggregationInterval(seconds, start_s, end_s, values, low, high, self.windows, self.flagged, complete)
        self.clear()
        return interval


class Aggregator:
    """Combine rows of values, one per window, into 3 s, 10 min and 2 h intervals.

    size: number of entries of a row.
    magnitudes: the first `magnitudes` entries are rms-like and are aggregated as squares; the others as means.
    `coverage`: indices of the entries whose missing values make an interval incomplete; None: all entries.
    Memory is bounded: running sums of two 3 s intervals, one of 10 min and one of 2 h.
    Raises ValueError if `magnitudes` is not in 0 .. size.
    """

    def __init__(self, size: int, magnitudes: int, coverage: Sequence[int] | None = None) -> None:
        if not 0 <= magnitudes <= size:
            raise ValueError(f"magnitudes must be in 0..{size}, got {magnitudes}")
        self._size = size
        which = np.arange(size) if coverage is None else np.array(coverage, dtype=np.int64)
        self._short, self._old, self._ten, self._two_hours = (_Sum(size, magnitudes, which) for _ in range(4))
        self._slot: int | None = None

    @classmethod
    def of_windows(cls) -> Aggregator:
        """Aggregator for rows of `row_of`, with the columns of columns()."""
        magnitudes, at = sum(MAGNITUDES.values()), columns()
        coverage = [k for name in _COVERAGE for k in range(at[name].start, at[name].stop)]
        return cls(magnitudes + sum(MEANS.values()), magnitudes, coverage)

    def add(self, row: Floats, start_s: float, end_s: float, flagged: bool) -> list[AggregationInterval]:
        """Add one window and return the intervals that it completes.

        row: shape (size,); NaN where a value is missing.
        start_s, end_s: of the window, seconds of an absolute clock whose 10 min ticks are multiples of 600.
        flagged: is_flagged() of the window.
        The times are not checked: a window that overlaps the previous one by more than a resynchronisation, or that
        follows after a gap, is aggregated as it is, and the interval is complete only if enough of it was measured.
        Raises ValueError if `row` has another shape.
        """
        if row.shape != (self._size,):
            raise ValueError(f"row must have shape ({self._size},), got {row.shape}")
        out: list[AggregationInterval] = []
        slot = math.floor((start_s + _GRACE_S) / TEN_MINUTES_S)
        if self._slot is not None and slot != self._slot:
            self._tick(slot, out)
        self._slot = slot
        if self._short.windows and start_s - self._short.end_s > 1.0:  # no 3 s interval extends across a gap
            out.append(self._three_seconds(self._short))
        for part in (self._old, self._short):
            if part is self._short or part.windows:
                part.add(row, start_s, end_s, flagged)
                if part.windows == WINDOWS:
                    out.append(self._three_seconds(part))
        self._ten.add(row, start_s, end_s, flagged)
        return out

    def finish(self) -> list[AggregationInterval]:
        """Close and return the intervals in progress, with the windows added so far."""
        out = [self._three_seconds(part) for part in (self._old, self._short) if part.windows]
        if self._slot is not None:
            self._tick(self._slot + 1, out)
            if self._two_hours.windows:
                out.append(self._close_two_hours((self._slot // 12) * 12))
        self._slot = None
        return out

    @staticmethod
    def _three_seconds(part: _Sum) -> AggregationInterval:
        return part.close(3, part.start_s, part.end_s)

    def _tick(self, slot: int, out: list[AggregationInterval]) -> None:
        assert self._slot is not None
        if self._old.windows:
            out.append(self._three_seconds(self._old))
        self._old, self._short = self._short, self._old
        begin = float(self._slot * TEN_MINUTES_S)
        ten = self._ten.close(TEN_MINUTES_S, begin, begin + TEN_MINUTES_S)
        out.append(ten)
        self._two_hours.add(ten.values, begin, begin + TEN_MINUTES_S * ten.complete, ten.flagged)
        if slot // 12 != self._slot // 12:
            out.append(self._close_two_hours((self._slot // 12) * 12))

    def _close_two_hours(self, first_slot: int) -> AggregationInterval:
        begin = float(first_slot * TEN_MINUTES_S)
        return self._two_hours.close(12 * TEN_MINUTES_S, begin, begin + 12 * TEN_MINUTES_S)


class Frequency:
    """Frequency over 10 s: number of complete cycles over their duration (IEC 61000-4-30, 5.1 [M]).

    Only windows that are entirely within a 10 s interval of the clock count.
    """

    def __init__(self) -> None:
        self._slot: int | None = None
        self._cycles = 0
        self._seconds = 0.0

    def add(self, n_cycles: int, start_s: float, seconds: float) -> list[tuple[float, float]]:
        """Add one window and return the 10 s intervals that it completes.

        n_cycles: complete cycles of the window; 0 without synchronisation.
        start_s, seconds: start on the absolute clock, and duration.
        Returns pairs (start of the 10 s, frequency in Hz); the frequency is NaN if less than half of the 10 s was
        synchronised.
        """
        out: list[tuple[float, float]] = []
        slot = math.floor((start_s + _GRACE_S) / FREQUENCY_S)
        if self._slot is not None and slot != self._slot:
            value = self._cycles / self._seconds if self._seconds >= 0.5 * FREQUENCY_S else math.nan
            out.append((float(self._slot * FREQUENCY_S), value))
            self._cycles, self._seconds = 0, 0.0
        self._slot = slot
        if n_cycles > 0 and start_s + seconds <= (slot + 1) * FREQUENCY_S + _GRACE_S:
            self._cycles += n_cycles
            self._seconds += seconds
        return out


def percentile(values: npt.ArrayLike | Sequence[float], percent: float) -> float:
    """Smallest value that `percent` of the finite values do not exceed; NaN without finite values."""
    known = np.sort(np.asarray(values, dtype=np.float64).ravel())
    known = known[np.isfinite(known)]
    if not len(known):
        return math.nan
    return float(known[max(math.ceil(len(known) * percent / 100.0 - 1e-9), 1) - 1])
