"""Intervals of 15 min of one motor, live: power over time, gaps filled from the register of the meter, drivers.

Durations come from the monotonic clock; UTC only names the interval. Where UTC steps, the energy stays in its interval
and both intervals get a flag. A finished interval is passed on once; the running one is stored every minute, so that a
kill loses at most a minute, which the register fills. If the clock lost the time during a power cut and no known gap
can contain the energy that the register counted, it is added to the running interval, which gets a flag.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from agent.analysis.efficiency.energy_window import EnergyCell
from agent.savings.records.meter_identity import same_meter
from agent.savings.records.model import QUARTER_MS, Interval
from agent.savings.tracking.interval_accumulator import IntervalAccumulator

log = logging.getLogger(__name__)

GAP_S_MIN = 60.0  # longest time between readings over which the power is interpolated
STORED_S = 60.0  # time between two storages of the running interval
NEVER = float("-inf")
FILLED_MS_MAX = 40 * 86_400_000  # longest gap that is filled from the register
OFF_SHARE = 0.02  # of the rated power: largest power of a motor at standstill
UNKNOWN_H = 24.0  # at rated power: largest energy accepted from the register over a restart of unknown duration
SLACK_WH = 2_000.0  # resolution of a register that fills any gap: two digits of 1 kWh
STEPS_MIN = 10  # steps during a gap with which a coarser register fills it
STEP_MS = 2_000  # difference of UTC from the monotonic clock from which it is a step


class PowerSample(NamedTuple):
    """A reading of the meter: monotonic time, UTC, active power and reactive power (None: unknown)."""

    time_s: float
    utc_ms: int
    w: float
    var: float | None


class IntervalSettings(Struct, frozen=True):
    """How the intervals of one motor are measured.

    asset: name of the motor.
    period_s: time between two readings of the meter.
    largest_w: rated power; a gap cannot contain more on average.
    auxiliary_w: power of auxiliaries while the motor runs.
    accuracy: relative U of each driver.
    step_wh: smallest change of the energy register; 0: unknown.
    """

    asset: str
    period_s: float
    largest_w: float
    auxiliary_w: float
    accuracy: Mapping[str, float]
    step_wh: float = 0.0


class IntervalBuilder:
    """Collects readings into intervals.

    stored: returns the stored interval by its start; None: there is none.
    on_change: receives the running interval each minute, and earlier ones to which the register added energy.
    on_interval: receives each interval when it is over.
    last, register_wh: last interval of an earlier run, and its `register_wh`; None: none. If the last one was imported,
        the register also counted energy that it contains, and fills no gap.
    """

    def __init__(
        self, settings: IntervalSettings, stored: Callable[[int], Interval | None],
        on_change: Callable[[Interval], None], on_interval: Callable[[Interval], None],
        last: Interval | None = None, register_wh: float | None = None,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._stored, self._on_change, self._on_interval = stored, on_change, on_interval
        self._gap_s = max(GAP_S_MIN, 3.5 * settings.period_s)
        self._last_sample: PowerSample | None = None
        self._running: IntervalAccumulator | None = None
        self._driver_times_s: dict[str, float] = {}  # driver → time of its last value
        self._drive_time_s = NEVER  # of the last output power of the drive
        self._gaps: list[tuple[int, int]] = []
        self._resumed = False  # the register has not been read since a restart
        self._total_wh = 0.0  # integrated since the start
        self._register: tuple[float, float] | None = None  # (register, total) when it was read last
        self._stored_s = NEVER
        self._ended = False  # this reading ended an interval
        self.meter = self._meter_before = last.meter if last else ""
        if last is not None and last.source == "measured" and register_wh is not None:
            self._register, self._resumed = (register_wh, 0.0), True
            end_ms = last.start_ms + round(min(last.coverage, 1.0) * QUARTER_MS)
            self._last_sample = PowerSample(NEVER, end_ms, 0.0, None)

    def add_power(self, time_s: float, utc_ms: int, w: float, var: float | None, register_wh: float | None) -> None:
        """A reading of the meter. register_wh: its register of imported minus exported energy; None when it was not
        read.
        """
        before, now = self._last_sample, PowerSample(time_s, utc_ms, w, var)
        if before is not None and time_s <= before.time_s:
            return
        self._last_sample = now
        if before is not None and time_s - before.time_s <= self._gap_s:
            running = self._integrate(self._running or self._start(utc_ms), before, now)
        else:
            running = self._start(utc_ms)
            if before is not None:
                since_ms = before.utc_ms if before.time_s == NEVER else utc_ms - round(1000 * (time_s - before.time_s))
                if since_ms < utc_ms:
                    self._gaps.append((since_ms, utc_ms))
        if register_wh is not None:
            self._add_register(running, register_wh, time_s)
        if self._ended:  # register_wh includes the energy of the next interval, so that one is stored with it
            self._ended = False
            self._on_change(self._interval(running))

    @property
    def register_wh(self) -> float | None:
        """The register of the meter at the last reading of power: last register value plus the energy integrated since;
        None without a register.
        """
        return None if self._register is None else self._register[0] + self._total_wh - self._register[1]

    def add_driver(self, name: str, time_s: float, value: float) -> None:
        """A value of a driver; it applies to the time since the previous one."""
        if self._running is None:
            return
        passed_s = time_s - self._driver_times_s.get(name, NEVER)
        self._driver_times_s[name] = time_s
        if passed_s > 0:
            self._running.add_driver(name, value, passed_s if passed_s <= self._gap_s else self._settings.period_s)

    def add_drive_output(self, time_s: float, w: float) -> None:
        """The output power of the drive; it applies to the time since the previous one."""
        passed_s, self._drive_time_s = time_s - self._drive_time_s, time_s
        if self._running is not None and passed_s > 0:
            self._running.add_drive_output(w, passed_s if passed_s <= self._gap_s else self._settings.period_s)

    def add_cells(self, cells: Iterable[EnergyCell], speed_rpm: float | None) -> None:
        """What the estimator measured since the last call."""
        if self._running is not None:
            for cell in cells:
                self._running.add_cell(cell, speed_rpm)

    def flag(self, flag: str) -> None:
        """Adds a flag to the running interval."""
        if self._running is not None:
            self._running.flags.add(flag)

    def end_overdue(self, utc_ms: int) -> None:
        """Ends an interval that is over without a reading, and starts one without a reading."""
        if self._running is None or utc_ms >= self._running.end_ms + 1000 * (self._gap_s + 5):
            self._start(utc_ms)

    def close(self) -> None:
        """Stores the running interval."""
        if self._running is not None:
            self._on_change(self._interval(self._running))

    def _integrate(self, running: IntervalAccumulator, before: PowerSample, now: PowerSample) -> IntervalAccumulator:
        """Adds the energy between two readings, divided at the ends of intervals; returns the running interval."""
        passed_ms = now.utc_ms - before.utc_ms
        if abs(passed_ms - 1000 * (now.time_s - before.time_s)) > STEP_MS:
            running.flags.add("clock_step")
            self._add(running, before, now, 0.0, 1.0)
            running = self._start(now.utc_ms)
            running.flags.add("clock_step")
            return running
        start = 0.0
        while now.utc_ms > running.end_ms:
            end = min(max((running.end_ms - before.utc_ms) / passed_ms, start), 1.0)
            self._add(running, before, now, start, end)
            start, running = end, self._start(running.end_ms)
        self._add(running, before, now, start, 1.0)
        return running

    def _add(
        self, running: IntervalAccumulator, before: PowerSample, now: PowerSample, start: float, end: float
    ) -> None:  # fmt: skip
        """Adds a part of the time between two readings. start, end: as shares of it."""
        if end <= start:
            return
        middle, seconds = (start + end) / 2, (end - start) * (now.time_s - before.time_s)
        w = before.w + middle * (now.w - before.w)
        var = None if before.var is None or now.var is None else before.var + middle * (now.var - before.var)
        running.add_power(seconds, w, var, OFF_SHARE * self._settings.largest_w)
        self._total_wh += w * seconds / 3600

    def _start(self, utc_ms: int) -> IntervalAccumulator:
        """Makes the interval of this moment the running one, and ends another one."""
        running = self._running
        if running is not None and not running.start_ms <= utc_ms < running.end_ms:
            self._running, self._ended = None, True
            self._on_interval(self._interval(running))
        if self._running is None:
            start_ms = utc_ms // QUARTER_MS * QUARTER_MS
            stored = self._stored(start_ms)
            self._running = IntervalAccumulator(start_ms) if stored is None else IntervalAccumulator.resumed(stored)
        return self._running

    def _interval(self, found: IntervalAccumulator) -> Interval:
        settings = self._settings
        return found.interval(settings.asset, self.meter, settings.auxiliary_w, settings.accuracy)

    def _add_register(self, running: IntervalAccumulator, register_wh: float, time_s: float) -> None:
        wh = round(register_wh)
        running.register_wh = (running.register_wh or (wh, wh))[0], wh
        if self._register is not None and (self._gaps or self._resumed):
            self._fill(running, register_wh - self._register[0] - (self._total_wh - self._register[1]))
        self._gaps.clear()
        self._resumed = False
        self._register = register_wh, self._total_wh
        if time_s - self._stored_s >= STORED_S:
            self._stored_s = time_s
            self._on_change(self._interval(running))

    def _fill(self, running: IntervalAccumulator, missing_wh: float) -> None:
        """Distributes the energy that the register counted during gaps evenly over these gaps."""
        asset, largest_w = self._settings.asset, self._settings.largest_w
        length_ms = sum(b - a for a, b in self._gaps)
        step_wh = self._settings.step_wh
        slack_wh = max(SLACK_WH, 2 * step_wh)
        if step_wh > SLACK_WH and missing_wh < STEPS_MIN * step_wh:
            log.info("%s: a step of the energy register is %g kWh: it cannot fill a gap of %.0f s",
                     asset, step_wh / 1000, length_ms / 1000)  # fmt: skip
            return
        most_wh = 1.5 * largest_w * length_ms / 3.6e6 + slack_wh
        if 0 < length_ms <= FILLED_MS_MAX and -slack_wh <= missing_wh <= most_wh:
            for a, b in self._gaps:
                for start_ms in range(a // QUARTER_MS * QUARTER_MS, b, QUARTER_MS):
                    overlap_ms = min(b, start_ms + QUARTER_MS) - max(a, start_ms)
                    self._fill_interval(running, start_ms, missing_wh * overlap_ms / length_ms)
            return
        unknown_wh = 1.5 * largest_w * UNKNOWN_H + slack_wh
        if self._resumed and -slack_wh <= missing_wh <= unknown_wh and same_meter(self._meter_before, self.meter):
            if missing_wh > largest_w * GAP_S_MIN / 3600:
                running.flags.add("clock_step")
            running.fill(missing_wh)
            return
        log.warning("%s: the register of the meter cannot fill a gap: it changed by %.1f kWh", asset, missing_wh / 1000)

    def _fill_interval(self, running: IntervalAccumulator, start_ms: int, wh: float) -> None:
        if start_ms == running.start_ms:
            running.fill(wh)
            return
        old = self._stored(start_ms) or Interval(self._settings.asset, start_ms, None, coverage=0.0)
        energy_wh, filled_wh = (old.energy_wh or 0.0) + wh, old.filled_wh + wh
        self._on_change(replace(old, energy_wh=energy_wh, filled_wh=filled_wh, meter=self.meter or old.meter))
