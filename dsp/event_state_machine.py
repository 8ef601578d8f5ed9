"""State machines of voltage events and inrush: half-cycle values in, records of starts and ends of events out."""

from __future__ import annotations

import numpy as np

from dsp._jit import Bytes, Floats, Ints, bare, kernel
from dsp.half_cycles import GAP, MOVED, half_cycles

# columns of the state of each kind; in its records they follow kind, end and reference
ACTIVE, START, EXTREME, PHASES, GAPPED, SINCE, INTERRUPTED, CHANGE = 0, 1, 2, 3, 4, 5, 6, 7
STATE = 8
KINDS = 5
FIELDS = 3 + STATE


@kernel
def advance(
    x: Floats, bad: Bytes, last_bad: Ints, base: int, first: int, limit: int, use: Bytes,
    half: float, start: float, end: float, reference_v: float, current_a: float, levels: Floats,
    edge: Floats, carry: Floats, count: Ints, at: Floats, rms: Floats, part: Floats,
    armed: Bytes, beyond: Bytes, state: Floats, ring: Floats, ring_n: Ints, touched: Bytes, processed: Ints,
    records: Floats,
) -> int:  # fmt: skip
    """Half cycles of a window and their events; returns the number of records.

    touched: shape (3,), [0], [1]: see detect(); [2]: an event is in progress or touches the time after the window.
    reference_v, current_a: references of voltages and currents. The other arguments: see half_cycles() and detect().
    """
    half_cycles(
        x, bad, last_bad, base, first, limit, use, half, end + 2.0 * half + 1e-6, edge, carry, count, at, rms, part
    )
    touched[0], touched[1] = touched[1], 0
    n = 0
    for row in range(0, 6, 3):
        if use[row] or use[row + 1] or use[row + 2]:
            reference = reference_v if row == 0 else current_a
            n = detect(
                row, count, at, rms, part, half, start, end, reference, levels, armed, beyond, state, ring, ring_n,
                touched, processed, records, n,
            )  # fmt: skip
    touched[2] = touched[1] or state[0, ACTIVE] + state[1, ACTIVE] + state[2, ACTIVE] > 0.0
    return n


@bare
def detect(
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
    processed: Ints,
    records: Floats,
    n: int,
) -> int:
    """Process the values of three channels (rows row .. row + 2) in order of time; returns the number of records.

    row: 0 for voltages, 3 for currents.
    count, at, rms, part: from half_cycles().
    half: length of a half cycle in samples.
    start, end: of the window, absolute sample positions.
    reference: reference voltage (V) or rated current (A), copied to the records.
    levels: thresholds in V or A: dip, swell, interruption, hysteresis, rapid change (0: off), inrush.
    armed, beyond: shape (5, 3), by kind and channel: was within the threshold before; is beyond it.
    state: shape (5, STATE), one row per kind.
    ring: shape (3, 4 + 120), per phase: sum, low, high, value before the change, values of the last second.
    ring_n: shape (4, 2), per phase: number of values and position of the next one; last row: number of values in a
        second.
    touched: [0]: an event touches the window; [1]: an event touches the time after it.
    processed: work array, shape (3,).
    records: shape (RECORDS, FIELDS); n: number of records so far.
    """
    processed[:] = 0
    grace = MOVED * half  # a boundary can deviate by this much from its zero crossing
    while True:
        c = -1
        for k in range(3):
            if processed[k] < count[row + k] and (c < 0 or at[row + k, processed[k]] < at[row + c, processed[c]]):
                c = k
        if c < 0:
            return n
        j = processed[c]
        processed[c] += 1
        t = at[row + c, j] - half
        y = rms[row + c, j]
        if y < 0.0:
            if y == GAP:
                for kind in range(row, row // 3 + 3):  # dips, swells, rapid changes; or inrush
                    state[kind, GAPPED] = 1.0
            continue
        if row == 3:
            if y <= levels[5] - levels[3] and armed[3, c] and state[3, ACTIVE] == 0.0:
                continue
            n = _level(3, c, t, y, 1.0, levels[5], levels[5] - levels[3], reference, armed, beyond, state, records, n)
            continue
        low, high = levels[0] + levels[3], levels[1] - levels[3]
        if not (low <= y <= high) or not (armed[0, c] and armed[1, c]) or state[0, ACTIVE] + state[1, ACTIVE] > 0.0:
            n = _level(0, c, t, y, -1.0, levels[0], low, reference, armed, beyond, state, records, n)
            n = _level(1, c, t, y, 1.0, levels[1], high, reference, armed, beyond, state, records, n)
            _measure_interruption(c, t, y, levels[2], levels[2] + levels[3], armed, beyond, state)
        if beyond[0, c] or beyond[1, c]:
            for past in range(2):  # find which of the two half cycles of this value is beyond the threshold
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
    """Compare one value with a threshold, sign +1: event above it, -1: below it.

    An event begins with the first channel beyond the threshold and ends when the last channel is back.
    """
    s = state[kind]
    if sign * (y - level) > 0.0:
        if armed[kind, c]:  # a channel that was beyond the threshold from its first value on has no signal: no event
            beyond[kind, c] = 1
    elif sign * (y - back) <= 0.0:
        armed[kind, c] = 1
        beyond[kind, c] = 0
    if beyond[kind, c]:
        if s[ACTIVE] == 0.0:
            s[:] = 0.0
            s[ACTIVE] = 1.0
            s[START] = t
            s[EXTREME] = y
            s[SINCE] = -1.0
            n = append_record(records, n, kind, np.nan, state, reference)
        if sign * (y - s[EXTREME]) > 0.0:
            s[EXTREME] = y
        s[PHASES] = float(int(s[PHASES]) | (1 << c))
    elif s[ACTIVE] != 0.0 and not (beyond[kind, 0] or beyond[kind, 1] or beyond[kind, 2]):
        n = append_record(records, n, kind, t, state, reference)
        s[ACTIVE] = 0.0
    return n


@bare
def _measure_interruption(
    c: int, t: float, y: float, level: float, back: float, armed: Bytes, beyond: Bytes, state: Floats
) -> None:
    """Measure interruptions within a dip: the time during which all channels are below the interruption threshold."""
    if y < level:
        beyond[4, c] = 1
    elif y >= back:
        beyond[4, c] = 0
    s = state[0]
    if s[ACTIVE] == 0.0:
        return
    interrupted = True
    for k in range(3):
        if armed[0, k] and not beyond[4, k]:
            interrupted = False
    if interrupted and s[SINCE] < 0.0:
        s[SINCE] = t
    elif not interrupted and s[SINCE] >= 0.0:
        s[INTERRUPTED] += t - s[SINCE]
        s[SINCE] = -1.0


@bare
def _rapid(
    c: int, t: float, y: float, half: float, level: float, reference: float,
    ring: Floats, ring_n: Ints, beyond: Bytes, state: Floats, records: Floats, n: int,
) -> int:  # fmt: skip
    """Detect rapid voltage changes.

    A change starts when a value differs from the mean of the last second by more than `level`, and ends after a steady
    second. If a dip or swell occurs meanwhile, only the dip or swell is reported.
    """
    s = state[2]
    last_second = ring[c]
    size = ring_n[3, 0]
    v = last_second[4 : 4 + size]
    n_values = ring_n[c, 0]
    mean = last_second[0] / size
    if n_values == size and not beyond[2, c] and abs(y - mean) > level:
        beyond[2, c] = 1
        last_second[3] = mean
        if s[ACTIVE] == 0.0:
            s[:] = 0.0
            s[ACTIVE] = 1.0
            s[START] = t
            n = append_record(records, n, 2, np.nan, state, reference)
        s[PHASES] = float(int(s[PHASES]) | (1 << c))
    k = ring_n[c, 1]
    old = v[k] if n_values == size else np.nan
    v[k] = y
    ring_n[c, 1] = (k + 1) % size
    if n_values < size:
        ring_n[c, 0] = n_values + 1
    if n_values + 1 < size:
        return n
    if k == 0 or n_values < size:  # recalculate the sum each second, so that rounding errors do not accumulate
        last_second[0] = 0.0
        for i in range(size):
            last_second[0] += v[i]
    else:
        last_second[0] += y - old
    if not (last_second[1] < old < last_second[2]):  # the value that leaves was the minimum or maximum
        last_second[1], last_second[2] = y, y
        for i in range(size):
            last_second[1] = min(last_second[1], v[i])
            last_second[2] = max(last_second[2], v[i])
    last_second[1], last_second[2] = min(last_second[1], y), max(last_second[2], y)
    if s[ACTIVE] == 0.0:
        return n
    if state[0, ACTIVE] != 0.0 or state[1, ACTIVE] != 0.0:
        s[SINCE] = 1.0
    if beyond[2, c]:
        s[EXTREME] = max(s[EXTREME], abs(y - last_second[3]))
        mean = last_second[0] / size
        if max(last_second[2] - mean, mean - last_second[1]) > 0.5 * level:
            return n
        beyond[2, c] = 0
        s[CHANGE] = max(s[CHANGE], abs(mean - last_second[3]))
    if not (beyond[2, 0] or beyond[2, 1] or beyond[2, 2]):
        end = t - (size - 1) * half if s[SINCE] == 0.0 else -1.0
        n = append_record(records, n, 2, end, state, reference)
        s[ACTIVE] = 0.0
    return n


@bare
def append_record(records: Floats, n: int, kind: int, end: float, state: Floats, reference: float) -> int:
    """Append one record (kind, end or NaN at a start, reference, state).

    Returns the new count, which may exceed the size of `records`; excess records are not stored.
    """
    if n < records.shape[0]:
        records[n, 0], records[n, 1], records[n, 2] = kind, end, reference
        for k in range(STATE):
            records[n, 3 + k] = state[kind, k]
    return n + 1
