"""`magwatt identify`: its output, and that its TOML passes `check`."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.identification import UNIT, look, names, served

from agent.cli import main
from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery.config_snippet import to_toml
from agent.commissioning.discovery.scan_result import Target
from agent.config.reasons import METER_PARITY_UNUSUAL
from drivers.profiles import load_profile
from drivers.serial_sniffer import SerialSetting
from simulators.bus.tcp import TcpBus
from simulators.devices.identity import DeviceIdentification, identification

HEAD = '[site]\nid = "test"\ngateway = "gw"\n\n[store]\nstate_dir = "state"\n\n'


def check(tmp_path: Path, toml: str) -> tuple[int, list[str]]:
    """Exit code of `check`, and the keys of its findings."""
    file = tmp_path / "plant.toml"
    file.write_text(HEAD + toml)
    done = CliRunner().invoke(main, ["check", str(file), "--json"])
    items = [json.loads(line) for line in done.stdout.splitlines()]
    return done.exit_code, [item["key"] for item in items if item["level"] == "finding"]


@pytest.mark.parametrize("name", ["eastron/sdm630", "schneider/pm5000", "abb/b23", "sunspec/meter-203"])
def test_the_table_of_a_meter_passes_check(tmp_path: Path, name: str) -> None:
    target = Target(host="192.0.2.40", rtu=True, setting=SerialSetting(9600, 8, "E"))
    known = look(served(load_profile(name), 0))
    assert known.conclusive
    assert check(tmp_path, to_toml(target, target.setting, [known])) == (0, [])


@pytest.mark.parametrize("name", ["yaskawa/ga800", "abb/acs880", "invt/gd200a"])
def test_the_table_of_a_drive_needs_one_decision(tmp_path: Path, name: str) -> None:
    """comm_loss is the only finding; with it the table passes."""
    target = Target(serial="/dev/ttyUSB9", setting=SerialSetting(19200, 8, "E"))
    known = look(served(load_profile(name), 0))
    assert known.conclusive
    toml = to_toml(target, target.setting, [known, look(served(load_profile("eastron/sdm630"), 0))])
    toml = toml.replace("unit_id = 7", "unit_id = 8", 1).replace("-7]", "-8]", 1)
    code, findings = check(tmp_path, toml)
    assert code == 1
    assert [key.rpartition(".")[2] for key in findings] == ["comm_loss"]
    assert check(tmp_path, toml.replace('# comm_loss = "not used"', 'comm_loss = "not used"')) == (0, [])


def test_a_list_leaves_the_choice_to_the_operator(tmp_path: Path) -> None:
    target = Target(serial="/dev/ttyUSB9", setting=SerialSetting(19200, 8, "E"))
    known = look(served(load_profile("schneider/atv320"), 0))
    assert names(known) == ["schneider/atv320", "schneider/atv630"] or set(names(known)) > {"schneider/atv320"}
    toml = to_toml(target, target.setting, [known])
    assert check(tmp_path, toml) == (1, ["bus"]), "no profile is chosen automatically: there is no device to poll"
    keys = ("[", "bus = ", "unit_id = ", 'profile = "schneider/atv320"', "comm_loss = ")
    lines = (line.removeprefix("# ") for line in toml.splitlines())
    chosen = "\n".join(line if line.startswith(keys) else f"# {line}" for line in lines)
    assert check(tmp_path, toml[: toml.index("#")] + chosen[chosen.index("[drive") :]) == (0, [])


def test_the_command_names_a_device_on_a_real_port() -> None:
    async def scene() -> tuple[int, str]:
        profile = load_profile("schneider/pm5000")
        device = served(profile, 0)
        device.identification = identification(profile)
        bus = TcpBus([device])
        place = await bus.start()
        try:
            words = ["identify", "--tcp", place, "--unit-id", str(UNIT), "--allow-fc03"]
            done = await asyncio.to_thread(_in_process, words)
        finally:
            await bus.stop()
        return done

    code, out = asyncio.run(scene())
    assert code == 0
    assert 'profile = "schneider/pm5000"' in out
    assert "[meter.meter-7]" in out


@pytest.mark.text
def test_the_warning_of_the_watchdog_precedes_the_first_request() -> None:
    """There is no bus: the warning is printed before the connection fails."""
    done = CliRunner().invoke(main, ["identify", "--tcp", "127.0.0.1:1", "--unit-id", "1", "--allow-fc03"])
    assert done.exit_code == 2
    assert done.output.index("communication watchdog") < done.output.index("127.0.0.1:1: ")


def test_the_toml_of_a_drive_names_the_parameter_of_its_watchdog() -> None:
    target = Target(serial="/dev/ttyUSB9", setting=SerialSetting(19200, 8, "E"))
    toml = to_toml(target, target.setting, [look(served(load_profile("yaskawa/ga800"), 0))])
    (line,) = [line for line in toml.splitlines() if "H5-09" in line]
    assert line.startswith("# ")


def test_a_model_that_is_not_in_the_library_is_exit_1() -> None:
    """A Danfoss of a series without profile, with the map of a related series."""

    async def scene() -> tuple[int, str]:
        device = served(load_profile("danfoss/fc302"), 0)
        device.identification = DeviceIdentification(server_id=b"\x01\xffVLT Midi Drive FC 280")
        bus = TcpBus([device])
        place = await bus.start()
        try:
            words = ["identify", "--tcp", place, "--unit-id", str(UNIT), "--allow-fc03", "--json"]
            return await asyncio.to_thread(_in_process, words)
        finally:
            await bus.stop()

    code, out = asyncio.run(scene())
    assert code == 1
    body = json.loads(out)
    assert body["unit_id"] == UNIT
    assert body["in_library"] is False
    assert body["conclusive"] is False
    assert "FC 280" in body["identification"]
    assert all(model["profile"].startswith("danfoss/") for model in body["models"])
    assert {reason["code"] for model in body["models"] for reason in model["against"]} >= {
        codes.REPORTED_IDENTIFICATION
    }


def _in_process(words: list[str]) -> tuple[int, str]:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-P", "-c", "from agent.cli import main; main()", *words],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_a_unit_without_response_is_one_line() -> None:
    async def scene() -> tuple[int, str]:
        bus = TcpBus([served(load_profile("schneider/pm5000"), 0)])
        place = await bus.start()
        try:
            return await asyncio.to_thread(_in_process, ["identify", "--tcp", place, "--unit-id", "9"])
        finally:
            await bus.stop()

    code, out = asyncio.run(scene())
    assert code == 1
    assert out.count("\n") == 1
    assert re.search(r"\b9\b", out)


@pytest.mark.parametrize(("line", "noted"), [("2400 8E1", False), ("2400 8N1", True), ("2400 8O1", True)])
def test_a_meter_with_a_parity_that_no_meter_has_is_noted(line: str, noted: bool) -> None:
    """Each byte has eight data bits and even parity (DL/T 645-2007)."""
    done = CliRunner().invoke(main, ["identify", "--serial", "/dev/none", "--line", line, "--unit-id", "000000000161"])
    assert (str(METER_PARITY_UNUSUAL()) in done.output) == noted
