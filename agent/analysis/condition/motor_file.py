"""The file motor.toml of `magwatt replay --condition`: what is known about the machine of a recording."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agent.analysis.condition import file_reasons as codes
from agent.analysis.condition.machine import MachineData
from agent.config import schema
from agent.config.schema import PROBLEM, ConfigReport, Diagnostic, KeySpec
from drivers.file_reasons import FILE_UNREADABLE, with_suggestion
from drivers.reasons import cause_of
from drivers.toml_file import TomlError, parse_toml, read_limited
from drivers.toml_lines import key_lines

_COMMON = {
    "at": KeySpec(schema.one_of("line", "drive_output", "drive_input"), None),
    "kw": KeySpec(schema.number(0.01, 50000, "kW"), None),
    "hz": KeySpec(schema.number(1, 2000, "Hz"), None),
    "volts": KeySpec(schema.number(12, 20000, "V"), None),
    "amps": KeySpec(schema.number(0.01, 20000, "A"), None),
    "carrier_hz": KeySpec(schema.number(100, 200_000, "Hz"), None),
    "application": KeySpec(schema.text, None),
    "dc_link_uf": KeySpec(schema.number(0.1, 1e6, "µF"), None),
}
_TABLES: Mapping[str, Mapping[str, KeySpec]] = {
    "motor": {
        "kind": KeySpec(schema.one_of("induction", "magnet"), None),
        **_COMMON,
        "rpm": KeySpec(schema.number(1, 100_000, "rpm"), None),
        "poles": KeySpec(schema.integer(2, 200, 2), None),
        "nm": KeySpec(schema.number(0.001, 1e7, "N·m"), None),
        "rotor_bars": KeySpec(schema.integer(6, 1000), None),
        "slots": KeySpec(schema.integer(3, 1000), None),
        "r1_ohm": KeySpec(schema.number(1e-6, 10_000, "ohm"), None),
        "ls_h": KeySpec(schema.number(1e-7, 100, "H"), None),
        "xq_ohm": KeySpec(schema.number(1e-5, 100_000, "ohm"), None),
        "flux_wb": KeySpec(schema.number(1e-5, 1000, "Wb"), None),
        "emf_v": KeySpec(schema.number(0.1, 20000, "V"), None),
        "winding_degc": KeySpec(schema.number(-60, 400, "°C"), None),
        "magnet_degc": KeySpec(schema.number(-60, 400, "°C"), None),
        "winding_class": KeySpec(schema.text, None),
    },
    "drive": _COMMON,
}


class MotorFileError(Exception):
    """A file that cannot be used. problems: everything that is wrong, with line and key."""

    def __init__(self, problems: list[Diagnostic]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def read_motor_file(path: Path) -> MachineData:
    """The data of the machine; a key that is missing is None. Raises MotorFileError with every problem."""
    try:
        data = read_limited(path)
        raw = parse_toml(data)
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL byte, or TomlError
        raise MotorFileError([_unreadable(path, error)]) from None
    report = ConfigReport(path.name, key_lines(data.decode("utf-8-sig")))
    for name in raw:
        if name not in _TABLES:
            report.problem(name, with_suggestion(codes.MOTOR_TABLE_UNKNOWN(), name, _TABLES), raw[name])
    read = {name: schema.read_table(raw[name], keys, name, report) for name, keys in _TABLES.items() if name in raw}
    given = {name: {key: v for key, v in (values or {}).items() if v is not None} for name, values in read.items()}
    motor, drive = given.get("motor", {}), given.get("drive", {})
    if motor.get("at") and drive.get("at") and motor["at"] != drive["at"]:
        report.problem("drive.at", codes.MEASURED_AT_TWO_PLACES(), drive["at"])
    if report.problems:
        raise MotorFileError(report.problems)
    return _machine(motor, drive)


def _machine(motor: Mapping[str, Any], drive: Mapping[str, Any]) -> MachineData:
    """Where both tables state a value, that of the machine that the recording shows."""
    at_drive = "drive_input" in (motor.get("at"), drive.get("at"))
    return MachineData(**({**motor, **drive} if at_drive else {**drive, **motor}))


def _unreadable(path: Path, error: OSError | ValueError) -> Diagnostic:
    if not isinstance(error, TomlError):
        return Diagnostic(PROBLEM, path.name, None, "", None, FILE_UNREADABLE(path=str(path), error=cause_of(error)))
    if (found := error.syntax) is None:
        return Diagnostic(PROBLEM, path.name, None, error.key, None, error.reason)
    return Diagnostic(PROBLEM, path.name, found.line, error.key, None, error.reason, found.source, found.column)
