"""Values of a data block: types, bytes and bits of STEP 7 as registers, and clear problems for what cannot be read."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from drivers import profile_reasons as codes
from drivers.errors import ProfileError
from drivers.profiles import Profile, load_profile
from drivers.profiles.library import load_file
from drivers.profiles.profile_parser import parse_profile
from drivers.profiles.s7_register import byte_text
from drivers.reasons import Reason
from drivers.register_blocks import plan_blocks
from drivers.registers import BlockDecoder

EXAMPLE = Path(__file__).parents[3] / "examples/profiles/s7-telegram-20.toml"


def profile_of(*rows: dict[str, Any]) -> Profile:
    units = {"motor_speed": "rpm", "motor_current": "A", "motor_power": "kW", "energy_kwh": "kWh"}
    registers = [{"unit": units.get(row["name"], ""), "poll": "fast", **row} for row in rows]
    device = {"id": "own/plc", "vendor": "v", "model": "m", "kind": "vfd", "confidence": "one_source"}
    return parse_profile(
        {"schema": 1, "device": device, "protocol": {"dialect": "s7"}, "register": registers,
         "source": [{"kind": "other", "ref": "program of the PLC"}]}, "own/plc"
    )  # fmt: skip


def decoded(profile: Profile, data: bytes) -> dict[str, Any]:
    (block,) = plan_blocks(profile, profile.registers)
    return BlockDecoder(block).decode(data[2 * block.address : 2 * (block.address + block.count)])[0]


def test_every_type_has_its_highest_byte_first() -> None:
    """Bytes written by hand: REAL -1.5 is BFC00000, LREAL 1 is 3FF0000000000000, INT -2 is FFFE (IEEE 754)."""
    profile = profile_of(
        {"name": "motor_speed", "byte": 0, "type": "INT"},
        {"name": "motor_current", "byte": 2, "type": "REAL"},
        {"name": "energy_kwh", "byte": 6, "type": "LREAL"},
        {"name": "fault_code", "byte": 14, "type": "UDINT"},
        {"name": "status_word", "byte": 18, "type": "WORD"},
        {"name": "motor_power", "byte": 20, "type": "LINT", "scale": 0.001},
    )
    data = bytes.fromhex("FFFE BFC00000 3FF0000000000000 00010203 ABCD FFFFFFFFFFFFFC18")
    assert decoded(profile, data) == {
        "motor_speed": -2, "motor_current": -1.5, "energy_kwh": 1.0, "fault_code": 0x010203, "status_word": 0xABCD,
        "motor_power": -1.0,
    }  # fmt: skip


@pytest.mark.parametrize("byte", [4, 5])
@pytest.mark.parametrize("bit", range(8))
def test_a_bit_is_that_of_its_byte(byte: int, bit: int) -> None:
    """DBX4.0 is the lowest bit of byte 4."""
    profile = profile_of({"name": "status_word", "byte": byte, "type": "BOOL", "bit": bit})
    data = bytearray(6)
    data[byte] = 1 << bit
    assert decoded(profile, bytes(data)) == {"status_word": 1}
    assert decoded(profile, bytes(255 - value for value in data)) == {"status_word": 0}
    assert byte_text(profile.registers[0]) == f"{byte}.{bit}"


def test_bytes_and_bits_of_one_word_are_separate() -> None:
    profile = profile_of(
        {"name": "fault_code", "byte": 0, "type": "BYTE"}, {"name": "last_fault_code", "byte": 1, "type": "USINT"}
    )
    assert decoded(profile, b"\x12\x34") == {"fault_code": 0x12, "last_fault_code": 0x34}
    assert [byte_text(row) for row in profile.registers] == ["0.0", "1.0"]


@pytest.mark.parametrize(
    ("row", "key", "code"),
    [
        ({"byte": 0, "type": "STRING"}, "type", codes.PLC_TYPE_EXPECTED),
        ({"byte": 0, "type": "Real"}, "type", codes.PLC_TYPE_EXPECTED),
        ({"byte": 0, "type": "f32"}, "type", codes.PLC_TYPE_EXPECTED),
        ({"byte": 0, "type": "DATE_AND_TIME"}, "type", codes.PLC_TYPE_EXPECTED),
        ({"byte": 3, "type": "INT"}, "byte", codes.PLC_BYTE_ODD),
        ({"byte": 0, "type": "BOOL"}, "bit", codes.PLC_BIT_EXPECTED),
        ({"byte": 0, "type": "INT", "bit": 1}, "bit", codes.PLC_BIT_EXPECTED),
        ({"address": 40001, "type": "INT"}, "address", codes.PLC_KEY_NOT_ALLOWED),
        ({"byte": 0, "type": "INT", "word_order": "little"}, "word_order", codes.PLC_KEY_NOT_ALLOWED),
        ({"byte": 0, "type": "BYTE", "mask": 1}, "mask", codes.PLC_KEY_NOT_ALLOWED),
    ],
)
def test_a_mistake_is_one_problem_at_its_key(row: dict[str, Any], key: str, code: Any) -> None:
    with pytest.raises(ProfileError) as error:
        profile_of({"name": "motor_speed", **row})
    (problem,) = error.value.problems
    assert problem.data["place"].endswith(key)
    cause = problem.data["cause"]
    assert isinstance(cause, Reason)
    assert cause.code == code


@pytest.mark.parametrize("row", [{"type": "INT"}, {"byte": -2, "type": "INT"}, {"byte": 65534, "type": "INT"},
                                 {"byte": 0, "type": "BOOL", "bit": 8}, {"byte": "0", "type": "INT"}])  # fmt: skip
def test_a_byte_or_bit_that_does_not_exist_is_a_problem(row: dict[str, Any]) -> None:
    with pytest.raises(ProfileError):
        profile_of({"name": "motor_speed", **row})


def test_the_example_has_16384_for_the_reference_values() -> None:
    """Reference values of the heading: 1500 rpm, 300 A, 1200 Nm, 190 kW; read only after a self-check, from memory."""
    profile = load_file(EXAMPLE)
    data = struct.pack(">H4hH", 0x0007, 16384, 8192, -16384, 4096, 0)
    assert decoded(profile, data) == {
        "status_word": 7, "motor_speed": 1500.0, "motor_current": 150.0, "motor_torque_nm": -1200.0,
        "motor_power": 47.5, "fault_bits": 0,
    }  # fmt: skip
    assert {row.confidence for row in profile.registers} == {"from_memory"}


@pytest.mark.parametrize(("name", "size"), [("siemens/s7-drive", 36), ("siemens/s7-meter", 44)])
def test_the_proposed_structures_have_no_gap(name: str, size: int) -> None:
    """Offsets of STEP 7: WORD 2, REAL 4, LREAL 8 bytes, in sequence."""
    rows = sorted(load_profile(name).registers, key=lambda row: row.address)
    sizes = {"u16": 2, "f32": 4, "f64": 8}
    ends = [2 * row.address + sizes[row.type] for row in rows]
    assert [2 * row.address for row in rows] == [0, *ends[:-1]]
    assert ends[-1] == size
