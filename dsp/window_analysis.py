"""Calculate all results of one window."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from dsp import (
    aliasing,
    ieee1459,
    power,
    resample,
    segment,
    transform,
    window_layout,
    window_spectrum,
    windows,
)
from dsp._jit import Floats
from dsp._simd import rows
from dsp.continuous_analysis import ContinuousAnalysis
from dsp.frequency_tracking import AROUND, FrequencySpan
from dsp.results import BAND_HZ, BANDS, BANDS_FROM_HZ, ORDERS, Flag
from dsp.ring_buffer import CHANNELS, RingBuffer
from dsp.supply import Supply
from dsp.window import Window

# Spectra are calculated in single precision: their error is below 1e-6 of the fundamental, that of a converter of 16
# bits 1.5e-5 of its range. Samples, rms, powers, frequency, events and flicker stay in double precision.
SPECTRAL = np.float32

_AT = window_layout.PLACES
_PINST, _PST, _1459 = (_AT[n] for n in ("pinst", "pst", "ieee1459"))
_BANDS = slice(_AT["band_u_v"].start, _AT["band_i_a"].stop)
_TABLES = slice(0, window_layout.LINES * ORDERS)
_ALL_GOOD = (Flag.GOOD,) * CHANNELS
_flag = cache(Flag)  # a call of an enumeration takes longer than some kernels
_SYNC_LOST, _NO_SIGNAL = int(Flag.SYNC_LOST), int(Flag.NO_SIGNAL)
_FEW_CYCLES = int(Flag.FEW_CYCLES)


class WindowAnalysis:
    """Convert spans of the sample buffer to windows.

    All memory except that of the results is allocated at construction.
    ring: sample buffer.
    limits: shape (6,), magnitude at which each channel clips, V or A; NaN if unknown.
    two: True for the two-wattmeter connection, see power.two_to_three.
    wires: 3 or 4, see power.totals.
    supply: thresholds for events and flicker; None: not a mains supply.
    """

    def __init__(self, ring: RingBuffer, limits: Floats, two: bool, wires: int, supply: Supply | None) -> None:
        self._ring, self._limits, self._two, self._wires = ring, limits, two, wires
        self._rate_hz, self._measured = ring.rate_hz, ring.mapped
        self._known = np.ones(CHANNELS, dtype=np.uint8) if two else self._measured  # channels with results
        self._pairs = [c for c in range(3) if self._known[c] and self._known[c + 3]]
        self._demand_a = supply.demand_a if supply is not None and supply.demand_a else math.nan
        self.running = ContinuousAnalysis(ring, supply, two)

        longest = int(0.8 * self._rate_hz) + 4 * AROUND
        most_cycles = math.ceil(windows.WINDOW_S * windows.F_HI_HZ)
        most = resample.most_points(float(longest), most_cycles)
        carried = int((resample.BAND * self._rate_hz - BANDS_FROM_HZ) / BAND_HZ)
        self._reach_hz = BANDS_FROM_HZ + BAND_HZ * min(carried, BANDS) if carried > 0 else 0  # edge of the last band
        self._seg = np.zeros((CHANNELS, longest))
        self._frames = rows(longest, SPECTRAL)
        self._points = rows(most, SPECTRAL)
        self._work = rows(most, SPECTRAL)
        top = max(ORDERS * most_cycles, math.ceil(self._reach_hz * longest / self._rate_hz))
        self._lines, self._squares = rows(2 * (top + 2), SPECTRAL), rows(top + 2, SPECTRAL)
        self._weights = np.zeros(16)
        self._taps = resample.taps(SPECTRAL)
        self._gain = resample.gain()
        self._top_taps = aliasing.top_taps()
        self._mean = np.zeros(power.SUMS)
        self._new = np.zeros(power.SUMS)
        self._totals = np.zeros(power.RESULTS)
        self._short = np.zeros(window_layout.SHORT)
        self._phasor = np.zeros((CHANNELS, 2))
        self._rms, self._peaks = np.zeros(CHANNELS), np.zeros(CHANNELS)
        self._gap, self._clipped, self._good = (np.zeros(CHANNELS, dtype=np.uint8) for _ in range(3))
        self._flags = np.zeros(CHANNELS, dtype=np.int64)

    def ahead(self, f_hz: float) -> int:
        """Samples after the end of a window at frequency f_hz that its results need."""
        return max(AROUND, self.running.ahead(f_hz))

    def window(self, start: float, span: FrequencySpan, rotation: int, covered: float) -> Window:
        """Results of the window that begins at absolute position `start` and ends with `span`.

        rotation: +1 or -1, direction of the field.
        covered: end of the previous windows; the time before it adds no energy.
        """
        end, n_cycles, f_hz, flags = span
        core_lo = math.floor(start + 0.5)
        core_hi = max(core_lo + 1, math.ceil(end - 0.5))
        around = math.floor(start) - AROUND, math.ceil(end) + AROUND
        seg, origin = self._samples(*around, core_lo, core_hi, end - start, n_cycles)
        lo, hi = core_lo - origin, core_hi - origin
        first, last = core_lo + 0.5 - start, end - (core_hi - 0.5)
        power.means(seg, lo, hi, first, last, self._mean)
        flags |= window_layout.channel_flags(
            self._mean, self._gap, self._clipped, self._measured, self._known, self._two,
            self._rms, self._good, self._flags,
        )  # fmt: skip
        if n_cycles == 0 and not self._gap.any() and not self._alternates(seg, lo, hi):
            flags = (flags & ~_SYNC_LOST) | _NO_SIGNAL

        numbers = window_layout.BLANK.copy()
        tables = numbers[_TABLES].reshape(window_layout.LINES, ORDERS)
        if n_cycles > 0:
            samples = end - start
            self._spectrum(seg, origin, start, samples, n_cycles, tables, numbers[_BANDS].reshape(CHANNELS, BANDS))
            if n_cycles < 3:
                flags |= _FEW_CYCLES
            flags |= aliasing.aliased(
                self._frames, AROUND, int(samples), self._top_taps, self._work, seg, lo, hi, n_cycles,
                tables[:CHANNELS], self._rms, self._good, self._flags,
            )  # fmt: skip
        else:
            self._phasor[:] = np.nan
        window_layout.fill_row(
            tables, self._mean, self._rms, self._peaks, self._phasor, self._demand_a, n_cycles, f_hz, rotation,
            self._wires, self._known, self._good, self._flags, self._totals, self._short, numbers,
        )  # fmt: skip
        resolved = self._resolve(n_cycles, numbers)
        found, flags = self.running.events(start, end, f_hz, flags, covered, self._phasor, self._rms[:3])
        self.running.flicker(end, core_hi, f_hz, numbers[_PINST], numbers[_PST])
        p_w, new = self._totals.item(power.P), end - start
        if start < covered < end:
            p_w, new = self._new_power(seg, origin, covered, end, core_hi, p_w), end - covered
        return Window(
            start, end, n_cycles, f_hz, _flag(flags), self._channel_flags(), rotation if n_cycles > 0 else 0,
            p_w * new / self._rate_hz, found, resolved, numbers,
        )  # fmt: skip

    # --- samples

    def _samples(
        self, begin: int, stop: int, core_lo: int, core_hi: int, period: float, n_cycles: int
    ) -> tuple[Floats, int]:
        """Samples begin .. stop-1, and the absolute index of column 0.

        Updates the marks of gaps, clipping and constant signals.
        core_lo, core_hi: samples of the window; the others are reached by the taps of the resampler only.
        period: samples of all n_cycles. With it the first and last window of a record are continued periodically, see
            segment.continued.
        Returns the sample buffer if nothing has to be interpolated or converted, otherwise a copy.
        """
        ring = self._ring
        if not self._two and ring.is_complete(begin, stop):
            self._gap[:] = 0
            lo, hi = core_lo - ring.base, core_hi - ring.base
            segment.clipped(ring.x, lo, hi, self._limits, self._clipped, self._peaks)
            if n_cycles > 0:
                aliasing.frozen(ring.x, lo, hi, period / n_cycles, self._gap)
            return ring.x, ring.base
        segment.cut(
            ring.x, ring.bad, ring.last_bad, ring.base, ring.first, ring.end,
            begin, core_lo, core_hi, stop, self._seg, self._gap,
        )  # fmt: skip
        self._gap &= self._measured
        first, last = max(begin, ring.first), min(stop, ring.end)
        at_edge = n_cycles > 0 and (first > begin or last < stop)
        if at_edge and not ring.bad[:, first - ring.base : last - ring.base].any():
            segment.continued(self._seg, first - begin, last - begin, stop - begin, period, self._weights)
        lo, hi = core_lo - begin, core_hi - begin
        segment.clipped(self._seg, lo, hi, self._limits, self._clipped, self._peaks)
        if n_cycles > 0:
            aliasing.frozen(self._seg, lo, hi, period / n_cycles, self._gap)
        if self._two:
            power.two_to_three(self._seg, stop - begin)
            segment.peaks(self._seg, lo, hi, self._peaks)
        return self._seg, begin

    def _alternates(self, seg: Floats, lo: int, hi: int) -> bool:
        """True if a channel of the window that exists is not constant."""
        part = seg[:, lo : hi + 1]
        swing = np.ptp(part, axis=1) > 1e-9 * np.abs(part).max(axis=1)
        return bool((swing & (self._measured != 0)).any())

    # --- numbers

    def _spectrum(
        self, seg: Floats, origin: int, start: float, samples: float, n_cycles: int, tables: Floats, bands: Floats
    ) -> None:
        """Spectrum of the window that begins at position `start`, see window_spectrum.analyse."""
        reach = math.ceil(self._reach_hz * samples / self._rate_hz)
        plan = transform.plan(n_cycles, resample.points_for(math.ceil(samples), n_cycles, reach), SPECTRAL)
        size = n_cycles * plan.points
        top = min(ORDERS - 1, int(resample.BAND * samples / n_cycles))
        highest = max(min((top + 1) * n_cycles, size // 2), reach)
        begin = math.floor(start) - AROUND
        at = start - begin
        first = begin - origin
        window_spectrum.analyse(
            seg, first, first + math.ceil(at + samples) + AROUND, at, samples, n_cycles, size, highest, self._rate_hz,
            self._taps, self._gain, plan.roots, plan.radices, plan.places,
            self._frames, self._points, self._work, self._lines, self._squares, tables, self._phasor, bands,
        )  # fmt: skip

    def _new_power(self, seg: Floats, origin: int, covered: float, end: float, core_hi: int, p_w: float) -> float:
        """Mean power (W) of the part of the window that no previous window covered; NaN if p_w is NaN."""
        core_lo = math.floor(covered + 0.5)
        if core_hi <= core_lo:
            return p_w
        first, last = core_lo + 0.5 - covered, end - (core_hi - 0.5)
        power.means(seg, core_lo - origin, core_hi - origin, first, last, self._new)
        new_w = sum(float(self._new[12 + c]) for c in self._pairs)
        return new_w if math.isfinite(p_w) else math.nan

    def _resolve(self, n_cycles: int, numbers: Floats) -> int:
        """IEEE 1459 quantities of three phases or one; none for two phases, without synchronisation or with a gap.

        Returns their number.
        """
        out, pairs = numbers[_1459], self._pairs
        if n_cycles == 0 or len(pairs) not in (1, 3) or not math.isfinite(self._totals.item(power.P)):
            return 0
        if len(pairs) == 3:
            ieee1459.three(self._mean, self._phasor, self._totals, self._wires, out)
            return ieee1459.RESULTS
        ieee1459.single(self._mean, self._phasor, pairs[0], out)
        return len(ieee1459.SINGLE)

    def _channel_flags(self) -> tuple[Flag, ...]:
        found = self._flags.tolist()
        return tuple(map(_flag, found)) if any(found) else _ALL_GOOD
