"""What happened: events of the state file as the page lists them, with texts in the language of the reader."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from agent.analysis.power_quality.event_text import ALARM, format_event
from agent.core.codec import decode_reason
from agent.core.text import N_, Catalogue, text_of_object
from agent.delivery.store.event_history import GATEWAY, StoredEvent, last_state_before, read_events
from agent.savings.records.model import NonRoutineEvent
from agent.web.history.gaps import StatePeriod, agent_stops, state_periods
from agent.web.http.times import rfc3339
from agent.web.plant.motor_state import MAGNET
from agent.web.plant.silence import no_reply

EVENTS_MAX = 5000  # of one answer, the newest
_SILENT = ("offline", "stale")  # that values are stale is how a missing reply shows first
_STATES = (*_SILENT, "maintenance")
_PRIORITY = {
    "interruption": "medium", "meter_wiring": "medium", "ct_ratio_changed": "medium", "config_rejected": "medium",
    "state_file_corrupt": "medium", "state_file_missing": "medium", "state_file_unwritable": "medium",
    "bus_stopped": "medium", "client_id_conflict": "medium", "dip": "low", "swell": "low", "data_gap": "low",
    "certificate_expiring": "low", "maintenance": "maintenance",
}  # others: normal  # fmt: skip


class PageEvent(Struct, omit_defaults=False):
    """One event; the keys are those of the API.

    t: start, RFC 3339. t_ms: names the event in the address of its waveform. motor: None: the gateway.
    kind: of the message, of a state (offline, stale, maintenance), agent_stopped, or nre_… of the savings.
    text: in a few words. detail: why, with the addresses of registers; empty: there is no more.
    duration_s: None: not known, or it lasts (then `open`).
    pct, u, reference: extreme value in percent of the reference, and both in the unit of the event: V, of an inrush A.
    """

    t: str | None
    t_ms: int
    start_ms: int
    motor: str | None
    kind: str
    priority: str
    text: str
    duration_s: float | None = None
    open: bool = False
    pct: float | None = None
    u: float | None = None
    reference: float | None = None
    phases: list[int] = []
    has_waveform: bool = False
    simulated: bool = False
    number: int | None = None
    decision: str | None = None
    detail: str = ""


def past_events(
    db: sqlite3.Connection, from_ms: int, to_ms: int, motor: str | None, kinds: Mapping[str, str], catalogue: Catalogue
) -> list[PageEvent]:
    """The events that end in this time or last, newest first. motor: None: all, with those of the gateway.

    kinds: motor → its kind, such as pm. Raises sqlite3.Error.
    """
    stops = agent_stops(db.execute)
    stored = read_events(db.execute, from_ms, to_ms, motor)
    found = [
        *_messages(stored, catalogue),
        *(_of_state(period, kinds, catalogue) for period in state_periods(_with_earlier(db, stored, from_ms), stops)
          if period.state in _STATES and (period.to_ms is None or period.to_ms > from_ms)),
        *(_of_savings(event, catalogue) for event in _non_routine(db, motor)
          if event.from_ms < to_ms and (event.to_ms is None or event.to_ms > from_ms)),
    ]  # fmt: skip
    if motor is None:
        found += [_of_stop(stop, catalogue) for stop in stops if stop[1] > from_ms and stop[0] < to_ms]
    found.sort(key=lambda event: event.start_ms, reverse=True)
    return found[:EVENTS_MAX]


def _messages(stored: Sequence[StoredEvent], catalogue: Catalogue) -> Iterator[PageEvent]:
    """Events that were published, without those that a state or the savings report completely."""
    for event in stored:
        kind = str(event.body.get("v", {}).get("event_kind", ""))
        if event.kind == "event" and kind != "maintenance" and not kind.startswith("nre_"):
            yield _of_message(event, kind, catalogue)


def _of_message(event: StoredEvent, kind: str, catalogue: Catalogue) -> PageEvent:
    values, flags = event.body["v"], event.body.get("f", {})
    start_ms = values.get("event_start_ms")
    start_ms = start_ms if isinstance(start_ms, int) else event.t_ms
    extreme, reference = (
        _number(values.get(f"event_{name}_v", values.get(f"event_{name}_a"))) for name in ("extreme", "reference")
    )
    return PageEvent(
        rfc3339(start_ms), event.t_ms, start_ms, None if event.asset == GATEWAY else event.asset, kind,
        _priority(kind, values),
        format_event(values, event.body.get("r", {}).get("event_text", ()), catalogue),
        _number(values.get("event_duration_s")), values.get("event_state") == "begin",
        _number(values.get("event_extreme_pct")), extreme, reference, values.get("event_phases") or [],
        event.has_waveform, "SIMULATED" in flags.get("*", ()), values.get("event_number"),
    )  # fmt: skip


def _priority(kind: str, values: Mapping[str, Any]) -> str:
    """That of an alarm when it was announced; its other changes are for information."""
    if kind == ALARM and values.get("alarm_announced"):
        return str(values.get("alarm_priority"))
    return _PRIORITY.get(kind, "normal")


def _with_earlier(db: sqlite3.Connection, stored: Sequence[StoredEvent], from_ms: int) -> Iterable[StoredEvent]:
    """The same events, preceded by the state of each motor at from_ms."""
    motors = dict.fromkeys(event.asset for event in stored if event.kind == "state")
    return [*(event for asset in motors for event in _last(db, asset, from_ms)), *stored]


def _last(db: sqlite3.Connection, asset: str, before_ms: int) -> Iterator[StoredEvent]:
    found = last_state_before(db.execute, asset, before_ms - 1)
    if found is not None:
        yield found


def _of_state(period: StatePeriod, kinds: Mapping[str, str], catalogue: Catalogue) -> PageEvent:
    cause = catalogue.translate("; ").join(text_of_object(item, catalogue) for item in period.reason)
    if period.state == "maintenance":
        priority = "maintenance"
    elif period.state == "stale":
        priority = "low"
    else:
        priority = "safety" if kinds.get(period.motor) in MAGNET else "high"
    return PageEvent(
        rfc3339(period.from_ms), period.from_ms, period.from_ms, period.motor, period.state, priority,
        no_reply(period.reason, catalogue) if period.state in _SILENT else catalogue(N_("maintenance")),
        None if period.to_ms is None else (period.to_ms - period.from_ms) / 1000, period.to_ms is None, detail=cause,
    )  # fmt: skip


def _of_stop(stop: tuple[int, int], catalogue: Catalogue) -> PageEvent:
    return PageEvent(
        rfc3339(stop[0]), stop[0], stop[0], None, "agent_stopped", "low",
        catalogue(N_("The agent did not run; nothing was measured.")), (stop[1] - stop[0]) / 1000,
    )  # fmt: skip


def _of_savings(event: NonRoutineEvent, catalogue: Catalogue) -> PageEvent:
    kind = f"nre_{event.kind}"
    values = {"event_kind": kind}
    text = format_event(values, [event.cause.as_object()], catalogue)
    return PageEvent(
        rfc3339(event.from_ms), event.from_ms, event.from_ms, event.asset, kind,
        "low" if event.decision is None else "normal", text,
        None if event.to_ms is None else (event.to_ms - event.from_ms) / 1000, event.to_ms is None,
        number=event.number, decision=event.decision,
    )  # fmt: skip


def _non_routine(db: sqlite3.Connection, motor: str | None) -> Iterator[NonRoutineEvent]:
    """The non-routine events of the savings; one that cannot be read is left out, the report names it."""
    for (body,) in db.execute("select body from note where kind = 'savings-event'").fetchall():
        try:
            event = msgspec.json.decode(body, type=NonRoutineEvent, dec_hook=decode_reason)
        except (msgspec.MsgspecError, TypeError):
            continue
        if motor is None or event.asset == motor:
            yield event


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
