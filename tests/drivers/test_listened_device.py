"""The values of a device that another master reads, from responses of a simulated device."""

from __future__ import annotations

import struct

import pytest
from support.basics import HandClock

from drivers.bus_listener import HeardBlock
from drivers.dlt645_frames import READ_DATA
from drivers.error_reasons import NOT_HEARD, NOTHING_HEARD, PORT_MISSING, REGISTERS_NOT_READ
from drivers.framing import Request
from drivers.listened_device import ListenedDevice
from drivers.overheard_registers import covered_rows
from drivers.profiles import load_profile
from drivers.reading import Quality
from drivers.reasons import Reason
from simulators.devices.device import SimulatedDevice
from simulators.devices.energy_meter import EnergyMeter
from simulators.devices.meter_frames import READ, MeterAsk

UNIT = 12
VALUES = {"voltage_l1n": 230.5, "current_l1": 12.25, "active_power": 31929.0, "energy_import": 1234.5}


class Heard:
    """What a listener would have received."""

    def __init__(self) -> None:
        self.found: list[HeardBlock] = []
        self.seconds, self.down = 30.0, None

    def blocks(self, unit: int) -> list[HeardBlock]:
        return [block for block in self.found if block.request.unit == unit]

    def hear(self, request: Request, data: bytes, at_s: float, exception: int = 0) -> None:
        self.found = [block for block in self.found if block.request != request]
        self.found.append(HeardBlock(request, data, exception, at_s, 2, at_s - 1.0, at_s))


def registers(request: Request, values: dict[str, float] | None = None) -> bytes:
    """The register bytes of the response of an SDM630."""
    rows = {row.name: 0.0 for row in load_profile("eastron/sdm630").registers}
    device = SimulatedDevice(UNIT, load_profile("eastron/sdm630"), lambda: {**rows, **VALUES, **(values or {})})
    return device.respond(struct.pack(">BHH", *request[1:]))[2:]


def made(profile: str = "eastron/sdm630", unit: int = UNIT) -> tuple[ListenedDevice, Heard, HandClock]:
    heard, clock = Heard(), HandClock()
    clock.move(100.0)
    return ListenedDevice("m", load_profile(profile), unit, heard, clock), heard, clock  # type: ignore[arg-type]


def test_values_have_the_time_of_the_response_and_the_flag() -> None:
    device, heard, clock = made()
    request = Request(UNIT, 4, 0, 60)
    heard.hear(request, registers(request), 97.5)
    reading = device.take()
    assert reading is not None
    assert {name: reading.values[name] for name in ("voltage_l1n", "current_l1", "active_power")} == pytest.approx(
        {name: VALUES[name] for name in ("voltage_l1n", "current_l1", "active_power")}
    )
    assert "energy_import" not in reading.values
    assert reading.quality == Quality.LISTENED
    assert reading.monotonic_ns == 97_500_000_000
    assert clock.utc_ns() - reading.came_ns == clock.monotonic_ns() - 97_500_000_000


def test_only_what_is_new_is_taken_and_the_newest_value_remains() -> None:
    device, heard, _clock = made()
    small, large = Request(UNIT, 4, 0, 12), Request(UNIT, 4, 0, 60)
    heard.hear(small, registers(small, {"voltage_l1n": 231.0}), 98.0)
    heard.hear(large, registers(large), 97.0)
    reading = device.take()
    assert reading is not None
    assert reading.values["voltage_l1n"] == 231.0
    assert reading.came_ns - reading.sent_ns == 1_000_000_000
    assert device.take() is None
    heard.hear(small, registers(small), 99.0)
    reading = device.take()
    assert reading is not None
    assert "active_power" not in reading.values


def test_registers_that_are_not_read_are_missing_with_the_remedy() -> None:
    device, heard, _clock = made()
    request = Request(UNIT, 4, 0, 6)
    heard.hear(request, registers(request), 97.5)
    assert device.take().error is None  # type: ignore[union-attr]
    missing = device.missing()
    assert missing is not None
    assert missing.code == REGISTERS_NOT_READ
    assert missing.data["total"] - missing.data["n"] == 3
    heard.seconds = 90.0
    heard.hear(request, registers(request), 98.5)
    assert device.take().error.code == REGISTERS_NOT_READ  # type: ignore[union-attr]


def test_a_value_that_a_response_contains_in_part_is_not_decoded() -> None:
    rows = load_profile("eastron/sdm630").registers
    assert [row.name for row in covered_rows(rows, Request(UNIT, 4, 1, 4))] == ["voltage_l2n"]
    assert covered_rows(rows, Request(UNIT, 3, 0, 60)) == ()


def test_silence_is_reported_after_three_periods() -> None:
    device, heard, clock = made()
    request = Request(UNIT, 4, 0, 6)
    heard.hear(request, registers(request), 99.0)
    device.take()
    clock.move(2.0)
    assert not device.overdue(1.0)
    clock.move(10.0)
    assert device.overdue(1.0)
    reading = device.silent_reading()
    assert reading.error is not None
    assert reading.error.code == NOT_HEARD
    assert Quality.NO_REPLY in reading.quality
    assert set(reading.values.values()) == {None}


def test_a_device_that_was_never_heard_and_a_port_that_is_lost() -> None:
    device, heard, _clock = made()
    assert device.silent_reading().error.code == NOTHING_HEARD  # type: ignore[union-attr]
    assert not device.health.bus_failed
    heard.down = Reason(PORT_MISSING, {"port": "/dev/x"})  # type: ignore[assignment]
    assert device.overdue(1.0)
    assert device.silent_reading().error.code == PORT_MISSING  # type: ignore[union-attr]
    assert device.health.bus_failed


def test_an_exception_is_no_value() -> None:
    device, heard, _clock = made()
    heard.hear(Request(UNIT, 4, 0, 6), b"", 0.0, exception=2)
    assert device.take() is None


def test_registers_of_confidence_from_memory_need_the_self_check() -> None:
    device, _heard, _clock = made("abb/b23")
    disabled = [row.name for row in device.profile.registers if row.confidence == "from_memory"]
    assert disabled
    assert not set(disabled) & set(device.names())
    device.apply_selfcheck(disabled, ())
    assert set(disabled) <= set(device.names())


@pytest.mark.parametrize("identifier", [0x02010100, 0x0201FF00])
def test_a_meter_of_dlt645_is_decoded_from_single_values_and_blocks(identifier: int) -> None:
    device, heard, _clock = made("generic/dlt645-three-phase", 161)
    meter = EnergyMeter("000000000161", lambda: {"voltage_l1n": 231.4, "voltage_l2n": 230.1, "voltage_l3n": 229.8})
    answer = meter.answer(MeterAsk("000000000161", READ, identifier.to_bytes(4, "little")))
    assert answer is not None
    heard.hear(Request(161, READ_DATA, identifier, 0), answer[1][4:], 99.0)
    reading = device.take()
    assert reading is not None
    single = identifier == 0x02010100
    expected = {"voltage_l1n": 231.4} if single else {"voltage_l1n": 231.4, "voltage_l2n": 230.1, "voltage_l3n": 229.8}
    assert reading.values == pytest.approx(expected)
