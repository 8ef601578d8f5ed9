"""Why the history has no values: the motor did not reply, the agent was stopped, or neither is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from msgspec import Struct

from agent.core.text import N_, Catalogue, text_of_object
from agent.delivery.store.event_history import Rows, StoredEvent, last_state_before, read_events
from agent.web.base.values import Why
from drivers.reasons import Code

GAP_NO_REPLY = Code("gap_no_reply", "The motor did not report: {cause}.")
GAP_STALE = Code("gap_stale", "The values were not renewed: {cause}.")
GAP_AGENT_STOPPED = Code("gap_agent_stopped", "The agent did not run.")
GAP_NO_VALUES = Code("gap_no_values", "No value is stored for this time.")
_SILENT = {"offline": (GAP_NO_REPLY, N_("no reply")), "stale": (GAP_STALE, N_("no reply"))}
_STOPPED_MS_MIN = 60_000  # a restart is shorter


class Gap(Struct):
    """UTC milliseconds. why: with the text of the devices."""

    from_ms: int
    to_ms: int
    why: Why


class StatePeriod(Struct):
    """How long a motor was in a state. to_ms: None: it still is. reason: objects of messages."""

    motor: str
    state: str
    from_ms: int
    to_ms: int | None
    reason: list[dict[str, object]]


def state_periods(events: Iterable[StoredEvent], stops: Sequence[tuple[int, int]]) -> list[StatePeriod]:
    """The states of each motor, in order of their start. A stop of the agent ends them.

    events: in the order of time. stops: as `agent_stops`.
    """
    open_: dict[str, StatePeriod] = {}
    found: list[StatePeriod] = []
    for event in events:
        if event.kind != "state":
            continue
        before, since_ms = open_.get(event.asset), event.body.get("since")
        from_ms = since_ms if isinstance(since_ms, int) else event.t_ms
        if before is not None:
            before.to_ms = _ended_ms(before.from_ms, from_ms, stops)
        period = StatePeriod(event.asset, str(event.body.get("state", "")), from_ms, None, event.body.get("reason", []))
        open_[event.asset] = period
        found.append(period)
    for period in open_.values():
        if (ended_ms := _ended_ms(period.from_ms, 1 << 62, stops)) < 1 << 62:
            period.to_ms = ended_ms
    return found


def _ended_ms(from_ms: int, next_ms: int, stops: Sequence[tuple[int, int]]) -> int:
    """When a state ended: at the next one, or when the agent stopped."""
    return min([next_ms, *(stop_ms for stop_ms, _ in stops if from_ms <= stop_ms < next_ms)])


def agent_stops(rows: Rows) -> list[tuple[int, int]]:
    """Times in which no agent ran, of the last 100 runs: UTC milliseconds of the end and of the next start."""
    runs = sorted(rows("select opened_ms, last_ms from boots order by n", ()))
    return [
        (last_ms, opened_ms)
        for (_, last_ms), (opened_ms, _) in pairwise(runs)
        if opened_ms - last_ms >= _STOPPED_MS_MIN
    ]


def known_gaps(rows: Rows, motor: str, from_ms: int, to_ms: int, catalogue: Catalogue) -> list[Gap]:
    """The gaps whose cause is stored, in order."""
    before = last_state_before(rows, motor, from_ms)
    stops = agent_stops(rows)
    events = [*([before] if before else []), *read_events(rows, from_ms + 1, to_ms, motor)]
    found = [
        Gap(
            start_ms,
            end_ms,
            Why("gap_agent_stopped", catalogue(N_("agent stopped")), catalogue.reason(GAP_AGENT_STOPPED())),
        )
        for start_ms, end_ms in stops
    ]
    for period in state_periods(events, stops):
        if period.state in _SILENT:
            code, short = _SILENT[period.state]
            cause = catalogue.translate("; ").join(text_of_object(item, catalogue) for item in period.reason) or "–"
            why = Why(str.__str__(code), catalogue(short), catalogue.reason(code(cause=cause)))
            found.append(Gap(period.from_ms, to_ms if period.to_ms is None else period.to_ms, why))
    clipped = [Gap(max(gap.from_ms, from_ms), min(gap.to_ms, to_ms), gap.why) for gap in found]
    return sorted((gap for gap in clipped if gap.from_ms < gap.to_ms), key=lambda gap: gap.from_ms)


def unexplained_gaps(
    t_ms: Sequence[int], step_ms: int, longest_ms: int, known: Sequence[Gap], catalogue: Catalogue
) -> list[Gap]:
    """Gaps between points that no known gap explains. longest_ms: between two points without a gap."""
    why = Why("gap_no_values", catalogue(N_("no values")), catalogue.reason(GAP_NO_VALUES()))
    return [
        Gap(before_ms + step_ms, after_ms, why)
        for before_ms, after_ms in pairwise(t_ms)
        if after_ms - before_ms > longest_ms
        and not any(gap.from_ms < after_ms and gap.to_ms > before_ms for gap in known)
    ]
