"""The tables [alarms.CODE] and [motor.NAME.alarms.CODE]: what a plant changes in the alarm table.

A table of a motor changes what [alarms.CODE] has left of the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from agent.config import reasons as codes
from agent.config import schema
from agent.config.alarm_definition import PRIORITIES, AlarmDefinition, AlarmSettings
from agent.config.alarm_table import DEFINITIONS
from agent.config.schema import ConfigReport, KeySpec
from drivers.reasons import InvalidValue

_LIMIT = schema.number(-1e9, 1e9)


def _limits(value: Any) -> tuple[float, ...]:
    if isinstance(value, list):
        if len(value) not in (1, 2):
            raise InvalidValue(codes.ALARM_LIMITS_EXPECTED)
        return tuple(map(_LIMIT, value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValue(codes.ALARM_LIMITS_EXPECTED)
    return (_LIMIT(value),)


def _minutes(value: Any) -> float:
    return schema.duration(0, 366 * 86400)(value) / 60


ALARM = {
    "enabled": KeySpec(schema.boolean, None),
    "priority": KeySpec(schema.one_of(*PRIORITIES), None),
    "on_delay": KeySpec(schema.duration(0, 86400), None),
    "off_delay": KeySpec(schema.duration(0, 86400), None),
    "limit": KeySpec(_limits, None),
    "deadband": KeySpec(schema.number(0, 1e9), None),
    "start_block": KeySpec(schema.duration(0, 3600), None),
    "time_to_respond": KeySpec(_minutes, None),
    "consequence": KeySpec(schema.text, None),
    "advice": KeySpec(schema.list_of(schema.text, '["Check the strainer."]'), None),
}
# Key → field of AlarmDefinition
_FIELDS = {
    "enabled": "enabled", "priority": "priority", "on_delay": "on_delay_s", "off_delay": "off_delay_s",
    "limit": "limits", "deadband": "deadband", "start_block": "blocked_start_s", "time_to_respond": "respond_min",
    "consequence": "consequence", "advice": "advice",
}  # fmt: skip
_TABLES = {code: schema.optional_table(ALARM) for code in DEFINITIONS}


def read_alarms(raw: Mapping[str, Any], report: ConfigReport) -> AlarmSettings:
    """raw: the file. A wrong table changes nothing, and is a problem of the report."""
    everywhere = dict(DEFINITIONS)
    everywhere.update(_changed(raw["alarms"], "alarms", everywhere, report) if "alarms" in raw else {})
    motors = raw.get("motor")
    of_motor = {
        name: found
        for name, motor in (motors.items() if isinstance(motors, dict) else ())
        if isinstance(motor, dict) and "alarms" in motor
        for found in [_of_motor(motor["alarms"], f"motor.{name}.alarms", everywhere, report)]
        if found
    }
    return AlarmSettings(everywhere, of_motor)


def _of_motor(
    raw: Any, where: str, rows: Mapping[str, AlarmDefinition], report: ConfigReport
) -> dict[str, AlarmDefinition]:
    """Only alarms of one asset: those of the plant and of the gateway are the same for all motors."""
    found = _changed(raw, where, rows, report)
    for code in [code for code in found if rows[code].scope != "asset"]:
        report.problem(f"{where}.{code}", codes.ALARM_NOT_OF_MOTOR(code=code))
        del found[code]
    return found


def _changed(
    raw: Any, where: str, rows: Mapping[str, AlarmDefinition], report: ConfigReport
) -> dict[str, AlarmDefinition]:
    """code → row with the changes of its table."""
    tables = schema.read_table(raw, _TABLES, where, report) or {}
    found = {}
    for code, values in tables.items():
        if values is not None and _is_possible(values, rows[code], f"{where}.{code}", report):
            given = {_FIELDS[key]: value for key, value in values.items() if value is not None}
            if "priority" in given:
                given["priority_alarm"] = None  # the plant's priority holds for each severity
            found[code] = replace(rows[code], **given)
    return found


def _is_possible(values: Mapping[str, Any], row: AlarmDefinition, where: str, report: ConfigReport) -> bool:
    """Whether this alarm can have these values; otherwise reports the problems."""
    before = len(report.problems)
    if row.priority == "safety":
        if values["priority"] not in (None, "safety"):
            report.problem(f"{where}.priority", codes.ALARM_SAFETY_FIXED(), values["priority"])
        if values["enabled"] is False:
            report.problem(f"{where}.enabled", codes.ALARM_SAFETY_FIXED(), False)
    for key in ("limit", "deadband"):
        if values[key] is not None and not row.unit:
            with_limit = tuple(other.code for other in DEFINITIONS.values() if other.unit)
            report.problem(f"{where}.{key}", codes.ALARM_WITHOUT_LIMIT(codes=with_limit))
    if values["start_block"] is not None and row.scope != "asset":
        report.problem(f"{where}.start_block", codes.ALARM_WITHOUT_START())
    limits: tuple[float, ...] = values["limit"] or ()
    if len(limits) == 2 and (limits[1] <= limits[0] if row.direction == "high" else limits[1] >= limits[0]):
        order = codes.ALARM_LIMITS_HIGH_ORDER if row.direction == "high" else codes.ALARM_LIMITS_LOW_ORDER
        report.problem(f"{where}.limit", order(), list(limits))
    return len(report.problems) == before
