"""`magwatt replay FILE --condition`: read recording or rows, nameplate and baseline, print what was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.analysis.condition import file_reasons as codes
from agent.analysis.condition.answers import Condition
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.motor_file import MotorFileError, read_motor_file
from agent.analysis.condition.replay import FileCondition, condition_of_record, condition_of_rows, record_of
from agent.analysis.condition.rows_file import is_rows_file, read_rows
from agent.cli.options import FINDING, fail
from agent.cli.replay_condition_view import json_lines, text_lines
from agent.core.text import _, text_of
from drivers.errors import FileError

if TYPE_CHECKING:
    from agent.analysis.condition.record import Record


def print_condition(file: Path, mapping: str, nameplate: Path | None, baseline: Path | None, as_json: bool) -> int:
    """Print the verdict on each fault, and the condition. Return 1 if something was found, else 0.

    Raises FileError for a file that cannot be used; exits with 2 for an invalid nameplate.
    """
    machine = _machine(nameplate)
    if is_rows_file(file):
        if baseline is not None:
            raise FileError(codes.BASELINE_WITH_ROWS)
        found = condition_of_rows(read_rows(file), machine)
    else:
        sound = _record(baseline, mapping, is_baseline=True) if baseline is not None else None
        found = condition_of_record(_record(file, mapping), machine, sound)
    for line in _lines(found, file, as_json):
        click.echo(line)
    return FINDING if found.condition is Condition.FINDING else 0


def _lines(found: FileCondition, file: Path, as_json: bool) -> list[str]:
    return json_lines(found) if as_json else text_lines(found, file.name)


def _machine(nameplate: Path | None) -> MachineData:
    if nameplate is None:
        return MachineData()
    try:
        return read_motor_file(nameplate)
    except MotorFileError as error:
        for problem in error.problems:
            click.echo("\n".join([problem.text(text_of), *problem.excerpt()]), err=True)
        fail(_("{n:d} {n:problem|problems} in {path}", n=len(error.problems), path=str(nameplate)))


def _record(file: Path, mapping: str, is_baseline: bool = False) -> Record:
    from drivers.recordings.recording import load, parse_map

    if is_baseline and is_rows_file(file):
        raise FileError(codes.BASELINE_IS_ROWS, path=str(file))
    recording = load(file, parse_map(mapping))
    for note in recording.notes:
        click.echo(text_of(note), err=True)
    return record_of(recording)
