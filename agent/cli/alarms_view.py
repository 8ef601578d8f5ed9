"""The texts and the JSON of `magwatt alarms`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from agent.alarms.history import PastTransition
from agent.alarms.messages import identity
from agent.alarms.metrics import AlarmMetrics
from agent.alarms.model import AlarmKey, AlarmRecord, OperatorAction
from agent.alarms.reasons import PRIORITY_NAMES, STATE_NAMES
from agent.config.alarm_definition import AlarmDefinition
from agent.core.text import N_, _, current, text_of, text_of_object
from agent.core.units import unit_sign

_TARGETS = (
    # what, field, decimals, target, limit
    (N_("announced per day"), "per_day", N_("{value:.1f}; target at most 150, still manageable 300")),
    (N_("announced per hour"), "per_hour", N_("{value:.2f}; target at most 6, still manageable 12")),
    (N_("announced in 10 min"), "per_10min", N_("{value:.2f}; target at most 1, still manageable 2")),
    (N_("most in 10 min"), "window_max", N_("{value:d}; target at most 10")),
    (N_("most in one hour"), "hour_max", N_("{value:d}; target at most 30")),
    (N_("hours with more than 30"), "hours_above_30_pct", N_("{value:.2f} %; target below 1 %")),
    (N_("windows of 10 min with more than 10"), "windows_above_10_pct", N_("{value:.2f} %; target below 1 %")),
    (N_("time in floods"), "flood_pct", N_("{value:.2f} %; target below 1 %")),
    (N_("alarms that chatter"), "chattering", N_("{value:d}; target 0")),
)


def alarm_lines(record: AlarmRecord, definition: AlarmDefinition) -> Iterator[str]:
    """Priority, name and title with the value; state; of those that are not acknowledged what to do."""
    head = {"priority": PRIORITY_NAMES[record.priority], "alarm": identity(record.key), "title": definition.title}
    if record.value is None:
        yield _("{priority:word}: {alarm}: {title:word}", **head)
    elif record.limit is None:
        yield _("{priority:word}: {alarm}: {title:word} ({value})", **head, value=_amount(record.value, record.unit))
    else:
        yield _("{priority:word}: {alarm}: {title:word} ({value}, limit {limit})", **head,
                value=_amount(record.value, record.unit), limit=_amount(record.limit, record.unit))  # fmt: skip
    yield "    " + _state(record)
    if record.quality != "good":
        yield "    " + _("no data now: it is not known whether the condition is still there")
    if record.why is not None:
        yield "    " + text_of(record.why)
    if record.consequences:
        yield "    " + _("{n:d} {n:alarm is|alarms are} suppressed as a consequence", n=record.consequences)
    if record.state in ("UNACK", "RTNUN"):
        yield "    " + _respond(definition)
        for number, step in enumerate(definition.advice, 1):
            yield f"    {number}. {_own(step)}"


def definition_lines(definition: AlarmDefinition, complete: bool) -> Iterator[str]:
    """One line; complete: with condition, consequence and advice."""
    yield _("{code}: {priority:word}: {title:word}", code=definition.code, title=definition.title,
            priority=PRIORITY_NAMES[definition.priority])  # fmt: skip
    if not complete:
        return
    if not definition.enabled:
        yield "    " + _("disabled in the configuration")
    if definition.limits:
        limits = tuple(f"{limit:g}" for limit in definition.limits)
        yield "    " + _("limit: {limits} {unit}, deadband {deadband:g}", limits=limits, deadband=definition.deadband,
                         unit=unit_sign(definition.unit))  # fmt: skip
    yield "    " + _("on-delay {on_s:g} s, off-delay {off_s:g} s", on_s=definition.on_delay_s,
                     off_s=definition.off_delay_s)  # fmt: skip
    if definition.blocked_off:
        yield "    " + _("blocked while the motor is off and for {seconds:g} s after its start",
                         seconds=definition.blocked_start_s)  # fmt: skip
    if definition.latching:
        yield "    " + _("latching: its end has to be acknowledged, too")
    if definition.suppresses:
        yield "    " + _("suppresses: {codes}", codes=tuple(sorted(definition.suppresses)))
    yield "    " + _("if nothing is done: {consequence}", consequence=_own(definition.consequence))
    yield "    " + _respond(definition)
    for number, step in enumerate(definition.advice, 1):
        yield f"    {number}. {_own(step)}"


def definition_body(definition: AlarmDefinition) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(definition)
    return body | {"suppresses": sorted(definition.suppresses)}


def action_text(action: OperatorAction, definition: AlarmDefinition) -> str:
    data = {"alarm": identity(action.key), "title": definition.title, "by": action.by}
    if action.action == "ack":
        return _("{alarm}: {title:word}: acknowledged by {by}", **data)
    if action.action == "unshelve":
        return _("{alarm}: {title:word}: shelving ended by {by}", **data)
    return _("{alarm}: {title:word}: shelved by {by} until {until_ms:local}: {reason}", **data,
             until_ms=action.until_ms, reason=action.reason)  # fmt: skip


def action_body(action: OperatorAction) -> dict[str, Any]:
    return {
        "alarm": identity(action.key), "action": action.action, "at_ms": action.at_ms, "until_ms": action.until_ms,
        "by": action.by, "reason": action.reason or None,
    }  # fmt: skip


def transition_line(item: PastTransition) -> str:
    return _(
        "{seq:d}: {at_ms:local}: {alarm}: {text} [{before} → {after}]", seq=item.seq, at_ms=item.at_ms,
        alarm=identity(item.key), text=text_of_object(item.reason), before=item.before, after=item.after,
    )  # fmt: skip


def transition_body(item: PastTransition) -> dict[str, Any]:
    return {
        "seq": item.seq, "at_ms": item.at_ms, "asset": item.key.asset or None, "alarm": item.key.name,
        "before": item.before, "after": item.after, "change": item.change, "priority": item.priority,
        "announced": item.announced, "by": item.by or None, "why": item.reason,
    }  # fmt: skip


def metrics_lines(found: AlarmMetrics, from_ms: int) -> Iterator[str]:
    """Each figure with its target."""
    yield _("{n:d} {n:alarm|alarms} announced since {from_ms:local}", n=found.announced, from_ms=from_ms)
    for what, field, text in _TARGETS:
        yield "    " + _("{what:word}: {figure}", what=what, figure=_(text, value=getattr(found, field)))
    if found.top_ten_pct is not None:
        yield "    " + _("the ten most frequent: {share:.0f} % of all", share=found.top_ten_pct)
        shares = found.by_priority_pct
        yield "    " + _("safety {safety:.0f} %, high {high:.0f} %, medium {medium:.0f} %, low {low:.0f} %; target of "
                         "high, medium and low 5, 15 and 80 %", **shares)  # fmt: skip
    for key, number in found.top_ten:
        yield "    " + _("{alarm}: {n:d} {n:time|times}", alarm=identity(key), n=number)


def metrics_body(found: AlarmMetrics, from_ms: int) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(found)
    top = [{"alarm": identity(AlarmKey(*key)), "count": number} for key, number in found.top_ten]
    return {"from_ms": from_ms, **body, "top_ten": top}


def _state(record: AlarmRecord) -> str:
    data = {"state": STATE_NAMES[str(record.state)], "since_ms": record.since_ms}
    match str(record.state):
        case "ACKED":
            return _("{state:word} by {by} {at_ms:local}, raised {since_ms:local}", state=data["state"],
                     by=record.acked_by, at_ms=record.acked_ms, since_ms=record.raised_ms)  # fmt: skip
        case "RTNUN":
            return _("{state:word}, ended {at_ms:local}, raised {since_ms:local}", state=data["state"],
                     at_ms=record.since_ms, since_ms=record.raised_ms)  # fmt: skip
        case "SHLVD":
            return _("{state:word} until {until_ms:local} by {by}: {reason}", state=data["state"],
                     until_ms=record.shelved_until_ms, by=record.shelved_by, reason=record.shelved_why)  # fmt: skip
        case _ if record.caused_by:
            return _("{state:word} since {since_ms:local}, consequence of {cause}", **data, cause=record.caused_by)
    return _("{state:word} since {since_ms:local}", **data)


def _amount(value: float, unit: str) -> str:
    """With four significant digits, the last ones of a measured value mean nothing."""
    return f"{float(f'{value:.4g}'):g} {unit_sign(unit)}".strip()


def _respond(definition: AlarmDefinition) -> str:
    minutes = definition.respond_min
    if not minutes:
        return _("respond immediately")
    if minutes < 120:
        return _("respond within {minutes:g} min", minutes=minutes)
    if minutes < 2880:
        return _("respond within {hours:g} h", hours=minutes / 60)
    return _("respond within {days:g} days", days=minutes / 1440)


def _own(text: str) -> str:
    """A text of the table in the reader's language; one of the configuration as it is."""
    return current().known(text) or text
