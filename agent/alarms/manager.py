"""All alarms of a gateway: from inputs, operation of the motors and actions of operators to numbered transitions."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum
from itertools import count
from typing import Any

from agent.alarms.alarm import Alarm, level_of
from agent.alarms.announcements import Announcement, AnnouncementLog
from agent.alarms.causes import Causes
from agent.alarms.condition import Condition, Outcome
from agent.alarms.model import (
    AlarmInput,
    AlarmKey,
    AlarmRecord,
    AlarmState,
    AlarmTransition,
    Change,
    OperatorAction,
)
from agent.alarms.runs import MotorRuns
from agent.alarms.states import ACKED, DSUPR, NORM, OOSRV, SHLVD, Circumstances, is_announced, next_state
from agent.config.alarm_definition import AlarmDefinition, AlarmSettings

SHELVE_MAX_S = 12 * 3600.0
VALUE_S = 60.0  # a value that changes alone is handed out again after this time


class _Timer(Enum):
    CONDITION = 1
    SHELVING = 2
    BLOCK = 3
    CAUSE = 4


_OUTCOMES = {
    Outcome.RAISE: Change.RAISED, Outcome.RETURN: Change.RETURNED, Outcome.ESCALATE: Change.RAISED_HIGHER,
}  # fmt: skip


class AlarmManager:
    """Decides states; publishes, stores and reads nothing itself. For one thread.

    settings: the definitions in force.
    stored: what `state` returned in the last run; None: the first run.

    The caller's part, about once a second:

        manager.set_running(asset, running)         # when it has changed
        manager.set_out_of_service(assets)          # those in maintenance now
        manager.operate(new rows of the operator file)
        for transition in manager.update(changed inputs, monotonic seconds, UTC milliseconds):
            publish it as an event
        for record in manager.take_changed():
            publish it as alarm/<record.key.name>
        if manager.revision has changed:
            store manager.state()

    revision: rises with each change that `state` contains.
    """

    def __init__(self, settings: AlarmSettings, stored: Mapping[str, Any] | None = None) -> None: ...
