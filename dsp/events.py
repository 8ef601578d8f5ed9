"""Voltage events and inrush from half-cycle rms values (IEC 61000-4-30, 5.4, 5.5, 5.11 [M]): mains only.

Urms(1/2) is the rms of one cycle, renewed each half cycle, of each channel by itself. Half cycles begin at the zero
crossings of the channel's fundamental; their length follows the tracked frequency instead of detected crossings, which
a disturbance would shake. A value belongs to the middle of its cycle: an event lasts from the middle of the first
value beyond the threshold to the middle of the first one back within the hysteresis.
"""

from __future__ import annotations

import math
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dsp._jit import Bytes, Floats, Ints, bare
from dsp.supply import Supply

LOW_HZ, HIGH_HZ = 42.5, 69.0
RECORDS = 64  # of one call: more are counted, not kept
FIELDS = 11
_STEADY = 120  # half cycles of a second at 60 Hz
_MOVED = 0.02  # of a half cycle: from there on the crossings are followed
_JUMP = 0.005  # a frequency that differs by more is believed when it comes twice
_UNKNOWN, _GAP = -2.0, -1.0  # in place of an rms value
# columns of the state of each kind, and of its records
_ACTIVE, _START, _EXTREME, _PHASES, _GAPPED, _SINCE, _DARK_S, _CHANGE = 0, 1, 2, 3, 4, 5, 6, 7
_STATE = 8


class Kind(IntEnum):
    """DIP includes interruptions until all channels are below their threshold."""

    DIP = 0
    SWELL = 1
    RAPID_CHANGE = 2
    INRUSH = 3
    INTERRUPTION = 4


class Event(NamedTuple):
    """Voltages and currents are half-cycle rms values; positions are absolute sample indices."""

    kind: Kind
    start_index: float
    end_index: float
    duration_s: float
    phases: tuple[int, ...]  # 1..3, those beyond the threshold at any time
    extreme: float  # V or A: residual of a dip, maximum of a swell or inrush; of a rapid change the largest deviation
    extreme_pct: float  # of the reference
    steady_change_pct: float  # of a rapid change, from before to after; else NaN
    reference: float  # V or A
    interruption_s: float  # how long all channels were below the interruption threshold
    gap: bool  # samples are missing in it, or its end was not seen
    snapshot_index: int  # absolute index of the snapshot's first sample
    snapshot: npt.NDArray[np.float32]  # (6, n), NaN where samples are missing; ends with the window that ends the event


@bare
def _mean_square(x: Floats, c: int, base: int, first: int, limit: int, a: float, b: float) -> float:
    """Mean of x[c]^2 over positions a..b, cut cells with their slope. Samples first <= k < limit exist."""
    lo = int(np.floor(a + 0.5))
    hi = int(np.ceil(b - 0.5))
    wa = lo + 0.5 - a
    wb = b - (hi - 0.5)
    row = x[c, lo + 1 - base : hi - base]
    total = 0.0
    for k in range(row.shape[0]):
        total += row[k] * row[k]
    va, vb = x[c, lo - base], x[c, hi - base]
    total += wa * va * va + wb * vb * vb
    if lo > first and hi + 1 < limit:
        left, right = x[c, lo - 1 - base], x[c, lo + 1 - base]
        total += 0.25 * wa * (1.0 - wa) * (right * right - left * left)
        left, right = x[c, hi - 1 - base], x[c, hi + 1 - base]
        total -= 0.25 * wb * (1.0 - wb) * (right * right - left * left)
    return float(max(total, 0.0) / (b - a))


@bare
def align(
    start: float, half: float, phasor: Floats, use: Bytes, known: bool, state: Floats, touched: Bytes,
    edge: Floats, carry: Floats, restless: Floats,
) -> None:  # fmt: skip
    """Lay the borders of half cycles on the zero crossings; later, move them where these have moved for good.

    phasor: (6, 2), fundamentals, angle of a cosine at `start`. restless: how far each was off the last time. A current
    is judged over the half cycles of its voltage. While something happens, nothing is moved.
    """
    busy = known and (state[0, _ACTIVE] + state[1, _ACTIVE] + state[2, _ACTIVE] > 0.0 or touched[1] > 0)
    largest = 0.0
    for c in range(3):
        largest = max(largest, phasor[c, 0] ** 2 + phasor[c, 1] ** 2)
    for c in range(6):
        if not use[c]:
            continue
        by = c - 3 if c >= 3 and phasor[c - 3, 0] ** 2 + phasor[c - 3, 1] ** 2 > 0.0 else c
        crossing = start
        if phasor[by, 0] ** 2 + phasor[by, 1] ** 2 > 0.01 * largest:
            crossing += half * ((0.5 - np.arctan2(phasor[by, 1], phasor[by, 0]) / np.pi) % 1.0)
        elif known:
            continue
        if not known:
            edge[c] = crossing
            carry[c] = _UNKNOWN
            restless[c] = 0.0
            continue
        off = ((crossing - edge[c]) / half + 0.5) % 1.0 - 0.5
        if abs(off) > _MOVED and abs(off - restless[c]) < _MOVED and not busy:
            edge[c] += half * (off % 1.0)
            carry[c] = _UNKNOWN
        restless[c] = off


@bare
def half_cycles(
    x: Floats,
    bad: Bytes,
    last_bad: Ints,
    base: int,
    first: int,
    limit: int,
    use: Bytes,
    half: float,
    until: float,
    edge: Floats,
    carry: Floats,
    count: Ints,
    at: Floats,
    rms: Floats,
    part: Floats,
) -> None:
    """All half cycles of `half` samples that end by `until`.

    x, bad: shape (6, capacity), column 0 is sample `base`. edge: (6,), where each channel's next half cycle begins,
    moved on; carry: (6,), mean square of the half cycle before, negative when unknown. Results of channel c are
    count[c] entries of at (end of the half cycle) and rms (of the cycle that ends there), shape (6, most), and of part
    (of the half cycle), shape (6, most + 1), which begins with the half cycle of the call before.
    """
    for c in range(6):
        n = 0
        part[c, 0] = np.sqrt(carry[c]) if carry[c] >= 0.0 else carry[c]
        while use[c] and n < at.shape[1]:
            a = edge[c]
            b = a + half
            if b > until or int(np.ceil(b - 0.5)) >= limit:
                break
            edge[c] = b
            lo = int(np.floor(a + 0.5))
            now = 0.0
            if lo < first:
                now = _UNKNOWN
            elif last_bad[c] >= lo:
                for k in range(lo - base, int(np.ceil(b - 0.5)) + 1 - base):
                    if bad[c, k]:
                        now = _GAP
                        break
            if now == 0.0:
                now = _mean_square(x, c, base, first, limit, a, b)
            at[c, n] = b
            part[c, n + 1] = np.sqrt(now) if now >= 0.0 else now
            worst = min(now, carry[c])
            rms[c, n] = np.sqrt(0.5 * (now + carry[c])) if worst >= 0.0 else worst
            carry[c] = now
            n += 1
        count[c] = n


@bare
def _record(records: Floats, n: int, kind: int, end: float, state: Floats, reference: float) -> int:
    """One more record (kind, end or NaN at a start, the state); returns the new count, which may exceed the room."""
    if n < records.shape[0]:
        records[n, 0] = kind
        records[n, 1] = end
        records[n, 2] = reference
        for k in range(_STATE):
            records[n, 3 + k] = state[kind, k]
    return n + 1


@bare
def judge(
    row: int,
    count: Ints,
    at: Floats,
    rms: Floats,
    part: Floats,
    half: float,
    start: float,
    end: float,
    reference: float,
    levels: Floats,
    armed: Bytes,
    beyond: Bytes,
    state: Floats,
    ring: Floats,
    ring_n: Ints,
    touched: Bytes,
    taken: Ints,
    records: Floats,
    n: int,
) -> int:
    """Walk through the values of three channels (from `row`) in order of time; returns the number of records.

    levels: volts or amperes: dip, swell, interruption, hysteresis, rapid change (0: none), inrush (voltages: unused).
    armed, beyond: per channel and kind, shape (5, 3). touched[0]: whether an event touches the window start .. end;
    [1]: whether one touches what follows it. ring: (3, 4 + 120): sum, low, high, before, last values of each phase.
    ring_n: (4, 2): values held and where the next one goes; in the last row the size. taken: work, (3,).
    """
    taken[:] = 0
    grace = _MOVED * half  # a border on a zero crossing lies a little to either side of it
    while True:
        c = -1
        for k in range(3):
            if taken[k] < count[row + k] and (c < 0 or at[row + k, taken[k]] < at[row + c, taken[c]]):
                c = k
        if c < 0:
            return n
        j = taken[c]
        taken[c] += 1
        t = at[row + c, j] - half
        y = rms[row + c, j]
        if y < 0.0:
            if y == _GAP:
                for kind in range(5):
                    state[kind, _GAPPED] = 1.0
            continue
        if row == 3:
            if y <= levels[5] - levels[3] and armed[3, c] and state[3, _ACTIVE] == 0.0:
                continue
            n = _level(3, c, t, y, 1.0, levels[5], levels[5] - levels[3], reference, armed, beyond, state, records, n)
            continue
        low, high = levels[0] + levels[3], levels[1] - levels[3]
        if not (low <= y <= high) or not (armed[0, c] and armed[1, c]) or state[0, _ACTIVE] + state[1, _ACTIVE] > 0.0:
            n = _level(0, c, t, y, -1.0, levels[0], low, reference, armed, beyond, state, records, n)
            n = _level(1, c, t, y, 1.0, levels[1], high, reference, armed, beyond, state, records, n)
            _dark(c, t, y, levels[2], levels[2] + levels[3], armed, beyond, state)
        if beyond[0, c] or beyond[1, c]:
            for past in range(2):  # the half cycles of this value that are to blame
                v = part[row + c, j + 1 - past]
                if low <= v <= high:
                    continue
                b = at[row + c, j] - past * half
                if b > start + grace and b - half < end - grace:
                    touched[0] = 1
                if b > end + grace:
                    touched[1] = 1
        if levels[4] > 0.0:
            n = _rapid(c, t, y, half, levels[4], reference, ring, ring_n, beyond, state, records, n)


@bare
def _level(
    kind: int, c: int, t: float, y: float, sign: float, level: float, back: float, reference: float,
    armed: Bytes, beyond: Bytes, state: Floats, records: Floats, n: int,
) -> int:  # fmt: skip
    """One value against a threshold: sign +1 above, -1 below. An event begins with any channel, ends with the last."""
    s = state[kind]
    if sign * (y - level) > 0.0:
        if armed[kind, c]:  # what was beyond from the first value on is no event: a channel without a signal
            beyond[kind, c] = 1
    elif sign * (y - back) <= 0.0:
        armed[kind, c] = 1
        beyond[kind, c] = 0
    if beyond[kind, c]:
        if s[_ACTIVE] == 0.0:
            s[:] = 0.0
            s[_ACTIVE] = 1.0
            s[_START] = t
            s[_EXTREME] = y
            s[_SINCE] = -1.0
            n = _record(records, n, kind, np.nan, state, reference)
        if sign * (y - s[_EXTREME]) > 0.0:
            s[_EXTREME] = y
        s[_PHASES] = float(int(s[_PHASES]) | (1 << c))
    elif s[_ACTIVE] != 0.0 and not (beyond[kind, 0] or beyond[kind, 1] or beyond[kind, 2]):
        n = _record(records, n, kind, t, state, reference)
        s[_ACTIVE] = 0.0
    return n


@bare
def _dark(c: int, t: float, y: float, level: float, back: float, armed: Bytes, beyond: Bytes, state: Floats) -> None:
    """Interruption inside a dip: from the moment all channels are below the level to the first one back."""
    if y < level:
        beyond[4, c] = 1
    elif y >= back:
        beyond[4, c] = 0
    s = state[0]
    if s[_ACTIVE] == 0.0:
        return
    dark = True
    for k in range(3):
        if armed[0, k] and not beyond[4, k]:
            dark = False
    if dark and s[_SINCE] < 0.0:
        s[_SINCE] = t
    elif not dark and s[_SINCE] >= 0.0:
        s[_DARK_S] += t - s[_SINCE]
        s[_SINCE] = -1.0


@bare
def _rapid(
    c: int, t: float, y: float, half: float, level: float, reference: float,
    ring: Floats, ring_n: Ints, beyond: Bytes, state: Floats, records: Floats, n: int,
) -> int:  # fmt: skip
    """Rapid voltage change: a value leaves the mean of the last second by `level`; over when a second is steady again.

    A dip or swell meanwhile is what is reported instead.
    """
    s = state[2]
    mine = ring[c]
    size = ring_n[3, 0]
    v = mine[4 : 4 + size]
    held = ring_n[c, 0]
    mean = mine[0] / size
    if held == size and not beyond[2, c] and abs(y - mean) > level:
        beyond[2, c] = 1
        mine[3] = mean
        if s[_ACTIVE] == 0.0:
            s[:] = 0.0
            s[_ACTIVE] = 1.0
            s[_START] = t
            n = _record(records, n, 2, np.nan, state, reference)
        s[_PHASES] = float(int(s[_PHASES]) | (1 << c))
    k = ring_n[c, 1]
    old = v[k] if held == size else np.nan
    v[k] = y
    ring_n[c, 1] = (k + 1) % size
    if held < size:
        ring_n[c, 0] = held + 1
    if held + 1 < size:
        return n
    if k == 0 or held < size:  # summed anew each second: rounding does not gather
        mine[0] = 0.0
        for i in range(size):
            mine[0] += v[i]
    else:
        mine[0] += y - old
    if not (mine[1] < old < mine[2]):  # the second's extreme has left it
        mine[1], mine[2] = y, y
        for i in range(size):
            mine[1] = min(mine[1], v[i])
            mine[2] = max(mine[2], v[i])
    else:
        mine[1] = min(mine[1], y)
        mine[2] = max(mine[2], y)
    if s[_ACTIVE] == 0.0:
        return n
    if state[0, _ACTIVE] != 0.0 or state[1, _ACTIVE] != 0.0:
        s[_SINCE] = 1.0
    if beyond[2, c]:
        s[_EXTREME] = max(s[_EXTREME], abs(y - mine[3]))
        mean = mine[0] / size
        if max(mine[2] - mean, mean - mine[1]) > 0.5 * level:
            return n
        beyond[2, c] = 0
        s[_CHANGE] = max(s[_CHANGE], abs(mean - mine[3]))
    if not (beyond[2, 0] or beyond[2, 1] or beyond[2, 2]):
        if s[_SINCE] == 0.0:
            n = _record(records, n, 2, t - (size - 1) * half, state, reference)
        else:
            n = _record(records, n, 2, -1.0, state, reference)
        s[_ACTIVE] = 0.0
    return n


class Events:
    """Running event detection of one set of six channels. All memory but events' own is taken here.

    use: which channels exist. With one voltage or three, phase or line voltages: they are judged as they are measured.
    """

    def __init__(self, rate_hz: float, supply: Supply, use: Bytes) -> None:
        self._rate_hz, self._supply = rate_hz, supply
        self._use = np.array(use, dtype=np.uint8)
        if supply.current_a is None:
            self._use[3:] = 0
        self._rows = [row for row in (0, 3) if self._use[row : row + 3].any()]
        most = int(2.0 * HIGH_HZ * 0.6) + 8  # half cycles of the longest window, 0.6 s
        self._edge, self._carry = np.zeros(6), np.zeros(6)
        self._count = np.zeros(6, dtype=np.int64)
        self._at, self._rms, self._part = np.zeros((6, most)), np.zeros((6, most)), np.zeros((6, most + 1))
        self._taken = np.zeros(3, dtype=np.int64)
        self._armed, self._beyond = np.zeros((5, 3), dtype=np.uint8), np.zeros((5, 3), dtype=np.uint8)
        self._state = np.zeros((5, _STATE))
        self._ring = np.zeros((3, 4 + _STEADY))
        self._ring_n = np.zeros((4, 2), dtype=np.int64)
        self._touched = np.zeros(2, dtype=np.uint8)
        self._records = np.zeros((RECORDS, FIELDS))
        self._levels = np.zeros(6)
        self._open: dict[
            tuple[int, float], tuple[int, list[npt.NDArray[np.float32]]]
        ] = {}  # waveform by kind and start
        self._later: list[Floats] = []  # records of what ended in what follows the window
        self._reference_v = supply.voltage_v or 0.0
        self._restless = np.zeros(6)
        self.left_out = 0  # records beyond what one call has room for
        self._restart()

    def _restart(self) -> None:
        self._f_hz = self._candidate_hz = 0.0
        self._known = False
        self._ring_n[:3] = 0
        self._touched[:] = 0

    def interrupt(self) -> list[Event]:
        """Samples were lost for long: what is under way ends as seen so far, marked `gap`; the rest starts anew."""
        out = [self._event(record) for record in self._later]
        self._later = []
        for kind in (Kind.DIP, Kind.SWELL, Kind.INRUSH):
            if self._state[kind, _ACTIVE] and self._known:
                self._state[kind, _GAPPED] = 1.0
                last = float(self._edge[self._use != 0].max()) - self._half()
                reference = self._reference_v if kind != Kind.INRUSH else float(self._supply.current_a or 0.0)
                _record(self._records, 0, int(kind), last, self._state, reference)
                out.append(self._event(self._records[0]))
        self._state[:, _ACTIVE] = 0.0
        self._beyond[:] = 0
        self._open.clear()
        self._restart()
        return out

    def lookahead(self, f_hz: float) -> float:
        """Samples behind a window's end that its flag needs: one cycle."""
        return self._rate_hz / f_hz + 2.0 if LOW_HZ <= f_hz <= HIGH_HZ else 0.0

    def advance(
        self, x: Floats, bad: Bytes, last_bad: Ints, base: int, first: int, limit: int,
        start: float, end: float, f_hz: float, phasor: Floats, u_rms: Floats, good: bool,
    ) -> tuple[list[Event], bool]:  # fmt: skip
        """Take one window: the events that end in it, and whether a dip, swell or interruption touches it.

        x, bad, last_bad, base, first, limit: as the stream keeps them. f_hz: NaN without synchronisation, then the
        last one goes on. phasor: (6, 2), fundamentals, angle of a cosine at `start`. u_rms: (3,), good: whether the
        window may move a sliding reference.
        """
        if not self._follow(f_hz):
            return (self.interrupt() if self._f_hz > 0.0 else []), False
        half = self._half()
        if not (self._known and math.isnan(f_hz)):
            align(
                start, half, phasor, self._use, self._known, self._state, self._touched,
                self._edge, self._carry, self._restless,
            )  # fmt: skip
            self._known = True
        if self._reference_v == 0.0 and not self._slide(u_rms, good):
            return [], False
        half_cycles(
            x, bad, last_bad, base, first, limit, self._use, half, end + 2.0 * half + 1e-6,
            self._edge, self._carry, self._count, self._at, self._rms, self._part,
        )  # fmt: skip
        self._set_levels()
        self._touched[0] = self._touched[1]
        self._touched[1] = 0
        n = 0
        for row in self._rows:
            reference = self._reference_v if row == 0 else float(self._supply.current_a or 0.0)
            n = judge(
                row, self._count, self._at, self._rms, self._part, half, start, end, reference, self._levels,
                self._armed, self._beyond, self._state, self._ring, self._ring_n, self._touched, self._taken,
                self._records, n,
            )  # fmt: skip
        touched = bool(self._touched[0])
        if not touched and good:
            self._slide(u_rms, good)
        if n == 0 and not self._open:
            return [], touched
        return self._collect(n, x, bad, base, first, end), touched

    def _half(self) -> float:
        return 0.5 * self._rate_hz / self._f_hz

    def _follow(self, f_hz: float) -> bool:
        """Whether there is a mains frequency to cut half cycles with; a jump is believed when it comes twice."""
        if math.isnan(f_hz):
            return self._f_hz > 0.0
        if not LOW_HZ <= f_hz <= HIGH_HZ:
            return False
        if self._f_hz == 0.0 or any(abs(f_hz - f) <= _JUMP * f for f in (self._f_hz, self._candidate_hz)):
            self._f_hz = f_hz
        self._candidate_hz = f_hz
        size = 100 if self._f_hz < 55.0 else _STEADY
        if size != self._ring_n[3, 0]:
            self._ring_n[:3] = 0
            self._ring_n[3, 0] = size
        return True

    def _slide(self, u_rms: Floats, good: bool) -> bool:
        """The reference when no voltage is declared: 0.9967 of itself and 0.0033 of the window (5.4.4 [M])."""
        if self._supply.voltage_v is not None:
            return True
        if good:
            alive = u_rms[u_rms > 0.5 * np.nanmax(u_rms)] if np.isfinite(u_rms).any() else u_rms[:0]
            if len(alive) and (now := float(alive.mean())) > 0.0:
                self._reference_v = 0.9967 * self._reference_v + 0.0033 * now if self._reference_v else now
        return self._reference_v > 0.0

    def _set_levels(self) -> None:
        s, u = self._supply, self._reference_v / 100.0
        self._levels[0] = s.dip_pct * u
        self._levels[1] = s.swell_pct * u
        self._levels[2] = s.interruption_pct * u
        self._levels[3] = s.hysteresis_pct * u
        self._levels[4] = s.rapid_change_pct * u
        self._levels[5] = s.inrush_pct * (s.current_a or 0.0) / 100.0

    def _collect(self, n: int, x: Floats, bad: Bytes, base: int, first: int, end: float) -> list[Event]:
        """Events of the records, and the waveforms around those that go on."""
        if n > RECORDS:  # ends may be among what had no room
            self.left_out += n - RECORDS
            active = {(kind, float(state[_START])) for kind, state in enumerate(self._state) if state[_ACTIVE]}
            self._open = {key: value for key, value in self._open.items() if key in active}
        self._capture(x, bad, base, end)
        out = [self._event(record) for record in self._later]
        self._later = []
        for record in self._records[: min(n, RECORDS)]:
            key = (int(record[0]), float(record[3 + _START]))
            if math.isnan(record[1]):
                begin = max(first, base, math.floor(key[1] - self._supply.before_s * self._rate_hz))
                self._open[key] = (begin, [])
                self._capture(x, bad, base, end)
            elif record[1] < 0.0:  # a rapid change that became a dip
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
        begin, pieces = self._open.pop((int(kind), float(record[3 + _START])), (0, []))
        snapshot = np.concatenate(pieces, axis=1) if pieces else np.zeros((6, 0), dtype=np.float32)
        state = record[3:]
        extreme, dark = float(state[_EXTREME]), float(state[_DARK_S]) if kind == Kind.DIP else 0.0
        if kind == Kind.DIP and state[_SINCE] >= 0.0:
            dark += end - float(state[_SINCE])
        change = 100.0 * float(state[_CHANGE]) / reference if kind == Kind.RAPID_CHANGE else math.nan
        return Event(
            Kind.INTERRUPTION if dark > 0.0 else kind,
            float(state[_START]),
            end,
            (end - float(state[_START])) / self._rate_hz,
            tuple(k + 1 for k in range(3) if int(state[_PHASES]) >> k & 1),
            extreme,
            100.0 * extreme / reference,
            change,
            reference,
            dark / self._rate_hz,
            bool(state[_GAPPED]),
            begin,
            snapshot,
        )
