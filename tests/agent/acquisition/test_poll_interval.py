"""The configuration that a scan proposes is one that `check` and `plan` accept, for every model and line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.config_text import load

from agent.acquisition.poll_interval import INTERVALS_S, proposed_interval_s
from agent.acquisition.poll_plan import overloads, plan
from agent.commissioning.discovery.config_snippet import record_of, to_toml
from agent.commissioning.discovery.match import Identified, Match
from agent.commissioning.discovery.scan_result import Target
from agent.config.model import Bus, Config
from drivers.profiles import load_profile, profile_ids
from drivers.register_blocks import usable
from drivers.serial_sniffer import SerialSetting

HEAD = '[site]\nid = "test"\ngateway = "gw"\n\n'
NAMES = [name for name in profile_ids() if load_profile(name).uses_modbus]


def proposal(folder: Path, target: Target, names: list[str]) -> Config:
    """The configuration that is proposed for these models, with the watchdogs of the drives checked."""
    devices = [
        Identified(unit, [Match(load_profile(name), 20.0, True, (), ())], True) for unit, name in enumerate(names, 1)
    ]
    return load(folder, HEAD + to_toml(target, target.setting, devices).replace("# comm_loss", "comm_loss"))


@pytest.mark.parametrize("baud", [1200, 9600, 38400, 115200, None])
def test_the_proposed_load_is_accepted(tmp_path: Path, baud: int | None) -> None:
    """Every model, alone with slow neighbours and on a full line of 32."""
    setting = SerialSetting(baud, 8, "E") if baud else None
    target = Target(serial="/dev/ttyUSB9", setting=setting) if baud else Target(host="192.0.2.40")
    for size in (8, 32):
        for at in range(0, len(NAMES), size):
            config = proposal(tmp_path, target, NAMES[at : at + size])
            assert not list(overloads(config))
            (planned,) = plan(config)
            assert not planned.problems
            devices = (*config.meters.values(), *config.drives.values())
            assert len(devices) == len(NAMES[at : at + size])
            readable = {item.name for item in devices if usable(load_profile(item.profile))}
            assert {block.device for block in planned.blocks} == readable


def test_the_load_counts_registers_that_only_the_commissioning_enables() -> None:
    """Of an ACS880 one value is read before it, and 16 more after it."""
    profile = load_profile("abb/acs880")
    assert sum(row.confidence == "from_memory" for row in profile.registers) > 10
    bus = Bus("line", "/dev/ttyUSB9", (2400, 8, "E", 1), None, "rtu", 1.0, 0.0, None, None)
    assert proposed_interval_s(bus, [record_of("line", 1, profile)]) > 1.0


def test_an_idle_bus_gets_the_default_interval(tmp_path: Path) -> None:
    target = Target(serial="/dev/ttyUSB9", setting=SerialSetting(115200, 8, "E"))
    assert proposal(tmp_path, target, ["eastron/sdm120"]).buses["line"].poll_interval_s == 1.0


def test_intervals_are_valid_durations(tmp_path: Path) -> None:
    for interval_s in INTERVALS_S:
        assert re.fullmatch(r"\d+(\.\d+)?", f"{interval_s:g}")
