"""The stage that watches the condition of one motor: from its rows, and from records of its waveform."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from agent.analysis.condition.answers import Answer, condition_of
from agent.analysis.condition.combined import combined
from agent.analysis.condition.configured import machine_of
from agent.analysis.condition.faults import required_for_rows
from agent.analysis.condition.live_row import LiveRow, Source
from agent.analysis.condition.message import condition_object
from agent.analysis.condition.rows.row_condition import RowCondition
from agent.runtime.stage import DeviceRole, MotorReading, Stage, StageContext, TelemetryRow
from drivers.reading import Waveform

if TYPE_CHECKING:
    from agent.analysis.condition.record_watch import RecordWatch

STORED_AS = "condition"  # kind of the entries in the state file
PUBLISH_S = 60.0  # between two messages without a change
SAVE_S = 900.0
SILENT_S = 5.0  # without a row for this time the condition is judged at each failed poll
_SOURCES: Mapping[DeviceRole, Source] = {
    DeviceRole.METER: "meter", DeviceRole.DRIVE: "drive", DeviceRole.SIGNALS: "signals",
}  # fmt: skip


class ConditionServices(Struct, frozen=True):
    """What the stage needs of the agent.

    load: reads what was saved: motor, fingerprint → object; None: nothing.
    save: saves an object without waiting: motor, fingerprint, object.
    report: receives all verdicts about a motor and the codes of findings that have returned, at a change and once a
        minute: motor, verdicts, codes.
    compute: runs a slow function outside of the pipeline, then passes its result on in the thread of the pipeline.
    utc_ms: present UTC.
    """

    load: Callable[[str, str], Any]
    save: Callable[[str, str, Any], None]
    report: Callable[[str, Sequence[Answer], Set[str]], None]
    compute: Callable[[Callable[[], Any], Callable[[Any], None]], None]
    utc_ms: Callable[[], int]


class ConditionStage(Stage):
    """Rows go to the row detectors, a record of the waveform is judged every few minutes.

    What was learned is saved every quarter of an hour and belongs to the data of the motor: with another
    nameplate nothing is known.
    """

    def __init__(self, context: StageContext, services: ConditionServices) -> None:
        asset = context.asset
        assert asset.motor is not None
        self._name, self._services = asset.name, services
        self._machine = machine_of(asset)
        encoded = msgspec.json.encode((self._machine, asset.motor.condition.learn_since))
        self._fingerprint = hashlib.sha256(encoded).hexdigest()[:16]
        stored = services.load(self._name, self._fingerprint) or {}
        self._live = LiveRow(asset, context.due_s)
        self._rows = RowCondition(self._machine, stored.get("rows"))
        self._stored_records = stored.get("records")
        self._records: RecordWatch | None = None
        if asset.motor.waveform is not None:  # before the first block, which must not wait for the import of numpy
            from agent.analysis.condition.record_watch import RecordWatch

            self._records = RecordWatch(self._machine, self._stored_records)
        self._shared = asset.shared
        self._since_ms: dict[str, int] = {}  # finding of the rows → UTC of its start
        self._reported: tuple[list[tuple[str, str, str]], Set[str]] = [], frozenset()
        self._reported_revision = 0
        self._row_s = self._published_s = 0.0
        self._saved_s: float | None = None

    def on_reading(self, item: MotorReading) -> None:
        source = _SOURCES.get(item.role)
        if source is None:
            return
        self._live.on_reading(source, item.reading, self._shared and source == "meter")
        now_s = item.reading.monotonic_ns / 1e9
        if not item.responded and now_s - self._row_s > SILENT_S:
            self._judge_row(now_s)  # a device that has never responded causes no rows
            self._report()

    def on_waveform(self, block: Waveform, now_s: float) -> None:
        if self._records is None:
            return
        job = self._records.on_block(block, now_s, lambda: self._live.row(now_s).get("winding_degc"))
        if self._records.revision != self._reported_revision:
            self._report()
        if job is not None:
            self._services.compute(job, self._on_judged)

    def on_row(self, row: TelemetryRow) -> None:
        self._judge_row(row.now_s)
        due = row.now_s - self._published_s >= PUBLISH_S
        if self._report(due) or due:
            self._published_s = row.now_s
            row.retained["condition"] = self._message()
        if self._saved_s is None:
            self._saved_s = row.now_s
        elif row.now_s - self._saved_s >= SAVE_S:
            self._saved_s = row.now_s
            self._save()

    def close(self) -> None:
        self._save()

    def _judge_row(self, now_s: float) -> None:
        self._row_s = now_s
        self._rows.on_row(now_s, self._live.row(now_s))

    def _on_judged(self, result: Any) -> None:
        """In the thread of the pipeline: the verdicts of a record are there."""
        assert self._records is not None
        self._records.add(result, self._services.utc_ms())

    def _answers(self) -> list[Answer]:
        records = self._records.answers() if self._records is not None else ()
        return combined(self._rows.present_answers(), records)

    def _report(self, due: bool = False) -> bool:
        """Hands the verdicts over if a finding has changed, or if it is due: what an earlier run found may be clear.
        Returns whether a finding has changed."""
        active, returned = self._rows.active(), frozenset(self._rows.returned())
        revision = self._records.revision if self._records is not None else 0
        verdicts = [(code, one.severity.value, one.confidence.value) for code, one in active.items()], returned
        changed = verdicts != self._reported or revision != self._reported_revision
        if changed:
            self._reported, self._reported_revision = verdicts, revision
            now_ms = self._services.utc_ms()
            self._since_ms = {code: self._since_ms.get(code, now_ms) for code in active}
        if changed or due:
            self._services.report(self._name, self._answers(), returned)
        return changed

    def _message(self) -> dict[str, Any]:
        answers = self._answers()
        times_ms: dict[str, tuple[int | None, int | None]] = {code: (at_ms, None) for code, at_ms in
                                                              self._since_ms.items()}  # fmt: skip
        baselines: Sequence[Mapping[str, Any]] = ()
        trends: Mapping[str, float] = {}
        required = required_for_rows(self._machine.application)
        if self._records is not None:
            times_ms |= self._records.times_ms()
            baselines, required = self._records.baselines(), (*required, *self._records.required)
            trends = self._records.trends()
        return condition_object(condition_of(answers, required), answers, times_ms, baselines, trends)

    def _save(self) -> None:
        body = {"rows": self._rows.state()}
        if self._records is not None:
            body["records"] = self._records.state()
        elif self._stored_records is not None:
            body["records"] = self._stored_records
        self._services.save(self._name, self._fingerprint, body)
