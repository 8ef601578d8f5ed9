"""Intervals of 15 min of one motor, live: power over time, gaps filled from the register of the meter, drivers.

Durations come from the monotonic clock; UTC only names the interval. Where UTC steps, the energy stays in its interval
and both intervals get a flag. A finished interval is passed on once; the running one is stored every minute, so that a
kill loses at most a minute, which the register fills. If the clock lost the time during a power cut and no known gap
can contain the energy that the register counted, it is added to the running interval, which gets a flag.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from agent.analysis.efficiency.energy_window import EnergyCell
from agent.savings.records.meter_identity import same_meter
from agent.savings.records.model import QUARTER_MS, Interval
from agent.savings.tracking.interval_accumulator import IntervalAccumulator

log = logging.getLogger(__name__)

GAP_S_MIN = 60.0  # longest time between readings over which the power is interpolated
STORED_S = 60.0  # time between two storages of the running interval
NEVER = float("-inf")
FILLED_MS_MAX = 40 * 86_400_000  # longest gap that is filled from the register
UNKNOWN_H = 24.0  # at rated power: largest energy accepted from the register over a restart of unknown duration
STEP_MS = 2_000  # difference of UTC from the monotonic clock from which it is a step


class PowerSample(NamedTuple):
    """A reading of the meter: monotonic time, UTC, active power and reactive power (None: unknown)."""

    time_s: float
    utc_ms: int
    w: float
    var: float | None


@dataclass(frozen=True, slots=True)
class IntervalSettings:
    """How the intervals of one motor are measured.

    asset: name of the motor.
    period_s: time between two readings of the meter.
    largest_w: rated power; a gap cannot contain more on average.
    auxiliary_w: power of auxiliaries while the motor runs.
    accuracy: relative U of each driver.
    """

    asset: str
    period_s: float
    largest_w: float
    auxiliary_w: float
    accuracy: Mapping[str, float]


class IntervalBuilder:
    """Collects readings into intervals.

    known: returns the stored interval by its start; None: there is none.
    on_change: receives the running interval each minute, and earlier ones to which the register added energy.
    on_interval: receives each interval when it is over.
    last, register_wh: last interval of an earlier run, and its `register_wh`; None: none.
    """

    def __init__(
        self, settings: IntervalSettings, known: Callable[[int], Interval | None],
        on_change: Callable[[Interval], None], on_interval: Callable[[Interval], None],
        last: Interval | None = None, register_wh: float | None = None,
    ) -> None:  # fmt: skip
        self._asset, self._settings = settings.asset, settings
        self._largest_w, self._off_w = settings.largest_w, 0.02 * settings.largest_w
        self._known, self._on_change, self._on_interval = known, on_change, on_interval
        period_s = settings.period_s
        self._hole_s, self._period_s = max(GAP_S_MIN, 3.5 * period_s), period_s
        self._point: PowerSample | None = None
        self._bucket: IntervalAccumulator | None = None
        self._seen: dict[str, float] = {}  # driver → time of its last value
        self._gaps: list[tuple[int, int]] = []
        self._resumed = False  # the register has not been read since a restart
        self._total_wh = 0.0  # integrated since the start
        self._mark: tuple[float, float] | None = None  # (register, total) at its last reading
        self._stored_s = NEVER
        self._ended = False  # this reading ended an interval
        self.meter = self._before = last.meter if last else ""
        if last is not None and register_wh is not None:
            self._mark = register_wh, 0.0
            self._resumed = True
            self._point = PowerSample(NEVER, last.start_ms + round(min(last.coverage, 1.0) * QUARTER_MS), 0.0, None)

    def add_power(self, time_s: float, utc_ms: int, w: float, var: float | None, register_wh: float | None) -> None:
        """A reading of the meter. register_wh: its register of imported minus exported energy; None when it was not
        read.
        """
        before, now = self._point, PowerSample(time_s, utc_ms, w, var)
        if before is not None and time_s <= before.time_s:
            return
        if self._bucket is None:
            self._begin(utc_ms)
        self._point = now
        if before is not None and time_s - before.time_s <= self._hole_s:
            self._integrate(before, now)
        else:
            self._place(utc_ms)
            if before is not None:
                since_ms = before.utc_ms if before.time_s == NEVER else utc_ms - round(1000 * (time_s - before.time_s))
                if since_ms < utc_ms:
                    self._gaps.append((since_ms, utc_ms))
        if register_wh is not None:
            self._read(register_wh, time_s)
        if self._ended:  # register_wh includes the energy of the next interval, so that one is stored with it
            self._ended = False
            assert self._bucket is not None
            self._on_change(self._interval(self._bucket))

    @property
    def register_wh(self) -> float | None:
        """The register of the meter at the last reading of power: last register value plus the energy integrated since;
        None without a register.
        """
        return None if self._mark is None else self._mark[0] + self._total_wh - self._mark[1]

    def add_driver(self, name: str, time_s: float, value: float) -> None:
        """A value of a driver; it applies to the time since the previous one."""
        if self._bucket is None:
            return
        passed_s = time_s - self._seen.get(name, NEVER)
        self._seen[name] = time_s
        if passed_s > 0:
            self._bucket.add_driver(name, value, passed_s if passed_s <= self._hole_s else self._period_s)

    def add_cells(self, cells: Iterable[EnergyCell], speed_rpm: float | None) -> None:
        """What the estimator measured since the last call."""
        if self._bucket is not None:
            for cell in cells:
                self._bucket.add_cell(cell, speed_rpm)

    def flag(self, flag: str) -> None:
        """Adds a flag to the running interval."""
        if self._bucket is not None:
            self._bucket.flags.add(flag)

    def end_overdue(self, utc_ms: int) -> None:
        """Ends an interval that is over without a reading, and starts one without a reading."""
        if self._bucket is None:
            self._begin(utc_ms)
        elif utc_ms >= self._bucket.end_ms + 1000 * (self._hole_s + 5):
            self._finish()
            self._begin(utc_ms)

    def close(self) -> None:
        """Stores the running interval."""
        if self._bucket is not None:
            self._on_change(self._interval(self._bucket))

    def _integrate(self, before: PowerSample, now: PowerSample) -> None:
        """Adds the energy between two readings, divided at the ends of intervals."""
        seconds = now.time_s - before.time_s
        passed_ms = now.utc_ms - before.utc_ms
        assert self._bucket is not None
        if abs(passed_ms - 1000 * seconds) > STEP_MS:
            self._bucket.flags.add("clock_step")
            self._add(before, now, 0.0, 1.0)
            self._place(now.utc_ms)
            self._bucket.flags.add("clock_step")
            return
        start = 0.0
        while now.utc_ms > self._bucket.end_ms:
            end = min(max((self._bucket.end_ms - before.utc_ms) / passed_ms, start), 1.0)
            self._add(before, now, start, end)
            start = end
            self._place(self._bucket.end_ms)
        self._add(before, now, start, 1.0)

    def _add(self, before: PowerSample, now: PowerSample, start: float, end: float) -> None:
        if end <= start:
            return
        assert self._bucket is not None
        middle, seconds = (start + end) / 2, (end - start) * (now.time_s - before.time_s)
        w = before.w + middle * (now.w - before.w)
        var = None if before.var is None or now.var is None else before.var + middle * (now.var - before.var)
        self._bucket.add_power(seconds, w, var, self._off_w)
        self._total_wh += w * seconds / 3600

    def _place(self, utc_ms: int) -> None:
        """Makes the interval of this moment the running one."""
        if self._bucket is None:
            self._begin(utc_ms)
        elif not self._bucket.start_ms <= utc_ms < self._bucket.end_ms:
            self._finish()
            self._begin(utc_ms)

    def _begin(self, utc_ms: int) -> None:
        start_ms = utc_ms // QUARTER_MS * QUARTER_MS
        stored = self._known(start_ms)
        self._bucket = IntervalAccumulator(start_ms) if stored is None else IntervalAccumulator.resumed(stored)

    def _finish(self) -> None:
        assert self._bucket is not None
        bucket, self._bucket, self._ended = self._bucket, None, True
        self._on_interval(self._interval(bucket))

    def _interval(self, bucket: IntervalAccumulator) -> Interval:
        return bucket.interval(self._asset, self.meter, self._settings.auxiliary_w, self._settings.accuracy)

    def _read(self, register_wh: float, time_s: float) -> None:
        bucket, wh = self._bucket, round(register_wh)
        assert bucket is not None
        bucket.register_wh = (bucket.register_wh or (wh, wh))[0], wh
        if self._mark is not None and (self._gaps or self._resumed):
            missing_wh = register_wh - self._mark[0] - (self._total_wh - self._mark[1])
            self._fill(missing_wh)
        self._gaps.clear()
        self._resumed = False
        self._mark = register_wh, self._total_wh
        if time_s - self._stored_s >= STORED_S:
            self._stored_s = time_s
            self._on_change(self._interval(bucket))

    def _fill(self, missing_wh: float) -> None:
        """Distributes the energy that the register counted during gaps evenly over these gaps."""
        length_ms = sum(b - a for a, b in self._gaps)
        most_wh = 1.5 * self._largest_w * length_ms / 3.6e6 + 2000
        if length_ms <= 0 or length_ms > FILLED_MS_MAX or not -2000 <= missing_wh <= most_wh:
            unknown_wh = 1.5 * self._largest_w * UNKNOWN_H + 2000
            if self._resumed and -2000 <= missing_wh <= unknown_wh and same_meter(self._before, self.meter):
                assert self._bucket is not None
                if missing_wh > self._largest_w * GAP_S_MIN / 3600:
                    self._bucket.flags.add("clock_step")
                self._fill_running(missing_wh)
                return
            log.warning("%s: the register of the meter cannot fill a gap: it changed by %.1f kWh", self._asset,
                        missing_wh / 1000)  # fmt: skip
            return
        for a, b in self._gaps:
            start_ms = a // QUARTER_MS * QUARTER_MS
            while start_ms < b:
                overlap = min(b, start_ms + QUARTER_MS) - max(a, start_ms)
                self._fill_interval(start_ms, missing_wh * overlap / length_ms)
                start_ms += QUARTER_MS

    def _fill_interval(self, start_ms: int, wh: float) -> None:
        bucket = self._bucket
        assert bucket is not None
        if start_ms == bucket.start_ms:
            self._fill_running(wh)
            return
        old = self._known(start_ms) or Interval(self._asset, start_ms, None, coverage=0.0)
        energy_wh, filled_wh = (old.energy_wh or 0.0) + wh, old.filled_wh + wh
        self._on_change(replace(old, energy_wh=energy_wh, filled_wh=filled_wh, meter=self.meter or old.meter))

    def _fill_running(self, wh: float) -> None:
        assert self._bucket is not None
        self._bucket.filled_wh += wh
        self._bucket.filled = True
