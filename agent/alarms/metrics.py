"""Numbers of alarms, and the metrics of EEMUA 191 and ISA-18.2 per operator position, over a span of time.

Source: EEMUA 191 and ISA-18.2, clause on monitoring and assessment; targets in docs/how-to/alarms.md.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from agent.alarms.announcements import DAY_S, FLOOD_BEGIN, FLOOD_END, FLOOD_WINDOW_S, Announcement
from agent.alarms.model import AlarmKey, AlarmRecord
from agent.alarms.states import LISTED
from agent.config.alarm_definition import PRIORITIES

DAY_MS, HOUR_MS, WINDOW_MS = round(1000 * DAY_S), 3_600_000, round(1000 * FLOOD_WINDOW_S)
HOUR_MANY = 30  # announcements of an hour that no operator can handle
STALE_MS = DAY_MS
CHATTER_COUNT, CHATTER_MS = 3, 60_000
TOP = 10


class AlarmMetrics(Struct, frozen=True):
    """Of the announcements of one span.

    announced: their number. per_day, per_hour, per_10min: means; of a shorter span their number. hour_max, window_max:
        most in a clock hour, and in any 10 min.
    hours_above_30_pct, windows_above_10_pct: share of the clock hours, and of the 10 min windows, with more.
    flood_pct: share of the time in a flood (more than 10 within 10 min until fewer than 5).
    top_ten_pct: share of the ten most frequent alarms. top_ten: they, with their numbers.
    chattering: alarms announced at least 3 times within 60 s.
    by_priority_pct: priority → share.
    """

    announced: int
    per_day: float
    per_hour: float
    per_10min: float
    hour_max: int
    window_max: int
    hours_above_30_pct: float
    windows_above_10_pct: float
    flood_pct: float
    top_ten_pct: float | None
    top_ten: list[tuple[AlarmKey, int]]
    chattering: int
    by_priority_pct: dict[str, float]


class AlarmCounts(Struct, frozen=True):
    """For the topic of the gateway.

    alarms: priority → state → number, without NORM. unacknowledged: UNACK and RTNUN. highest: the worst priority of
        those in UNACK, ACKED and RTNUN; empty: there is none.
    stale: those of them that were raised more than 24 h ago.
    flood_since_ms: None: no flood.
    """

    alarms: dict[str, dict[str, int]]
    unacknowledged: int
    highest: str
    stale: int
    flood_since_ms: int | None
    metrics: AlarmMetrics


def counts_of(
    records: Iterable[AlarmRecord], day: Sequence[Announcement], flood_since_ms: int | None, now_ms: int
) -> AlarmCounts:  # fmt: skip
    """records: present. day: announcements of the last 24 h."""
    alarms: dict[str, dict[str, int]] = {}
    unacknowledged = stale = 0
    listed = set()
    for record in records:
        if record.state == "NORM":
            continue
        states = alarms.setdefault(record.priority, {})
        states[str(record.state)] = states.get(str(record.state), 0) + 1
        if record.state in LISTED:
            listed.add(record.priority)
            unacknowledged += record.state != "ACKED"
            stale += record.raised_ms is not None and now_ms - record.raised_ms > STALE_MS
    highest = next((priority for priority in PRIORITIES if priority in listed), "")
    return AlarmCounts(alarms, unacknowledged, highest, stale, flood_since_ms,
                       metrics_of(day, now_ms - STALE_MS, now_ms))  # fmt: skip


def metrics_of(announced: Iterable[Announcement], from_ms: int, to_ms: int) -> AlarmMetrics:
    """The metrics of [from_ms, to_ms). Raises ValueError when the span is empty."""
    if to_ms <= from_ms:
        raise ValueError(f"no time between {from_ms} and {to_ms}")
    found = sorted((item for item in announced if from_ms <= item.at_ms < to_ms), key=lambda item: item.at_ms)
    times = [item.at_ms for item in found]
    hours, windows = _per_slot(times, from_ms, HOUR_MS), _per_slot(times, from_ms, WINDOW_MS)
    of_key = Counter(item.key for item in found)
    top = of_key.most_common(TOP)
    n, span_ms = len(found), to_ms - from_ms
    priorities = Counter(item.priority for item in found)
    return AlarmMetrics(
        announced=n,
        per_day=n * DAY_MS / max(span_ms, DAY_MS),
        per_hour=n * HOUR_MS / max(span_ms, HOUR_MS),
        per_10min=n * WINDOW_MS / max(span_ms, WINDOW_MS),
        hour_max=max(hours.values(), default=0),
        window_max=max((number - bisect_left(times, at_ms - WINDOW_MS + 1) + 1 for number, at_ms in enumerate(times)),
                       default=0),
        hours_above_30_pct=_share_above(hours, HOUR_MANY, span_ms / HOUR_MS),
        windows_above_10_pct=_share_above(windows, FLOOD_BEGIN, span_ms / WINDOW_MS),
        flood_pct=100 * _flood_ms(times, to_ms) / span_ms,
        top_ten_pct=100 * sum(number for _key, number in top) / n if n else None,
        top_ten=top,
        chattering=len(_chattering(found)),
        by_priority_pct={priority: 100 * priorities[priority] / n for priority in PRIORITIES if n},
    )  # fmt: skip


def _per_slot(times: Sequence[int], from_ms: int, slot_ms: int) -> Counter[int]:
    """Number of announcements in each slot from the start of the span that has any."""
    return Counter((at_ms - from_ms) // slot_ms for at_ms in times)


def _share_above(slots: Counter[int], limit: int, number: float) -> float:
    return 100 * sum(count > limit for count in slots.values()) / max(number, 1.0)


def _flood_ms(times: Sequence[int], to_ms: int) -> int:
    """Time in floods: they begin with the announcement that makes more than 10 within 10 min, and end when fewer than 5
    are left."""
    total, begin_ms = 0, None
    ends_ms = 0
    for number, at_ms in enumerate(times):
        if begin_ms is not None and at_ms >= ends_ms:
            total, begin_ms = total + ends_ms - begin_ms, None
        if begin_ms is None and number - bisect_left(times, at_ms - WINDOW_MS + 1) + 1 > FLOOD_BEGIN:
            begin_ms = at_ms
        # fewer than FLOOD_END are left when the FLOOD_END-th newest leaves the window
        ends_ms = times[max(number - FLOOD_END + 1, 0)] + WINDOW_MS
    if begin_ms is not None:
        total += min(ends_ms, to_ms) - begin_ms
    return total


def _chattering(found: Sequence[Announcement]) -> set[AlarmKey]:
    of_key: dict[AlarmKey, list[int]] = {}
    for item in found:
        of_key.setdefault(item.key, []).append(item.at_ms)
    return {
        key for key, times in of_key.items()
        if any(last - first <= CHATTER_MS for first, last in zip(times, times[CHATTER_COUNT - 1 :], strict=False))
    }  # fmt: skip
