"""The alarms of one motor in a month, from the events of the state file."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from agent.alarms.history import PastTransition, past_transitions
from agent.alarms.model import AlarmKey
from agent.config.alarm_definition import PRIORITIES
from agent.config.alarm_table import DEFINITIONS
from agent.delivery.store.event_history import Rows

OPEN = ("UNACK", "ACKED")  # the condition holds


class AlarmOfMonth(Struct, frozen=True):
    """One alarm that was announced in a month, or was open at its end.

    name: code, with the device after a hyphen. title: source text.
    priority: of its last change. announced: number of announcements in the month. last_ms: of the last one; None: none.
    state: at the end of the month, or of what is known of it. open: its condition then held.
    """

    name: str
    title: str
    priority: str
    announced: int
    last_ms: int | None
    state: str
    open: bool


def alarms_of_month(rows: Rows, asset: str, from_ms: int, to_ms: int) -> list[AlarmOfMonth]:
    """The worst first, then the most frequent. rows: runs a query on the state file."""
    by_key: dict[AlarmKey, list[PastTransition]] = {}
    for item in past_transitions(rows, 0, to_ms, asset):
        by_key.setdefault(item.key, []).append(item)
    found = [_of(key, items, from_ms) for key, items in by_key.items()]
    return sorted((item for item in found if item.announced or item.open), key=_rank)


def _of(key: AlarmKey, items: Iterable[PastTransition], from_ms: int) -> AlarmOfMonth:
    *_, last = known = list(items)
    announced = [item.at_ms for item in known if item.announced and item.at_ms >= from_ms]
    title = DEFINITIONS[key.code].title if key.code in DEFINITIONS else key.code
    return AlarmOfMonth(
        key.name, title, last.priority, len(announced), max(announced, default=None), last.after, last.after in OPEN
    )


def _rank(item: AlarmOfMonth) -> tuple[int, int, str]:
    place = PRIORITIES.index(item.priority) if item.priority in PRIORITIES else len(PRIORITIES)
    return place, -item.announced, item.name
