"""`magwatt identify`: what is printed, and that its table passes `check`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner
from identifykit import UNIT, look, names, served

from agent.cli import main
from agent.discover.paste import to_toml
from agent.discover.scan_result import Target
from drivers.eavesdrop import Setting
from drivers.profiles import load_profile
from simulators.bus.nameplate import Nameplate
from simulators.bus.tcp import TcpBus
from simulators.devices.named import nameplate

HEAD = '[site]\nid = "test"\ngateway = "gw"\n\n[store]\nstate_dir = "state"\n\n'


def check(tmp_path: Path, toml: str) -> tuple[int, str]:
    file = tmp_path / "plant.toml"
    file.write_text(HEAD + toml)
    done = CliRunner().invoke(main, ["check", str(file)])
    return done.exit_code, done.output


@pytest.mark.parametrize("name", ["eastron/sdm630", "schneider/pm5000", "abb/b23", "sunspec/meter-203"])
def test_a_meters_table_passes_check_as_it_stands(tmp_path: Path, name: str) -> None:
    target = Target(host="192.0.2.40", rtu=True, setting=Setting(9600, 8, "E"))
    known = look(served(load_profile(name), 0))
    assert known.conclusive
    code, told = check(tmp_path, to_toml(target, target.setting, [known]))
    assert code == 0, told


@pytest.mark.parametrize("name", ["yaskawa/ga800", "abb/acs880", "invt/gd200a"])
def test_a_drives_table_waits_for_one_decision(tmp_path: Path, name: str) -> None:
    """comm_loss is the only finding; said, the table passes."""
    target = Target(serial="/dev/ttyUSB9", setting=Setting(19200, 8, "E"))
    known = look(served(load_profile(name), 0))
    assert known.conclusive
    toml = to_toml(target, target.setting, [known, look(served(load_profile("eastron/sdm630"), 0))])
    toml = toml.replace("unit_id = 7", "unit_id = 8", 1).replace("-7]", "-8]", 1)
    code, told = check(tmp_path, toml)
    assert code == 1, told
    assert [line for line in told.splitlines() if line.startswith("finding")] == [
        line for line in told.splitlines() if "comm_loss" in line
    ]
    code, told = check(tmp_path, toml.replace('# comm_loss = "not used"', 'comm_loss = "not used"'))
    assert code == 0, told


def test_a_list_leaves_the_choice_to_a_person(tmp_path: Path) -> None:
    target = Target(serial="/dev/ttyUSB9", setting=Setting(19200, 8, "E"))
    known = look(served(load_profile("schneider/atv320"), 0))
    assert names(known) == ["schneider/atv320", "schneider/atv630"] or set(names(known)) > {"schneider/atv320"}
    toml = to_toml(target, target.setting, [known])
    assert check(tmp_path, toml)[0] == 2, "no profile is chosen for anybody"
    chosen = toml.replace('# profile = "schneider/atv320"', 'profile = "schneider/atv320"')
    assert check(tmp_path, chosen)[0] == 1


def test_the_command_names_a_device_on_a_real_port() -> None:
    async def scene() -> tuple[int, str]:
        profile = load_profile("schneider/pm5000")
        bus = TcpBus([served(profile, 0)], nameplates={UNIT: nameplate(profile)})
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


def test_the_watchdog_is_spoken_of_before_the_first_question_and_in_the_toml() -> None:
    """No bus is there: the warning comes first. What is pasted says it again, with the drive's own parameters."""
    done = CliRunner().invoke(main, ["identify", "--tcp", "127.0.0.1:1", "--unit-id", "1", "--allow-fc03"])
    assert done.output.index("communication watchdog") < done.output.index("127.0.0.1:1: ")
    target = Target(serial="/dev/ttyUSB9", setting=Setting(19200, 8, "E"))
    toml = to_toml(target, target.setting, [look(served(load_profile("yaskawa/ga800"), 0))])
    assert "Polling may arm, feed or mask its communication watchdog" in toml
    assert "H5-09" in toml


def test_a_model_that_is_not_in_the_library_is_exit_1() -> None:
    """A Danfoss of a series that nobody described, with the map of its relatives."""

    async def scene() -> tuple[int, str]:
        stranger = Nameplate(server_id=b"\x01\xffVLT Midi Drive FC 280")
        bus = TcpBus([served(load_profile("danfoss/fc302"), 0)], nameplates={UNIT: stranger})
        place = await bus.start()
        try:
            return await asyncio.to_thread(
                _in_process, ["identify", "--tcp", place, "--unit-id", str(UNIT), "--allow-fc03"]
            )
        finally:
            await bus.stop()

    code, out = asyncio.run(scene())
    assert code == 1
    assert out.startswith(f"# unit {UNIT}: unknown model, nearest danfoss/")
    assert "FC 280" in out


def _in_process(words: list[str]) -> tuple[int, str]:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-P", "-c", "from agent.cli import main; main()", *words],
        capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_nobody_at_that_unit_is_one_line() -> None:
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
    assert "unit 9" in out
