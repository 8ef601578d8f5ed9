"""Frequency tracking: find, follow and recover the frequency, and determine the next window."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from dsp import resample, windows
from dsp.results import Flag
from dsp.ring_buffer import RingBuffer

AROUND = resample.TAPS // 2 + 1  # samples beyond the ends of a window that the taps of the resampler reach
_SEARCH_S = 0.4  # two cycles of the lowest frequency
_UNMEASURED_MAX_S = 1.0  # maximum time without a measured frequency before a new search
_STEADY = 0.01  # relative change of frequency between windows above which harmonics are smeared


class FrequencySpan(NamedTuple):
    """Extent of a window that is not measured yet; the caller knows its start.

    end: end, absolute sample position.
    n_cycles: number of cycles; 0 without synchronisation.
    f_hz: frequency, Hz; NaN without synchronisation.
    flags: bits of Flag.
    """

    end: float
    n_cycles: int
    f_hz: float
    flags: int


class Tracker:
    """Determine the end of each window.

    ring: sample buffer.
    nominal: see windows.cycles_for.
    ahead: samples after the end of a window that its results need, as a function of frequency.
    want: absolute index up to which samples must be present before the next call can give a result.
    Except at the end of a record, the result does not depend on the number of samples available.
    """

    def __init__(self, ring: RingBuffer, nominal: str, ahead: Callable[[float], int]) -> None:
        self._ring, self._nominal, self._ahead, self._rate_hz = ring, nominal, ahead, ring.rate_hz
        # a mains frequency below 20 Hz does not occur, and the size of the buffer limits the length of ten cycles
        self._lo_hz = 20.0 if nominal in ("50", "60") else windows.F_LO_HZ
        self._hi_hz = min(windows.F_HI_HZ, 0.4 * self._rate_hz)
        self._rows = [row for row in (0, 3) if ring.mapped[row : row + 3].any()]
        self._table = np.zeros((5, windows.BLOCK))
        self._found = np.zeros(2)
        self.restart()

    def restart(self) -> None:
        self._f_hz = 0.0  # 0: searching
        self.rotation = 1
        self._unmeasured_s = 0.0
        self.want = 0

    def span(self, start: float, final: bool) -> FrequencySpan | None:
        """The window that begins at `start`, or None if it needs more samples."""
        return self._locked(start, final) if self._f_hz > 0.0 else self._searching(start, final)

    def _locked(self, start: float, final: bool) -> FrequencySpan | None:
        """The next window at a known frequency."""
        n_cycles = windows.cycles_for(self._f_hz, self._nominal)
        rough = start + n_cycles * self._rate_hz / self._f_hz
        if not final and not self._has_samples(rough, self._ahead(self._f_hz), final):
            return None  # before the frequency is refined: that is expensive and would be repeated
        slack = windows.AT_END if final else windows.RUNNING
        answer = self._refine(start, self._f_hz, self.rotation, n_cycles, slack)
        if answer == windows.MORE:
            self._set_want(int(self._found[1]))
            return None
        if answer == windows.LOST:
            return self._unlocked(start, final)
        all_gaps = answer == windows.ALL_GAPS
        f_hz = self._f_hz if all_gaps else float(self._found[0])
        end = start + n_cycles * self._rate_hz / f_hz
        if not self._has_samples(end, self._ahead(f_hz), final):
            return None
        self._unmeasured_s = self._unmeasured_s + (end - start) / self._rate_hz if all_gaps else 0.0
        flags = int(Flag.FREQUENCY_HELD) if all_gaps else 0
        if abs(f_hz - self._f_hz) > _STEADY * f_hz:
            flags |= int(Flag.FREQUENCY_CHANGING)
        self._f_hz = f_hz if self._unmeasured_s <= _UNMEASURED_MAX_S else 0.0
        return FrequencySpan(end, n_cycles, f_hz, flags)

    def expect(self, start: float) -> None:
        """Set the index to wait for before the window that begins at `start`, as the next call of span() would."""
        self.want = 0
        if self._f_hz > 0.0:
            n_cycles = windows.cycles_for(self._f_hz, self._nominal)
            self._has_samples(start + n_cycles * self._rate_hz / self._f_hz, self._ahead(self._f_hz), False)

    def _unlocked(self, start: float, final: bool) -> FrequencySpan | None:
        """A window of 200 ms without a frequency."""
        end = start + windows.WINDOW_S * self._rate_hz
        if not self._has_samples(end, AROUND, final):
            return None
        self._f_hz = 0.0
        self._unmeasured_s = 0.0
        return FrequencySpan(end, 0, math.nan, int(Flag.SYNC_LOST))

    def _has_samples(self, end: float, ahead: int, final: bool) -> bool:
        """True if all samples of a window up to `end` are present; otherwise sets the index to wait for."""
        if final:
            return end <= self._ring.end + 0.25  # the last half cell may be extrapolated
        want = math.ceil(end) + ahead
        if want > self._ring.end:
            self._set_want(want)
        return want <= self._ring.end

    def _set_want(self, index: int) -> None:
        self.want = max(self._ring.end + 1, index)

    def _refine(self, start: float, f_hz: float, rotation: int, n_cycles: int, slack: float) -> int:
        """Refine the frequency with the voltages, or else with the currents; the result is in self._found.

        Returns the values of windows.refine.
        If neither can be tracked, the result of the voltages counts: currents of an idle motor do not show if there is
        a gap in the voltages.
        """
        ring = self._ring
        answer: int | None = None
        for row in self._rows:
            now = windows.refine(
                ring.x, ring.bad, ring.last_bad, ring.mapped, row, ring.base, ring.first, ring.end, start, f_hz,
                rotation, n_cycles, self._rate_hz, 0.99 * self._lo_hz, 1.01 * self._hi_hz, slack, self._table,
                self._found,
            )  # fmt: skip
            if now in (windows.TRACKED, windows.MORE):
                return now
            answer = now if answer is None else answer
        return windows.ALL_GAPS if answer is None else answer

    # --- cold start and end of a record

    def _searching(self, start: float, final: bool) -> FrequencySpan | None:
        """Find a frequency and then its window; without a frequency, a window of 200 ms with rms and power only."""
        ring = self._ring
        whole = math.ceil(start + _SEARCH_S * self._rate_hz)
        if not final and ring.end < whole:
            self._set_want(whole)
            return None
        for part in (1.0, 0.5):
            stop = min(ring.end, math.ceil(start + part * _SEARCH_S * self._rate_hz))
            for row in (0, 3):
                answer = self._lock(start, row, stop, final)
                if answer == windows.MORE:
                    if not final:
                        self._set_want(int(self._found[1]))
                    return None
                if answer == windows.TRACKED:
                    return self._locked(start, final)
        return self._unlocked(start, final)

    def _lock(self, start: float, row: int, stop: int, final: bool) -> int:
        """Find and refine a frequency in the samples up to `stop` of the channels row .. row+2."""
        f_hz = self._coarse(row, max(self._ring.first, math.ceil(start)), stop)
        if f_hz == 0.0:
            return windows.LOST
        rotation = 1 if f_hz > 0.0 else -1
        f_hz = min(max(abs(f_hz), self._lo_hz), self._hi_hz)
        rough_hz = f_hz
        slack = windows.AT_END if final else windows.RUNNING
        for _ in range(2):  # the second time with the number of cycles for the refined frequency
            answer = self._refine(start, f_hz, rotation, windows.cycles_for(f_hz, self._nominal), slack)
            if answer != windows.TRACKED:
                return answer
            f_hz = float(self._found[0])
        if abs(f_hz - rough_hz) * windows.spans(windows.cycles_for(f_hz, self._nominal))[1] > 0.1 * f_hz:
            return windows.LOST  # a steady frequency gives the same result twice; this one is still changing
        self._f_hz, self.rotation = f_hz, rotation
        return windows.TRACKED

    def _coarse(self, row: int, begin: int, stop: int) -> float:
        """windows.coarse over samples begin .. stop-1 of the channels row .. row+2 that have no gap there; 0: none."""
        ring = self._ring
        lo, hi = begin - ring.base, stop - ring.base
        use = ring.mapped[row : row + 3] * ~ring.bad[row : row + 3, lo:hi].any(axis=1)
        if not use.any():
            return 0.0
        return windows.coarse(ring.x[row : row + 3, lo:hi], use, self._rate_hz, self._lo_hz, self._hi_hz)

    def remainder(self, start: float) -> FrequencySpan | None:
        """Window of a record that is too short for a regular window: all its complete cycles, if two or more."""
        available = self._ring.end - start
        if available < 16:
            return None
        for row in (0, 3):
            found = self._coarse(row, math.ceil(start), self._ring.end)
            if found == 0.0:
                continue
            rotation, f_hz = (1, found) if found > 0.0 else (-1, -found)
            n_cycles = int(available * f_hz / self._rate_hz + 0.1)
            while n_cycles >= 3:
                # the coarse frequency may need slightly more samples than exist; the Hann weight there is negligible
                slack = 0.02 * self._rate_hz / f_hz
                if self._refine(start, f_hz, rotation, n_cycles, slack) == windows.TRACKED:
                    f_hz = float(self._found[0])
                    end = start + n_cycles * self._rate_hz / f_hz
                    if end <= self._ring.end + 0.25:
                        self.rotation = rotation
                        return FrequencySpan(end, n_cycles, f_hz, int(Flag.FEW_CYCLES))
                n_cycles -= 1
            if (short := self._fitted(start, row, f_hz)) is not None:
                self.rotation = rotation
                return short
        return None

    def _fitted(self, start: float, row: int, f_hz: float) -> FrequencySpan | None:
        """Window of the two or three complete cycles of a record too short for windows.refine, or None."""
        ring = self._ring
        begin = math.ceil(start)
        lo, hi = begin - ring.base, ring.end - ring.base
        good = ring.mapped[row : row + 3] * ~ring.bad[row : row + 3, lo:hi].any(axis=1) != 0
        f_hz = windows.fitted(ring.x[row : row + 3, lo:hi][good], self._rate_hz, f_hz) if good.any() else 0.0
        if not self._lo_hz <= f_hz <= self._hi_hz:
            return None
        cycle = self._rate_hz / f_hz
        n_cycles = math.floor((ring.end + 0.25 - start) / cycle)
        if n_cycles < 2:
            return None
        return FrequencySpan(start + n_cycles * cycle, n_cycles, f_hz, int(Flag.FEW_CYCLES))
