"""A trip is seen by the status word of a drive, with or without a fault code. Truth: bits of the manuals."""

from __future__ import annotations

import pytest

from drivers.profiles import load_profile, profile_ids
from drivers.reading import Quality, Value
from drivers.register_blocks import usable
from drivers.registers import decode
from drivers.response_decoder import ResponseDecoder
from simulators.devices.device import SimulatedDevice

TRIPPED = [  # profile, register, contents while it runs, contents after a trip
    ("abb/acs580", "status_word", 0x0737, 0x0208 | 0x0030),
    ("danfoss/fc302", "status_word", 0x0F07, 0x0203 | 1 << 3),
    ("danfoss/fc302", "status_word", 0x0F07, 0x0203 | 1 << 6),  # trip lock
    ("hitachi/wj200", "state_code", 3, 8),
    ("mitsubishi/fr-a800", "status_word", 0x0003, 0x8000),
    ("rockwell/powerflex525", "status_word", 0x000F, 0x0080),
    ("siemens/v20", "status_word", 0x0037, 0x0008),
    ("yaskawa/ga800", "status_word", 0x0005, 0x0008),
]


@pytest.mark.parametrize(("profile", "register", "runs", "tripped"), TRIPPED)
def test_bits_of_the_manuals(profile: str, register: str, runs: int, tripped: int) -> None:
    decoder = ResponseDecoder(load_profile(profile), None)
    for word, expected in ((runs, 0), (tripped, 1)):
        values: dict[str, Value] = {register: word}
        decoder.add_fault(values, {})
        assert values["tripped"] == expected


def test_a_missing_status_word_is_no_answer() -> None:
    decoder = ResponseDecoder(load_profile("yaskawa/ga800"), None)
    nothing: dict[str, Value] = {}
    decoder.add_fault(nothing, {})
    assert nothing == {}
    values: dict[str, Value] = {"status_word": None}
    flags = {"status_word": Quality.OUT_OF_RANGE}
    decoder.add_fault(values, flags)
    assert (values["tripped"], flags["tripped"]) == (None, Quality.OUT_OF_RANGE)


@pytest.mark.parametrize("name", [name for name in profile_ids() if load_profile(name).trip is not None])
def test_a_virtual_drive_shows_its_trip(name: str) -> None:
    profile = load_profile(name)
    assert profile.trip is not None
    row = profile.register(profile.trip.register)
    assert row is not None
    for tripped in (0, 1):
        shown = {"tripped": tripped, "status_word": 0b101, "state_code": 3, "fault_code": 0}
        device = SimulatedDevice(1, profile, lambda shown=shown: shown)  # type: ignore[misc]
        values: dict[str, Value] = {
            row.name: decode(row, device.read(row.function, row.address, row.words), None)[0]
        }  # fmt: skip
        ResponseDecoder(profile, None).add_fault(values, {})
        assert values["tripped"] == tripped


def test_drives_that_show_a_trip_by_nothing_that_is_read() -> None:
    """By their documents: a private protocol, two texts that contradict each other, a watchdog, no text at all."""
    blind = set()
    for name in profile_ids():
        profile = load_profile(name)
        readable = {row.name for row in usable(profile, {row.name for row in profile.registers})}
        if profile.kind == "vfd" and not readable & {"fault_code", profile.trip.register if profile.trip else ""}:
            blind.add(name)
    assert blind == {"automationdirect/gs2", "huanyang/hy", "invertek/optidrive-e3", "siemens/g120"}
