"""What happens to alarms at a moment: inputs, ends of delays, causes; each change of state is a numbered transition."""

from __future__ import annotations

import heapq
from enum import IntEnum
from itertools import count

from agent.alarms.alarm import Alarm, level_of
from agent.alarms.announcements import Announcement, AnnouncementLog
from agent.alarms.causes import Causes
from agent.alarms.condition import AlarmCondition, DelayOutcome
from agent.alarms.model import AlarmInput, AlarmKey, AlarmRecord, AlarmState, AlarmTransition, Change
from agent.alarms.runs import START, MotorRuns
from agent.alarms.states import ACKED, DSUPR, LISTED, NORM, UNACK, Circumstances, is_announced, next_state
from agent.config.alarm_definition import AlarmDefinition, AlarmSettings

VALUE_S = 60.0  # a record of which only the value changes is handed out again after this time


class Timer(IntEnum):
    """What is due; of equal times the condition comes first."""

    CONDITION = 1
    SHELVING = 2
    BLOCK = 3
    CAUSE = 4


_OUTCOMES = {
    DelayOutcome.RAISE: Change.RAISED,
    DelayOutcome.RETURN: Change.RETURNED,
    DelayOutcome.ESCALATE: Change.RAISED_HIGHER,
}
_MAY_BE_CAUSED = frozenset((
    Change.RAISED, Change.UNSHELVED, Change.SHELVING_ENDED, Change.SUPPRESSION_ENDED, Change.IN_SERVICE,
))  # fmt: skip


class AlarmEngine:
    """The alarms and everything that changes their states. Nothing is scanned: what will happen later is in a heap.

    now_s, utc_ms: of the present update. seq: number of the last transition. transitions: of the present update.
    changed: alarms whose record has changed. revision: rises with each change that is to be stored.
    """

    def __init__(self, settings: AlarmSettings) -> None:
        self.settings = settings
        self.alarms: dict[AlarmKey, Alarm] = {}
        self.of_asset: dict[str, dict[AlarmKey, None]] = {}
        self.consequences: dict[AlarmKey, dict[AlarmKey, None]] = {}
        self.causes, self.runs, self.log = Causes(), MotorRuns(), AnnouncementLog()
        self.out_of_service: frozenset[str] = frozenset()
        self.now_s, self.utc_ms, self.seq, self.revision = 0.0, 0, 0, 0
        self.transitions: list[AlarmTransition] = []
        self.changed: dict[AlarmKey, None] = {}
        self._timers: list[tuple[float, Timer, int, AlarmKey]] = []
        self._numbers = count()

    def definition(self, key: AlarmKey) -> AlarmDefinition | None:
        """None: it is no alarm, or is disabled."""
        found = self.settings.definition(key.asset or None, key.code)
        return found if found is not None and found.enabled else None

    def add(self, key: AlarmKey, definition: AlarmDefinition) -> Alarm:
        alarm = self.alarms[key] = Alarm(key, definition, AlarmCondition())
        self.of_asset.setdefault(key.asset, {})[key] = None
        return alarm

    def remove(self, alarm: Alarm) -> None:
        """The alarm does not exist any more; what it suppressed is examined now."""
        key = alarm.key
        del self.alarms[key]
        self.of_asset[key.asset].pop(key, None)
        self.changed.pop(key, None)
        self._unlink(alarm)
        self.causes.remove(key)
        self.push(self.now_s, Timer.CAUSE, key)
        self.revision += 1

    def push(self, at_s: float, timer: Timer, key: AlarmKey) -> None:
        heapq.heappush(self._timers, (at_s, timer, next(self._numbers), key))

    def fire(self, until_s: float, inclusive: bool) -> None:
        """What is due before until_s, or until then, in the order of time."""
        timers = self._timers
        while timers and (timers[0][0] < until_s or (inclusive and timers[0][0] == until_s)):
            due_s, timer, _number, key = heapq.heappop(timers)
            alarm = self.alarms.get(key)
            if timer is Timer.CAUSE:
                self._check_consequences(key, due_s)
            elif alarm is None:
                continue
            elif timer is Timer.CONDITION and alarm.condition.due_s == due_s:
                self.change(alarm, _OUTCOMES[alarm.condition.complete()], due_s)
            elif timer is Timer.SHELVING and alarm.shelf_ends_s == due_s:
                self.end_shelving(alarm, Change.SHELVING_ENDED, due_s)
            elif timer is Timer.BLOCK:
                self.evaluate(alarm, due_s)

    def observe(self, item: AlarmInput) -> None:
        """An input that may differ from the one before."""
        definition = self.settings.definition(item.asset, item.code)
        if definition is None or not definition.enabled:
            return
        key = AlarmKey("" if definition.scope == "plant" else item.asset or "", item.code, item.part)
        alarm = self.alarms.get(key)
        if alarm is None:
            if not level_of(item, definition, 0):
                return
            alarm = self.add(key, definition)
        before = (alarm.raw, alarm.source is None)
        alarm.take(item)
        if (alarm.raw, False) != before or (alarm.state is not NORM and self.now_s >= alarm.sent_s + VALUE_S):
            self.changed[key] = None
        self.evaluate(alarm, self.now_s)

    def evaluate(self, alarm: Alarm, now_s: float) -> None:
        """Compares the condition with the operation of the motor, and starts or stops delays."""
        key, definition, condition = alarm.key, alarm.definition, alarm.condition
        blocked = self.runs.blocks(key.asset, definition, now_s)
        if blocked != alarm.blocked:
            alarm.blocked = blocked
            self.changed[key] = None
            if blocked == START:
                self.push(self.runs.block_ends_s(key.asset, definition), Timer.BLOCK, key)
        if blocked and alarm.state is ACKED:
            condition.clear()
            self.change(alarm, Change.SUPPRESSED, now_s)
        elif not blocked and alarm.state is DSUPR and alarm.cause is None:
            self.change(alarm, Change.SUPPRESSION_ENDED, now_s)
        level, due_s = 0 if blocked else alarm.raw, condition.due_s
        condition.observe(level, now_s, definition)
        if condition.due_s != due_s:
            self.revision += 1
            if condition.due_s is not None:
                self.push(condition.due_s, Timer.CONDITION, key)
        if definition.suppresses and level is not None:
            covers = alarm.covers() if level else None
            if self.causes.observe(key, definition, level > 0, covers, now_s):
                self.revision += 1
                self._push_checks(key)

    def change(self, alarm: Alarm, change: Change, at_s: float, by: str = "", note: str = "") -> None:
        """Something happened to an alarm; a change of its state is a transition."""
        cause = self._cause_of(alarm, at_s) if change in _MAY_BE_CAUSED else None
        now = Circumstances(
            alarm.condition.holds, alarm.definition.latching, alarm.key.asset in self.out_of_service,
            alarm.shelf_ends_s is not None, cause is not None, alarm.is_safety,
        )  # fmt: skip
        before, after, at_ms = alarm.state, next_state(alarm.state, change, now), self._utc_of(at_s)
        alone = change is Change.SUPPRESSION_ENDED and before is UNACK  # of priority safety: listed, not yet announced
        self.revision += 1
        self.changed[alarm.key] = None
        if change is Change.RAISED:
            alarm.raised_ms = at_ms
        if after is before and not alone:
            return
        self._unlink(alarm)
        if after is not before:
            alarm.enter(after, at_ms)
        if after is ACKED:
            alarm.acked_by, alarm.acked_ms = by, at_ms
        if cause is not None and (after is DSUPR or (after is UNACK and alarm.is_safety)):
            self.link(alarm, cause)
        self.seq += 1
        alarm.seq = self.seq
        announced = alone or is_announced(before, after, now)
        if announced:
            alarm.announced_seq = self.seq
            self.log.add(Announcement(at_s, at_ms, alarm.key, alarm.priority))
        self.transitions.append(AlarmTransition(
            seq=self.seq, at_ms=at_ms, before=before, after=after, change=change, announced=announced,
            record=self.record(alarm), by=by, note=note,
        ))  # fmt: skip
        if before in LISTED and after not in LISTED and alarm.key in self.consequences:
            self.push(at_s, Timer.CAUSE, alarm.key)

    def end_shelving(self, alarm: Alarm, change: Change, at_s: float, by: str = "", note: str = "") -> None:
        if alarm.shelf_ends_s is not None:
            alarm.end_shelving()
            self.change(alarm, change, at_s, by, note)

    def record(self, alarm: Alarm) -> AlarmRecord:
        key = alarm.key
        return alarm.record(self.log.count(key), len(self.consequences.get(key, ())), key.asset in self.out_of_service)

    def link(self, alarm: Alarm, cause: AlarmKey) -> None:
        """The alarm is a consequence of this one, which may have ended already."""
        alarm.cause = cause
        self.consequences.setdefault(cause, {})[alarm.key] = None
        self.changed[cause] = None
        self._push_checks(cause)

    def _unlink(self, alarm: Alarm) -> None:
        if alarm.cause is not None:
            self.consequences.get(alarm.cause, {}).pop(alarm.key, None)
            self.changed[alarm.cause] = None
            alarm.cause = None

    def _push_checks(self, cause: AlarmKey) -> None:
        for at_s in self.causes.check_times_s(cause):
            self.push(at_s, Timer.CAUSE, cause)

    def _check_consequences(self, cause: AlarmKey, at_s: float) -> None:
        """Ends the suppression of what this cause does not suppress any more."""
        for key in list(self.consequences.get(cause, ())):
            alarm = self.alarms[key]
            if not self.causes.suppress(cause, self._state_of(cause), alarm.is_safety, at_s):
                if (other := self._cause_of(alarm, at_s)) is not None:
                    self._unlink(alarm)
                    self.link(alarm, other)
                else:
                    self.change(alarm, Change.SUPPRESSION_ENDED, at_s)

    def _cause_of(self, alarm: Alarm, at_s: float) -> AlarmKey | None:
        """The alarm that explains this one; if it is a consequence itself, its own cause while that suppresses."""
        found = self.causes.of(alarm.key, alarm.is_safety, alarm.condition.began_s, at_s, self._state_of)
        other = self.alarms.get(found) if found is not None else None
        root = other.cause if other is not None else None
        if root is not None and self.causes.suppress(root, self._state_of(root), alarm.is_safety, at_s):
            return root
        return found

    def _state_of(self, key: AlarmKey) -> AlarmState:
        alarm = self.alarms.get(key)
        return NORM if alarm is None else alarm.state

    def _utc_of(self, at_s: float) -> int:
        return self.utc_ms - round(1000 * (self.now_s - at_s))
