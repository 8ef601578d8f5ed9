"""The map that other systems import: each row leads to the value of the motor and metric that it names."""

from __future__ import annotations

import csv
import io
import json
import re
import struct
from pathlib import Path

import pytest
from support.northbound import ROOT, FedFollower, topics

from agent.northbound.modbus import register_map as map_module
from agent.northbound.modbus import units as units_module
from agent.northbound.modbus.motor_numbers import MotorNumbers
from agent.northbound.modbus.register_map import map_text
from agent.northbound.modbus.units import Units
from drivers.reading import Quality

POWER_W, ENERGY_WH = 12000.0, 98_765_432_100.5


def plant(folder: Path, motors: int = 3) -> tuple[MotorNumbers, Units]:
    """Motors whose power and energy are multiples of their number."""
    numbers, follower = MotorNumbers(folder / "modbus-motors"), FedFollower()
    units = Units(numbers, follower)
    follower.listeners.append(units.on_message)
    units.add(topics(motors))
    for number in range(1, motors + 1):
        follower.feed_row(
            f"pump-{number}", active_power_w=number * POWER_W, energy_counted_import_wh=number * ENERGY_WH
        )
    return numbers, units


def test_each_row_of_the_csv_leads_to_its_value(tmp_path: Path) -> None:
    numbers, units = plant(tmp_path)
    rows = list(csv.DictReader(io.StringIO(map_text("csv", numbers, "h", 502))))
    formats = {"u16": ">H", "u32": ">I", "f32": ">f", "f64": ">d"}
    found: dict[str, list[float]] = {}
    for row in (row for row in rows if row["message"] != "pq3s"):
        data = units.read(int(row["unit_id"]), int(row["address"]), int(row["registers"]))
        assert isinstance(data, bytes), row
        if row["type"] in formats:
            found.setdefault(row["metric"], []).append(struct.unpack(formats[row["type"]], data)[0])
    assert found["active_power_w"] == [POWER_W, POWER_W, 2 * POWER_W, 2 * POWER_W, 3 * POWER_W, 3 * POWER_W]
    assert found["energy_counted_import_wh"][::2] == [ENERGY_WH, 2 * ENERGY_WH, 3 * ENERGY_WH]
    assert found["motor_number"] == [1, 1, 2, 2, 3, 3]
    assert {row["topic"] for row in rows} == set(topics(3))


def test_a_motor_without_a_unit_of_its_own_is_in_the_overview(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (units_module, map_module):
        monkeypatch.setattr(module, "UNIT_MAX", 102)
    numbers, units = plant(tmp_path)
    rows = list(csv.DictReader(io.StringIO(map_text("csv", numbers, "h", 502))))
    assert {row["unit_id"] for row in rows if row["motor_number"] == "3"} == {"1"}
    assert units.read(103, 0, 1) == 11
    assert units.read(1, 180, 1) == struct.pack(">H", 3)


def test_the_markdown_lists_motors_and_registers(tmp_path: Path) -> None:
    lines = map_text("markdown", plant(tmp_path)[0], "h", 502).splitlines()
    assert f"| 2 | `{ROOT}/pump-2` | 120 | 102 |" in lines
    assert len([line for line in lines if line.startswith("| 8 | f32 | telemetry | `active_power_w` | W |")]) == 1


def test_the_points_for_myems_are_those_that_its_collector_accepts(tmp_path: Path) -> None:
    """The rules of myems-modbus-tcp/acquisition.py for an address, and what it then stores: value times ratio."""
    numbers, units = plant(tmp_path)
    text = map_text("myems", numbers, "10.1.2.3", 1502)
    row = re.compile(
        r"^\('([^']*)', @source, '(\w+)', '([^']+)', (-?\d+), (-?\d+), ([\d.]+), 1, 0, '([^']*)', '.*'\)[,;]$", re.M
    )
    points = row.findall(text)
    assert len(points) == 3 * (7 + 24)
    stored: dict[str, float] = {}
    for name, kind, unit, high, low, ratio, place in points:
        address = json.loads(place)
        assert set(address) == {"slave_id", "function_code", "offset", "number_of_registers", "format", "byte_swap"}
        assert address["slave_id"] >= 1
        assert (address["function_code"], address["byte_swap"]) == (4, False)
        assert kind in ("ENERGY_VALUE", "ANALOG_VALUE", "DIGITAL_VALUE")
        assert int(low) < int(high)
        assert unit
        data = units.read(address["slave_id"], address["offset"], address["number_of_registers"])
        assert isinstance(data, bytes)
        stored[name] = struct.unpack(address["format"], data)[0] * float(ratio)
    assert stored["pump-2 active_power_w"] == 2 * POWER_W
    assert abs(stored["pump-3 energy_counted_import_kwh"] - 3 * ENERGY_WH / 1000) < 1e-3, "of DECIMAL(18, 3)"
    assert json.loads(re.findall(r"'modbus-tcp', '([^']*)'", text)[0]) == {"host": "10.1.2.3", "port": 1502}


def test_names_are_quoted_for_sql(tmp_path: Path) -> None:
    numbers = MotorNumbers(tmp_path / "n")
    numbers.add(["m/o'brien\\pump"])
    assert "('o''brien\\\\pump quality'," in map_text("myems", numbers, "h", 502)


def test_the_docs_show_the_bit_of_each_flag() -> None:
    page = Path(__file__).parents[4].joinpath("docs", "reference", "mqtt.md").read_text(encoding="utf-8")
    shown = {name: 1 << int(bit) for bit, name in re.findall(r"^\| (\d+) \| ([A-Z_]+) \|", page, re.MULTILINE)}
    assert shown == {flag.name: flag.value for flag in Quality if flag}
