"""Data blocks of a PLC in a configuration: each mistake is one problem; the plan names block and byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.acquisition.poll_plan import plan, plan_as_object
from agent.config import loader
from agent.config import reasons as codes
from agent.config.loader import ConfigError, load_config
from agent.config.signals import signal_devices
from agent.config.topology import polled_devices
from drivers.reasons import Reason
from drivers.s7_place import unit_of

PLANT = """
[site]
id = "mill"
gateway = "gw"

[bus.plc-1]
tcp = "192.0.2.60"
framing = "s7"
rack = 0
slot = 2

[drive.stand-1]
bus = "plc-1"
unit_id = "DB100.DBB32"
profile = "siemens/s7-drive"
kw = 400

[motor.stand-1-motor]
kind = "induction"
kw = 400
rpm = 1490
poles = 4
volts = 690
fed_by = "stand-1"

[signal.flow]
bus = "plc-1"
unit_id = "DB10"
address = 4
type = "f32"
unit_of_measure = "m3/h"
motor = "stand-1-motor"
"""


def problems(folder: Path, text: str) -> list[tuple[str, Reason]]:
    (folder / "plant.toml").write_text(text, encoding="utf-8")
    try:
        load_config(folder / "plant.toml")
    except ConfigError as error:
        return [(item.key, item.reason) for item in error.problems]
    return []


def test_a_plc_is_a_bus_and_its_blocks_are_devices(tmp_path: Path) -> None:
    """The drive is polled without a statement on its watchdog: only the PLC has a connection to it."""
    assert problems(tmp_path, PLANT) == []
    config, report = load_config(tmp_path / "plant.toml")
    bus = config.buses["plc-1"]
    assert (bus.tcp, bus.rack_slot, bus.listen_before_start_s) == (("192.0.2.60", 102), (0, 2), 0.0)
    assert [(item.name, item.unit_id) for item in polled_devices(config)] == [("stand-1", unit_of(100, 32))]
    (signals,) = signal_devices(config)
    assert (signals.unit_id, signals.profile.registers[0].address) == (unit_of(10), 2)
    assert not report.findings


def test_rack_and_slot_are_those_of_an_s7_1500_unless_stated(tmp_path: Path) -> None:
    assert problems(tmp_path, PLANT.replace("rack = 0\nslot = 2", "")) == []
    assert load_config(tmp_path / "plant.toml")[0].buses["plc-1"].rack_slot == (0, 1)
    assert problems(tmp_path, PLANT.replace("slot = 2", "slot = 0")) == []
    assert load_config(tmp_path / "plant.toml")[0].buses["plc-1"].rack_slot == (0, 0)


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ('"DB100.DBB32"', "100", "drive.stand-1.unit_id", codes.DATA_BLOCK_EXPECTED()),
        ('"DB100.DBB32"', '"DB100.DBB33"', "drive.stand-1.unit_id", codes.DATA_BLOCK_EXPECTED()),
        ('"DB100.DBB32"', '"DB100.DBW32"', "drive.stand-1.unit_id", codes.DATA_BLOCK_EXPECTED()),
        ('"DB100.DBB32"', '"DB0"', "drive.stand-1.unit_id", codes.DATA_BLOCK_EXPECTED()),
        ('"DB100.DBB32"', '"DB70000"', "drive.stand-1.unit_id", codes.DATA_BLOCK_EXPECTED()),
        ('"DB100.DBB32"', '"7"', "drive.stand-1.unit_id", codes.UNIT_ID_EXPECTED()),
        ('unit_id = "DB10"', 'unit_id = "000000000161"', "signal.flow.unit_id", codes.UNIT_ID_EXPECTED()),
        ('framing = "s7"\nrack = 0\nslot = 2', 'framing = "tcp"', "drive.stand-1.bus",
         codes.PLC_BUS_FRAMING(bus="plc-1")),
        ('"siemens/s7-drive"', '"siemens/g120"\ncomm_loss = "not used"', "drive.stand-1.bus",
         codes.OTHER_ON_PLC_BUS(bus="plc-1")),
        ('framing = "s7"', 'framing = "tcp"', "bus.plc-1.rack", codes.RACK_WITHOUT_PLC(bus="bus.plc-1")),
        ('tcp = "192.0.2.60"', 'serial = "/dev/ttyUSB9"\nline = "19200 8E1"', "bus.plc-1.serial",
         codes.PLC_ON_SERIAL_LINE()),
        ("address = 4", "address = 5", "signal.flow.address", codes.SIGNAL_BYTE_ODD()),
        ('unit_id = "DB10"', "unit_id = 10", "signal.flow.unit_id", codes.DATA_BLOCK_EXPECTED()),
    ],
)  # fmt: skip
def test_a_mistake_is_named_at_its_key(tmp_path: Path, old: str, new: str, key: str, reason: Reason) -> None:
    assert PLANT.count(old) == 1
    assert (key, reason) in problems(tmp_path, PLANT.replace(old, new))


def test_two_devices_at_one_place_and_two_buses_to_one_plc_are_problems(tmp_path: Path) -> None:
    """A second bus would take a second connection of the PLC."""
    second = PLANT[PLANT.index("[drive") : PLANT.index("[motor")].replace("drive.stand-1", "drive.stand-2")
    assert problems(tmp_path, PLANT + second) == [
        ("drive.stand-2.unit_id", codes.UNIT_ID_TAKEN(other="drive.stand-1", bus="plc-1"))
    ]
    bus = PLANT[PLANT.index("[bus") : PLANT.index("[drive")].replace("plc-1", "plc-2")
    assert [key for key, _ in problems(tmp_path, PLANT + bus)] == ["bus.plc-2"]


def test_without_the_library_the_start_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "find_spec", lambda name: None)
    assert ("bus.plc-1.framing", codes.PLC_LIBRARY_MISSING()) in problems(tmp_path, PLANT)


def test_the_plan_names_block_and_byte(tmp_path: Path) -> None:
    """Byte 32 of DB100: fast 20 bytes from 0 on, slow 4 bytes from 32 on; DB10: 4 bytes from 4 on."""
    (tmp_path / "plant.toml").write_text(PLANT, encoding="utf-8")
    (found,) = plan(load_config(tmp_path / "plant.toml")[0])
    places = {(row["device"], row["group"]): row["address"] for row in plan_as_object(found)["blocks"]}
    assert places["stand-1", "fast"] == "DB100.DBB32"
    assert places["stand-1", "slow"] == "DB100.DBB64"
    assert places["signals-plc-1-db10-dbb0", "fast"] == "DB10.DBB4"
    assert not found.problems


def test_thirty_drives_share_requests(tmp_path: Path) -> None:
    """Fast values: 20 bytes and a head of 4, of 226: 30 drives take 20 ms · 30 · 24 / 226 = 63.7 ms of each second."""
    drive = PLANT[PLANT.index("[drive") : PLANT.index("[motor")]
    more = [drive.replace("stand-1", f"stand-{n}").replace("DBB32", f"DBB{36 * n}") for n in range(2, 31)]
    text = PLANT[: PLANT.index("[signal")] + "".join(more)
    (tmp_path / "plant.toml").write_text(text, encoding="utf-8")
    (found,) = plan(load_config(tmp_path / "plant.toml")[0])
    fast = [item for item in found.blocks if item.group == "fast"]
    assert sum(item.transaction_s for item in fast) == pytest.approx(0.02 * 30 * 24 / 226)
    assert not found.problems


def test_a_plc_cannot_be_listened_to(tmp_path: Path) -> None:
    ((key, reason),) = problems(tmp_path, PLANT.replace("slot = 2", 'slot = 2\nmode = "listen"'))
    assert (key, reason.code) == ("bus.plc-1.mode", codes.LISTEN_NEEDS_A_LINE)
