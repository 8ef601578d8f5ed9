"""One item of the list of alarms: a record of the agent, or what the page derives where there is no record."""

from __future__ import annotations

from msgspec import Struct

PRIORITIES = ("safety", "high", "medium", "low", "unknown", "maintenance", "normal")  # in the order of the rows
ALARMS = PRIORITIES[:4]
STATES = ("UNACK", "RTNUN", "ACKED", "SHLVD", "DSUPR", "OOSRV", "NORM")  # ISA-18.2, 5.4; in the order of the list
OPEN = STATES[:3]


class AlarmView(Struct):
    """What only a record of the agent has; times RFC 3339. None: not known, or it does not apply.

    state: of STATES. part: bus or device of which this alarm is; empty: there is only one of this code.
    seq: number of its last change. active: whether its condition holds; None: no data.
    value, limit, u95: in `unit`; u95: expanded uncertainty (k = 2).
    shelved_until, shelved_by, shelved_why: of a shelved one.
    suppressed_by: why it is suppressed, in words; empty: it is not. caused_by: the alarm of which it is a consequence.
    consequences: number of alarms that it suppresses. assets: motors of an alarm of the plant.
    quality: good | uncertain: there are no data, so that the state is the last known one.
    shelvable: whether it may be shelved.
    """

    state: str
    part: str
    seq: int
    active: bool | None
    raised: str | None
    value: float | None
    unit: str
    limit: float | None
    u95: float | None
    confidence: str
    consequence: str
    time_to_respond_min: float | None
    acked_by: str | None
    acked: str | None
    shelved_until: str | None
    shelved_by: str | None
    shelved_why: str | None
    suppressed_by: str
    caused_by: str
    consequences: int
    assets: list[str]
    count_24h: int | None
    quality: str
    shelvable: bool


class Finding(Struct):
    """motor: None: the gateway. since: RFC 3339; None: not known. code: stable name of the cause.

    advice: what to do, step by step. alarm: None: the page derived it.
    """

    motor: str | None
    name: str
    priority: str
    code: str
    since: str | None
    text: str
    detail: str
    advice: list[str]
    alarm: AlarmView | None = None

    @property
    def state(self) -> str:
        """Of STATES. What the page derived cannot be acknowledged."""
        return self.alarm.state if self.alarm else "UNACK"


def in_order(listed: list[Finding]) -> list[Finding]:
    """Worst first: those that need action, then returned, acknowledged, shelved and suppressed ones; others last."""
    return sorted(listed, key=_rank)


def _rank(item: Finding) -> tuple[bool, bool, int, int]:
    place = STATES.index(item.state)
    return item.state not in OPEN, item.state == STATES[-1], PRIORITIES.index(item.priority), place
