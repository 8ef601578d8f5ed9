"""Every shipped register map: the driver reads the values that a device of that map encodes.

The encoder is simulators/devices/register_encoder.py, which shares no formula with the decoder. Each block is read as
planned, so a value split over two requests, a rejected gap or too long a request fails here.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping

import pytest

from drivers.profiles import Profile, Register, load_profile, profile_ids
from drivers.reading import Quality, Value
from drivers.register_blocks import plan_blocks, scale_addresses
from drivers.registers import BlockDecoder
from drivers.vocabulary import vocabulary
from simulators.devices.device import SimulatedDevice

RATING_KW = 55.0
EXPONENT = {"exponent": -1, "decimals": -2}


def exponents(profile: Profile) -> dict[tuple[int, int], int]:
    rows = [row for row in profile.registers if row.scale_from]
    return {(row.function, row.scale_from.address): EXPONENT[row.scale_from.kind] for row in rows if row.scale_from}


def step_of(row: Register) -> float:
    """Value of one count."""
    if row.parts:
        return min(part.scale for part in row.parts)
    scale = row.scale_for(RATING_KW)
    assert scale is not None
    return scale * 10 ** EXPONENT[row.scale_from.kind] if row.scale_from else scale


def raw_range(row: Register) -> tuple[float, float]:
    if row.parts:
        return 0, 999 * max(part.scale for part in row.parts) / step_of(row)
    if row.type[0] == "f":
        return -1e7, 1e7
    if row.mask is not None:
        return 0, row.mask // (row.mask & -row.mask)
    bits = min(16 * row.own_words, 48)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if row.type[0] == "i" else (0, 2**bits - 1)
    if row.full_scale is not None:
        low, high = max(low, 1 - row.full_scale), min(high, row.full_scale - 1)
    if row.invalid_high_word is not None:
        high = min(high, row.invalid_high_word * 65536 - 1)
    return low, high


def example(row: Register, share: float) -> float:
    """A value that the register can hold and that is plausible for the quantity. share: 0 lowest, 1 highest."""
    quantity, step = vocabulary()[row.name], step_of(row)
    low, high = row.window or (quantity.low, quantity.high)
    least, most = raw_range(row)
    ends = sorted((least * step + row.offset, most * step + row.offset))
    low = ends[0] if low is None else max(ends[0], low)
    high = ends[1] if high is None else min(ends[1], high)
    raw = (low + (high - low) * share - row.offset) / step
    whole = math.ceil(raw) if share < 0.5 else math.floor(raw)
    if whole in row.invalid:
        whole += 1 if share < 0.5 else -1
    return (whole if row.type[0] in "iu" else raw) * step + row.offset


MODBUS = [name for name in profile_ids() if load_profile(name).dialect != "dlt645"]  # those: test_dlt645_registers.py


class FixedExponents(SimulatedDevice):
    """A device whose scale registers have the power of ten of the example values."""

    def exponents(self, values: Mapping[str, Value]) -> dict[tuple[int, int], int]:
        return super().exponents(values) | exponents(self.profile)


def polled(profile: Profile) -> list[Register]:
    """Return all rows, including those from memory and from latched pages: the test covers the map, not the
    restrictions.
    """
    return list(profile.registers)


def serve(profile: Profile, values: dict[str, Value]) -> SimulatedDevice:
    # A sunspec map is served with its addresses inside the model; test_special.py covers the chain of models.
    flat = profile if profile.dialect != "sunspec" else type(profile)(
        **{name: getattr(profile, name) for name in profile.__slots__} | {"dialect": "modbus"}
    )  # fmt: skip
    return FixedExponents(1, flat, lambda: values, rating_kw=RATING_KW)


def read_all(profile: Profile, values: dict[str, Value]) -> tuple[dict[str, Value], dict[str, Quality]]:
    device = serve(profile, values)
    rows = polled(profile)
    names = {row.name for row in rows}
    scales: dict[tuple[int, int], tuple[int | None, int]] = {}
    decoders = [
        (block, BlockDecoder(block, RATING_KW, names, scales, scale_addresses(rows)))
        for block in plan_blocks(profile, rows)
    ]
    decoders.sort(key=lambda pair: not pair[1].brings_scales)
    got: dict[str, Value] = {}
    flags: dict[str, Quality] = {}
    for block, decoder in decoders:
        words = device.read(block.function, block.address, block.count)  # raises if the plan requests too much
        more, doubtful = decoder.decode(struct.pack(f">{len(words)}H", *words))
        got |= more
        flags |= doubtful
    assert got.keys() == names
    return got, flags


@pytest.mark.parametrize("profile_id", MODBUS)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 0.7, 1.0])
def test_what_is_served_is_read(profile_id: str, share: float) -> None:
    profile = load_profile(profile_id)
    values: dict[str, Value] = {
        row.name: "AB12"[: 2 * row.words] if row.type == "string" else example(row, share)
        for row in profile.registers
        if row.name != "user_scale_current_decimals"  # the device sets it
    }
    got, flags = read_all(profile, values)
    for row in profile.registers:
        if row.name not in values:
            continue
        expected = values[row.name]
        if isinstance(expected, str):
            assert got[row.name] == expected, row.name
        else:
            # float32 has 24 bits; integers are exact to the last digit of a double
            tolerance = 1e-6 if row.type == "f32" else 1e-12
            assert got[row.name] == pytest.approx(expected, rel=tolerance, abs=1e-12), row.name
        assert not flags.get(row.name, 0), f"{row.name}: {flags[row.name]!r}"


@pytest.mark.parametrize("profile_id", MODBUS)
def test_what_is_not_available_is_never_a_number(profile_id: str) -> None:
    profile = load_profile(profile_id)
    got, flags = read_all(profile, {})
    for row in profile.registers:
        marked = row.type[0] == "f" or row.invalid or row.invalid_high_word is not None
        if marked:
            assert got[row.name] is None, row.name
            assert flags[row.name] == Quality.OUT_OF_RANGE, row.name


@pytest.mark.parametrize("profile_id", MODBUS)
@pytest.mark.parametrize("far", [1e15, -1e15])
def test_a_device_at_its_limit_is_flagged(profile_id: str, far: float) -> None:
    profile = load_profile(profile_id)
    _, flags = read_all(profile, {row.name: far for row in profile.registers if row.type != "string"})
    for row in profile.registers:
        if row.full_scale is not None and (far > 0 or row.type[0] == "i"):
            assert Quality.OUT_OF_RANGE in flags[row.name], row.name


@pytest.mark.parametrize("profile_id", MODBUS)
def test_no_value_is_torn(profile_id: str) -> None:
    profile = load_profile(profile_id)
    blocks = plan_blocks(profile, polled(profile))
    for row in profile.registers:
        (block,) = [block for block in blocks if row in block.registers]
        assert block.address <= row.address
        assert row.address + row.words <= block.address + block.count <= block.address + profile.max_registers
        for part in row.parts:
            assert block.address <= row.address + part.offset < block.address + block.count


@pytest.mark.parametrize("profile_id", MODBUS)
def test_each_mapped_register_can_be_read(profile_id: str) -> None:
    profile = load_profile(profile_id)
    device = serve(profile, {})
    for row in profile.registers:
        assert len(device.read(row.function, row.address, row.words)) == row.words
