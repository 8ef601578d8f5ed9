"""What one alarm is: its condition, delays, priority, consequence and advice; and what a configuration may change.

The rows are in agent/config/alarm_table.py, the changes are read by agent/config/alarms.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

PRIORITIES = ("safety", "high", "medium", "low")  # the worst first
Priority = Literal["safety", "high", "medium", "low"]
CAUSE_WINDOW_S = 60.0  # a motor has started again, a device has been polled again


class AlarmDefinition(Struct, frozen=True, kw_only=True):
    """One row of the table.

    code: stable name in output, topics and the configuration.
    title: what is wrong; advice: what to do, in steps; consequence: what happens if nothing is done. Source texts.
    priority: consequence × time to respond. priority_alarm: at severity `alarm` or at the second limit; None: the same.
    respond_min: time in which the operator can still prevent the consequence, minutes; 0: immediately.
    on_delay_s, off_delay_s: time for which the condition must be there, or gone, before the state changes. Time without
        data does not count.
    unit: of the value that can be compared with a limit; empty: the source alone decides.
    limits: one or two, the second worse than the first; empty: the source decides whether the condition is there.
    direction: high: the condition is a value at or above the limit; low: at or below.
    deadband: a value must be this far beyond the limit before it counts as returned.
    latching: the end has to be acknowledged, too.
    blocked_off: does not rise while the motor is off. blocked_start_s: nor in the first seconds of a run.
    suppresses: codes of consequences. cause_window_s: one that begins this long after the end of the cause is a
        consequence, too.
    scope: asset: one alarm each. plant: inputs of several motors are one alarm of the plant. gateway: of the gateway
        itself or one of its buses.
    note_counts: a finding of severity note is a condition, too; of the others it is only an event.
    enabled: False: never rises.
    """

    code: str
    title: str
    priority: Priority
    consequence: str
    advice: tuple[str, ...]
    respond_min: float
    priority_alarm: Priority | None = None
    on_delay_s: float = 0.0
    off_delay_s: float = 0.0
    unit: str = ""
    limits: tuple[float, ...] = ()
    direction: Literal["high", "low"] = "high"
    deadband: float = 0.0
    latching: bool = False
    blocked_off: bool = False
    blocked_start_s: float = 0.0
    suppresses: frozenset[str] = frozenset()
    cause_window_s: float = CAUSE_WINDOW_S
    scope: Literal["asset", "plant", "gateway"] = "asset"
    note_counts: bool = False
    enabled: bool = True

    @property
    def can_be_shelved(self) -> bool:
        return self.priority != "safety"

    def level(self, value: float, before: int) -> int:
        """How many limits a value is beyond, 0 to 2. before: the level until now, for the deadband."""
        sign = 1.0 if self.direction == "high" else -1.0
        found = 0
        for number, limit in enumerate(self.limits, 1):
            beyond = sign * (value - limit)
            if beyond >= 0 or (before >= number and beyond > -self.deadband):
                found = number
        return found


class AlarmSettings(Struct, frozen=True):
    """The definitions in force: those of the table with the changes of a configuration.

    everywhere: code → definition with the changes of [alarms].
    of_motor: motor → code → definition with the changes of [motor.NAME.alarms], too.
    """

    everywhere: Mapping[str, AlarmDefinition]
    of_motor: Mapping[str, Mapping[str, AlarmDefinition]] = field(default_factory=dict)

    def definition(self, asset: str | None, code: str) -> AlarmDefinition | None:
        """None: this code is no alarm."""
        own = self.of_motor.get(asset, {}) if asset else {}
        return own.get(code) or self.everywhere.get(code)
