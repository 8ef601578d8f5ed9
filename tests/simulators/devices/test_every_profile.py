"""Every shipped register map: what the simulator writes, the driver reads. Found by themselves; nothing to register."""

from __future__ import annotations

import math

import pytest

from drivers.profiles import Register, load_profile, profile_ids
from drivers.registers import decode
from drivers.vocabulary import vocabulary
from simulators.devices.device import SimulatedDevice
from simulators.devices.render import words

RATING_KW = 55.0


def example(row: Register, share: float) -> float:
    """A value that the register can hold and the vocabulary finds plausible; a whole number for states."""
    scale = row.scale_for(RATING_KW) or 1.0
    quantity = vocabulary()[row.name]
    bits = {"u16": 16, "i16": 15, "u32": 32, "i32": 31, "u64": 48, "i64": 48}.get(row.type)
    top = math.inf
    if row.mask is not None:
        top = float(row.mask // (row.mask & -row.mask))
    elif bits is not None:
        top = 2.0**bits - 1
    ends = sorted((row.offset, min(top, 1e6) * scale + row.offset))
    low, high = max(ends[0], quantity.low or 0.0), min(ends[1], quantity.high or math.inf)
    raw = (low + (high - low) * share - row.offset) / scale
    return (round(raw) if bits is not None else raw) * scale + row.offset


@pytest.mark.parametrize("profile_id", profile_ids())
@pytest.mark.parametrize("share", [0.1, 0.4, 0.7])
def test_what_is_written_is_read(profile_id: str, share: float) -> None:
    profile = load_profile(profile_id)
    for row in profile.registers:
        value = "AB12"[: 2 * row.words] if row.type == "string" else example(row, share)
        got, _ = decode(row, words(row, {row.name: value}, RATING_KW), RATING_KW)
        if isinstance(value, str):
            assert got == value, row.name
        else:
            assert got == pytest.approx(value, rel=1e-6, abs=1e-9), row.name


@pytest.mark.parametrize("profile_id", profile_ids())
def test_every_mapped_register_answers(profile_id: str) -> None:
    profile = load_profile(profile_id)
    device = SimulatedDevice(1, profile, dict, rating_kw=RATING_KW)
    for row in profile.registers:
        assert len(device.read(row.function, row.address, row.words)) == row.words
