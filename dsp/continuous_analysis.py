"""Analyses that continue across windows: events and flicker of a mains supply."""

from __future__ import annotations

import math

import numpy as np

from dsp._jit import Floats
from dsp.events import Event, Events
from dsp.flicker import INTERVAL_S, RATE_MIN_HZ, Flicker
from dsp.results import Flag
from dsp.ring_buffer import CHANNELS, RingBuffer
from dsp.supply import Supply

_EVENT = int(Flag.EVENT)
_HARMLESS = ~int(Flag.ALIAS_RISK | Flag.UNFILTERED_PWM)  # these flags concern harmonics; rms values remain valid


class ContinuousAnalysis:
    """Events and flicker of one sample buffer.

    two: True for the two-wattmeter connection, whose events are those of the line-to-line voltages.
    pst_due: absolute index at which the next ten minutes are complete.
    """

    def __init__(self, ring: RingBuffer, supply: Supply | None, two: bool) -> None:
        self._ring, self._two = ring, two
        self._events = Events(ring.rate_hz, supply, ring.mapped) if supply is not None else None
        self._touched = False  # True if an event touched the previous window
        self._ended: list[Event] = []  # events that were ended between windows
        lamp = supply.lamp if supply is not None else None
        measured = lamp is not None and ring.rate_hz >= RATE_MIN_HZ
        self._flicker = Flicker(ring.rate_hz, lamp, ring.mapped) if lamp is not None and measured else None
        self.pst_due = INTERVAL_S * ring.rate_hz
        self._line_phasor, self._pinst = np.zeros((CHANNELS, 2)), np.zeros(3)

    def restart(self) -> None:
        """Restart after a long loss of samples or at the end of a record."""
        if self._events is not None:
            self._ended += self._events.interrupt()
        if self._flicker is not None:
            self._flicker.restart()

    def ahead(self, f_hz: float) -> int:
        """Samples after the end of a window that its events need."""
        return 0 if self._events is None else math.ceil(self._events.lookahead(f_hz))

    def flicker(self, end: float, core_hi: int, f_hz: float, pinst: Floats, pst: Floats) -> None:
        """Write the largest Pinst of the window, and Pst if the window completes ten minutes."""
        if self._flicker is None:
            return
        ring = self._ring
        self._flicker.advance(ring.x, ring.bad, ring.base, ring.first, core_hi, f_hz, pinst)
        if end >= self.pst_due - 0.5:
            self.pst_due += INTERVAL_S * ring.rate_hz
            pst[:] = self._flicker.close()

    def pst_at_end(self) -> Floats | None:
        """Pst of ten minutes that are complete with the last sample but are not covered by a window; otherwise None."""
        ring = self._ring
        if self._flicker is None or ring.end < self.pst_due - 0.5:
            return None
        self.pst_due += INTERVAL_S * ring.rate_hz
        self._flicker.advance(ring.x, ring.bad, ring.base, ring.first, ring.end, math.nan, self._pinst)
        return self._flicker.close()

    def events(
        self, start: float, end: float, f_hz: float, flags: int, covered: float, phasor: Floats, u_rms: Floats
    ) -> tuple[tuple[Event, ...], int]:
        """Events that end in the window, and the flags of the window including EVENT."""
        if self._events is None:
            return (), flags
        ring = self._ring
        if self._two:  # events are those of the measured line-to-line voltages
            self._line_phasor[:] = phasor
            self._line_phasor[0] -= phasor[1]
            self._line_phasor[2] -= phasor[1]
            phasor, u_rms = self._line_phasor, np.sqrt(3.0) * u_rms[:1]
        limit = min(ring.end, math.ceil(end) + self.ahead(f_hz))
        good = flags & _HARMLESS == 0
        found, touched = self._events.advance(
            ring.x, ring.bad, ring.last_bad, ring.base, ring.first, limit, start, end, f_hz, phasor, u_rms, good
        )
        if self._ended:
            found = self.cut_short() + found
        if start >= covered:
            self._touched = False
        self._touched |= touched  # overlapping windows share their events
        return tuple(found), flags | _EVENT if self._touched else flags

    def cut_short(self) -> list[Event]:
        """Events that were ended between windows; each is returned once."""
        out, self._ended = self._ended, []
        return out
