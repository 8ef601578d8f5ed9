"""The profile of a related model: the rejected registers are a finding of `read` and `commission`."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support.basics import HandClock

from agent.acquisition.scheduler import PolledDevice
from agent.cli import main
from agent.cli.read_view import read_completely
from agent.commissioning.discovery.identify import models_at
from agent.commissioning.selfcheck.reasons import CAUSE_AND_MODELS, MAP_REGISTERS_REJECTED, MODELS_MATCHING
from agent.commissioning.wizard.reasons import NOT_CHECKED
from drivers.modbus_device import ModbusDevice
from drivers.profiles import load_profile, profile_ids
from simulators.bus.memory import MemoryLink
from simulators.bus.tcp import TcpBus
from simulators.devices.device import SimulatedDevice
from simulators.devices.identity import identification, identity_values, identity_words
from simulators.devices.reference_motor import MotorParameters, ReferenceMotor

PLANT = """
[site]
id = "x"
gateway = "gw"
[store]
state_dir = "{folder}/state"
[bus.b]
tcp = "{where}"
poll_interval = "200ms"
[{kind}.d]
bus = "b"
unit_id = 7
profile = "{profile}"
"""
METER = 'measuring_point = "feeder"\nclass = "1"\nwiring = "3P4W"\n'
DRIVE = 'comm_loss = "not used"\nkw = 55\n'


def run_command(folder: Path, is_a: str, called: str, *command: str) -> Result:
    """The command's words about a device of model `is_a` that is configured as `called`."""
    profile = load_profile(is_a)
    plant = ReferenceMotor(MotorParameters(55, 1475.0, 4, 400.0, True, 0.94, 0.85), 0.7, 3, profile.kind == "vfd")
    truth = {**(plant.drive(5.0) if profile.kind == "vfd" else plant.meter(5.0)), **identity_values(profile)}

    async def scene() -> Result:
        bus = TcpBus([SimulatedDevice(7, profile, lambda: truth, rating_kw=55, extra=identity_words(profile))])
        kind = "drive" if profile.kind == "vfd" else "meter"
        text = PLANT.format(folder=folder, where=await bus.start(), kind=kind, profile=called)
        file = folder / "plant.toml"
        file.write_text(text + (METER if kind == "meter" else DRIVE), encoding="utf-8")
        words = [command[0], str(file), *command[1:]]
        try:
            return await asyncio.to_thread(CliRunner().invoke, main, words)
        finally:
            await bus.stop()

    return asyncio.run(scene())


@pytest.mark.text
@pytest.mark.parametrize(
    ("is_a", "called", "named"),
    [
        ("delta/c2000", "delta/vfd-b", "drive_temperature"),
        ("schneider/iem3000", "schneider/pm5000", "apparent_power_l1"),
        ("carlo-gavazzi/em24", "carlo-gavazzi/em340", ""),
        ("siemens/pac2200", "siemens/pac3200", ""),
    ],
)
def test_read_lists_rejected_registers_and_the_probable_model(
    tmp_path: Path, is_a: str, called: str, named: str
) -> None:
    done = run_command(tmp_path, is_a, called, "read")
    assert done.exit_code == 1
    (finding,) = [line for line in done.stderr.splitlines() if called in line and line.startswith("finding")]
    assert is_a in finding
    assert named in finding
    assert "(good)" not in done.stdout
    assert done.stdout.splitlines()[0].startswith("d  ")


@pytest.mark.text
@pytest.mark.parametrize("model", ["delta/c2000", "schneider/pm5000", "eastron/sdm630", "abb/b23"])
def test_a_correct_profile_is_not_questioned(tmp_path: Path, model: str) -> None:
    done = run_command(tmp_path, model, model, "read")
    assert done.exit_code == 0, done.output
    assert "finding" not in done.output
    assert done.stdout.startswith(("d  (good)", "d  (good; "))


def test_json_has_the_rejected_quantities(tmp_path: Path) -> None:
    done = run_command(tmp_path, "delta/c2000", "delta/vfd-b", "read", "--json")
    body = json.loads(done.stdout)
    assert body["rejected"] == ["drive_temperature_degc"]
    assert "drive_temperature_degc" not in body["values"]


def test_commission_leaves_it_an_open_point(tmp_path: Path) -> None:
    done = run_command(tmp_path, "siemens/pac2200", "siemens/pac3200", "commission", "--batch", "--readings", "3")
    assert done.exit_code == 1
    assert "siemens/pac2200" in done.output
    (record,) = (tmp_path / "commissioning").glob("*.json")
    body = json.loads(record.read_text(encoding="utf-8"))
    (point,) = [point for point in body["open_points"] if point["code"] != NOT_CHECKED]
    assert point["code"] == CAUSE_AND_MODELS
    cause, models = point["data"]["cause"], point["data"]["models"]
    assert cause["code"] == MAP_REGISTERS_REJECTED
    assert {name: cause["data"][name] for name in ("device", "n", "total", "profile")} == {
        "device": "d", "n": 14, "total": 37, "profile": "siemens/pac3200",
    }  # fmt: skip
    assert models == {"code": MODELS_MATCHING, "data": {"models": ["siemens/pac2200"]}}
    assert body["result"]["devices"]["d"]["failed"] == [], "an absent register publishes no UNVERIFIED value"


def test_commission_has_no_open_point_for_a_correct_profile(tmp_path: Path) -> None:
    done = run_command(tmp_path, "siemens/pac2200", "siemens/pac2200", "commission", "--batch", "--readings", "3")
    assert done.exit_code == 0, done.output
    (record,) = (tmp_path / "commissioning").glob("*.json")
    body = json.loads(record.read_text(encoding="utf-8"))
    assert {point["code"] for point in body["open_points"]} == {NOT_CHECKED}, "no statement is confirmed"


@pytest.mark.soak
def test_exception_responses_name_the_right_model_of_each_pair_of_one_manufacturer() -> None:
    """One model is served, the other configured. If no register is rejected, there is no finding."""
    asked: Counter[str] = Counter()
    for is_a, called in permutations(profile_ids(), 2):
        one, other = load_profile(is_a), load_profile(called)
        modbus = {one.dialect, other.dialect} <= {"modbus", "sunspec"}
        if not modbus or one.kind != other.kind or is_a.split("/")[0] != called.split("/")[0]:
            continue
        plant = ReferenceMotor(MotorParameters(55, 1475.0, 4, 400.0, True, 0.94, 0.85), 0.6, 3, True)
        truth = {**(plant.drive(5.0) if one.kind == "vfd" else plant.meter(5.0)), **identity_values(one)}
        device = SimulatedDevice(
            7, one, lambda truth=truth: truth, rating_kw=55, extra=identity_words(one),  # type: ignore[misc]
            identification=identification(one),
        )  # fmt: skip
        link = MemoryLink([device], HandClock())
        polled = PolledDevice(ModbusDevice("d", other, 7, link, HandClock()), 1.0, {})
        asyncio.run(read_completely(polled))
        asked["pairs"] += 1
        if polled.device.unsupported.registers:
            models = asyncio.run(models_at(link, 7, other, 0.3, 0.0))
            asked["told"] += 1
            asked["right"] += models is not None and is_a in models.data["models"]
    print(dict(asked))
    assert asked["pairs"] >= 60
    assert asked["told"] > 0.6 * asked["pairs"]
    assert asked["right"] >= 0.95 * asked["told"]
