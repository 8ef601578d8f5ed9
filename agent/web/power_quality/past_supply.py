"""Events of a motor's supply from the state file, and whether the motor ran on."""

from __future__ import annotations

import sqlite3
from typing import Any

from agent.core.text import Catalogue
from agent.delivery.store.event_history import read_events, read_waveform
from agent.delivery.store.history_rows import MINUTE_S, read_stats
from agent.web.base.context import Web
from agent.web.base.motors import Entry
from agent.web.base.state_file import StateFileError, state_of
from agent.web.plant.motor_rows import POWER_METRICS
from agent.web.power_quality.event_waveform import EventWaveform, event_waveform
from agent.web.power_quality.supply_events import DAY_MS, SupplyEvent, supply_event
from drivers.reasons import Reason
from dsp.voltage_tolerance import ToleranceCurve

OUTCOMES_MAX = 50  # events whose outcome is looked up, the newest
MINUTE_MS = 60_000
MINUTES = 3  # before and after an event
STOPPED = 0.1  # of the power before: a motor that takes less has stopped


def past_supply(
    web: Web, entry: Entry, from_ms: int, curve: ToleranceCurve, catalogue: Catalogue
) -> tuple[list[SupplyEvent], Reason | None]:
    """Events since from_ms, oldest first, with the one that was received live; and why those of the past are unknown.

    Blocks while the file is read.
    """
    until_ms = web.now_ms() + DAY_MS
    asset = _asset(entry)

    def read(db: sqlite3.Connection) -> list[SupplyEvent]:
        stored = [one for one in read_events(db.execute, from_ms, until_ms, asset) if one.kind == "event"]
        found = [supply_event(one.t_ms, one.body.get("v", {}), one.has_waveform, curve, catalogue) for one in stored]
        events = [event for event in found if event is not None]
        for event in events[-OUTCOMES_MAX:]:
            event.outcome = outcome(db, asset, event)
        return events

    try:
        events, problem = state_of(web).read(read), None
    except StateFileError as error:
        events, problem = [], error.reason
    message = entry.messages.get("event")
    if message is not None and message["t"] >= from_ms and message["t"] not in {event.t_ms for event in events}:
        values = message["v"]
        live = supply_event(message["t"], values, "snapshot_start_ms" in values, curve, catalogue)
        events += [live] if live else []
    return sorted(events, key=lambda event: event.start_ms), problem


def past_waveform(
    web: Web, entry: Entry, t_ms: int, curve: ToleranceCurve, catalogue: Catalogue
) -> EventWaveform | None:
    """The waveform of the event with this time; None: it is not stored. Blocks while the file is read."""
    message = entry.messages.get("event", {})
    values: dict[str, Any] | None = message.get("v") if message.get("t") == t_ms else None
    if values is None:
        try:
            values = state_of(web).read(lambda db: _stored_values(db, _asset(entry), t_ms))
        except StateFileError:
            return None
    event = supply_event(t_ms, values or {}, True, curve, catalogue)
    frequency_hz = entry.messages.get("pq3s", {}).get("v", {}).get("frequency_hz")
    return event_waveform(event, values or {}, frequency_hz) if event else None


def _stored_values(db: sqlite3.Connection, asset: str, t_ms: int) -> dict[str, Any] | None:
    """The values of an event message, with its waveform."""
    for stored in read_events(db.execute, t_ms, t_ms + 1, asset):
        samples = read_waveform(db.execute, asset, t_ms)
        if stored.kind == "event" and samples is not None:
            return {**stored.body["v"], **samples}
    return None


def outcome(db: sqlite3.Connection, asset: str, event: SupplyEvent) -> str | None:
    """ "ran" or "stopped", from the power in the three whole minutes before and after; None: it is not known.

    A motor that was off before has no outcome. One that starts again within the minute of the event counts as running.
    """
    end_ms = event.start_ms + round(1000 * (event.duration_s or 0.0))
    last_ms = event.start_ms // MINUTE_MS * MINUTE_MS
    first_ms = -(-end_ms // MINUTE_MS) * MINUTE_MS
    spans = (last_ms - MINUTES * MINUTE_MS, last_ms), (first_ms, first_ms + MINUTES * MINUTE_MS)
    names = [name for name, _ in POWER_METRICS]
    before, after = (read_stats(db.execute, asset, names, MINUTE_S, *span) for span in spans)
    for name in names:
        if before[name] and after[name]:
            power, then = (max(abs(stats.mean) for _, stats in found[name]) for found in (before, after))
            return None if power == 0 else "ran" if then > STOPPED * power else "stopped"
    return None


def _asset(entry: Entry) -> str:
    return entry.topic.rpartition("/")[2]
