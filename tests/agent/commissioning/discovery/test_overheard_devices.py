"""The models that fit what another master reads, of simulated devices."""

from __future__ import annotations

import struct

import pytest
from support.identification import served

from agent.commissioning.discovery.overheard_devices import identified, slowest_s
from agent.commissioning.discovery.reasons import LISTENED_BLOCK, LISTENED_REGISTERS
from drivers.bus_listener import HeardBlock
from drivers.dlt645_frames import READ_DATA
from drivers.framing import Request
from drivers.profiles import load_profile
from drivers.register_blocks import plan_blocks, usable
from simulators.devices.energy_meter import EnergyMeter
from simulators.devices.meter_frames import READ, MeterAsk


def heard(profile_id: str, seed: int) -> list[HeardBlock]:
    """The blocks of the fast and normal registers, as a PLC may read them."""
    profile = load_profile(profile_id)
    device, found = served(profile, seed, marked=False), []
    rows = [row for row in usable(profile) if row.group in ("fast", "normal")]
    for block in plan_blocks(profile, rows):
        pdu = device.respond(struct.pack(">BHH", block.function, block.address, block.count))
        request = Request(7, block.function, block.address, block.count)
        found.append(HeardBlock(request, pdu[2:], 0, 10.0, 5, 6.0, 10.0))
    return found


@pytest.mark.parametrize("name", ["eastron/sdm630", "schneider/pm5000", "yaskawa/ga800", "siemens/pac3200"])
def test_the_model_is_among_those_that_fit(name: str) -> None:
    result = identified(7, heard(name, 0))
    assert name in [match.profile.id for match in result.matches]
    assert not result.conclusive or result.matches[0].profile.id == name
    codes = [note.code for note in result.notes]
    assert LISTENED_REGISTERS in codes
    assert LISTENED_BLOCK in codes
    assert result.requests == 0


def test_a_meter_of_dlt645_is_recognised_by_its_voltages() -> None:
    meter = EnergyMeter("000000000161", lambda: {"voltage_l1n": 231.4, "voltage_l2n": 230.1, "voltage_l3n": 229.8})
    answer = meter.answer(MeterAsk("000000000161", READ, (0x0201FF00).to_bytes(4, "little")))
    assert answer is not None
    block = HeardBlock(Request(161, READ_DATA, 0x0201FF00, 0), answer[1][4:], 0, 10.0, 2, 5.0, 10.0)
    (match,) = identified(161, [block]).matches
    assert match.profile.id == "generic/dlt645-three-phase"


def test_the_interval_is_that_of_the_slowest_block() -> None:
    fast = HeardBlock(Request(1, 3, 0, 2), b"", 0, 10.0, 11, 0.0, 10.0)
    slow = HeardBlock(Request(1, 3, 9, 2), b"", 0, 10.0, 3, 1.0, 10.0)
    once = HeardBlock(Request(1, 3, 20, 2), b"", 0, 10.0, 1, 10.0, 10.0)
    assert slowest_s([fast, slow], 20.0) == 5.0
    assert slowest_s([fast, slow, once], 20.0) == 20.0
