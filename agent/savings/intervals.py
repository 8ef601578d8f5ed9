"""Quarter hours of one motor, live: power over time, gaps from the meter's own register, drivers beside them.

Time is counted on the clock that never steps; UTC only names the quarter hour. Where UTC jumps, energy stays where it
was and both quarter hours say so. What is finished is handed on once; every minute the running one is kept as it is, so
that a kill costs a minute at most, and the register tells even that. Where a clock that lost the time over a power cut
tells no gap that could have held it, what the register counted stands in the running quarter hour, which says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from agent.estimate.window import Cell
from agent.savings.bucket import Bucket
from agent.savings.keep import merged
from agent.savings.meters import alike
from agent.savings.types import QUARTER_MS, Interval

log = logging.getLogger(__name__)

BRIDGED_S = 60.0  # a pause no longer than that runs straight
KEPT_S = 60.0  # between two keepings of the running quarter hour
NEVER = float("-inf")
LONGEST_MS = 40 * 86_400_000  # a gap that is filled from a register
UNTOLD_H = 24.0  # of the largest power, that a register is believed over a restart for which the clock tells no time
STEP_MS = 2_000  # by how much UTC may differ from the time that passed


class Point(NamedTuple):
    time_s: float
    utc_ms: int
    w: float
    var: float | None


class QuarterHours:
    """known: what is kept of a quarter hour, by its start. keep: stores one. done: gets each when it is over.

    largest_w: more than that no gap can have held, on average. last, mark_wh: what an earlier run kept last, and its
    `mark_wh` of then.
    """

    def __init__(
        self, asset: str, period_s: float, largest_w: float, known: Callable[[int], Interval | None],
        keep: Callable[[Interval], None], done: Callable[[Interval], None], *, auxiliary_w: float = 0.0,
        accuracy: Mapping[str, float] | None = None, last: Interval | None = None,
        mark_wh: float | None = None,
    ) -> None:  # fmt: skip
        self._asset, self._largest_w, self._off_w = asset, largest_w, 0.02 * largest_w
        self._known, self._keep, self._done = known, keep, done
        self._auxiliary_w, self._accuracy = auxiliary_w, dict(accuracy or {})
        self._hole_s, self._period_s = max(BRIDGED_S, 3.5 * period_s), period_s
        self._point: Point | None = None
        self._bucket: Bucket | None = None
        self._seen: dict[str, float] = {}  # driver → time of its last value
        self._gaps: list[tuple[int, int]] = []
        self._resumed = False  # whether the register was not read yet since a restart
        self._total_wh = 0.0  # integrated since the start
        self._mark: tuple[float, float] | None = None  # (register, total) when it was read last
        self._kept_s = NEVER
        self._ended = False  # whether this reading ended a quarter hour
        self.meter = self._before = last.meter if last else ""
        if last is not None and mark_wh is not None:
            self._mark = mark_wh, 0.0
            self._resumed = True
            self._point = Point(NEVER, last.start_ms + round(min(last.coverage, 1.0) * QUARTER_MS), 0.0, None)

    def take_power(self, time_s: float, utc_ms: int, w: float, var: float | None, register_wh: float | None) -> None:
        """A reading of the meter at that moment; register_wh its counter of energy taken, where it was read."""
        before, now = self._point, Point(time_s, utc_ms, w, var)
        if before is not None and time_s <= before.time_s:
            return
        if self._bucket is None:
            self._begin(utc_ms)
        self._point = now
        if before is not None and time_s - before.time_s <= self._hole_s:
            self._run(before, now)
        else:
            self._place(utc_ms)
            if before is not None:
                since_ms = before.utc_ms if before.time_s == NEVER else utc_ms - round(1000 * (time_s - before.time_s))
                if since_ms < utc_ms:
                    self._gaps.append((since_ms, utc_ms))
        if register_wh is not None:
            self._read(register_wh, time_s)
        if self._ended:  # the mark that goes with it stands for what the next one holds already, too
            self._ended = False
            assert self._bucket is not None
            self._keep(self._whole(self._bucket))

    @property
    def mark_wh(self) -> float | None:
        """The meter's register as it must stand now: read last, and what was integrated since."""
        return None if self._mark is None else self._mark[0] + self._total_wh - self._mark[1]

    def take_driver(self, name: str, time_s: float, value: float) -> None:
        if self._bucket is None:
            return
        passed_s = time_s - self._seen.get(name, NEVER)
        self._seen[name] = time_s
        if passed_s > 0:
            self._bucket.add_driver(name, value, passed_s if passed_s <= self._hole_s else self._period_s)

    def take_cells(self, cells: Iterable[Cell], speed_rpm: float | None) -> None:
        if self._bucket is not None:
            for cell in cells:
                self._bucket.add_cell(cell, speed_rpm)

    def flag(self, word: str) -> None:
        if self._bucket is not None:
            self._bucket.flags.add(word)

    def roll(self, utc_ms: int) -> None:
        """Ends a quarter hour that is over although no reading says so; and begins one that nothing is read in."""
        if self._bucket is None:
            self._begin(utc_ms)
        elif utc_ms >= self._bucket.end_ms + 1000 * (self._hole_s + 5):
            self._finish()
            self._begin(utc_ms)

    def close(self) -> None:
        """Keeps what there is of the running one."""
        if self._bucket is not None:
            self._keep(self._whole(self._bucket))

    def _run(self, before: Point, now: Point) -> None:
        """The power between two readings, cut where the quarter hour ends."""
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

    def _add(self, before: Point, now: Point, start: float, end: float) -> None:
        if end <= start:
            return
        assert self._bucket is not None
        middle, seconds = (start + end) / 2, (end - start) * (now.time_s - before.time_s)
        w = before.w + middle * (now.w - before.w)
        var = None if before.var is None or now.var is None else before.var + middle * (now.var - before.var)
        self._bucket.add_power(seconds, w, var, self._off_w)
        self._total_wh += w * seconds / 3600

    def _place(self, utc_ms: int) -> None:
        """The bucket of this moment is the running one from here on."""
        if self._bucket is None:
            self._begin(utc_ms)
        elif not self._bucket.start_ms <= utc_ms < self._bucket.end_ms:
            self._finish()
            self._begin(utc_ms)

    def _begin(self, utc_ms: int) -> None:
        start_ms = utc_ms // QUARTER_MS * QUARTER_MS
        self._bucket = Bucket(start_ms, self._known(start_ms))

    def _finish(self) -> None:
        assert self._bucket is not None
        bucket, self._bucket, self._ended = self._bucket, None, True
        self._done(self._whole(bucket))

    def _whole(self, bucket: Bucket) -> Interval:
        own = bucket.interval(self._asset, self.meter, self._auxiliary_w, self._accuracy)
        return own if bucket.base is None else merged(bucket.base, own)

    def _read(self, register_wh: float, time_s: float) -> None:
        bucket, whole = self._bucket, round(register_wh)
        assert bucket is not None
        bucket.register_wh = (bucket.register_wh or (whole, whole))[0], whole
        if self._mark is not None and (self._gaps or self._resumed):
            missing_wh = register_wh - self._mark[0] - (self._total_wh - self._mark[1])
            self._fill(missing_wh)
        self._gaps.clear()
        self._resumed = False
        self._mark = register_wh, self._total_wh
        if time_s - self._kept_s >= KEPT_S:
            self._kept_s = time_s
            self._keep(self._whole(bucket))

    def _fill(self, missing_wh: float) -> None:
        """What the register counted while nobody looked, spread evenly over the gaps."""
        length_ms = sum(b - a for a, b in self._gaps)
        most_wh = 1.5 * self._largest_w * length_ms / 3.6e6 + 2000
        if length_ms <= 0 or length_ms > LONGEST_MS or not -2000 <= missing_wh <= most_wh:
            untold_wh = 1.5 * self._largest_w * UNTOLD_H + 2000
            if self._resumed and -2000 <= missing_wh <= untold_wh and alike(self._before, self.meter):
                assert self._bucket is not None
                if missing_wh > self._largest_w * BRIDGED_S / 3600:
                    self._bucket.flags.add("clock_step")
                self._put_here(missing_wh)
                return
            log.warning("%s: the meter's register tells nothing about a gap: it moved by %.1f kWh", self._asset,
                        missing_wh / 1000)  # fmt: skip
            return
        for a, b in self._gaps:
            start_ms = a // QUARTER_MS * QUARTER_MS
            while start_ms < b:
                overlap = min(b, start_ms + QUARTER_MS) - max(a, start_ms)
                self._put(start_ms, missing_wh * overlap / length_ms)
                start_ms += QUARTER_MS

    def _put(self, start_ms: int, wh: float) -> None:
        bucket = self._bucket
        assert bucket is not None
        if start_ms == bucket.start_ms:
            self._put_here(wh)
            return
        own = Interval(self._asset, start_ms, wh, coverage=0.0, filled_wh=wh, meter=self.meter)
        old = self._known(start_ms)
        self._keep(own if old is None else replace(merged(old, own), drivers=old.drivers))

    def _put_here(self, wh: float) -> None:
        assert self._bucket is not None
        self._bucket.filled_wh += wh
        self._bucket.filled = True
