"""One cause, one alarm: which alarm explains another one, and for how long it suppresses it.

An alarm is a consequence if the table names its code in the cause's `suppresses`, the cause covers its asset, and its
condition began while the cause was there, up to EARLY_S before it was seen, or within the cause's window after its end.
It stays suppressed as long as the cause is on the operator's list, but at most LONGEST_S after the end of the cause.
An alarm of priority safety is not suppressed: it is on the list, announced with its cause, and on its own when the
window has passed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from msgspec import Struct

from agent.alarms.model import AlarmKey, AlarmState
from agent.alarms.states import LISTED
from agent.config.alarm_definition import AlarmDefinition

EARLY_S = 10.0  # devices and windows of measurement see the same moment at different times
LONGEST_S = 600.0  # what has not recovered by then needs an action of its own


class _Cause(Struct):
    """definition: of the alarm. began_s, ended_s: monotonic; ended_s None: it is there.

    covers: assets; None: all.
    """

    definition: AlarmDefinition
    began_s: float
    ended_s: float | None
    covers: frozenset[str] | None


class Causes:
    """The conditions that explain others: those that are there, and those that ended recently."""

    def __init__(self) -> None:
        self._causes: dict[AlarmKey, _Cause] = {}

    def observe(
        self, key: AlarmKey, definition: AlarmDefinition, active: bool, covers: Collection[str] | None, now_s: float
    ) -> bool:
        """The condition of a possible cause is there, or not. True: it has just ended."""
        cause = self._causes.get(key)
        if not active:
            if cause is None or cause.ended_s is not None:
                return False
            cause.ended_s = now_s
            return True
        covered = None if covers is None else frozenset(covers)
        if cause is None or cause.ended_s is not None:
            self._causes[key] = _Cause(definition, now_s, None, covered)
        elif cause.covers is not None:
            cause.covers = None if covered is None else cause.covers | covered
        return False

    def of(
        self, key: AlarmKey, safety: bool, began_s: float, now_s: float, state_of: Callable[[AlarmKey], AlarmState]
    ) -> AlarmKey | None:
        """The cause of an alarm whose condition began at began_s, the oldest of several; None: it has none.

        safety: of that priority. state_of: the state of the alarm of a cause.
        """
        found = [
            (cause.began_s, other) for other, cause in self._causes.items()
            if other != key and key.code in cause.definition.suppresses
            and (cause.covers is None or key.asset in cause.covers)
            and cause.began_s - EARLY_S <= began_s
            and (cause.ended_s is None or began_s <= cause.ended_s + cause.definition.cause_window_s)
            and self.suppress(other, state_of(other), safety, now_s)
        ]  # fmt: skip
        return min(found)[1] if found else None

    def suppress(self, key: AlarmKey, state: AlarmState, safety: bool, now_s: float) -> bool:
        """Whether a cause in this state still suppresses its consequences. safety: priority of the consequence."""
        cause = self._causes.get(key)
        if cause is None:
            return False
        if cause.ended_s is None or now_s < cause.ended_s + cause.definition.cause_window_s:
            return True
        return not safety and state in LISTED and now_s < cause.ended_s + LONGEST_S

    def check_times_s(self, key: AlarmKey) -> tuple[float, ...]:
        """When the consequences of a cause that has ended are to be examined again; empty while it is there."""
        cause = self._causes.get(key)
        if cause is None or cause.ended_s is None:
            return ()
        return cause.ended_s + cause.definition.cause_window_s, cause.ended_s + LONGEST_S

    def remove(self, key: AlarmKey) -> None:
        self._causes.pop(key, None)

    def as_objects(self, now_s: float) -> list[dict[str, Any]]:
        """For the state file: ages instead of monotonic times. Those that cannot suppress any more are left out."""
        return [
            {"key": list(key), "age_s": now_s - cause.began_s,
             "ended_age_s": None if cause.ended_s is None else now_s - cause.ended_s,
             "covers": None if cause.covers is None else sorted(cause.covers)}
            for key, cause in self._causes.items() if cause.ended_s is None or now_s < cause.ended_s + LONGEST_S
        ]  # fmt: skip

    def restore(
        self, stored: Collection[Mapping[str, Any]], definition_of: Callable[[AlarmKey], AlarmDefinition | None],
        now_s: float,
    ) -> None:  # fmt: skip
        """From `as_objects`; without those that are no alarms any more."""
        for body in stored:
            key = AlarmKey(*body["key"])
            definition = definition_of(key)
            if definition is None:
                continue
            ended, covers = body["ended_age_s"], body["covers"]
            self._causes[key] = _Cause(
                definition, now_s - body["age_s"], None if ended is None else now_s - ended,
                None if covers is None else frozenset(covers),
            )  # fmt: skip
