"""All alarms of a gateway: from inputs, operation of the motors and actions of operators to numbered transitions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import chain
from typing import Any

from agent.alarms.alarm import Alarm
from agent.alarms.condition import AlarmCondition
from agent.alarms.engine import AlarmEngine, Timer
from agent.alarms.metrics import AlarmCounts, counts_of
from agent.alarms.model import AlarmInput, AlarmKey, AlarmRecord, AlarmTransition, Change, OperatorAction
from agent.alarms.runs import START
from agent.alarms.stored import StoredAlarm, StoredAlarms, read_stored
from agent.config.alarm_definition import AlarmSettings

SHELVE_MAX_S = 12 * 3600.0


class AlarmManager:
    """Decides states; publishes, stores and reads nothing itself. For one thread.

    settings: the definitions in force.
    stored: what `state` returned in the last run; None: there was none, or it is lost.

    About once a second the caller does this, in this order:

        manager.set_running(asset, running)             # of motors, when it has changed
        manager.set_out_of_service(assets)              # those in maintenance now
        manager.operate(rows)                           # new rows of the operator file
        for transition in manager.update(inputs, now_s, utc_ms): publish it as an event
        for record in manager.take_changed():           publish it, retained
        for key in manager.take_removed():              publish an empty payload
        if manager.revision != saved:                   store manager.state()
    """

    def __init__(self, settings: AlarmSettings, stored: Mapping[str, Any] | None = None) -> None:
        self._engine = AlarmEngine(settings)
        self._stored = read_stored(stored)
        self._started = False
        self._first_ms = 0  # start of the run, if the state of the one before is lost
        self._operated = 0  # number of the last row of the operator file
        self._last: dict[tuple[str | None, str, str], AlarmInput] = {}
        self._again: list[AlarmInput] = []
        self._new_runs: dict[str, bool | None] = {}
        self._new_out_of_service: frozenset[str] | None = None
        self._actions: list[OperatorAction] = []
        self._removed: list[AlarmKey] = []

    @property
    def revision(self) -> int:
        """Rises with each change that `state` contains."""
        return self._engine.revision

    # What the caller knows. It takes effect with the next `update`.

    def set_running(self, asset: str, running: bool | None) -> None:
        """Whether a motor runs; None: not known, which changes nothing."""
        self._new_runs[asset] = running

    def set_out_of_service(self, assets: Collection[str]) -> None:
        """All assets that are in maintenance."""
        self._new_out_of_service = frozenset(assets)

    def operate(self, actions: Iterable[OperatorAction]) -> None:
        """Rows of the operator file; those that were applied before, also in an earlier run, have no effect."""
        self._actions += actions

    def reconfigure(self, settings: AlarmSettings, keep: Callable[[AlarmKey], bool]) -> None:
        """Other definitions; the next update compares them with the inputs that hold.

        keep: False for an alarm whose asset, bus or device does not exist any more.
        """
        engine = self._engine
        engine.settings = settings
        self._again = [
            item for item in self._last.values() if keep(AlarmKey(item.asset or "", item.code, item.part))
        ]  # fmt: skip
        self._last.clear()
        for key, alarm in list(engine.alarms.items()):
            definition = engine.definition(key)
            if definition is None or not keep(key):
                engine.remove(alarm)
                self._removed.append(key)
            elif definition != alarm.definition:
                alarm.definition = definition
                engine.changed[key] = None

    def update(self, inputs: Iterable[AlarmInput], now_s: float, utc_ms: int) -> list[AlarmTransition]:
        """The transitions until now, in the order of their numbers.

        inputs: those that have changed; all others still hold. now_s: monotonic. utc_ms: at now_s.
        """
        engine, last = self._engine, self._last
        engine.now_s, engine.utc_ms, engine.transitions = now_s, utc_ms, []
        if not self._started:
            self._start()
        engine.fire(now_s, inclusive=False)
        self._apply_runs()
        self._apply_maintenance()
        again, self._again = self._again, []
        for item in chain(again, inputs):
            source = (item.asset, item.code, item.part)
            if last.get(source) is not item:
                last[source] = item
                engine.observe(item)
        self._apply_actions()
        engine.fire(now_s, inclusive=True)
        engine.revision += engine.log.update(now_s, utc_ms)
        return engine.transitions

    # What the caller publishes and stores.

    def records(self) -> list[AlarmRecord]:
        """Of all alarms that have ever left NORM: the retained topics."""
        return [self._engine.record(alarm) for alarm in self._engine.alarms.values() if alarm.known]

    def take_changed(self) -> list[AlarmRecord]:
        """The records that have changed since the last call."""
        engine = self._engine
        found = [alarm for key in engine.changed if (alarm := engine.alarms.get(key)) is not None and alarm.known]
        engine.changed.clear()
        for alarm in found:
            alarm.sent_s = engine.now_s
        return [engine.record(alarm) for alarm in found]

    def take_removed(self) -> list[AlarmKey]:
        """The alarms that have been removed since the last call."""
        found, self._removed = self._removed, []
        return found

    def counts(self) -> AlarmCounts:
        """Numbers of alarms and the metrics of the last 24 h, for the topic of the gateway."""
        engine = self._engine
        return counts_of(self.records(), engine.log.day(), engine.log.flood_since_ms, engine.utc_ms)

    def state(self) -> dict[str, Any]:
        """JSON for the store: everything that must survive a restart."""
        engine, now_s = self._engine, self._engine.now_s
        alarms = [
            StoredAlarm(engine.record(alarm), alarm.condition.as_object(now_s), alarm.announced_seq, alarm.known,
                        alarm.cause)
            for alarm in engine.alarms.values() if alarm.known or not alarm.condition.idle
        ]  # fmt: skip
        return StoredAlarms(
            utc_ms=engine.utc_ms, seq=engine.seq, operated=self._operated, runs=engine.runs.as_object(now_s),
            out_of_service=sorted(engine.out_of_service), causes=engine.causes.as_objects(now_s),
            log=engine.log.as_object(now_s), alarms=alarms,
        ).as_object()  # fmt: skip

    def _start(self) -> None:
        """Continues the last run: delays where they were, ages with the time off."""
        self._started = True
        stored, self._stored, engine = self._stored, None, self._engine
        if stored is None:
            self._first_ms = engine.utc_ms
            return
        then_s = engine.now_s - max(engine.utc_ms - stored.utc_ms, 0) / 1000
        engine.seq, self._operated = stored.seq, stored.operated
        engine.out_of_service = frozenset(stored.out_of_service)
        engine.runs.restore(stored.runs, then_s)
        engine.causes.restore(stored.causes, engine.definition, then_s)
        engine.log.restore(stored.log, then_s)
        for item in stored.alarms:
            self._restore(item, then_s)

    def _restore(self, item: StoredAlarm, then_s: float) -> None:
        engine, record, key = self._engine, item.record, item.record.key
        definition = engine.definition(key)
        if definition is None:
            self._removed.append(key)
            return
        alarm = engine.add(key, definition)
        alarm.restore(record)
        alarm.condition = AlarmCondition.restored(item.condition, then_s)
        alarm.announced_seq, alarm.known = item.announced_seq, item.known
        alarm.blocked = engine.runs.blocks(key.asset, definition, engine.now_s)
        if alarm.blocked == START:
            engine.push(engine.runs.block_ends_s(key.asset, definition), Timer.BLOCK, key)
        if item.cause is not None:
            engine.link(alarm, item.cause)
        if record.shelved_until_ms is not None:
            self._shelve_until(alarm, record.shelved_until_ms)

    def _apply_runs(self) -> None:
        engine = self._engine
        for asset, running in self._new_runs.items():
            if engine.runs.set(asset, running, engine.now_s):
                engine.revision += 1
                for key in engine.of_asset.get(asset, ()):
                    engine.evaluate(engine.alarms[key], engine.now_s)
        self._new_runs.clear()

    def _apply_maintenance(self) -> None:
        engine, assets = self._engine, self._new_out_of_service
        if assets is None or assets == engine.out_of_service:
            return
        before, engine.out_of_service = engine.out_of_service, assets
        engine.revision += 1
        for change, names in ((Change.OUT_OF_SERVICE, assets - before), (Change.IN_SERVICE, before - assets)):
            for key in [key for name in sorted(names) for key in engine.of_asset.get(name, ())]:
                engine.change(engine.alarms[key], change, engine.now_s)

    def _apply_actions(self) -> None:
        for action in self._actions:
            if action.number > self._operated:
                self._operated = action.number
                self._engine.revision += 1
                self._apply(action)
        self._actions.clear()

    def _apply(self, action: OperatorAction) -> None:
        engine, key = self._engine, action.key
        definition, alarm = engine.definition(key), engine.alarms.get(key)
        if definition is None:
            return
        if action.action == "shelve":
            self._shelve(alarm or engine.add(key, definition), action)
        elif alarm is None:
            return
        elif action.action == "unshelve":
            engine.end_shelving(alarm, Change.UNSHELVED, engine.now_s, action.by, action.reason)
        elif action.at_ms >= self._first_ms and (not action.seq or action.seq >= alarm.announced_seq):
            engine.change(alarm, Change.ACKNOWLEDGED, engine.now_s, action.by, action.reason)

    def _shelve(self, alarm: Alarm, action: OperatorAction) -> None:
        engine, until_ms = self._engine, action.until_ms
        if not alarm.definition.can_be_shelved or until_ms is None or until_ms <= engine.utc_ms:
            return
        alarm.shelved_by, alarm.shelved_why = action.by, action.reason
        self._shelve_until(alarm, until_ms)
        engine.change(alarm, Change.SHELVED, engine.now_s, action.by, action.reason)

    def _shelve_until(self, alarm: Alarm, until_ms: int) -> None:
        """The end on monotonic time: a later step of the clock does not prolong it."""
        engine = self._engine
        left_s = min(max((until_ms - engine.utc_ms) / 1000, 0.0), SHELVE_MAX_S)
        alarm.shelved_until_ms, alarm.shelf_ends_s = engine.utc_ms + round(1000 * left_s), engine.now_s + left_s
        engine.push(alarm.shelf_ends_s, Timer.SHELVING, alarm.key)
