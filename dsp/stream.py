"""A motor's running analysis: samples in, any block size; one result per gapless window of whole cycles out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dsp import ieee1459, indices, power, resample, segment, spectrum, transform, windows
from dsp._jit import Bytes, Floats
from dsp._lanes import rows
from dsp.events import Event, Events
from dsp.flicker import INTERVAL_S, Flicker
from dsp.results import ORDERS, Flag, Window
from dsp.supply import WIRINGS, Supply

__all__ = ["Flag", "Stream", "Window"]

NOMINALS = ("auto", "50", "60", "drive")
CHANNELS = 6
_SEARCH_S = 0.4  # two cycles of the slowest field
_COAST_S = 1.0  # without any measured frequency for that long, search anew
_STEADY = 0.01  # relative change of frequency from window to window above which harmonics smear
_DEAD = 0.05  # a voltage below this part of the largest is missing (interruption threshold, IEC 61000-4-30 [M])
_AROUND = resample.TAPS // 2 + 1  # samples beyond a window's ends that its taps reach


class Stream:
    """Turns samples of u1 u2 u3 i1 i2 i3 into windows.

    rate_hz: sampling rate. nominal: "auto", "50", "60" or "drive", see windows.cycles_for. present: which channels
    are mapped; the others may hold anything. limits: magnitude at which each channel clips, NaN where unknown.
    wiring: "3P4W" (voltages to neutral), "3P3W" (to any common point), "3P3W-2": two-wattmeter connection, u12 in place
    of u1, u32 in place of u3, i1 and i3; results are then of all three phases, see power.two_to_three.
    interharmonics: without them (and groups, and power by order) a window takes less time.
    supply: what the mains should be; turns on events and flicker. Windows then wait for one more cycle of samples.
    Fields of 5 to 320 Hz are followed, of 20 to 320 Hz with "50" and "60" (and at most 0.4 of the rate).
    All memory but the results' own is taken here. The results do not depend on how samples come in blocks.
    """

    def __init__(
        self,
        rate_hz: float,
        *,
        nominal: str = "auto",
        present: Sequence[bool] = (True,) * CHANNELS,
        limits: Sequence[float] | None = None,
        wiring: str = "3P4W",
        supply: Supply | None = None,
        interharmonics: bool = True,
    ) -> None:
        if not (math.isfinite(rate_hz) and rate_hz >= 100.0):
            raise ValueError(f"rate_hz must be at least 100, got {rate_hz}")
        if nominal not in NOMINALS:
            raise ValueError(f"nominal must be one of {', '.join(NOMINALS)}, got {nominal!r}")
        if wiring not in WIRINGS:
            raise ValueError(f"wiring must be one of {', '.join(WIRINGS)}, got {wiring!r}")
        if supply is not None and nominal == "drive":
            raise ValueError("a drive's output has no supply: dips, flicker and limits are defined for mains only")
        if len(present) != CHANNELS or (limits is not None and len(limits) != CHANNELS):
            raise ValueError(f"present and limits need {CHANNELS} entries, got {present!r} and {limits!r}")
        self.rate_hz = float(rate_hz)
        self.nominal = nominal
        # ten cycles of less than 20 Hz would be no mains any more, and the buffer has to end somewhere
        self._lo_hz = 20.0 if nominal in ("50", "60") else windows.F_LO_HZ
        self._hi_hz = min(windows.F_HI_HZ, 0.4 * self.rate_hz)
        self._two = wiring == "3P3W-2"
        self._wires = 4 if wiring == "3P4W" else 3
        if self._two:
            if not all(present[c] for c in (0, 2, 3, 5)):
                raise ValueError("3P3W-2 needs the channels of u1, u3, i1 and i3 (u12, u32, i1, i3)")
            present = (True, False, True, True, False, True)
        self._channels = [bool(p) for p in present]
        self._phases = [True] * CHANNELS if self._two else self._channels  # what there are results of
        self._mapped: Bytes = np.array(self._channels, dtype=np.uint8)
        self._known: Bytes = np.array(self._phases, dtype=np.uint8)
        self._pairs = [c for c in range(3) if self._phases[c] and self._phases[c + 3]]
        self._demand_a = supply.demand_a if supply is not None and supply.demand_a else math.nan
        self._events = Events(self.rate_hz, supply, self._mapped) if supply is not None else None
        self._touched = False  # whether an event touched the window before
        self._interharmonics = interharmonics
        lamp = supply.lamp if supply is not None else None
        self._flicker = Flicker(self.rate_hz, lamp, self._mapped) if lamp is not None else None
        self._line_phasor = np.zeros((CHANNELS, 2))
        self._limits: Floats = np.array(limits if limits is not None else [math.nan] * CHANNELS, dtype=np.float64)

        reach = int(1.5 * self.rate_hz) + 256  # a cycle before, the longest window, a cycle after, the search
        self._capacity = 2 * reach
        self._x = np.zeros((CHANNELS, self._capacity))
        self._bad = np.zeros((CHANNELS, self._capacity), dtype=np.uint8)
        self._held = np.zeros(CHANNELS)
        self._last_bad = np.full(CHANNELS, -(1 << 62), dtype=np.int64)
        longest = int(0.8 * self.rate_hz) + 4 * _AROUND
        most_cycles = math.ceil(windows.WINDOW_S * windows.F_HI_HZ)
        most = resample.most_points(float(longest), most_cycles)
        self._seg = np.zeros((CHANNELS, longest))
        self._frames = rows(longest)
        self._points = rows(most)
        self._work = rows(most)
        self._lines = rows(2 * (ORDERS * most_cycles + 2))
        self._taps = resample.taps()
        self._gain = resample.gain()
        self._table = np.zeros((4, windows.BLOCK))
        self._found = np.zeros(2)
        self._mean = np.zeros(power.SUMS)
        self._new = np.zeros(power.SUMS)
        self._1459 = np.zeros(ieee1459.RESULTS)
        self._phasor = np.zeros((CHANNELS, 2))
        self._rms = np.zeros(CHANNELS)
        self._gap = np.zeros(CHANNELS, dtype=np.uint8)
        self._clipped = np.zeros(CHANNELS, dtype=np.uint8)
        self._good = np.zeros(CHANNELS, dtype=np.uint8)

        self._base = 0  # absolute index of column 0
        self._end = 0  # absolute index after the last sample
        self._waiting: list[Window] = []
        self._ended: list[Event] = []  # cut short between windows
        self._tick: int | None = None
        self._pst_due = INTERVAL_S * self.rate_hz
        self._emitted = 0
        self._restart(0)

    def push(self, samples: Floats) -> list[Window]:
        """Take samples of shape (6, n), volts and amperes, and return the windows that they complete.

        NaN or inf marks a gap. Absent channels may hold anything.
        """
        samples = np.asarray(samples)
        if samples.ndim != 2 or samples.shape[0] != CHANNELS:
            raise ValueError(f"samples must have shape (6, n), got {samples.shape}")
        out, self._waiting = self._waiting, []
        at = 0
        while at < samples.shape[1]:
            n = min(samples.shape[1] - at, self._room())
            self._take(samples[:, at : at + n], n)
            at += n
            self._advance(out, final=False)
        return out

    def lost(self, n: int) -> None:
        """n samples did not arrive. Windows that this completes come with the next push() or finish().

        Up to one second counts as gaps; after more, the search for a frequency starts anew behind the hole.
        """
        if n < 0:
            raise ValueError(f"cannot lose {n} samples")
        if n > self.rate_hz:
            self._restart(self._end + n)
            return
        while n > 0:
            part = min(n, self._room())
            self._take(None, part)
            n -= part
            self._advance(self._waiting, final=False)

    def finish(self) -> list[Window]:
        """The windows that are still whole at the record's end; at least three cycles of a record that had none.

        A later push() starts a new record, whose absolute index goes on.
        """
        out, self._waiting = self._waiting, []
        self._advance(out, final=True)
        if self._emitted == 0:
            self._remainder(out)
        self._restart(self._end)
        if out and self._ended:
            out[-1] = out[-1]._replace(events=(*out[-1].events, *self.cut_short()))
        return out

    def cut_short(self) -> list[Event]:
        """Events that the record's end cut when finish() had no window to tell them with; each is told once."""
        out, self._ended = self._ended, []
        return out

    def tick(self, index: int) -> None:
        """A 10 min tick of the clock lies at sample `index`: the window under way completes, the next begins at it.

        The two overlap (IEC 61000-4-30, 4.5 [M]); energy_j counts what they share once. Tell it before the samples
        come: a tick that windows have passed already is left out.
        """
        if index > self._covered:
            self._tick = index
            self._pst_due = float(index)

    # --- samples

    def _restart(self, index: int) -> None:
        self._base = self._first = self._end = index
        self._start = self._covered = float(index)
        if self._events is not None:
            self._ended += self._events.interrupt()
        if self._flicker is not None:
            self._flicker.restart()
        self._f_hz = 0.0  # 0: searching
        self._rotation = 1
        self._coasted_s = 0.0
        self._want = 0
        self._emitted = 0
        self._held[:] = 0.0

    def _room(self) -> int:
        """Free columns, after making room when there is none."""
        free = self._capacity - (self._end - self._base)
        if free > 0:
            return free
        keep = max(self._first, math.floor(self._start - 0.25 * self.rate_hz) - 2 * _AROUND)
        drop = max(0, keep - self._base)
        n = self._end - keep
        self._x[:, :n] = self._x[:, drop : drop + n]
        self._bad[:, :n] = self._bad[:, drop : drop + n]
        self._base += drop
        return drop

    def _take(self, samples: Floats | None, n: int) -> None:
        lo = self._end - self._base
        self._x[:, lo : lo + n] = np.nan if samples is None else samples
        segment.clean(self._x, self._bad, self._held, self._last_bad, self._mapped, lo, lo + n, self._base)
        self._end += n

    # --- windows

    def _advance(self, out: list[Window], *, final: bool) -> None:
        while final or self._end >= self._want:
            window = self._locked(final) if self._f_hz > 0.0 else self._searching(final)
            if window is None:
                return
            self._covered = window.end_index
            passed = self._tick is not None and window.end_index >= self._tick
            again = passed and self._tick is not None and self._tick > window.start_index
            self._start = float(self._tick) if again and self._tick is not None else window.end_index
            if passed:
                self._tick = None
            self._want = 0
            self._emitted += 1
            out.append(window)

    def _wait(self, index: int) -> None:
        self._want = max(self._end + 1, index)

    def _locked(self, final: bool) -> Window | None:
        """The next window at a known frequency, or None when samples are missing yet."""
        n_cycles = windows.cycles_for(self._f_hz, self.nominal)
        rough = self._start + n_cycles * self.rate_hz / self._f_hz
        if not final and not self._holds(rough, self._ahead(self._f_hz), final):
            return None  # before the frequency is refined: that is the dear part, and would be done twice
        answer = self._refine(self._f_hz, self._rotation, n_cycles, windows.AT_END if final else windows.RUNNING)
        if answer == windows.MORE:
            self._wait(int(self._found[1]))
            return None
        if answer == windows.LOST:
            return self._unlocked(final)
        blind = answer == windows.BLIND
        f_hz = self._f_hz if blind else float(self._found[0])
        end = self._start + n_cycles * self.rate_hz / f_hz
        if not self._holds(end, self._ahead(f_hz), final):
            return None
        self._coasted_s = self._coasted_s + (end - self._start) / self.rate_hz if blind else 0.0
        flags = Flag.COASTING if blind else Flag.GOOD
        if abs(f_hz - self._f_hz) > _STEADY * f_hz:
            flags |= Flag.UNSTEADY
        self._f_hz = f_hz if self._coasted_s <= _COAST_S else 0.0
        return self._emit(end, n_cycles, f_hz, flags)

    def _ahead(self, f_hz: float) -> int:
        """Samples behind a window's end that it needs."""
        return _AROUND if self._events is None else max(_AROUND, math.ceil(self._events.lookahead(f_hz)))

    def _holds(self, end: float, ahead: int, final: bool) -> bool:
        """Whether all samples for a window up to `end` are there; else what to wait for is noted."""
        if final:
            return end <= self._end + 0.25  # the last half cell may be bridged
        want = math.ceil(end) + ahead
        if want > self._end:
            self._wait(want)
        return want <= self._end

    def _refine(self, f_hz: float, rotation: int, n_cycles: int, slack: float) -> int:
        """Refine on the voltages, else on the currents; the answer of windows.refine, result in self._found.

        When neither tracks, the voltages' answer counts: currents of an idle motor say nothing about a gap in them.
        """
        answer: int | None = None
        for row in (0, 3):
            if not any(self._channels[row : row + 3]):
                continue
            now = windows.refine(
                self._x, self._bad, self._last_bad, self._mapped, row, self._base, self._first, self._end,
                self._start, f_hz, rotation, n_cycles, self.rate_hz, 0.99 * self._lo_hz, 1.01 * self._hi_hz,
                slack, self._table, self._found,
            )  # fmt: skip
            if now in (windows.TRACKED, windows.MORE):
                return now
            answer = now if answer is None else answer
        return windows.BLIND if answer is None else answer

    def _searching(self, final: bool) -> Window | None:
        """Cold start: find a frequency, then make a window with it; without one, 200 ms of plain rms and power."""
        whole = math.ceil(self._start + _SEARCH_S * self.rate_hz)
        if not final and self._end < whole:
            self._wait(whole)
            return None
        for part in (1.0, 0.5):
            stop = min(self._end, math.ceil(self._start + part * _SEARCH_S * self.rate_hz))
            for row in (0, 3):
                answer = self._lock(row, stop, final)
                if answer == windows.MORE:
                    if final:
                        return None
                    self._wait(int(self._found[1]))
                    return None
                if answer == windows.TRACKED:
                    return self._locked(final)
        return self._unlocked(final)

    def _lock(self, row: int, stop: int, final: bool) -> int:
        """Find a frequency in the samples up to `stop` of the channels row .. row+2 and make it precise."""
        lo = max(self._first, math.ceil(self._start)) - self._base
        block = self._x[row : row + 3, lo : stop - self._base]
        use = self._mapped[row : row + 3] * ~self._bad[row : row + 3, lo : stop - self._base].any(axis=1)
        if not use.any():
            return windows.LOST
        f_hz = windows.coarse(block, use, self.rate_hz, self._lo_hz, self._hi_hz)
        if f_hz == 0.0:
            return windows.LOST
        rotation = 1 if f_hz > 0.0 else -1
        f_hz = min(max(abs(f_hz), self._lo_hz), self._hi_hz)
        rough_hz = f_hz
        slack = windows.AT_END if final else windows.RUNNING
        for _ in range(2):  # the second time with the cycles that the precise frequency asks for
            answer = self._refine(f_hz, rotation, windows.cycles_for(f_hz, self.nominal), slack)
            if answer != windows.TRACKED:
                return answer
            f_hz = float(self._found[0])
        if abs(f_hz - rough_hz) * windows.span_cycles(windows.cycles_for(f_hz, self.nominal))[1] > 0.1 * f_hz:
            return windows.LOST  # a steady field gives the same answer twice; this one is still changing
        self._f_hz, self._rotation = f_hz, rotation
        return windows.TRACKED

    def _unlocked(self, final: bool) -> Window | None:
        """A window of 200 ms without a frequency."""
        end = self._start + windows.WINDOW_S * self.rate_hz
        if not self._holds(end, _AROUND, final):
            return None
        self._f_hz = 0.0
        self._coasted_s = 0.0
        return self._emit(end, 0, math.nan, Flag.SYNC_LOST)

    def _remainder(self, out: list[Window]) -> None:
        """A record shorter than a window: as many whole cycles as it holds, if three or more."""
        held = self._end - self._start
        if held < 16:
            return
        lo, hi = math.ceil(self._start) - self._base, self._end - self._base
        for row in (0, 3):
            use = self._mapped[row : row + 3] * ~self._bad[row : row + 3, lo:hi].any(axis=1)
            if not use.any():
                continue
            found = windows.coarse(self._x[row : row + 3, lo:hi], use, self.rate_hz, self._lo_hz, self._hi_hz)
            if found == 0.0:
                continue
            rotation, f_hz = (1, found) if found > 0.0 else (-1, -found)
            n_cycles = int(held * f_hz / self.rate_hz + 0.1)
            while n_cycles >= 3:
                # the rough frequency may want a little more than there is; Hann hardly weighs that end
                slack = 0.02 * self.rate_hz / f_hz
                if self._refine(f_hz, rotation, n_cycles, slack) == windows.TRACKED:
                    f_hz = float(self._found[0])
                    end = self._start + n_cycles * self.rate_hz / f_hz
                    if end <= self._end + 0.25:
                        self._rotation = rotation
                        out.append(self._emit(end, n_cycles, f_hz, Flag.FEW_CYCLES))
                        return
                n_cycles -= 1

    # --- results

    def _emit(self, end: float, n_cycles: int, f_hz: float, flags: Flag) -> Window:
        """All numbers of the window self._start .. end; n_cycles 0 means no synchronisation."""
        start = self._start
        core_lo = math.floor(start + 0.5)
        core_hi = max(core_lo + 1, math.ceil(end - 0.5))
        origin = math.floor(start) - _AROUND
        segment.cut(
            self._x, self._bad, self._last_bad, self._base, self._first, self._end,
            origin, core_lo, core_hi, math.ceil(end) + _AROUND, self._seg, self._gap,
        )  # fmt: skip
        lo, hi = core_lo - origin, core_hi - origin
        segment.clipped(self._seg, lo, hi, self._limits, self._clipped)
        gap = [bool(g and m) for g, m in zip(self._gap.tolist(), self._channels, strict=True)]
        clip = [bool(k and m) for k, m in zip(self._clipped.tolist(), self._channels, strict=True)]
        if self._two:
            power.two_to_three(self._seg, math.ceil(end) + _AROUND - origin)
            gap, clip = ([any(y[:3])] * 3 + [any(y[3:])] * 3 for y in (gap, clip))
        absent = [g or not m for g, m in zip(gap, self._phases, strict=True)]
        for c in range(CHANNELS):
            self._good[c] = not absent[c]
        self._sum(start, core_lo, end, core_hi, origin, self._mean)
        np.sqrt(self._mean[CHANNELS : 2 * CHANNELS], out=self._rms)

        tables = np.full((4, CHANNELS, ORDERS), np.nan)  # components, subgroups, interharmonics, groups
        flow = np.full((3, ORDERS), np.nan)
        thd_pct, crest, k_factor, tdd_pct, hvf = np.full((5, CHANNELS), np.nan)
        if n_cycles > 0:
            size = self._transform(start - origin, end - start, n_cycles)
            spectrum.harmonics(
                self._lines, size, n_cycles, end - start, resample.BAND, self._gain, self._work,
                tables[0], tables[1], self._phasor,
            )  # fmt: skip
            if self._interharmonics:
                indices.between(
                    self._lines, size, n_cycles, end - start, resample.BAND, self._gain, tables[2], tables[3], flow
                )
            spectrum.thd(tables[0], tables[1], self._rms, n_cycles, thd_pct)
            indices.k_factor(tables[0, 3:], k_factor)
            indices.tdd(tables[0 if n_cycles < 3 else 1, 3:], self._demand_a, tdd_pct)
            indices.hvf(tables[0, :3], hvf)
            if n_cycles < 3:
                flags |= Flag.FEW_CYCLES
        else:
            self._phasor[:] = np.nan
        indices.crest(self._seg, lo, hi, self._rms, crest)
        results = np.empty(power.RESULTS)
        power.totals(self._mean, self._phasor, self._known, self._good, self._rotation, self._wires, results)
        resolved = self._resolve(n_cycles, results)

        if n_cycles == 0 and not any(gap) and not self._alternates(lo, hi):
            flags = (flags & ~Flag.SYNC_LOST) | Flag.NO_SIGNAL
        rms_now = self._rms.tolist()
        largest = max((v for v, a in zip(rms_now[:3], absent, strict=False) if not a), default=0.0)
        channel = [Flag.GOOD] * CHANNELS
        for c in range(CHANNELS):
            if gap[c]:
                channel[c] = Flag.GAP
            elif not absent[c]:
                if clip[c]:
                    channel[c] = Flag.CLIPPED
                if c < 3 and rms_now[c] < _DEAD * largest:
                    channel[c] |= Flag.MISSING_PHASE
                    thd_pct[c] = np.nan
        for one in channel:
            if one:
                flags |= one
        events, flags = self._detect(start, end, f_hz, flags)
        pinst, pst = self._flicker_of(end, core_hi, f_hz)

        energy_j = results[power.P] * (end - start) / self.rate_hz
        if start < self._covered < end:
            energy_j = self._new_energy(end, core_hi, origin, results[power.P])
        rms, mean, p_phase = self._rms.copy(), self._mean[:CHANNELS].copy(), self._mean[12:15].copy()
        phasor = self._phasor[:, 0] + 1j * self._phasor[:, 1]
        if True in absent:
            missing = np.array(absent)
            tables[:, missing] = np.nan
            for values in (rms, mean, thd_pct, phasor, crest):
                values[missing] = np.nan
            for values in (k_factor, tdd_pct):
                values[:3][missing[3:]] = np.nan
            hvf[:3][missing[:3]] = np.nan
            for values in (p_phase, flow):
                values[missing[:3] | missing[3:]] = np.nan
        r = results.tolist()
        return Window(
            start, end, n_cycles, f_hz, flags, tuple(channel),
            rms[:3], rms[3:], mean[:3], mean[3:], p_phase, r[power.P], r[power.Q1], r[power.S], r[power.PF],
            tables[0, :3], tables[0, 3:], tables[1, :3], tables[1, 3:], thd_pct[:3], thd_pct[3:],
            r[power.U_SEQUENCE + 1], r[power.U2_PCT], r[power.U0_PCT], r[power.I2_PCT], r[power.I0_PCT],
            self._rotation if n_cycles > 0 else 0, phasor[:3], phasor[3:], results[power.Q1_PHASE : power.S_PHASE],
            r[power.DPF], results[power.S_PHASE : power.PF_PHASE], results[power.PF_PHASE : power.DPF_PHASE],
            results[power.DPF_PHASE : power.DPF_PHASE + 3], flow,
            results[power.U_SEQUENCE : power.I_SEQUENCE], results[power.I_SEQUENCE : power.I_SEQUENCE + 3],
            r[power.U_NEMA_PCT], r[power.I_NEMA_PCT], tables[2, :3], tables[2, 3:], tables[3, :3], tables[3, 3:],
            k_factor[:3], tdd_pct[:3], hvf[:3], crest[:3], crest[3:], resolved, float(energy_j), events,
            pinst, pst,
        )  # fmt: skip

    def _sum(self, start: float, core_lo: int, end: float, core_hi: int, origin: int, out: Floats) -> None:
        """power.sums over positions start .. end of the cut samples."""
        lo, hi, first, last = core_lo - origin, core_hi - origin, core_lo + 0.5 - start, end - (core_hi - 0.5)
        power.sums(self._seg, lo, hi, first, last, out)
        power.ends(self._seg, lo, hi, first, last, out)

    def _new_energy(self, end: float, core_hi: int, origin: int, p_w: float) -> float:
        """Energy of what no window before has covered; NaN with the window's power."""
        core_lo = math.floor(self._covered + 0.5)
        if core_hi <= core_lo:
            return p_w * (end - self._covered) / self.rate_hz
        self._sum(self._covered, core_lo, end, core_hi, origin, self._new)
        new_w = sum(float(self._new[12 + c]) for c in self._pairs)
        return (new_w if math.isfinite(p_w) else math.nan) * (end - self._covered) / self.rate_hz

    def _resolve(self, n_cycles: int, results: Floats) -> Floats:
        """IEEE 1459 of three phases or of one."""
        pairs = self._pairs
        if n_cycles == 0 or not math.isfinite(results[power.P]) or len(pairs) not in (1, 3):
            return np.empty(0)
        if len(pairs) == 3:
            ieee1459.three(self._mean, self._phasor, results, self._wires, self._1459)
            return self._1459.copy()
        ieee1459.single(self._mean, self._phasor, pairs[0], self._1459)
        return self._1459[: len(ieee1459.SINGLE)].copy()

    def _flicker_of(self, end: float, core_hi: int, f_hz: float) -> tuple[Floats, Floats]:
        """Largest Pinst of the window, and Pst when ten minutes are complete with it."""
        if self._flicker is None:
            return np.full(3, np.nan), np.full(3, np.nan)
        pinst = self._flicker.advance(self._x, self._bad, self._base, self._first, core_hi, f_hz)
        if end < self._pst_due:
            return pinst, np.full(3, np.nan)
        self._pst_due += INTERVAL_S * self.rate_hz
        return pinst, self._flicker.close()

    def _detect(self, start: float, end: float, f_hz: float, flags: Flag) -> tuple[tuple[Event, ...], Flag]:
        """Events that end in the window, and its flags with theirs."""
        if self._events is None:
            return (), flags
        phasor, u_rms = self._phasor, self._rms[:3]
        if self._two:  # events are of the line voltages as they are measured
            self._line_phasor[:] = phasor
            self._line_phasor[0] -= phasor[1]
            self._line_phasor[2] -= phasor[1]
            phasor, u_rms = self._line_phasor, np.sqrt(3.0) * u_rms[:1]
        limit = min(self._end, math.ceil(end) + self._ahead(f_hz))
        found, touched = self._events.advance(
            self._x, self._bad, self._last_bad, self._base, self._first, limit, start, end, f_hz, phasor, u_rms,
            flags == Flag.GOOD,
        )  # fmt: skip
        if self._ended:
            found = self.cut_short() + found
        if start >= self._covered:
            self._touched = False
        self._touched |= touched  # two windows that share samples share their events
        return tuple(found), flags | Flag.EVENT if self._touched else flags

    def _transform(self, at: float, samples: float, n_cycles: int) -> int:
        """Lines of the window that begins at column `at` of the cut samples; returns how many points it was made of."""
        plan = transform.plan(n_cycles, resample.points_for(samples, n_cycles))
        size = n_cycles * plan.points
        resample.frames(self._seg, math.ceil(at + samples) + _AROUND, self._frames)
        resample.resample(self._frames, at, samples / size, size, self._taps, self._work, self._points)
        top = min(ORDERS - 1, int(resample.BAND * samples / n_cycles))
        if n_cycles < 3 or self._interharmonics:
            transform.everything(
                self._points, n_cycles, plan.points, min((top + 1) * n_cycles, size // 2),
                plan.roots, plan.all_radices, plan.all_place, self._work, self._lines,
            )  # fmt: skip
        else:
            transform.subgroups(
                self._points, n_cycles, plan.points, top,
                plan.roots, plan.short, plan.weights, plan.radices, plan.half_radices, plan.place, plan.half_place,
                self._work, self._lines,
            )  # fmt: skip
        return size

    def _alternates(self, lo: int, hi: int) -> bool:
        """Whether any mapped channel of the cut window is more than a constant."""
        part = self._seg[:, lo : hi + 1]
        swing = np.ptp(part, axis=1) > 1e-9 * np.abs(part).max(axis=1)
        return bool((swing & (self._mapped != 0)).any())
