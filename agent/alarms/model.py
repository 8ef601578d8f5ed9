"""What comes into the alarm manager and what leaves it: inputs, records, transitions."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple

from msgspec import Struct

from drivers.reasons import Reason


class AlarmState(StrEnum):
    """ISA-18.2, figure of the alarm states; the names are those of IEC 62682."""

    NORM = "NORM"
    UNACK = "UNACK"
    ACKED = "ACKED"
    RTNUN = "RTNUN"  # returned, not acknowledged
    SHLVD = "SHLVD"
    DSUPR = "DSUPR"
    OOSRV = "OOSRV"


class Change(StrEnum):
    """Why the state of an alarm changed."""

    RAISED = "raised"
    RAISED_HIGHER = "raised_higher"
    RETURNED = "returned"
    ACKNOWLEDGED = "acknowledged"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SHELVING_ENDED = "shelving_ended"
    SUPPRESSED = "suppressed"
    SUPPRESSION_ENDED = "suppression_ended"
    OUT_OF_SERVICE = "out_of_service"
    IN_SERVICE = "in_service"


class AlarmKey(NamedTuple):
    """asset: "": the gateway or the plant. part: as of AlarmInput."""

    asset: str
    code: str
    part: str = ""

    @property
    def name(self) -> str:
        """The last level of the topic: code, or code-part."""
        return f"{self.code}-{self.part}" if self.part else self.code


class AlarmInput(Struct, frozen=True):
    """What a source knows about one condition. It holds until the next input for the same asset, code and part.

    Sources pass an input when something has changed; to pass the same object again costs nearly nothing.

    asset: motor or shared meter; None: the gateway or the plant.
    code: of the table agent/config/alarm_table.py; an input with another code is ignored (notes are events).
    active: whether the condition is there; None: no data, which is never a return. Where the definition has a limit
        and the value its unit, the value decides instead.
    value, limit, u95: of the index that decided, in `unit`. None: not known.
    confidence: certain | likely | possible; empty: not stated.
    severity: note | warning | alarm. A rise from warning to alarm is a higher limit.
    why: the evidence.
    at_ms: UTC of the observation.
    part: name of a bus or device where one asset may have several alarms with the same code, else empty.
    covers: assets whose alarms may be consequences of this one. None: the asset itself; without an asset all.
    """

    asset: str | None
    code: str
    active: bool | None
    value: float | None = None
    unit: str = ""
    limit: float | None = None
    u95: float | None = None
    confidence: str = ""
    severity: str = "warning"
    why: Reason | None = None
    at_ms: int = 0
    part: str = ""
    covers: tuple[str, ...] | None = None


class AlarmRecord(Struct, frozen=True, kw_only=True):
    """The present state of one alarm: the body of its retained topic without texts (agent/alarms/messages.py).

    priority: of the present severity.
    active: the condition now; None: no data.
    since_ms: start of the state. raised_ms: when the condition had been there for the on-delay; None: never.
    suppressed_by: motor_off | start | cause | maintenance; empty: not suppressed. Also in state NORM, where the alarm
        could not rise now.
    caused_by: code of the alarm of which it is a consequence; empty: none.
    consequences: number of alarms that this one suppresses.
    assets: motors of an alarm of the plant.
    count_24h: announcements within 24 h.
    quality: good | uncertain (no data).
    seq: number of its last transition.
    """

    asset: str | None
    code: str
    part: str = ""
    state: AlarmState = AlarmState.NORM
    priority: str = ""
    active: bool | None = None
    since_ms: int = 0
    raised_ms: int | None = None
    acked_by: str = ""
    acked_ms: int | None = None
    shelved_until_ms: int | None = None
    shelved_by: str = ""
    shelved_why: str = ""
    suppressed_by: str = ""
    caused_by: str = ""
    consequences: int = 0
    assets: tuple[str, ...] = ()
    value: float | None = None
    unit: str = ""
    limit: float | None = None
    u95: float | None = None
    confidence: str = ""
    why: Reason | None = None
    count_24h: int = 0
    quality: str = "good"
    seq: int = 0

    @property
    def key(self) -> AlarmKey:
        return AlarmKey(self.asset or "", self.code, self.part)


class AlarmTransition(Struct, frozen=True, kw_only=True):
    """One numbered change of state.

    seq: number, rising by one over all alarms of the gateway, also over restarts.
    at_ms: UTC.
    announced: the operator is to be notified now. Only a transition to UNACK is announced, and each occurrence once,
        until it is shelved, suppressed or taken out of service in between.
    by, note: operator and reason of an action; empty: none.
    record: after the change.
    """

    seq: int
    at_ms: int
    before: AlarmState
    after: AlarmState
    change: Change
    announced: bool
    record: AlarmRecord
    by: str = ""
    note: str = ""


class OperatorAction(Struct, frozen=True, kw_only=True):
    """A row of the operator file.

    number: of the row. at_ms: UTC.
    seq: number of the transition that the operator saw; an acknowledgement does not hold for a later occurrence.
    until_ms: end of shelving.
    by: name. reason: required for shelving.
    """

    number: int
    at_ms: int
    action: Literal["ack", "shelve", "unshelve"]
    asset: str
    code: str
    part: str = ""
    seq: int = 0
    until_ms: int | None = None
    by: str = ""
    reason: str = ""

    @property
    def key(self) -> AlarmKey:
        return AlarmKey(self.asset, self.code, self.part)
