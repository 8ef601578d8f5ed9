"""What is published of alarms: the retained record, the event of a transition, the numbers of the gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from agent.alarms import reasons as codes
from agent.alarms.metrics import AlarmCounts
from agent.alarms.model import AlarmKey, AlarmRecord, AlarmState, AlarmTransition, Change
from agent.config.alarm_definition import AlarmDefinition
from agent.config.alarm_table import DEFINITIONS
from agent.core.codec import encode_reason_with_text
from agent.core.messages import Message
from agent.core.text import english
from drivers.reasons import Reason

EVENT_KIND = "alarm"
_EMPTY_IS_NULL = ("part", "acked_by", "shelved_by", "shelved_why", "suppressed_by", "caused_by", "confidence", "unit")
_WITHOUT_FIELDS = {
    Change.RAISED_HIGHER: codes.ALARM_RAISED_HIGHER, Change.RETURNED: codes.ALARM_RETURNED,
    Change.SHELVING_ENDED: codes.ALARM_SHELVING_ENDED, Change.SUPPRESSED: codes.ALARM_SUPPRESSED,
    Change.SUPPRESSION_ENDED: codes.ALARM_SUPPRESSION_ENDED, Change.OUT_OF_SERVICE: codes.ALARM_OUT_OF_SERVICE,
    Change.IN_SERVICE: codes.ALARM_IN_SERVICE,
}  # fmt: skip


def topic_of(key: AlarmKey) -> str:
    """Below the topic of the asset, or of the gateway."""
    return f"alarm/{key.name}"


def record_body(record: AlarmRecord, definition: AlarmDefinition, text: Callable[[str], str] = str) -> dict[str, Any]:
    """The body of the retained topic. text: source text → text in the reader's language."""
    body: dict[str, Any] = msgspec.to_builtins(record, enc_hook=encode_reason_with_text)
    del body["asset"]
    for name in _EMPTY_IS_NULL:
        body[name] = body[name] or None
    return body | {
        "title": text(definition.title), "advice": [text(step) for step in definition.advice],
        "consequence": text(definition.consequence), "time_to_respond_min": definition.respond_min,
    }  # fmt: skip


def counts_body(counts: AlarmCounts) -> dict[str, Any]:
    """The body of the topic `alarms` of the gateway."""
    body: dict[str, Any] = msgspec.to_builtins(counts)
    body["flood"] = counts.flood_since_ms is not None
    body["metrics"]["top_ten"] = [{"alarm": identity(key), "count": count} for key, count in counts.metrics.top_ten]
    return body


def identity(key: AlarmKey) -> str:
    """As operators write it: asset/code, or the code alone for the plant and the gateway."""
    return f"{key.asset}/{key.name}" if key.asset else key.name


def event_of(transition: AlarmTransition, definition: AlarmDefinition) -> Message:
    """The event of a transition; its number is the `seq` of the record."""
    record, reason = transition.record, reason_of_transition(transition, definition)
    values: dict[str, Any] = {
        "event_kind": EVENT_KIND, "event_number": transition.seq, "event_start_ms": transition.at_ms,
        "event_text": english(reason), "alarm": record.key.name, "alarm_state": str(transition.after),
        "alarm_state_before": str(transition.before), "alarm_change": str(transition.change),
        "alarm_priority": record.priority, "alarm_announced": int(transition.announced),
    }  # fmt: skip
    if transition.by:
        values["alarm_by"] = transition.by
    return Message(record.asset, "event", transition.at_ms, values, reasons={"event_text": (reason,)})


def reason_of_transition(transition: AlarmTransition, definition: AlarmDefinition) -> Reason:
    """What happened, as a code with data."""
    title, record = definition.title, transition.record
    match transition.change:
        case Change.RAISED if transition.after is AlarmState.DSUPR:
            cause = DEFINITIONS[record.caused_by].title if record.caused_by in DEFINITIONS else record.caused_by
            return codes.ALARM_CONSEQUENCE(title=title, cause=cause)
        case Change.RAISED if transition.after is AlarmState.OOSRV:
            return codes.ALARM_SILENT(title=title)
        case Change.RAISED:
            return codes.ALARM_RAISED(title=title)
        case Change.ACKNOWLEDGED if transition.note:
            return codes.ALARM_ACKNOWLEDGED_WITH_NOTE(title=title, by=transition.by, note=transition.note)
        case Change.ACKNOWLEDGED:
            return codes.ALARM_ACKNOWLEDGED(title=title, by=transition.by)
        case Change.SHELVED:
            return codes.ALARM_SHELVED(
                title=title, by=transition.by, until_ms=record.shelved_until_ms, note=transition.note
            )
        case Change.UNSHELVED:
            return codes.ALARM_UNSHELVED(title=title, by=transition.by)
        case other:
            return _WITHOUT_FIELDS[other](title=title)
