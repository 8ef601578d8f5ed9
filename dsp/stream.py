"""Continuous analysis of a motor: blocks of samples in, one result per gapless window of complete cycles out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from dsp._jit import Floats
from dsp.events import Event
from dsp.frequency_tracking import AROUND, FrequencySpan, Tracker
from dsp.results import Flag
from dsp.ring_buffer import CHANNELS, RingBuffer
from dsp.supply import WIRINGS, Supply
from dsp.window import Window
from dsp.window_analysis import WindowAnalysis

__all__ = ["Flag", "Stream", "Window"]

NOMINALS = ("auto", "50", "60", "drive")


class Stream:
    """Analyse samples of u1 u2 u3 i1 i2 i3, window by window.

    rate_hz: sampling rate, Hz, at least 100.
    nominal: "auto", "50", "60" or "drive", see windows.cycles_for.
    present: channels that exist; samples of the others are ignored.
    limits: magnitude at which each channel clips, V or A; NaN if unknown; None: all unknown.
    wiring: "3P4W" (voltages to neutral), "3P3W" (to any common point) or "3P3W-2" (two-wattmeter connection: u12 in
        place of u1, u32 in place of u3, i1 and i3; the results are those of all three phases, see power.two_to_three).
    supply: nominal values of the mains supply; turns on events and flicker, and windows then need one more cycle of
        samples. None: no mains supply.
    Fundamentals of 5 to 320 Hz are followed, with "50" and "60" 20 to 320 Hz (and at most 0.4 of the sampling rate).
    All memory except that of the results is allocated at construction. The results do not depend on the sizes of the
    blocks.
    Raises ValueError for an invalid argument.
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
    ) -> None:
        if not (math.isfinite(rate_hz) and rate_hz >= 100.0):
            raise ValueError(f"rate_hz must be at least 100, got {rate_hz}")
        if nominal not in NOMINALS:
            raise ValueError(f"nominal must be one of {', '.join(NOMINALS)}, got {nominal!r}")
        if wiring not in WIRINGS:
            raise ValueError(f"wiring must be one of {', '.join(WIRINGS)}, got {wiring!r}")
        if supply is not None and nominal == "drive":
            raise ValueError("supply cannot be used with nominal 'drive': dips and flicker are defined for mains only")
        if len(present) != CHANNELS or (limits is not None and len(limits) != CHANNELS):
            raise ValueError(f"present and limits must have {CHANNELS} entries, got {present!r} and {limits!r}")
        two = wiring == "3P3W-2"
        if two:
            if not all(present[c] for c in (0, 2, 3, 5)):
                raise ValueError(f"3P3W-2 needs the channels u1, u3, i1 and i3 (u12, u32, i1, i3), got {present!r}")
            present = (True, False, True, True, False, True)
        self.rate_hz = float(rate_hz)
        self.nominal = nominal
        self._ring = RingBuffer(self.rate_hz, np.array([bool(p) for p in present], dtype=np.uint8))
        ends_at = np.array(limits if limits is not None else [math.nan] * CHANNELS, dtype=np.float64)
        self._measure = WindowAnalysis(self._ring, ends_at, two, 4 if wiring == "3P4W" else 3, supply)
        self._track = Tracker(self._ring, nominal, self._measure.ahead)
        self._waiting: list[Window] = []
        self._tick: int | None = None
        self._pst: Floats | None = None
        self._restart(0)

    def push(self, samples: Floats) -> list[Window]:
        """Add samples and return the windows that they complete.

        samples: shape (6, n), V and A, currents positive into the load; NaN or inf marks a gap.
        Raises ValueError for another shape.
        """
        samples = np.asarray(samples)
        if samples.ndim != 2 or samples.shape[0] != CHANNELS:
            raise ValueError(f"samples must have shape (6, n), got {samples.shape}")
        out, self._waiting = self._waiting, []
        at = 0
        while at < samples.shape[1]:
            n = min(samples.shape[1] - at, self._room())
            self._ring.append(samples[:, at : at + n], n)
            at += n
            self._advance(out, final=False)
        return out

    def lost(self, n: int) -> None:
        """Report n lost samples. Windows that they complete are returned by the next push() or finish().

        Up to one second counts as a gap; after a longer loss the search for a frequency restarts.
        Raises ValueError if n is negative.
        """
        if n < 0:
            raise ValueError(f"the number of lost samples must not be negative, got {n}")
        if n > self.rate_hz:
            self._restart(self._ring.end + n)
            return
        while n > 0:
            part = min(n, self._room())
            self._ring.append(None, part)
            n -= part
            self._advance(self._waiting, final=False)

    def finish(self) -> list[Window]:
        """End the record and return its remaining complete windows.

        A record without any window gives one window of at least two cycles, if it is long enough. A later push()
        starts a new record, whose absolute index continues.
        """
        out, self._waiting = self._waiting, []
        self._advance(out, final=True)
        if self._emitted == 0 and (span := self._track.remainder(self._start)) is not None:
            out.append(self._window(span))
        self._pst = self._measure.running.pst_at_end()
        self._restart(self._ring.end)
        if out and (pst := self.pst_at_end()) is not None:
            out[-1].pst[:] = pst
        if out and (cut := self.cut_short()):
            out[-1] = out[-1]._replace(events=(*out[-1].events, *cut))
        return out

    def cut_short(self) -> list[Event]:
        """Events that the end of the record ended although finish() returned no window; each is returned once."""
        return self._measure.running.cut_short()

    def pst_at_end(self) -> Floats | None:
        """Pst that was complete at the end of the record although finish() returned no window; returned once."""
        pst, self._pst = self._pst, None
        return pst

    def tick(self, index: int) -> None:
        """Set a 10 min tick of the clock: the current window is completed, and the next one begins at the tick.

        index: absolute sample index of the tick.
        The two windows overlap (IEC 61000-4-30, 4.5 [M]); energy_j counts the shared time once. Call it before the
        samples arrive: a tick before the end of the last window is ignored.
        """
        if index > self._covered:
            self._tick = index
            self._measure.running.pst_due = float(index)

    def _restart(self, index: int) -> None:
        self._ring.restart(index)
        self._start = self._covered = float(index)
        self._track.restart()
        self._measure.running.restart()
        self._emitted = 0

    def _room(self) -> int:
        return self._ring.room(math.floor(self._start - 0.25 * self.rate_hz) - 2 * AROUND)

    def _advance(self, out: list[Window], *, final: bool) -> None:
        track = self._track
        while final or self._ring.end >= track.want:
            span = track.span(self._start, final)
            if span is None:
                return
            window = self._window(span)
            end = self._covered = window.end_index
            if self._tick is not None and end >= self._tick:
                # the next window begins at the tick, within the current one
                end = float(self._tick) if self._tick > self._start else end
                self._tick = None
            self._start = end
            track.expect(end)
            self._emitted += 1
            out.append(window)

    def _window(self, span: FrequencySpan) -> Window:
        return self._measure.window(self._start, span, self._track.rotation, self._covered)
