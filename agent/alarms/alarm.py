"""One alarm: its condition, its state, and what is known about both."""

from __future__ import annotations

import math
from typing import Any

from msgspec import Struct, field

from agent.alarms.condition import AlarmCondition
from agent.alarms.model import AlarmInput, AlarmKey, AlarmRecord, AlarmState
from agent.alarms.states import NORM, OOSRV, RTNUN, SHLVD, UNACK
from agent.config.alarm_definition import AlarmDefinition

_RESTORED = (
    "state", "since_ms", "raised_ms", "acked_by", "acked_ms", "shelved_until_ms", "shelved_by", "shelved_why", "seq",
)  # fmt: skip
_EVIDENCE = ("value", "unit", "u95", "confidence", "why", "limit", "assets")
_SEVERITIES = {"note": 0, "warning": 1, "alarm": 2}


class Alarm(Struct, eq=False):
    """key, definition: which alarm. condition: with its delays.

    source: the last input, or of an alarm of the plant the worst; None: none since the start.
    members: asset → last input, of an alarm of the plant.
    raw: the level of the source, also while the alarm is blocked. blocked: motor_off | start | empty.
    shelf_ends_s: monotonic end of shelving. cause: alarm that explains this one.
    announced_seq: number of the last announced transition. sent_s: when its record was last published, monotonic.
    known: has left NORM before. shown: its record before a restart, until there is an input.
    The other fields are those of AlarmRecord.
    """

    key: AlarmKey
    definition: AlarmDefinition
    condition: AlarmCondition
    source: AlarmInput | None = None
    members: dict[str, AlarmInput] = field(default_factory=dict)
    raw: int | None = None
    blocked: str = ""
    state: AlarmState = NORM
    since_ms: int = 0
    raised_ms: int | None = None
    acked_by: str = ""
    acked_ms: int | None = None
    shelved_until_ms: int | None = None
    shelved_by: str = ""
    shelved_why: str = ""
    shelf_ends_s: float | None = None
    cause: AlarmKey | None = None
    seq: int = 0
    announced_seq: int = 0
    sent_s: float = 0.0
    known: bool = False
    shown: AlarmRecord | None = None

    @property
    def priority(self) -> str:
        definition = self.definition
        return (definition.priority_alarm or definition.priority) if self.condition.rank > 1 else definition.priority

    @property
    def is_safety(self) -> bool:
        return self.definition.priority == "safety"

    def take(self, item: AlarmInput) -> None:
        """A new input; sets `source` and `raw`."""
        before = self.condition.known
        if self.definition.scope != "plant":
            self.source, self.raw = item, level_of(item, self.definition, before)
            return
        self.members[item.asset or ""] = item
        levels = [(level_of(one, self.definition, before), one) for one in self.members.values()]
        worst = max(levels, key=lambda pair: -1 if pair[0] is None else pair[0])
        self.raw = worst[0] or (None if any(level is None for level, _one in levels) else 0)
        if worst[0] or self.source is None:
            self.source = worst[1]

    def covers(self) -> tuple[str, ...] | None:
        """Assets whose alarms this one may explain; None: all."""
        if self.definition.scope == "plant":
            given = [one.covers for one in self.members.values() if one.active]
            if any(covered is None for covered in given):
                return None
            return tuple(name for covered in given for name in covered or ())
        if self.source is not None and self.source.covers is not None:
            return self.source.covers
        return (self.key.asset,) if self.key.asset else None

    def enter(self, state: AlarmState, at_ms: int) -> None:
        """Another state; discards what belongs to the one before."""
        self.state, self.since_ms, self.known = state, at_ms, True
        if state is not SHLVD and state is not OOSRV:
            self.end_shelving()
        if state in (UNACK, RTNUN, NORM):
            self.acked_by, self.acked_ms = "", None

    def end_shelving(self) -> None:
        self.shelved_until_ms, self.shelf_ends_s, self.shelved_by, self.shelved_why = None, None, "", ""

    def restore(self, record: AlarmRecord) -> None:
        """Continues from the record of the last run."""
        self.shown = record
        for name in _RESTORED:
            setattr(self, name, getattr(record, name))

    def record(self, count_24h: int, consequences: int, out_of_service: bool) -> AlarmRecord:
        source, shown = self.source, self.shown
        fields: dict[str, Any] = {}
        if source is not None:
            limits = self.definition.limits if _decides_by_value(source, self.definition) else ()
            fields = {
                "value": source.value, "unit": source.unit, "u95": source.u95, "confidence": source.confidence,
                "why": source.why, "limit": limits[max(self.condition.rank, 1) - 1] if limits else source.limit,
                "assets": tuple(sorted(name for name, one in self.members.items() if name and one.active)),
            }  # fmt: skip
        elif shown is not None:
            fields = {name: getattr(shown, name) for name in _EVIDENCE}
        by_cause = self.cause is not None and not self.is_safety
        suppressed_by = "maintenance" if out_of_service else "cause" if by_cause else self.blocked
        return AlarmRecord(
            asset=self.key.asset or None, code=self.key.code, part=self.key.part, state=self.state,
            priority=self.priority, active=None if self.raw is None else self.raw > 0, since_ms=self.since_ms,
            raised_ms=self.raised_ms, acked_by=self.acked_by, acked_ms=self.acked_ms,
            shelved_until_ms=self.shelved_until_ms, shelved_by=self.shelved_by, shelved_why=self.shelved_why,
            suppressed_by=suppressed_by, caused_by=self.cause.code if self.cause else "", consequences=consequences,
            count_24h=count_24h, quality="uncertain" if self.raw is None else "good", seq=self.seq, **fields,
        )  # fmt: skip


def level_of(item: AlarmInput, definition: AlarmDefinition, before: int) -> int | None:
    """How many limits are exceeded, 0 to 2; None: no data. before: until now, for the deadband."""
    if _decides_by_value(item, definition):
        value = item.value
        return None if value is None or math.isnan(value) else definition.level(value, before)
    if item.active is None:
        return None
    if not item.active:
        return 0
    severity = _SEVERITIES.get(item.severity, 1)
    return max(severity, 1) if definition.note_counts else severity


def _decides_by_value(item: AlarmInput, definition: AlarmDefinition) -> bool:
    return bool(definition.limits) and item.unit == definition.unit
