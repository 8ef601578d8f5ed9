"""The condition that a file shows: a recording of waveforms, or rows of one second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from agent.analysis.condition.answers import Answer, Condition, condition_of
from agent.analysis.condition.faults import (
    REQUIRED_CAGE,
    REQUIRED_MAGNET,
    REQUIRED_RECTIFIER,
    REQUIRED_ROWS,
    REQUIRED_ROWS_PUMP_FAN,
)
from agent.analysis.condition.machine import MachineData

if TYPE_CHECKING:
    from agent.analysis.condition.record import Record
    from drivers.recordings.recording import Recording


class FileCondition(Struct, frozen=True):
    """What was found in a file.

    answers: of the detectors, each code once. condition: the verdict. at_s: end of the file, seconds.
    """

    answers: tuple[Answer, ...]
    condition: Condition
    at_s: float


def condition_of_record(record: Record, machine: MachineData, baseline: Record | None) -> FileCondition:
    """The condition that a recording of waveforms shows. baseline: of the same machine when it was sound."""
    answers: list[Answer]
    required: tuple[str, ...]
    if machine.at == "drive_input":
        from agent.analysis.condition.rectifier import rectifier_answers

        answers, required = rectifier_answers(record, machine, baseline), REQUIRED_RECTIFIER
    elif machine.at is not None and machine.kind == "induction":
        from agent.analysis.condition.cage import cage_answers

        answers, required = cage_answers(record, machine, baseline), REQUIRED_CAGE
    elif machine.at is not None and machine.kind == "magnet":
        from agent.analysis.condition.magnet import magnet_answers

        answers, required = magnet_answers(record, machine, baseline), REQUIRED_MAGNET
    else:
        from agent.analysis.condition.unknown_machine import unknown_machine_answers

        answers = unknown_machine_answers(record, machine)
        required = (*REQUIRED_CAGE, *REQUIRED_MAGNET, *REQUIRED_RECTIFIER)
    return FileCondition(tuple(answers), condition_of(answers, required), record.length_s)


def condition_of_rows(rows: Iterable[tuple[float, Mapping[str, float | None]]], machine: MachineData) -> FileCondition:
    """The condition that rows of one second show. rows: time in seconds, and values by column."""
    from agent.analysis.condition.rows.row_condition import RowCondition

    detectors = RowCondition(machine)
    t_s = 0.0
    for t_s, row in rows:
        detectors.on_row(t_s, row)
    answers = detectors.answers()
    required = REQUIRED_ROWS_PUMP_FAN if machine.application in ("pump", "fan") else REQUIRED_ROWS
    return FileCondition(tuple(answers), condition_of(answers, required), t_s)


def record_of(recording: Recording) -> Record:
    """A recording as the rules take it; a channel that is missing is NaN."""
    from agent.analysis.condition.record import Record

    dc_hz, dc_v = recording.dc or (None, None)
    return Record(recording.rate_hz, recording.samples[:3], recording.samples[3:], dc_v, dc_hz)
