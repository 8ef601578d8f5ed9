"""The transitions of the past, from the events in the state file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from agent.alarms.announcements import Announcement
from agent.alarms.messages import EVENT_KIND
from agent.alarms.model import AlarmKey
from agent.delivery.store.event_history import Rows, StoredEvent, read_events


class PastTransition(Struct, frozen=True):
    """A transition as its event has it.

    before, after: states. change: value of Change. by: operator; empty: none. reason: object of messages with the text.
    """

    seq: int
    at_ms: int
    key: AlarmKey
    before: str
    after: str
    change: str
    priority: str
    announced: bool
    by: str
    reason: Mapping[str, Any]


def past_transitions(rows: Rows, from_ms: int, to_ms: int, asset: str | None = None) -> list[PastTransition]:
    """Those with from_ms ≤ t < to_ms, in the order of their numbers. asset: "": of plant and gateway; None: of all.

    rows: runs a query on the state file, such as `Store.rows`.
    """
    found = [_transition(event) for event in read_events(rows, from_ms, to_ms, asset) if _is_alarm(event)]
    return sorted(found, key=lambda item: item.seq)


def announcements_of(found: Iterable[PastTransition]) -> list[Announcement]:
    return [Announcement(item.at_ms / 1000, item.at_ms, item.key, item.priority) for item in found if item.announced]


def first_run_ms(rows: Rows) -> int | None:
    """Start of the oldest run that the state file knows, UTC; None: there was none."""
    return next((opened_ms for (opened_ms,) in rows("select min(opened_ms) from boots", ())), None)


def _is_alarm(event: StoredEvent) -> bool:
    return event.kind == "event" and event.body["v"].get("event_kind") == EVENT_KIND


def _transition(event: StoredEvent) -> PastTransition:
    values = event.body["v"]
    code, _hyphen, part = values["alarm"].partition("-")
    return PastTransition(
        values["event_number"], values["event_start_ms"], AlarmKey(event.asset, code, part),
        values["alarm_state_before"], values["alarm_state"], values["alarm_change"], values["alarm_priority"],
        bool(values["alarm_announced"]), values.get("alarm_by", ""), event.body["r"]["event_text"][0],
    )  # fmt: skip
