"""The answers of `magwatt init`: the tables and keys of plant.toml, and a few that only the questions need.

`[init]` and `[init.bus.NAME]` contain what was found and decided on the way; `hz`, `cos_phi` and `confirmed` of a motor
only check its nameplate. An empty text means: not stated, or not there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from agent.commissioning.init.numbers import of_toml
from agent.config import keys, schema
from agent.config import reasons as config_codes
from agent.config.schema import ConfigReport, KeySpec
from agent.config.topology_check import check_references
from agent.core.files import give_owner_of_folder
from drivers.file_reasons import KEY_UNKNOWN, TABLE_EXPECTED, with_suggestion
from drivers.reasons import InvalidValue
from drivers.toml_file import parse_toml, read_limited
from drivers.toml_lines import key_lines

Answers = dict[str, Any]
Key = tuple[str, ...]

OWN = "own"  # key of a device or motor whose data are not those of another one
INIT_BUS = {
    "scan": KeySpec(schema.boolean),
    "fc03": KeySpec(schema.boolean),
    "expect": KeySpec(schema.anything),
    "found": KeySpec(schema.anything),
    "models": KeySpec(schema.anything),
    "power_w": KeySpec(schema.anything),
    "unused": KeySpec(schema.anything),
    "complete": KeySpec(schema.boolean),
    "interrupted": KeySpec(schema.boolean),
    "unreachable": KeySpec(schema.boolean),
}
INIT = {
    "complete": KeySpec(schema.boolean),
    "without_motor": KeySpec(schema.anything),
    "bus": schema.optional_table({}),
}
INIT_MOTOR = {
    "hz": KeySpec(schema.number(5, 2000, "Hz")),
    "cos_phi": KeySpec(schema.number(0.2, 1)),
    "confirmed": KeySpec(schema.boolean),
    OWN: KeySpec(schema.boolean),
}
INIT_METER = {OWN: KeySpec(schema.boolean)}
TABLES: Mapping[str, Mapping[str, KeySpec]] = {"site": keys.SITE, "store": keys.STORE, "mqtt": keys.MQTT}
NAMED: Mapping[str, Mapping[str, KeySpec]] = {
    "bus": keys.BUS, "meter": {**keys.METER, **INIT_METER}, "drive": keys.DRIVE, "motor": {**keys.MOTOR, **INIT_MOTOR},
}  # fmt: skip


def value_of(answers: Answers, key: Key) -> Any:
    """The answer at a key; None: not answered."""
    found: Any = answers
    for part in key:
        found = found.get(part) if isinstance(found, dict) else None
    return found


def with_value(answers: Answers, key: Key, value: Any) -> Answers:
    """A copy of the answers with this one; None removes it."""
    found = deepcopy(answers)
    table = found
    for part in key[:-1]:
        table = table.setdefault(part, {})
    if value is None:
        table.pop(key[-1], None)
    else:
        table[key[-1]] = value
    return found


def read_answers(path: Path) -> tuple[Answers, ConfigReport]:
    """The answers of a file, and every key and value in it that is wrong. Raises OSError and TomlError."""
    data = read_limited(path)
    answers = parse_toml(data)
    report = ConfigReport(path.name, key_lines(data.decode("utf-8-sig")))
    check_answers(answers, report)
    return answers, report


def check_answers(answers: Answers, report: ConfigReport) -> None:
    """Reports unknown tables and keys, wrong values, and names that no table has. Missing ones are questions."""
    for name, table in answers.items():
        if name in TABLES:
            _check_table(name, table, TABLES[name], report)
        elif name in NAMED:
            for item, inner in _tables(name, table, report):
                _check_name(item, name, report)
                _check_table(f"{name}.{item}", inner, NAMED[name], report)
        elif name == "init":
            _check_table("init", table, INIT, report)
            for item, inner in _tables("init.bus", table.get("bus", {}) if isinstance(table, dict) else {}, report):
                _check_table(f"init.bus.{item}", inner, INIT_BUS, report)
        else:
            report.problem(name, with_suggestion(config_codes.CONFIG_TABLE_UNKNOWN(), name, [*TABLES, *NAMED]))
    check_references(answers, report)


def as_toml(answers: Answers) -> str:
    """The answers as a TOML file."""
    return "\n".join(_lines(answers, ())).strip("\n") + "\n"


def write_atomically(path: Path, text: str) -> None:
    """Writes a file so that it is either complete or unchanged. Raises OSError."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        give_owner_of_folder(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _tables(name: str, table: Any, report: ConfigReport) -> Iterator[tuple[str, Any]]:
    if isinstance(table, dict):
        yield from table.items()
    else:
        report.problem(name, TABLE_EXPECTED(), table)


def _check_name(item: str, kind: str, report: ConfigReport) -> None:
    try:
        schema.identifier(item)
    except InvalidValue as error:
        report.problem(f"{kind}.{item}", config_codes.TABLE_NAME_INVALID(cause=error.reason))


def _check_table(where: str, table: Any, allowed: Mapping[str, KeySpec], report: ConfigReport) -> None:
    if not isinstance(table, dict):
        report.problem(where, TABLE_EXPECTED(), table)
        return
    for name, value in table.items():
        if name not in allowed:
            report.problem(f"{where}.{name}", with_suggestion(KEY_UNKNOWN(), name, allowed), value)
        elif value != "" and allowed[name].nested is None:
            try:
                of_toml(allowed[name].convert, value)
            except ValueError as error:
                report.problem(f"{where}.{name}", schema.reason_of_error(error), value)


def _lines(table: Mapping[str, Any], key: Key) -> Iterator[str]:
    plain = {name: value for name, value in table.items() if not isinstance(value, dict)}
    if key and (plain or not table):
        yield f"\n[{'.'.join(key)}]"
    for name, value in plain.items():
        yield f"{name} = {toml_value(value)}"
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _lines(value, (*key, name))


def toml_value(value: Any) -> str:
    """A text, number, boolean, date, list or table as TOML, in one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {toml_value(item)}' for key, item in value.items())} }}"
    return f"[{', '.join(map(toml_value, value))}]" if isinstance(value, list | tuple) else str(value)
