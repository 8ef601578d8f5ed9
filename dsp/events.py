"""Voltage events and inrush from half-cycle rms values (IEC 61000-4-30, 5.4, 5.5, 5.11 [M]), for mains supplies only.

Each value is assigned to the middle of its cycle: an event lasts from the middle of the first value beyond the
threshold to the middle of the first value that is back within the hysteresis.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp._jit import Bytes, Floats, Ints
from dsp.event_state_machine import (
    ACTIVE,
    CHANGE,
    EXTREME,
    FIELDS,
    GAPPED,
    INTERRUPTED,
    KINDS,
    PHASES,
    SINCE,
    START,
    STATE,
    advance,
    append_record,
)
from dsp.half_cycles import align
from dsp.supply import Supply

LOW_HZ, HIGH_HZ = 42.5, 69.0
RECORDS = 64  # per call: further records are counted but not kept
_STEADY = 120  # half cycles in one second at 60 Hz
_JUMP = 0.005  # relative; a frequency that differs by more is accepted when two consecutive windows agree on it


class Kind(IntEnum):
    """Kind of an event.

    A dip is reported as INTERRUPTION if at one time all channels were below the interruption threshold.
    """

    DIP = 0
    SWELL = 1
    RAPID_CHANGE = 2
    INRUSH = 3
    INTERRUPTION = 4


class Event(NamedTuple):
    """A completed event. Voltages and currents are half-cycle rms values; positions are absolute sample indices.

    kind: kind of the event.
    start_index: start of the event.
    end_index: end of the event.
    duration_s: duration, s.
    phases: phases 1 .. 3 that were beyond the threshold at any time during the event.
    extreme: residual voltage of a dip, maximum of a swell (V) or inrush (A); of a rapid change the largest deviation
        (V).
    extreme_pct: extreme in percent of the reference.
    steady_change_pct: of a rapid change, difference of the steady values before and after, in percent; otherwise NaN.
    reference: declared or sliding reference voltage (V), or rated current (A).
    interruption_s: time during which all channels were below the interruption threshold, s; 0 without interruption.
    gap: True if samples are missing during the event, or if its end was not observed.
    snapshot_index: absolute index of the first sample of the snapshot.
    snapshot: waveform, shape (6, n), V and A, NaN where samples are missing; it begins before the event and ends with
        the window in which the event ends, or earlier when it reaches the configured length (Supply.before_s +
        after_s).
    """

    kind: Kind
    start_index: float
    end_index: float
    duration_s: float
    phases: tuple[int, ...]
    extreme: float
    extreme_pct: float
    steady_change_pct: float
    reference: float
    interruption_s: float
    gap: bool
    snapshot_index: int
    snapshot: npt.NDArray[np.float32]


class Events:
    """Event detection for one set of six channels.

    All working memory is allocated at construction, except that of events.
    rate_hz: sampling rate, Hz.
    supply: thresholds and reference values.
    use: shape (6,), nonzero for channels that exist. With one voltage or three, phase or line voltages: they are
        evaluated as they are measured.
    """

    def __init__(self, rate_hz: float, supply: Supply, use: Bytes) -> None:
        self._rate_hz, self._supply = rate_hz, supply
        self._use = np.array(use, dtype=np.uint8)
        if supply.current_a is None:
            self._use[3:] = 0
        self._current_a = float(supply.current_a or 0.0)
        most = int(2.0 * HIGH_HZ * 0.6) + 8  # half cycles in the longest window, 0.6 s
        self._edge, self._carry = np.zeros(6), np.zeros(6)
        self._count = np.zeros(6, dtype=np.int64)
        self._at, self._rms, self._part = np.zeros((6, most)), np.zeros((6, most)), np.zeros((6, most + 1))
        self._processed = np.zeros(3, dtype=np.int64)
        self._armed, self._beyond = np.zeros((KINDS, 3), dtype=np.uint8), np.zeros((KINDS, 3), dtype=np.uint8)
        self._state = np.zeros((KINDS, STATE))
        self._ring = np.zeros((3, 4 + _STEADY))
        self._ring_n = np.zeros((4, 2), dtype=np.int64)
        self._touched = np.zeros(3, dtype=np.uint8)
        self._records = np.zeros((RECORDS, FIELDS))
        self._levels = np.zeros(6)
        self._levelled_v = -1.0  # the reference voltage from which the levels were calculated
        self._open: dict[
            tuple[int, float], tuple[int, list[npt.NDArray[np.float32]]]
        ] = {}  # waveform by kind and start
        self._later: list[Floats] = []  # records of events that end after the window
        self._reference_v = supply.voltage_v or 0.0
        self._displacement = np.zeros(6)
        self.omitted = 0  # number of records that did not fit into one call
        self._restart()

    def _restart(self) -> None:
        self._f_hz = self._candidate_hz = 0.0
        self._known = self._busy = False
        self._ring_n[:3] = 0
        self._touched[:] = 0

    def interrupt(self) -> list[Event]:
        """End all events in progress after a long loss of samples, and restart detection.

        Returns the events as observed so far, with `gap` set.
        """
        out = [self._event(record) for record in self._later]
        self._later = []
        for kind in (Kind.DIP, Kind.SWELL, Kind.INRUSH):
            if self._state[kind, ACTIVE] and self._known:
                self._state[kind, GAPPED] = 1.0
                last = float(self._edge[self._use != 0].max()) - self._half()
                reference = self._reference_v if kind != Kind.INRUSH else float(self._supply.current_a or 0.0)
                append_record(self._records, 0, int(kind), last, self._state, reference)
                out.append(self._event(self._records[0]))
        self._state[:, ACTIVE] = 0.0
        self._beyond[:] = 0
        self._open.clear()
        self._restart()
        return out

    def lookahead(self, f_hz: float) -> float:
        """Samples after the end of a window that are needed to flag it: one cycle."""
        return self._rate_hz / f_hz + 2.0 if LOW_HZ <= f_hz <= HIGH_HZ else 0.0

    def advance(
        self, x: Floats, bad: Bytes, last_bad: Ints, base: int, first: int, limit: int,
        start: float, end: float, f_hz: float, phasor: Floats, u_rms: Floats, good: bool,
    ) -> tuple[list[Event], bool]:  # fmt: skip
        """Process one window: return the events that end in it, and True if a dip, swell or interruption touches it.

        x, bad, last_bad, base, first, limit: sample buffer, as for half_cycles().
        start, end: of the window, absolute sample positions.
        f_hz: frequency, Hz; NaN without synchronisation: the previous frequency is used.
        phasor: shape (6, 2), fundamentals, rms; angle of a cosine at `start`.
        u_rms: shape (3,), rms voltages of the window.
        good: True if the window may update a sliding reference.
        """
        if not self._follow(f_hz):
            return (self.interrupt() if self._f_hz > 0.0 else []), False
        half = self._half()
        if not (self._known and math.isnan(f_hz)):
            align(
                start, half, phasor, self._use, self._known, self._busy, self._edge, self._carry, self._displacement
            )  # fmt: skip
            self._known = True
        if self._reference_v == 0.0 and not self._slide(u_rms, good):
            return [], False
        if self._levelled_v != self._reference_v:
            self._set_levels()
        n = advance(
            x, bad, last_bad, base, first, limit, self._use, half, start, end, self._reference_v, self._current_a,
            self._levels, self._edge, self._carry, self._count, self._at, self._rms, self._part,
            self._armed, self._beyond, self._state, self._ring, self._ring_n, self._touched, self._processed,
            self._records,
        )  # fmt: skip
        here, _, busy = self._touched.tolist()
        touched, self._busy = bool(here), bool(busy)
        if not touched and good:
            self._slide(u_rms, good)
        if n == 0 and not self._open:
            return [], touched
        return self._collect(n, x, bad, base, first, end), touched

    def _half(self) -> float:
        return 0.5 * self._rate_hz / self._f_hz

    def _follow(self, f_hz: float) -> bool:
        """Update the frequency that defines half cycles; False if there is no mains frequency.

        A jump is accepted when two consecutive windows agree on it.
        """
        if math.isnan(f_hz):
            return self._f_hz > 0.0
        if not LOW_HZ <= f_hz <= HIGH_HZ:
            return False
        before, candidate = self._f_hz, self._candidate_hz
        if before == 0.0 or abs(f_hz - before) <= _JUMP * before or abs(f_hz - candidate) <= _JUMP * candidate:
            self._f_hz = f_hz
        self._candidate_hz = f_hz
        size = 100 if self._f_hz < 55.0 else _STEADY
        if size != self._ring_n[3, 0]:
            self._ring_n[:3] = 0
            self._ring_n[3, 0] = size
        return True

    def _slide(self, u_rms: Floats, good: bool) -> bool:
        """Update the sliding reference if no voltage is declared.

        New reference = 0.9967 of the old one plus 0.0033 of the window (IEC 61000-4-30, 5.4.4 [M]).
        Returns True if a reference voltage is known.
        """
        if self._supply.voltage_v is not None:
            return True
        if good:
            alive = u_rms[u_rms > 0.5 * np.nanmax(u_rms)] if np.isfinite(u_rms).any() else u_rms[:0]
            if len(alive) and (now := float(alive.mean())) > 0.0:
                self._reference_v = 0.9967 * self._reference_v + 0.0033 * now if self._reference_v else now
        return self._reference_v > 0.0

    def _set_levels(self) -> None:
        self._levelled_v = self._reference_v
        s, u = self._supply, self._reference_v / 100.0
        self._levels[:] = (
            s.dip_pct * u, s.swell_pct * u, s.interruption_pct * u, s.hysteresis_pct * u, s.rapid_change_pct * u,
            s.inrush_pct * (s.current_a or 0.0) / 100.0,
        )  # fmt: skip

    def _collect(self, n: int, x: Floats, bad: Bytes, base: int, first: int, end: float) -> list[Event]:
        """Convert records to events, and store the waveforms of events in progress."""
        if n > RECORDS:  # the omitted records may include ends of events
            self.omitted += n - RECORDS
            active = {(kind, float(state[START])) for kind, state in enumerate(self._state) if state[ACTIVE]}
            self._open = {key: value for key, value in self._open.items() if key in active}
        self._capture(x, bad, base, end)
        out = [self._event(record) for record in self._later]
        self._later = []
        for record in self._records[: min(n, RECORDS)]:
            key = (int(record[0]), float(record[3 + START]))
            if math.isnan(record[1]):
                begin = max(first, base, math.floor(key[1] - self._supply.before_s * self._rate_hz))
                self._open[key] = (begin, [])
                self._capture(x, bad, base, end)
            elif record[1] < 0.0:  # a rapid change that turned into a dip or swell
                self._open.pop(key, None)
            elif record[1] >= end:
                self._later.append(record.copy())
            else:
                out.append(self._event(record))
        return out

    def _capture(self, x: Floats, bad: Bytes, base: int, end: float) -> None:
        for begin, pieces in self._open.values():
            have = begin + sum(piece.shape[1] for piece in pieces)
            room = begin + int((self._supply.before_s + self._supply.after_s) * self._rate_hz)
            to = min(math.floor(end), room)
            if to > have:
                piece = x[:, have - base : to - base].astype(np.float32)
                piece[bad[:, have - base : to - base] != 0] = np.nan
                pieces.append(piece)

    def _event(self, record: Floats) -> Event:
        kind, end, reference = Kind(int(record[0])), float(record[1]), float(record[2])
        begin, pieces = self._open.pop((int(kind), float(record[3 + START])), (0, []))
        snapshot = np.concatenate(pieces, axis=1) if pieces else np.zeros((6, 0), dtype=np.float32)
        state = record[3:]
        extreme, dark = float(state[EXTREME]), float(state[INTERRUPTED]) if kind == Kind.DIP else 0.0
        if kind == Kind.DIP and state[SINCE] >= 0.0:
            dark += end - float(state[SINCE])
        change = 100.0 * float(state[CHANGE]) / reference if kind == Kind.RAPID_CHANGE else math.nan
        return Event(
            Kind.INTERRUPTION if dark > 0.0 else kind,
            float(state[START]),
            end,
            (end - float(state[START])) / self._rate_hz,
            tuple(k + 1 for k in range(3) if int(state[PHASES]) >> k & 1),
            extreme,
            100.0 * extreme / reference,
            change,
            reference,
            dark / self._rate_hz,
            bool(state[GAPPED]),
            begin,
            snapshot,
        )
