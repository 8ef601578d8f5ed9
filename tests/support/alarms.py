"""An alarm manager that a test drives second by second."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from agent.alarms.manager import AlarmManager
from agent.alarms.model import AlarmInput, AlarmKey, AlarmRecord, AlarmTransition, OperatorAction
from agent.config.alarm_definition import AlarmDefinition, AlarmSettings

START_MS = 1_790_000_000_000


def definition(code: str = "hot", **changed: Any) -> AlarmDefinition:
    """A simple alarm without delays."""
    values: dict[str, Any] = {"title": code, "priority": "medium", "consequence": "", "advice": (), "respond_min": 10}
    return AlarmDefinition(code=code, **values | changed)


class AlarmBench:
    """t: seconds since the start, of both clocks unless `utc_ahead_s` is set. transitions: of all updates.
    actions: rows of the operator file.
    """

    def __init__(self, *definitions: AlarmDefinition, start: int = 0) -> None:
        self.settings = AlarmSettings({one.code: one for one in definitions})
        self.manager = AlarmManager(self.settings)
        self.t: float = start
        self.utc_ahead_s = 0.0
        self.transitions: list[AlarmTransition] = []
        self.actions = 0

    @property
    def utc_ms(self) -> int:
        return START_MS + round(1000 * (self.t + self.utc_ahead_s))

    def at(self, t: float, *inputs: AlarmInput) -> list[AlarmTransition]:
        """Moves to a time and updates; the transitions of this update."""
        self.t = t
        found = self.manager.update(inputs, t, self.utc_ms)
        self.transitions += found
        return found

    def until(self, t: int, *inputs: AlarmInput) -> None:
        """Updates each second with the same inputs, to a time inclusive."""
        for second in range(int(self.t) + 1, t + 1):
            self.at(second, *inputs)

    def input(self, active: bool | None, code: str = "hot", asset: str | None = "m", **more: Any) -> AlarmInput:
        return AlarmInput(asset, code, active, at_ms=self.utc_ms, **more)

    def value(self, value: float | None, code: str = "hot", asset: str | None = "m") -> AlarmInput:
        return AlarmInput(asset, code, None, value=value, at_ms=self.utc_ms)

    def act(self, action: Any, code: str = "hot", asset: str = "m", seconds: float | None = None, **more: Any) -> None:
        """A row of the operator file, written now; the next update applies it."""
        self.actions += 1
        until_ms = None if seconds is None else self.utc_ms + round(1000 * seconds)
        self.manager.operate([OperatorAction(number=self.actions, at_ms=self.utc_ms, action=action, asset=asset,
                                             code=code, until_ms=until_ms, by="li", **more)])  # fmt: skip

    def restart(self) -> None:
        """Another process continues from the stored state."""
        self.manager = AlarmManager(self.settings, json.loads(json.dumps(self.manager.state())))

    def record(self, code: str = "hot", asset: str = "m") -> AlarmRecord:
        return next(one for one in self.manager.records() if one.key == AlarmKey(asset, code))

    def states(self) -> list[tuple[float, str]]:
        """Time and state after each transition."""
        return [((one.at_ms - START_MS) / 1000, str(one.after)) for one in self.transitions]

    def announced(self) -> Counter[str]:
        """code → announcements."""
        return Counter(one.record.code for one in self.transitions if one.announced)


def codes(records: Iterable[AlarmRecord]) -> Counter[tuple[str, str]]:
    return Counter((record.code, str(record.state)) for record in records)
