"""Rows to samples: impossible, jumping and frozen values are removed and counted."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from itertools import pairwise

from agent.analysis.condition.rows.ratings import Ratings
from agent.analysis.condition.rows.sample import COLUMNS, INDEX, NO_VALUE, RUNS, Sample

_DRIVE = slice(INDEX["drive_state"], INDEX["u_dc_v"] + 1)
_U, _I = slice(INDEX["u12_v"], INDEX["u31_v"] + 1), slice(INDEX["i1_a"], INDEX["i3_a"] + 1)
_STATE, _F, _N, _I_OUT, _P_OUT, _TORQUE = (
    INDEX[name] for name in ("drive_state", "f_out_hz", "speed_rpm", "i_out_a", "p_out_kw", "torque_pct")
)
_RANGES = tuple((column.name, column.low, column.high) for column in COLUMNS)
_TEMPERATURES = tuple(INDEX[name] for name in ("winding_degc", "bearing_de_degc", "bearing_nde_degc", "ambient_degc"))
_NOISY = (*range(_U.start, _U.stop), *_TEMPERATURES)  # noise of currents and powers vanishes at little load
_METER = (*range(_I.start, _I.stop), INDEX["p_in_kw"])
_VOLTAGES = frozenset(range(_U.start, _U.stop))
_JUMP_K, _RATE_K_S = 15.0, 3.0  # a locked rotor heats its winding by some 5 K/s at most, a bearing by far less
_DISTRUST_S = 1800.0
_EACH = 5  # of five rows is examined for frozen values: it takes minutes anyway
_FROZEN_ROWS, _LEARN_ROWS, _CHANGES = 60, 30, 0.3  # of those
_TIMES = 3.0  # of the usual voltage: no supply
_LEVELS = 4  # a value between two steps of its resolution moves to and fro, and then no longer
_COARSE_K = 0.5  # a temperature in steps as large as this may stay for hours on the step that it has reached
_CLOSES = 1.15  # the currents of three conductors add up to zero, so that none exceeds the sum of the others
_FLOWS = 0.02  # current through gates that work, also at frequency 0
_TURNS_BELOW = 1.5  # current of a motor on the line, share of rated: it turns near rated speed
_LOST_POLLS_S, _LOST_SPEED_S = 3.0, 30.0
_COLDER_K = 12.0  # than ambient: no part of a running motor is


class Channel:
    """What a sensor did lately."""

    __slots__ = ("_changes", "_last", "_levels", "_rows", "_same", "_trusted", "_trusted_s")

    def __init__(self) -> None:
        self._last: float | None = None
        self._same = self._rows = self._changes = 0
        self._levels: set[float] = set()
        self._trusted: float | None = None
        self._trusted_s = -math.inf

    def freezes(self, value: float, running: bool) -> bool:
        if value != self._last or not running:
            changed = value != self._last
            self._last, self._same = value, 0
            if running and self._rows < _LEARN_ROWS:
                self._rows += 1
                self._changes += changed
                if len(self._levels) < _LEVELS:
                    self._levels.add(value)
            return False
        self._same += 1
        if self._rows < _LEARN_ROWS:
            self._rows += 1
        return (
            self._rows >= _LEARN_ROWS and self._changes >= _CHANGES * _LEARN_ROWS
            and self._same >= _FROZEN_ROWS and len(self._levels) >= _LEVELS
        )  # fmt: skip

    @property
    def step(self) -> float:
        """Smallest difference of two values: the resolution or the noise; infinite before there are two values."""
        levels = sorted(self._levels)
        return min((b - a for a, b in pairwise(levels)), default=math.inf)

    def jumps(self, t_s: float, degc: float) -> bool:
        """A temperature that changed faster than a body can; distrusted until it is plausible again."""
        away_s = t_s - self._trusted_s
        if (
            self._trusted is not None and away_s < _DISTRUST_S
            and abs(degc - self._trusted) > _JUMP_K + _RATE_K_S * min(away_s, 10.0)
        ):  # fmt: skip
            return True
        self._trusted, self._trusted_s = degc, t_s
        return False


class RowReader:
    """Makes samples of the rows of one machine.

    bad: column → since when it returns impossible values, without a good one. frozen: columns
    that return the same value again and again although they used to change. fine_power: the power of the drive has
    a finer resolution than 0.1 kW.
    """

    def __init__(self, ratings: Ratings) -> None:
        self._ratings = ratings
        self._channels = [Channel() for _ in COLUMNS]
        self.bad: dict[int, float] = {}
        self.frozen: set[int] = set()
        self.fine_power = False
        self._has_drive = ratings.machine.at in ("drive_output", "drive_input")
        self._drive_seen, self._rows = False, 0
        self._run_since_s: float | None = None
        self._start_seen = False
        self._last_s = -math.inf
        self._was: bool | None = None
        self._known_s = self._rpm_s = -math.inf
        self._speeds: deque[tuple[float, float]] = deque(maxlen=5)
        self._usual_v: float | None = None
        self._i_max_a = 0.0

    def read(self, t_s: float, row: Mapping[str, float | None]) -> Sample:
        values = self._values(t_s, row)
        sample = Sample(t_s, values)
        sample.drive_reports = any(value is not None for value in values[_DRIVE])
        self._drive_seen = self._drive_seen or sample.drive_reports
        self._has_drive = sample.has_drive = self._has_drive or (
            sample.drive_reports and self._ratings.machine.at != "line"
        )
        self._supply(sample)
        self._running(sample)
        self._motion(sample)
        power_kw = values[_P_OUT]
        if power_kw is not None and not self.fine_power:
            self.fine_power = abs(10 * power_kw - round(10 * power_kw)) > 1e-6
        self._drop_frozen(values, sample.drives is True)
        self._drop_temperatures(sample)
        if self.bad:
            self.bad = {k: since_s for k, since_s in self.bad.items() if values[k] is None}
        self._last_s = t_s
        return sample

    def _values(self, t_s: float, row: Mapping[str, float | None]) -> list[float | None]:
        values: list[float | None] = []
        get, put = row.get, values.append
        for k, (name, low, high) in enumerate(_RANGES):
            value = get(name)
            if value is None or value != value:
                put(None)
            elif low <= value <= high and value not in NO_VALUE:
                put(value)
            else:
                put(None)
                self.bad.setdefault(k, t_s)
        return values

    def _supply(self, sample: Sample) -> None:
        values = sample.values
        if self._usual_v is not None:
            for k in range(_U.start, _U.stop):
                volts = values[k]
                if volts is not None and volts > _TIMES * self._usual_v:
                    values[k] = None
                    self.bad.setdefault(k, sample.t_s)
        u1, u2, u3 = values[_U]
        if u1 is not None and u2 is not None and u3 is not None:
            sample.u_mean_v, sample.u_min_v = (u1 + u2 + u3) / 3, min(u1, u2, u3)
            if self._usual_v is None:
                self._usual_v = sample.u_mean_v
            sample.dip = sample.u_min_v < 0.9 * self._usual_v
            if not sample.dip:  # faster upward: the first row may lie in a dip
                above = sample.u_mean_v > 1.05 * self._usual_v
                self._usual_v *= 1.02 if above else 1 + (sample.u_mean_v / self._usual_v - 1) / 300
        elif self._usual_v is not None:
            sample.dip = any(volts is not None and volts < 0.9 * self._usual_v for volts in (u1, u2, u3))
        i1, i2, i3 = sample.values[_I]
        if i1 is not None and i2 is not None and i3 is not None:
            highest = max(i1, i2, i3)
            if highest <= _CLOSES * (i1 + i2 + i3 - highest) or highest < _FLOWS * (self._ratings.a or 0.0):
                sample.i_mean_a = (i1 + i2 + i3) / 3

    def _running(self, sample: Sample) -> None:
        drives = self._drives(sample)
        if drives is not None:
            self._known_s = sample.t_s
        elif sample.t_s - self._known_s <= _LOST_POLLS_S:
            drives = self._was
        sample.drives = drives
        if drives is False:
            self._run_since_s, self._start_seen = None, False
        elif drives:
            lost = sample.t_s - self._last_s > 60
            if self._run_since_s is None or lost:
                self._start_seen = self._was is False and not lost
                self._run_since_s = sample.t_s
            sample.run_s, sample.start_seen = sample.t_s - self._run_since_s, self._start_seen
        if drives is not None:
            self._was = drives

    def _drives(self, sample: Sample) -> bool | None:
        if sample.has_drive and not self._drive_seen:  # only a meter before it: no current is no proof of standstill
            rated_a = self._ratings.input_a
            flows = sample.i_mean_a is not None and rated_a is not None and sample.i_mean_a > 0.05 * rated_a
            return True if flows else None
        if sample.has_drive:
            state = sample.values[_STATE]
            if state is not None:
                return state == RUNS
            hz, amps = sample.values[_F], sample.values[_I_OUT]
            return None if hz is None or amps is None else hz != 0 or amps > _FLOWS * (self._ratings.a or 0.0)
        if sample.i_mean_a is None:
            return None
        self._i_max_a = max(self._i_max_a, sample.i_mean_a)
        return sample.i_mean_a > 0.05 * (self._ratings.a or self._i_max_a)

    def _motion(self, sample: Sample) -> None:
        ratings = self._ratings
        rpm, hz, torque_pct = sample.values[_N], sample.values[_F], sample.values[_TORQUE]
        if rpm is not None:
            sample.speed_rpm, self._rpm_s = rpm, sample.t_s
            sample.speed = abs(rpm) / ratings.rpm if ratings.rpm else None
        elif hz is not None and ratings.hz and sample.drives and sample.t_s - self._rpm_s > _LOST_SPEED_S:
            sample.speed = abs(hz) / ratings.hz
        amps = sample.values[_I_OUT] if sample.has_drive else sample.i_mean_a
        if amps is not None and ratings.a:
            sample.current = amps / ratings.a
        if torque_pct is not None:
            sample.torque = torque_pct / 100
        elif sample.has_drive and ratings.is_magnet:
            sample.torque = sample.current  # without current in the d axis
        if sample.speed is None and sample.drives and not sample.has_drive and (sample.current or 9.0) < _TURNS_BELOW:
            sample.speed = 1.0
        if not sample.drives:
            self._speeds.clear()
        if sample.speed is None or not sample.drives:
            return
        self._speeds.append((sample.t_s, sample.speed))
        first_s, first = self._speeds[0]
        sample.speed_steady = (
            3.5 <= sample.t_s - first_s <= 10 and abs(sample.speed - first) <= 0.02 * sample.speed
            and abs(self._speeds[-2][1] - sample.speed) <= 0.02 * sample.speed
        )  # fmt: skip

    def _drop_frozen(self, values: list[float | None], running: bool) -> None:
        self._rows += 1
        if self._rows % _EACH == 0:
            for k in _NOISY:
                value = values[k]
                if value is None or not self._channels[k].freezes(value, running):
                    self.frozen.discard(k)
                elif k in _VOLTAGES or self._channels[k].step < _COARSE_K:
                    self.frozen.add(k)
        if self.frozen:
            for k in self.frozen:
                values[k] = None
            if self.frozen >= _VOLTAGES:  # the meter repeats its last values
                for k in _METER:
                    values[k] = None

    def _drop_temperatures(self, sample: Sample) -> None:
        values, t_s, channels = sample.values, sample.t_s, self._channels
        for k in _TEMPERATURES:
            degc = values[k]
            if degc is not None and channels[k].jumps(t_s, degc):
                values[k] = None
                self.bad.setdefault(k, t_s)
        ambient, warm = values[_TEMPERATURES[3]], sample.drives and sample.run_s > 600
        if ambient is not None and warm:
            for k in _TEMPERATURES[:3]:
                degc = values[k]
                if degc is not None and degc < ambient - _COLDER_K:
                    values[k] = None
                    self.bad.setdefault(k, t_s)
