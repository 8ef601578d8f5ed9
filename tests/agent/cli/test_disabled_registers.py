"""Registers that nothing has confirmed: every command reports them, and every command reads them once confirmed."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from support.basics import HandClock

from agent.acquisition.selfcheck_results import (
    REGISTERS_DISABLED,
    REGISTERS_NOT_CONFIRMED,
    REGISTERS_STATE_UNREADABLE,
    disabled_registers,
    log_checks,
    save_check,
)
from agent.cli import main
from agent.config.loader import load_config
from agent.config.model import Config
from agent.delivery.store import Store
from agent.delivery.store.database_file import NAME
from agent.runtime.assembly import Agent, AgentOptions
from drivers.profiles import load_profile
from drivers.vocabulary import metric_name_of
from simulators.bus.tcp import TcpBus
from simulators.devices.device import SimulatedDevice
from simulators.devices.reference_motor import MotorParameters, ReferenceMotor

# Commands that send requests to the devices of a configuration or plan them, and those that do not
POLLING = {"run", "read", "plan", "check", "doctor", "explain", "commission"}
OTHERS = {
    "adjustment", "alarms", "backup", "baseline", "certificate", "compile", "condition", "contract", "demo", "fleet",
    "health", "identify", "import", "init", "ledger", "maintenance", "modbus-server", "opcua", "profiles", "replay",
    "report", "restore", "resume", "scan", "simulate", "watch", "web",
}  # fmt: skip
CONFIRMED = ("motor_speed", "motor_current", "motor_power", "output_frequency")
PLANT = """
[site]
id = "x"
gateway = "gw"
[store]
state_dir = "state"
[bus.b]
tcp = "{where}"
poll_interval = "200ms"
listen_before_start = "0s"
[drive.vfd-1]
bus = "b"
unit_id = 7
profile = "abb/acs880"
comm_loss = "not used"
[motor.pump]
kind = "induction"
kw = 55
rpm = 1475
poles = 4
volts = 400
fed_by = "vfd-1"
"""


def configured(folder: Path, where: str = "127.0.0.1:1", confirmed: bool = False) -> Config:
    file = folder / "plant.toml"
    file.write_text(PLANT.format(where=where), encoding="utf-8")
    config, _ = load_config(file)
    if confirmed:
        assert config.state_dir is not None
        store = Store(config.state_dir, HandClock())
        save_check(store, config, "vfd-1", 1, failed=("motor_torque",), verified=CONFIRMED[1:], findings=(),
                   by_operator=CONFIRMED[:1])  # fmt: skip
        store.close()
    return config


def run_command(folder: Path, confirmed: bool, *words: str) -> Result:
    """The command with the drive on a loopback bus."""
    profile = load_profile("abb/acs880")
    values = ReferenceMotor(MotorParameters(55, 1475.0, 4, 400.0, True, 0.94, 0.85), 0.7, 3, True).drive(5.0)

    async def scene() -> Result:
        bus = TcpBus([SimulatedDevice(7, profile, lambda: dict(values), rating_kw=55)])
        config = configured(folder, await bus.start(), confirmed)
        try:
            command = [words[0], *words[1:], "--config", str(config.path)]
            return await asyncio.to_thread(CliRunner().invoke, main, command)
        finally:
            await bus.stop()

    return asyncio.run(scene())


def read_json(folder: Path, confirmed: bool) -> tuple[set[str], str]:
    body = json.loads(run_command(folder, confirmed, "read", "--json").stdout)
    return set(body["values"]), str(body["disabled"]["code"])


def plan_json(folder: Path, confirmed: bool) -> tuple[set[str], str]:
    configured(folder, confirmed=confirmed)
    body = json.loads(CliRunner().invoke(main, ["plan", str(folder / "plant.toml"), "--json"]).stdout)
    addresses = {(item["address"], item["address"] + item["count"]) for item in body["blocks"]}
    names = {
        metric_name_of(row.name)
        for row in load_profile("abb/acs880").registers
        if any(begin <= row.address < end for begin, end in addresses)
    }
    return names, str(body["disabled_registers"][0]["code"])


def explain_json(folder: Path, confirmed: bool) -> tuple[set[str], str]:
    body = json.loads(run_command(folder, confirmed, "explain", "pump", "--poll", "--seconds", "1", "--json").stdout)
    return {"motor_current_a" for name in body["signals"] if name == "current_a"}, str(
        body["disabled_registers"][0]["code"]
    )


def agent_names(folder: Path, confirmed: bool) -> tuple[set[str], str]:
    """As `magwatt run` assembles it, also after a reload."""
    config = configured(folder, confirmed=confirmed)
    assert config.state_dir is not None
    store = Store(config.state_dir, HandClock())
    agent = Agent(config, HandClock(), store, AgentOptions(deliver=False, ledger=False))
    agent.connect()
    found = [
        {name for bus in pollers for polled in bus.devices for name in polled.device.names()}
        for pollers in (agent.pollers, agent.new_pollers(config))
    ]
    agent.pipeline.close()
    store.close()
    assert found[0] == found[1]
    return {metric_name_of(name) for name in found[0]}, str(agent.disabled["vfd-1"].code)


@pytest.mark.parametrize("names", [read_json, plan_json, explain_json, agent_names])
def test_a_command_reports_disabled_registers_and_reads_confirmed_ones(
    tmp_path: Path, names: Callable[[Path, bool], tuple[set[str], str]]
) -> None:
    before, code = names(tmp_path, False)
    assert "motor_current_a" not in before
    assert code == REGISTERS_DISABLED
    after, code = names(tmp_path, True)
    assert "motor_current_a" in after
    assert code == REGISTERS_NOT_CONFIRMED


def test_the_reason_counts_and_names_what_is_not_read(tmp_path: Path) -> None:
    """16 of the 17 registers of this map are from memory."""
    before = disabled_registers(configured(tmp_path))["vfd-1"]
    assert before == REGISTERS_DISABLED(n=16, total=17, device="vfd-1", profile="abb/acs880")
    after = disabled_registers(configured(tmp_path, confirmed=True))["vfd-1"]
    assert (after.data["n"], after.data["total"], len(after.data["names"])) == (12, 17, 12)
    assert not set(CONFIRMED) & set(after.data["names"])


def test_an_unreadable_state_file_is_reported_as_the_cause(tmp_path: Path) -> None:
    """Otherwise a user without access would commission again. No user can read a folder as a file."""
    config = configured(tmp_path)
    assert config.state_dir is not None
    (config.state_dir / NAME).mkdir(parents=True)
    reason = disabled_registers(config)["vfd-1"]
    assert reason.code == REGISTERS_STATE_UNREADABLE
    assert reason.data["directory"] == str(config.state_dir)


def test_check_and_doctor_report_them(tmp_path: Path) -> None:
    configured(tmp_path)
    lines = CliRunner().invoke(main, ["check", str(tmp_path / "plant.toml"), "--json"]).stdout.splitlines()
    assert REGISTERS_DISABLED in [json.loads(line)["reason"]["code"] for line in lines]
    lines = run_command(tmp_path, False, "doctor", "--rounds", "1", "--json").stdout.splitlines()
    assert REGISTERS_DISABLED in [json.loads(line)["reason"]["code"] for line in lines]


def test_the_agent_logs_them_and_counts_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = configured(tmp_path)
    with caplog.at_level(logging.WARNING):
        log_checks(config, ["vfd-1"])
    assert caplog.messages == [str(disabled_registers(config)["vfd-1"])]


def test_each_command_is_known_to_poll_or_not() -> None:
    """A new command has to be added here, and to the tests above if it polls."""
    with click.Context(main) as context:
        assert set(main.list_commands(context)) <= POLLING | OTHERS


def test_devices_are_made_in_one_place() -> None:
    """There the stored results are applied; a command that made its own device would not have them."""
    root = Path(__file__).parents[3] / "agent"
    made = [file for file in root.rglob("*.py") if re.search(r"\bModbusDevice\(", file.read_text(encoding="utf-8"))]
    assert [str(file.relative_to(root)) for file in made] == ["acquisition/pollers.py"]
    applied = {file for file in root.rglob("*.py") if ".apply_selfcheck(" in file.read_text(encoding="utf-8")}
    planned = root / "acquisition" / "poll_interval.py"  # the load that all registers cause once they are confirmed
    assert applied == {*made, planned}
