"""Commissioning of a simulated pump station: findings, stored results, and their use by `run`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from support.basics import HandClock
from support.plant_clock import PlantClock, link_to

from agent.acquisition.pollers import pollers
from agent.acquisition.selfcheck_results import save_check, stored_checks
from agent.commissioning.selfcheck.model import SelfcheckFinding, SelfcheckOutcome, device_set_of
from agent.commissioning.selfcheck.reasons import CT_APPLIED_BY_METER_OPTION, CT_SETTING_WRONG, MAP_MISMATCH
from agent.commissioning.wizard import reasons as codes
from agent.commissioning.wizard.answers import Answer, Question
from agent.commissioning.wizard.questions import nameplate
from agent.commissioning.wizard.record import CommissioningRecord, CommissioningStep, as_markdown
from agent.commissioning.wizard.wizard import Dialogue, Wizard, with_models
from agent.config.loader import load_config
from agent.delivery.store import Store
from drivers.error_reasons import CONNECTION_CLOSED
from drivers.errors import LinkClosed
from drivers.reading import Quality, Reading, RegisterLink
from drivers.reasons import Reason
from simulators.scenarios.pump_station import PumpStation

PLANT = """
[site]
id = "x"
gateway = "gw"
timezone = "Asia/Shanghai"
[store]
state_dir = "state"
[bus.north]
tcp = "{where}"
poll_interval = "200ms"
[meter.mcc-1]
bus = "north"
unit_id = 1
profile = "schneider/pm5000"
measuring_point = "motor"
class = "0.5"
{ratio}
[meter.mcc-2]
bus = "north"
unit_id = 11
profile = "eastron/sdm630"
measuring_point = "drive-input"
class = "0.5"
[drive.vfd-2]
bus = "north"
unit_id = 31
profile = "yaskawa/ga800"
fed_by = "mcc-2"
kw = 55
{comm_loss}
[motor.pump-1]
name = "1#泵"
kind = "induction"
kw = 55
rpm = 1475
poles = 4
volts = 400
amps = 100.2
fed_by = "mcc-1"
[motor.pump-2]
kind = "pm"
kw = 55
rpm = 1500
poles = 8
volts = 372
amps = 99.6
fed_by = "vfd-2"
"""
RIGHT = 'ct = "150/5"\nct_class = "0.5"'
FORGOTTEN = 'ct = "300/5"\nct_class = "0.5"\nratio_applied_by = "agent"'  # the meter applies its ratio itself
LOOKED_AT = 'comm_loss = "not used"'


class Scene:
    """The plant on a TCP gateway, a store, and the replies of an operator."""

    def __init__(self, folder: Path, ratio: str, comm_loss: str, no_to: str = "", only: str = "") -> None:
        self.folder, self.no_to, self.only = folder, no_to, [only] if only else []
        self.ratio, self.comm_loss = ratio, comm_loss
        self.printed: list[str] = []
        self.statements: list[Reason] = []
        self.readings: list[Reading] = []

    def answer(self, question: Question) -> Answer:
        self.statements.append(question.statement)
        return Answer("no", "7.5 kW") if question.statement.code == self.no_to else Answer("yes")

    async def run(self) -> list[list[Reason]]:
        """Open points per asset; afterwards one reading of each device with the result in force."""
        plant = PumpStation(Random(3))
        clock = PlantClock(plant)
        link_of = link_to([*plant.tcp_devices, *plant.rtu_devices], clock)
        path = self.folder / "plant.toml"
        path.write_text(
            PLANT.format(where="127.0.0.1:502", ratio=self.ratio, comm_loss=self.comm_loss), encoding="utf-8"
        )
        plant.step(0.1)
        self.config, _ = load_config(path)
        store = Store(self.config.state_dir, clock)
        dialogue = Dialogue(self.printed.append, self.answer)
        try:
            wizard = Wizard(self.config, store, self.folder / "records", "Li Wei", dialogue, clock, link_of)
            records = await wizard.run(self.only, 3)
            for poller in pollers(self.config, clock, lambda reading: None, link_of=link_of):
                self.readings += [await polled.device.poll() for polled in poller.devices]
            self.kept = stored_checks(self.config)
        finally:
            store.close()
        return [record.open_points for record in records]

    def files(self) -> list[Path]:
        return sorted((self.folder / "records").iterdir())

    def reading(self, name: str) -> Reading:
        return next(reading for reading in self.readings if reading.device == name)


def test_a_correct_plant_has_no_open_points_and_a_complete_record(tmp_path: Path) -> None:
    scene = Scene(tmp_path, RIGHT, LOOKED_AT)
    assert asyncio.run(scene.run()) == [[], []]
    assert scene.printed.index("\n1#泵 (pump-1)") == 1, "only the announcement of the self-check"
    by_code = {statement.code: statement.data for statement in scene.statements}
    assert codes.PLATE["power_kw"](power_kw=55) in by_code[codes.NAMEPLATE_MATCHES]["entries"]
    assert (by_code[codes.CTS_MATCH]["primary_a"], by_code[codes.CTS_MATCH]["secondary_a"]) == (150, 5)
    assert by_code[codes.WATCHDOG_CHECKED]["setting"] == "not used"
    record = json.loads(next(file for file in scene.files() if file.suffix == ".json").read_text(encoding="utf-8"))
    assert record["by"] == "Li Wei"
    assert record["title"] == "1#泵"
    assert record["when"].endswith("+0800")
    assert record["config_hash"] == scene.config.hash
    assert record["open_points"] == []
    assert record["nameplate"]["power_kw"] == 55
    assert {step["statement"]["code"] for step in record["steps"]} >= {"nameplate_matches", "display_matches"}
    verdict = record["result"]["devices"]["mcc-1"]["verdicts"]["active_power"]
    assert verdict["outcome"] == "passed"
    assert verdict["reason"].keys() == {"code", "data", "text"}
    assert not any(Quality.UNVERIFIED in flag for reading in scene.readings for flag in reading.flags.values())


@pytest.mark.text
def test_the_markdown_record_has_the_values_and_the_open_points(tmp_path: Path) -> None:
    scene = Scene(tmp_path, RIGHT, LOOKED_AT, only="pump-1")
    asyncio.run(scene.run())
    text = next(file for file in scene.files() if file.suffix == ".md").read_text(encoding="utf-8")
    assert "| active_power | " in text
    assert "## Open points\n\nnone" in text
    assert "- power 55 kW" in text
    assert "150/5 A" in text


def test_unverified_registers_are_read_after_a_check_confirmed_them(tmp_path: Path) -> None:
    name = "reactive_energy_import"  # of the PM5000's map
    path = tmp_path / "plant.toml"
    path.write_text(PLANT.format(where="127.0.0.1:502", ratio=RIGHT, comm_loss=LOOKED_AT), encoding="utf-8")
    config, _ = load_config(path)
    store = Store(tmp_path / "state", HandClock())
    (poller,) = pollers(config, HandClock(), lambda reading: None)
    polled = next(item for item in poller.devices if item.device.name == "mcc-1")
    assert name not in polled.device.names()
    save_check(store, config, "mcc-1", 1, failed=(), verified=(name,), findings=[])
    (poller,) = pollers(config, HandClock(), lambda reading: None)
    polled = next(item for item in poller.devices if item.device.name == "mcc-1")
    assert name in polled.device.names()


def test_a_wrong_ratio_is_named_and_published_as_unverified(tmp_path: Path) -> None:
    scene = Scene(tmp_path, FORGOTTEN, LOOKED_AT, only="pump-1")
    (points,) = asyncio.run(scene.run())
    wrong = [point.data for point in points if point.code == CT_SETTING_WRONG]
    assert len(wrong) == 1, points
    assert wrong[0]["device"] == "mcc-1"
    assert wrong[0]["factor"] == pytest.approx(60)
    assert CT_APPLIED_BY_METER_OPTION() in wrong[0]["corrections"]
    assert any(line.startswith("  ! ") and "mcc-1" in line and "300/5" in line for line in scene.printed)
    kept = scene.kept["mcc-1"]
    assert kept
    assert kept.findings == tuple(map(str, points))
    flags = scene.reading("mcc-1").flags
    assert Quality.UNVERIFIED in flags["active_power"]
    assert Quality.UNVERIFIED in flags["current_l1"]
    assert "voltage_l1n" not in flags


def test_a_no_stays_open(tmp_path: Path) -> None:
    scene = Scene(tmp_path, RIGHT, LOOKED_AT, no_to=codes.NAMEPLATE_MATCHES, only="pump-1")
    ((point,),) = asyncio.run(scene.run())
    assert point.code == codes.NOT_CONFIRMED_ACTUAL
    assert point.data["statement"].code == codes.NAMEPLATE_MATCHES
    assert point.data["actual"] == "7.5 kW"
    assert scene.printed.index("\n1#泵 (pump-1)") == 2, "also why devices of other motors are read"


def test_a_drive_with_unstated_watchdog_setting_is_not_polled(tmp_path: Path) -> None:
    scene = Scene(tmp_path, RIGHT, "", only="pump-2")
    (points,) = asyncio.run(scene.run())
    assert codes.POLLING_DISABLED(device="vfd-2") in points
    assert "vfd-2" not in scene.kept


def test_a_bus_that_closes_during_the_model_search_loses_no_result(tmp_path: Path) -> None:
    """The readings took minutes; only the similar models are missing."""

    class Closed:
        async def read_block(self, *request: Any, **more: Any) -> bytes:
            raise LinkClosed(CONNECTION_CLOSED, peer="192.0.2.40:502")

    path = tmp_path / "plant.toml"
    path.write_text(PLANT.format(where="127.0.0.1:502", ratio=RIGHT, comm_loss=LOOKED_AT), encoding="utf-8")
    bench = device_set_of(load_config(path)[0], {"north": cast(RegisterLink, Closed())})
    finding = SelfcheckFinding(MAP_MISMATCH(device="mcc-2", profile="eastron/sdm630", unit_id=11), (), 1)
    result = asyncio.run(with_models(SelfcheckOutcome(0, 20.0, 3, {}, (finding,)), bench))
    assert result.findings == (finding,)


def test_a_remark_does_not_break_its_table_cell() -> None:
    record = CommissioningRecord(
        "p", "Pump", "s", "g", "abc", "Li Wei", 0, "now",
        steps=[CommissioningStep(codes.DISPLAY_MATCHES(), "no", "7.5 kW | 4 poles\nold")],
    )  # fmt: skip
    (row,) = [line for line in as_markdown(record).splitlines() if "7.5 kW" in line and line.startswith("|")]
    assert " | 7.5 kW \\| 4 poles old | " in row


def test_a_changed_configuration_requires_a_new_check(tmp_path: Path) -> None:
    scene = Scene(tmp_path, RIGHT, LOOKED_AT)
    asyncio.run(scene.run())
    path = tmp_path / "plant.toml"
    path.write_text(path.read_text(encoding="utf-8").replace("150/5", "200/5"), encoding="utf-8")
    config, _ = load_config(path)
    assert stored_checks(config).keys() == {"mcc-2", "vfd-2"}


def test_the_nameplate_to_confirm_states_the_configured_efficiency(tmp_path: Path) -> None:
    file = tmp_path / "plant.toml"
    text = PLANT.format(where="127.0.0.1:1", ratio="", comm_loss='comm_loss = "not used"')
    file.write_text(text.replace('kind = "pm"', 'kind = "pm"\nefficiency = 96.1', 1))
    motor = next(item for item in load_config(file)[0].motors.values() if item.kind == "pm")
    assert nameplate(motor)["efficiency_pct"] == 96.1
    assert codes.PLATE["efficiency_pct"](efficiency_pct=96.1) in codes.plate_entries(nameplate(motor))
