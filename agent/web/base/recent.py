"""What this process has seen since its start: intervals of the motors, an hour of power, since when an alarm stands."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from msgspec import Struct, field

MINUTES = 60
_MINUTE_MS = 60_000
_GAPS = 8
_INTERVAL_S_MAX = 60.0  # a longer time between two rows is an outage, not an interval


class _Minute(Struct):
    number: int
    sum_kw: float = 0.0
    count: int = 0


class _Seen(Struct):
    times_ms: deque[int] = field(default_factory=lambda: deque(maxlen=_GAPS + 1))
    minutes: deque[_Minute] = field(default_factory=lambda: deque(maxlen=MINUTES + 1))


class Spark(Struct):
    """An hour of power. kw: means of MINUTES minutes, the last of which ends at end_ms; None: no value."""

    step_s: int
    end_ms: int
    kw: list[float | None]


class Recent:
    """By topic of the motor. Bounded: an hour of minutes for each motor that the broker has."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._priorities: dict[str, tuple[str, int]] = {}
        self._stored: dict[str, Spark] = {}
        self.stored_ms = 0  # when the last hour was read from the state file

    def add(self, topic: str, telemetry: dict[str, Any], power_w: float | None) -> None:
        """A row of telemetry. Called in one thread."""
        seen = self._seen.setdefault(topic, _Seen())
        t_ms = telemetry.get("t")
        if not isinstance(t_ms, int):
            return
        if not seen.times_ms or t_ms > seen.times_ms[-1]:
            seen.times_ms.append(t_ms)
        elif t_ms < seen.times_ms[-1] - _MINUTE_MS:  # the clock of the agent was set back
            seen.times_ms.clear()
            seen.minutes.clear()
        number = t_ms // _MINUTE_MS
        if not seen.minutes or seen.minutes[-1].number < number:
            seen.minutes.append(_Minute(number))
        if power_w is not None and seen.minutes[-1].number == number:
            seen.minutes[-1].sum_kw += power_w / 1000
            seen.minutes[-1].count += 1

    def forget(self, topic: str) -> None:
        """The motor was removed."""
        self._seen.pop(topic, None)

    def interval_s(self, topic: str) -> float:
        """Median time between two rows, in their own times; 1 while there were not two."""
        seen = self._seen.get(topic)
        times_ms = list(seen.times_ms) if seen else []
        gaps_s = sorted((after - before) / 1000 for before, after in pairwise(times_ms))
        return min(max(gaps_s[len(gaps_s) // 2], 0.1), _INTERVAL_S_MAX) if gaps_s else 1.0

    def spark(self, topic: str, now_ms: int) -> Spark:
        """The hour up to now; the last minute is the running one."""
        last = now_ms // _MINUTE_MS
        seen = self._seen.get(topic)
        means = {item.number: item.sum_kw / item.count for item in list(seen.minutes) if item.count} if seen else {}
        means = self._minutes_stored(topic) | means
        kw = [means.get(number) for number in range(last - MINUTES + 1, last + 1)]
        return Spark(60, (last + 1) * _MINUTE_MS, [None if mean is None else round(mean, 3) for mean in kw])

    def use_stored(self, found: Mapping[str, Spark], now_ms: int) -> None:
        """The last hour from the state file, by topic: for the minutes that this process has not seen."""
        self._stored, self.stored_ms = dict(found), now_ms

    def _minutes_stored(self, topic: str) -> dict[int, float]:
        stored = self._stored.get(topic)
        if stored is None:
            return {}
        first = stored.end_ms // _MINUTE_MS - len(stored.kw)
        return {first + number: kw for number, kw in enumerate(stored.kw) if kw is not None}

    def note_priority(self, motor_id: str, priority: str, since_ms: int | None, now_ms: int) -> int:
        """Since when this priority holds, UTC milliseconds. since_ms: as the agent states it; None: not."""
        known = self._priorities.get(motor_id)
        if known is None or known[0] != priority:
            known = self._priorities[motor_id] = (priority, now_ms)
        return since_ms or known[1]
