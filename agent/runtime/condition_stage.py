"""The stage that watches the condition of one motor: from its rows, and from records of its waveform."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from agent.analysis.condition.answers import Answer, ConditionFinding, NotObservable, condition_of
from agent.analysis.condition.configured import machine_of
from agent.analysis.condition.faults import required_faults
from agent.analysis.condition.live_row import LiveRow, Source
from agent.analysis.condition.message import condition_object
from agent.analysis.condition.rows import RowCondition
from agent.core.stable_hash import stable_hash
from agent.runtime.stage import DeviceRole, MotorReading, Stage, StageContext, TelemetryRow
from drivers.reading import Waveform

if TYPE_CHECKING:
    from agent.analysis.condition.record_watch import RecordWatch

log = logging.getLogger(__name__)

PUBLISH_S = 60.0  # between two messages without a change
SAVE_S = 900.0
STATE = "condition"  # kind of the entries in the state file
_SOURCES: Mapping[DeviceRole, Source] = {
    DeviceRole.METER: "meter", DeviceRole.DRIVE: "drive", DeviceRole.SIGNALS: "signals",
}  # fmt: skip


class ConditionServices(Struct, frozen=True):
    """What the stage needs of the agent.

    entry: reads what was stored: motor, fingerprint → object, or None.
    save: stores an object without waiting: motor, fingerprint, object.
    report: receives the findings of a motor that hold now: motor, findings, codes that are not observable, row times
        in monotonic seconds and UTC milliseconds.
    compute: runs a slow function outside of the pipeline and passes its result on in the thread of the pipeline.
    """

    entry: Callable[[str, str], Any]
    save: Callable[[str, str, Any], None]
    report: Callable[[str, Sequence[ConditionFinding], frozenset[str], float, int], None]
    compute: Callable[[Callable[[], Any], Callable[[Any], None]], None]
