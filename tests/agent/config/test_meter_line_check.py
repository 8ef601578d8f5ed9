"""Meters of DL/T 645 in a configuration: each mistake is one problem, and the step of the counter is stated."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.acquisition.poll_plan import METER_POLL_TIME, plan
from agent.config import reasons as codes
from agent.config.loader import ConfigError, load_config
from agent.config.transformer_ratio import energy_range_kwh, energy_step_kwh
from drivers.reasons import Reason

PLANT = """
[site]
id = "mill"
gateway = "gw"

[bus.line]
serial = "/dev/ttyUSB9"
line = "2400 8E1"
framing = "dlt645"
poll_interval = "5s"

[meter.feeder]
bus = "line"
unit_id = "000000000161"
profile = "generic/dlt645-three-wire"
measuring_point = "motor"
wiring = "3P3W"
ct = "200/5"
vt = "10000/100"
ct_class = "0.5"
vt_class = "0.5"
ratio_applied_by = "agent"
class = "0.5S"

[motor.fan]
kind = "induction"
kw = 160
rpm = 1480
poles = 4
volts = 10000
fed_by = "feeder"
"""
MODBUS = """
[meter.other]
bus = "line"
unit_id = 7
profile = "eastron/sdm630"
measuring_point = "feeder"
class = "1"
"""


def problems(folder: Path, text: str) -> list[tuple[str, Reason]]:
    file = folder / "plant.toml"
    file.write_text(text, encoding="utf-8")
    try:
        load_config(file)
    except ConfigError as error:
        return [(item.key, item.reason) for item in error.problems]
    return []


def notes(folder: Path, text: str) -> dict[str, Reason]:
    (folder / "plant.toml").write_text(text, encoding="utf-8")
    _, report = load_config(folder / "plant.toml")
    return {item.key: item.reason for item in report.notes}


def test_the_address_is_the_number_on_the_label(tmp_path: Path) -> None:
    (tmp_path / "plant.toml").write_text(PLANT, encoding="utf-8")
    config, _ = load_config(tmp_path / "plant.toml")
    assert config.meters["feeder"].unit_id == 161
    assert (config.buses["line"].framing, config.buses["line"].line) == ("dlt645", (2400, 8, "E", 1))


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ('"000000000161"', "161", "meter.feeder.unit_id", codes.METER_ADDRESS_EXPECTED()),
        ('"000000000161"', '"00000000016A"', "meter.feeder.unit_id", codes.METER_ADDRESS_EXPECTED()),
        ('"000000000161"', '"161"', "meter.feeder.unit_id", codes.METER_ADDRESS_EXPECTED()),
        ('"000000000161"', '"AAAAAAAAAAAA"', "meter.feeder.unit_id", codes.METER_ADDRESS_EXPECTED()),
        ('framing = "dlt645"', "", "meter.feeder.bus", codes.METER_BUS_FRAMING(bus="line")),
        ('ratio_applied_by = "agent"', "", "meter.feeder.ratio_applied_by", codes.METER_RATIO_SECONDARY()),
        ('wiring = "3P3W"', "", "meter.feeder.wiring",
         codes.METER_PROFILE_WIRING(wiring="3P4W", profile="generic/dlt645-three-phase")),
    ],
)  # fmt: skip
def test_a_mistake_is_one_problem(tmp_path: Path, old: str, new: str, key: str, reason: Reason) -> None:
    assert problems(tmp_path, PLANT) == []
    assert problems(tmp_path, PLANT.replace(old, new)) == [(key, reason)]


def test_modbus_and_meters_do_not_share_a_line(tmp_path: Path) -> None:
    assert problems(tmp_path, PLANT + MODBUS) == [("meter.other.bus", codes.MODBUS_ON_METER_BUS(bus="line"))]


def test_a_unit_identifier_of_modbus_is_no_string(tmp_path: Path) -> None:
    text = (PLANT + MODBUS).replace('framing = "dlt645"', "").replace("unit_id = 7", 'unit_id = "000000000007"')
    assert ("meter.other.unit_id", codes.UNIT_ID_EXPECTED()) in problems(tmp_path, text)


def test_two_meters_with_one_address_are_a_problem(tmp_path: Path) -> None:
    second = PLANT[PLANT.index("[meter") : PLANT.index("[motor")].replace("meter.feeder", "meter.second")
    assert problems(tmp_path, PLANT + second) == [
        ("meter.second.unit_id", codes.UNIT_ID_TAKEN(other="meter.feeder", bus="line"))
    ]


def test_a_line_without_even_parity_is_noted(tmp_path: Path) -> None:
    assert notes(tmp_path, PLANT.replace("8E1", "8N1"))["bus.line.line"] == codes.METER_PARITY_UNUSUAL()


def test_a_counter_with_steps_of_40_kwh_shows_no_saving_of_a_quarter_of_an_hour(tmp_path: Path) -> None:
    """0.01 kWh · 200/5 · 10000/100 = 40 kWh, which 160 kW use in 15 min; ten steps take 2.5 h."""
    found = notes(tmp_path, PLANT)["meter.feeder.profile"]
    assert found.code == codes.ENERGY_STEP_COARSE
    assert found.data == pytest.approx({"step_kwh": 40.0, "quarter_kwh": 40.0, "hours": 2.5})
    config, _ = load_config(tmp_path / "plant.toml")
    assert energy_step_kwh(config.meters["feeder"], "energy_import") == pytest.approx(40.0)
    assert energy_range_kwh(config.meters["feeder"], "energy_import") == pytest.approx(4e9)


def test_a_direct_meter_has_no_such_note(tmp_path: Path) -> None:
    direct = "\n".join(line for line in PLANT.splitlines() if not line.startswith(("ct", "vt")))
    assert "meter.feeder.profile" not in notes(tmp_path, direct)


def test_the_plan_knows_the_time_of_four_items_at_2400_bd(tmp_path: Path) -> None:
    """40 characters of frames each, 38 of values, 11 bits each: 0.91 s, and 4 × 20 … 500 ms of the meter."""
    file = tmp_path / "plant.toml"
    file.write_text(PLANT.replace("three-wire", "three-phase").replace("3P3W", "3P4W"), encoding="utf-8")
    (found,) = plan(load_config(file)[0])
    assert [item.block.count for item in found.blocks if item.group == "fast"] == [2, 3, 6, 8]
    (note,) = found.notes
    silences_s = 4 * (3.5 * 11 / 2400 + 0.02)
    frames_s = (4 * 40 + 38) * 11 / 2400
    assert note.code == METER_POLL_TIME
    assert note.data["shortest_s"] == pytest.approx(frames_s + silences_s + 4 * 0.02, abs=1e-6)
    assert note.data["longest_s"] == pytest.approx(frames_s + silences_s + 4 * 0.5, abs=1e-6)
    assert (1.0 < note.data["shortest_s"] < 1.2, 2.8 < note.data["longest_s"] < 3.1) == (True, True)
    assert not found.problems, "5 s leave a margin for retries"
