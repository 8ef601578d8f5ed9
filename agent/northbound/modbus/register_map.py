"""The map of the registers, for the systems that read them: CSV, Markdown, and points for MyEMS."""

from __future__ import annotations

import csv
import io
import json
import struct
from collections.abc import Iterator
from typing import NamedTuple

from agent.delivery.base.metric_types import unit_of
from agent.northbound.modbus.motor_numbers import MotorNumbers
from agent.northbound.modbus.register_table import FIELDS, FORMATS, HEAD_REGISTERS, Register, registers
from agent.northbound.modbus.units import COMPLETE_UNITS, MAP_VERSION, UNIT_MAX

OVERVIEW_UNIT = 1
ABOUT = {
    "motor_number": "number of the motor",
    "quality": "of its newest row: 0 good, 1 uncertain, 2 bad or old",
    "age_s": "age of its newest row; 65535: none was received",
    "alarm_priority": "worst active alarm: 0 none, 1 low, 2 medium, 3 high, 4 safety",
    "quality_flags": "flags of all its values; bit 0 STALE, then in the order of docs/reference/mqtt.md",
    "state": "0 online, 1 stale, 2 offline, 3 maintenance",
    "alarms_unacknowledged": "alarms that are not acknowledged",
    "name": "name, UTF-8, two bytes in a register",
}
ENERGY_COUNTERS = frozenset(("energy_counted_import_wh",))  # of the head, in Wh and never falling
_LIMIT = 99999999999


class MappedRegister(NamedTuple):
    """A row of the map. offset: first register in the block. kind: key of FORMATS. message: "": no metric."""

    offset: int
    kind: str
    message: str
    metric: str
    unit: str
    about: str

    @property
    def size(self) -> int:
        return struct.calcsize(FORMATS[self.kind]) // 2


def rows() -> list[MappedRegister]:
    """The block of a motor, in the order of its registers."""
    fields = [MappedRegister(item.offset, item.kind, "", item.name, "s" if item.name == "age_s" else "",
                             ABOUT[item.name]) for item in FIELDS]  # fmt: skip
    return sorted([*fields, *map(_of_metric, registers())])


def map_text(form: str, numbers: MotorNumbers, host: str, port: int) -> str:
    """form: csv, markdown or myems. host, port: of this server, for MyEMS."""
    if form == "csv":
        return _csv(numbers)
    return _markdown(numbers) if form == "markdown" else _myems(numbers, host, port)


def _of_metric(register: Register) -> MappedRegister:
    row = register.row
    about = f"expanded uncertainty (k = 2) of {row.name}" if register.is_uncertainty else row.about
    return MappedRegister(*register, unit_of(row), about)


def _csv(numbers: MotorNumbers) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("unit_id", "address", "registers", "type", "motor_number", "topic", "message", "metric", "unit",
                     "meaning"))  # fmt: skip
    block = rows()
    for number, topic in numbers:
        for unit, base, row in _addressed(number, block):
            writer.writerow((unit, base + row.offset, row.size, row.kind, number, topic, *row[2:]))
    return text.getvalue()


def _addressed(number: int, block: list[MappedRegister]) -> Iterator[tuple[int, int, MappedRegister]]:
    """Unit, address of its block, and row: first in the overview, then in the complete block of a motor."""
    for row in block:
        if row.offset < HEAD_REGISTERS:
            yield OVERVIEW_UNIT, HEAD_REGISTERS * number, row
    if COMPLETE_UNITS + number <= UNIT_MAX:
        yield from ((COMPLETE_UNITS + number, 0, row) for row in block)


def _markdown(numbers: MotorNumbers) -> str:
    lines = [f"# Registers, map {MAP_VERSION}", "", "| motor | topic | overview: unit 1, address | all values: unit |",
             "|---|---|---|---|"]  # fmt: skip
    for number, topic in numbers:
        complete = f"{COMPLETE_UNITS + number}" if COMPLETE_UNITS + number <= UNIT_MAX else "–"
        lines.append(f"| {number} | `{topic}` | {HEAD_REGISTERS * number} | {complete} |")
    lines += ["", "| offset | type | message | metric | unit | meaning |", "|---|---|---|---|---|---|"]
    lines += (
        f"| {row.offset} | {row.kind} | {row.message or '–'} | `{row.metric}` | {row.unit or '–'} | {row.about} |"
        for row in rows()
    )
    return "\n".join(lines) + "\n"


def _myems(numbers: MotorNumbers, host: str, port: int) -> str:
    """SQL for the tables of MyEMS: one data source, and the head of each motor as points."""
    connection = json.dumps({"host": host, "port": port})
    lines = [
        "-- Points of a MyEMS data source (myems-modbus-tcp). Restart that service afterwards.",
        "USE `myems_system_db`;",
        "START TRANSACTION;",
        "INSERT INTO tbl_data_sources (name, uuid, gateway_id, protocol, connection) SELECT"
        f" {_sql('magwatt')}, UUID(), MIN(id), 'modbus-tcp', {_sql(connection)} FROM tbl_gateways;",
        "SET @source = LAST_INSERT_ID();",
        "INSERT INTO tbl_points (name, data_source_id, object_type, units, high_limit, low_limit, ratio, is_trend,"
        " is_virtual, address, description) VALUES",
    ]
    points = [_point(number, topic, row) for number, topic in numbers for row in rows() if row.offset < HEAD_REGISTERS]
    return "\n".join([*lines, *(f"{point}," for point in points[:-1]), f"{points[-1]};", "COMMIT;"]) + "\n"


def _point(number: int, topic: str, row: MappedRegister) -> str:
    """A row of tbl_points. Energies are in kWh, of which ENERGY_COUNTERS are counted by MyEMS."""
    address = {
        "slave_id": OVERVIEW_UNIT, "function_code": 4, "offset": HEAD_REGISTERS * number + row.offset,
        "number_of_registers": row.size, "format": FORMATS[row.kind], "byte_swap": False,
    }  # fmt: skip
    energy = row.unit == "Wh"
    kind = "ENERGY_VALUE" if row.metric in ENERGY_COUNTERS else "ANALOG_VALUE" if row.message else "DIGITAL_VALUE"
    unit, ratio = ("kWh", "0.001") if energy else (row.unit or "NA", "1.000")
    name = f"{topic.rpartition('/')[2]} {row.metric.replace('_wh', '_kwh') if energy else row.metric}"
    return (
        f"({_sql(name)}, @source, '{kind}', {_sql(unit)}, {_LIMIT}, {-_LIMIT}, {ratio}, 1, 0, "
        f"{_sql(json.dumps(address))}, {_sql(row.about[:255])})"
    )


def _sql(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
