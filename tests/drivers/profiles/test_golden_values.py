"""Addresses and words of many devices, copied from the manufacturers' lists and from running clients.

Nothing here is computed from the files of the product: a changed number must fail here. Register words are in
transmission order; the value next to them follows from type and scale in the manufacturer's list.
"""

from __future__ import annotations

import struct

import pytest

from drivers.profiles import load_profile
from drivers.reading import Quality
from drivers.register_blocks import plan_blocks, usable
from drivers.registers import BlockDecoder, decode

# profile, quantity, function, address in the PDU, type; in the comment: number in the manual.
ADDRESSES = [
    ("abb/acs550", "status_word", 3, 3, "u16"),  # 40004
    ("abb/acs550", "output_frequency", 3, 102, "u16"),  # 0103 → 40103
    ("abb/acs550", "motor_current", 3, 103, "u16"),  # 0104
    ("abb/acs550", "motor_power", 3, 105, "i16"),  # 0106
    ("abb/acs880", "motor_speed", 3, 20201, "i32"),  # 01.01: 420000 + 200·1 + 2·1 − 400001
    ("abb/acs880", "motor_current", 3, 20213, "i32"),  # 01.07
    ("abb/acs880", "dc_bus_voltage", 3, 20221, "i32"),  # 01.11
    ("abb/acs880", "shaft_power", 3, 20233, "i32"),  # 01.17
    ("abb/acs880", "energy_kwh", 3, 20235, "i32"),  # 01.18 GWh, 01.19 MWh, 01.20 kWh
    ("abb/acs880", "fault_code", 3, 400, "u16"),  # 04.01
    ("abb/b23", "voltage_l1n", 3, 0x5B00, "u32"),
    ("abb/b23", "active_power", 3, 0x5B14, "i32"),
    ("abb/b23", "energy_import", 3, 0x5000, "u64"),
    ("carlo-gavazzi/em340", "voltage_l1n", 4, 0x00, "i32"),
    ("carlo-gavazzi/em340", "active_power", 4, 0x28, "i32"),
    ("carlo-gavazzi/em340", "frequency", 4, 0x33, "u16"),
    ("carlo-gavazzi/em24", "frequency", 4, 55, "u16"),  # different from the EM340
    ("carlo-gavazzi/em530", "energy_import", 4, 0x0500, "i64"),
    ("danfoss/fc302", "motor_current", 3, 16139, "i32"),  # 16-14: 1614 · 10 − 1
    ("danfoss/fc302", "motor_power", 3, 16099, "i32"),  # 16-10
    ("danfoss/fc302", "dc_bus_voltage", 3, 16299, "u16"),  # 16-30
    ("danfoss/fc202", "motor_torque_nm", 3, 16159, "i32"),  # 16-16
    ("delta/c2000", "output_frequency", 3, 0x2103, "u16"),
    ("delta/c2000", "motor_current", 3, 0x2104, "u16"),
    ("delta/c2000", "motor_power", 3, 0x210F, "u16"),
    ("eastron/sdm120", "active_power", 4, 0x0C, "f32"),  # 30013
    ("fuji/frenic", "output_frequency", 3, 0x0809, "i16"),  # M09
    ("hitachi/wj200", "output_frequency", 3, 0x1000, "u32"),  # 1001h
    ("hitachi/wj200", "dc_bus_voltage", 3, 0x1025, "u16"),  # 1026h
    ("invertek/optidrive-p2", "output_frequency", 3, 6, "i16"),  # register 7
    ("invertek/optidrive-p2", "dc_bus_voltage", 3, 22, "u16"),  # register 23
    ("invt/gd200a", "output_frequency", 3, 0x3000, "u16"),
    ("janitza/umg96rm", "voltage_l1n", 3, 19000, "f32"),
    ("janitza/umg96rm", "frequency", 3, 19050, "f32"),
    ("janitza/umg604", "active_power", 3, 1369, "f32"),
    ("lovato/dmg610", "voltage_l1n", 4, 0x0001, "u32"),  # 02h in the manual
    ("ls/s100", "output_frequency", 3, 0x0009, "u16"),  # 0h000A
    ("mitsubishi/fr-a800", "output_frequency", 3, 200, "u16"),  # 40201
    ("mitsubishi/fr-a800", "motor_power", 3, 213, "u16"),  # 40214
    ("peacefair/pzem-016", "active_power", 4, 3, "u32"),
    ("rockwell/powerflex525", "output_frequency", 3, 8451, "u16"),
    ("schneider/atv320", "status_word", 3, 3201, "u16"),  # ETA
    ("schneider/atv320", "output_frequency", 3, 3202, "i16"),  # RFR
    ("schneider/atv320", "motor_current", 3, 3204, "u16"),  # LCR; 3203 is the reference
    ("schneider/atv630", "energy_kwh", 3, 10606, "u16"),  # OC0…OC3
    ("schneider/iem3000", "active_power", 3, 3059, "f32"),  # 3060
    ("siemens/g120", "motor_speed", 3, 340, "i16"),  # 40341
    ("siemens/g120", "motor_current", 3, 344, "u16"),  # 40345
    ("siemens/v20", "motor_current", 3, 25, "u16"),  # 40026
    ("siemens/pac3200", "voltage_l1n", 3, 1, "f32"),
    ("siemens/pac3200", "active_power", 3, 65, "f32"),
    ("siemens/pac3200", "energy_import", 3, 801, "f64"),
    ("toshiba/vf-s11", "output_frequency", 3, 0xFD00, "u16"),
    ("vacon/vacon-100", "output_frequency", 3, 2103, "i16"),  # 2104
    ("vacon/vacon-10", "motor_current", 4, 2105, "u16"),  # 2106, function 4
    ("weg/cfw500", "motor_speed", 3, 2, "u16"),  # P0002
    ("wiren-board/map3h", "voltage_l1n", 4, 0x1410, "u32"),
    ("wiren-board/map3h", "energy_import", 4, 0x1200, "u64"),
    ("yaskawa/a1000", "motor_current", 3, 0x0042, "u16"),  # U1-03
    ("yaskawa/ga800", "dc_bus_voltage", 3, 0x0046, "u16"),  # U1-07
]

# profile, quantity, rating, the words from the register's address on, the value
WORDS = [
    ("abb/acs550", "output_frequency", None, [500], 50.0),
    ("abb/acs550", "motor_torque", None, [0xFF38], -20.0),
    ("abb/acs880", "motor_current", None, [0x0424, 0x0001], 665.96),  # 0x0001_0424 = 66596, low word first
    ("abb/b23", "voltage_l1n", None, [0x0000, 0x08FC], 230.0),
    ("abb/b23", "active_power", None, [0xFFFF, 0xFF9C], -1.0),
    ("abb/b23", "energy_import", None, [0, 0, 0x0001, 0x86A0], 1000.0),
    ("carlo-gavazzi/em340", "voltage_l1n", None, [0x08FC, 0x0000], 230.0),  # low word first
    ("carlo-gavazzi/em340", "active_power", None, [0xFFF6, 0xFFFF], -1.0),
    ("carlo-gavazzi/em340", "current_l1", None, [0x0000, 0x7FFF], None),  # overflow, display EEE
    ("danfoss/fc302", "motor_power", None, [0x0000, 0x04E2], 12.5),
    ("danfoss/fc302", "drive_temperature", None, [0xFF37], 55),  # Uint8 in the low byte
    ("eastron/sdm630", "voltage_l1n", None, [0x4366, 0x0000], 230.0),
    ("hitachi/wj200", "output_frequency", None, [0x0000, 0x1388], 50.0),
    ("inovance/md500", "motor_current", 55.0, [1234], 12.34),
    ("inovance/md500", "motor_current", 75.0, [1234], 123.4),
    ("invertek/optidrive-p2", "status_word", None, [0x0E01], 1),
    ("invertek/optidrive-p2", "fault_code", None, [0x0E01], 14),
    ("janitza/umg96rm", "energy_import", None, [0x4996, 0xB438], 1234.567),  # float32 1234567.0 Wh
    ("mitsubishi/fr-a800", "motor_power", 55.0, [1500], 15.0),
    ("mitsubishi/fr-a800", "motor_power", 75.0, [1500], 150.0),
    ("peacefair/pzem-016", "active_power", None, [0x2710, 0x0000], 1000.0),  # low word first inside a big-endian map
    ("schneider/iem3000", "power_factor", None, [0x3F8C, 0xCCCD], 0.9),  # 1.1: leading, 2 − 1.1
    ("schneider/iem3000", "energy_import", None, [0x8000, 0, 0, 0], None),
    ("schneider/pm5000", "active_power", None, [0x4148, 0x0000], 12500.0),  # 12.5 kW
    ("siemens/pac3200", "energy_import", None, [0x4132, 0xD687, 0, 0], 1234.567),  # float64 1234567.0 Wh
    ("vacon/vacon-100", "motor_torque", None, [0xFE0C], -50.0),
    ("weg/cfw500", "motor_speed_percent", None, [8192], 100.0),  # 13-bit speed
    ("wiren-board/map3h", "energy_import", None, [0x86A0, 0x0001, 0, 0], 1.0),  # u64 low word first
    ("wiren-board/map3h", "active_power", None, [0x0000, 0x0400], 0.999999),  # high word first; 1024 counts
    ("yaskawa/a1000", "motor_current", 11.0, [1234], 12.34),
    ("yaskawa/a1000", "motor_current", 15.0, [1234], 123.4),
]  # fmt: skip


@pytest.mark.parametrize(("profile", "name", "function", "address", "kind"), ADDRESSES)
def test_address(profile: str, name: str, function: int, address: int, kind: str) -> None:
    found = load_profile(profile).register(name)
    assert found is not None
    assert (found.function, found.address, found.type) == (function, address, kind)


@pytest.mark.parametrize(("profile", "name", "rating_kw", "words", "expected"), WORDS)
def test_words(profile: str, name: str, rating_kw: float | None, words: list[int], expected: float | None) -> None:
    row = load_profile(profile).register(name)
    assert row is not None
    got, flag = decode(row, words, rating_kw)
    if expected is None:
        assert (got, flag) == (None, Quality.OUT_OF_RANGE)
    else:
        # float32 has 24 bits; the printed factors of the WB-MAP have 6 digits
        assert got == pytest.approx(expected, rel=1e-6)
        assert flag == Quality.GOOD


@pytest.mark.parametrize(("profile", "name", "rating_kw", "words", "expected"), WORDS)
def test_block_decoder_agrees_with_golden_values(
    profile: str, name: str, rating_kw: float | None, words: list[int], expected: float | None
) -> None:
    map_ = load_profile(profile)
    row = map_.register(name)
    assert row is not None
    (block,) = plan_blocks(map_, [row])
    values, flags = BlockDecoder(block, rating_kw).decode(struct.pack(f">{len(words)}H", *words))
    assert (values[name], flags.get(name, Quality.GOOD)) == decode(row, words, rating_kw)


def test_the_facts_are_all_there() -> None:
    from drivers.profiles import profile_ids

    kinds = [load_profile(name).kind for name in profile_ids()]
    assert (kinds.count("vfd"), kinds.count("meter"), kinds.count("motor_relay")) == (31, 36, 1)


def test_each_drive_states_its_watchdog() -> None:
    from drivers.profiles import profile_ids

    for name in profile_ids():
        profile = load_profile(name)
        if profile.kind == "vfd" and profile.dialect != "s7":  # only the PLC has a connection to that drive
            assert profile.comm_loss.keys() == {"parameter", "default", "reset_by"}, name


def test_registers_from_memory_stay_off_until_verified() -> None:
    acs880 = load_profile("abb/acs880")
    assert [row.name for row in usable(acs880)] == ["status_word"]
    assert {row.name for row in usable(acs880, {"motor_current"})} == {"status_word", "motor_current"}


def test_confidence_of_two_sources_requires_two_sources() -> None:
    """Memory is not a source."""
    from drivers.profiles import profile_ids

    for name in profile_ids():
        profile = load_profile(name)
        seen = [source for source in profile.sources if source["kind"] != "memory"]
        marks = {row.confidence for row in profile.registers} | {profile.confidence}
        assert len(seen) >= (2 if "two_sources" in marks else 1 if "one_source" in marks else 0), name


def test_the_marks_of_the_facts_are_kept() -> None:
    """1431 rows: of 1358 collected ones, 8 became parts of a sum (one of them now from memory), and 4 are new.

    66 further ones are the data of DL/T 645, in three profiles; 20 are two data blocks of a PLC."""
    from collections import Counter

    from drivers.profiles import profile_ids

    count = Counter(row.confidence for name in profile_ids() for row in load_profile(name).registers)
    assert count == {"two_sources": 705, "one_source": 565, "from_memory": 170}
