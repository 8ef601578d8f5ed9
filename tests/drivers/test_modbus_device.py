"""The result of a poll when requests fail."""

from __future__ import annotations

import asyncio

import pytest

from drivers import error_reasons as codes
from drivers.errors import DriverError, FrameError, LinkTimeout, ModbusExceptionResponse, ResponseQuarantined
from drivers.framing import Request
from drivers.modbus_device import DeviceSettings, ModbusDevice
from drivers.profiles import load_profile
from drivers.reading import Quality


class Wire:
    """A link that raises the next of `troubles` for each block, the last one repeatedly; None: returns zeros."""

    response_s = 0.001

    def __init__(self, *troubles: DriverError | None) -> None:
        self._troubles = list(troubles)
        self.asked: list[Request] = []
        self.delays_s: list[float] = []

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, **_: object
    ) -> bytes:
        self.asked.append(request)
        self.delays_s.append(inter_request_delay_s)
        trouble = self._troubles.pop(0) if len(self._troubles) > 1 else self._troubles[0]
        if trouble is not None:
            raise trouble
        return bytes(2 * request.registers)

    async def close(self) -> None: ...


class StillClock:
    def utc_ns(self) -> int:
        return 0

    def monotonic_ns(self) -> int:
        return 0

    async def sleep(self, seconds: float) -> None: ...


DAMAGED = FrameError(codes.RESPONSE_CORRUPT, unit_id=1, address=0)
SILENT = LinkTimeout(codes.NO_RESPONSE, unit_id=1, address=0, timeout_s=1.0)
RESTING = ResponseQuarantined(codes.LATE_RESPONSE_PENDING, unit_id=1, address=0)
REFUSED = ModbusExceptionResponse(4, 1, 0)


@pytest.mark.parametrize(
    ("troubles", "no_reply", "postponed"),
    [
        ([None], False, False),
        ([SILENT], True, False),
        ([None, SILENT], True, False),  # a partial reading is not from one moment
        ([SILENT, None], False, False),  # one block without a response may be due to a poor line
        ([DAMAGED], True, False),  # a device with corrupt responses only counts as not responding
        ([DAMAGED, None], False, False),
        ([DAMAGED, RESTING], True, False),
        ([RESTING], True, True),  # no request was sent
        ([RESTING, None], False, False),
        ([REFUSED], False, False),  # an exception response is a response
    ],
)
def test_a_reading_states_whether_the_device_responded(
    troubles: list[DriverError | None], no_reply: bool, postponed: bool
) -> None:
    meter = ModbusDevice("m", load_profile("eastron/sdm630"), 1, Wire(*troubles), StillClock())
    assert len(meter.blocks()) > 2
    reading = asyncio.run(meter.poll())
    assert (Quality.NO_REPLY in reading.quality, meter.postponed) == (no_reply, postponed)
    if no_reply:
        assert set(reading.values.values()) == {None}
        assert reading.error == next(item for item in reversed(troubles) if item).reason


def test_a_block_without_a_response_is_read_again_at_the_end_of_the_poll() -> None:
    meter = ModbusDevice("m", load_profile("eastron/sdm630"), 1, Wire(None, SILENT, None), StillClock())
    reading = asyncio.run(meter.poll())
    assert reading.error is None
    assert Quality.NO_REPLY not in reading.flags.values()


def test_only_the_block_that_stays_without_a_response_is_missing_and_it_is_read_first_in_the_next_poll() -> None:
    meter = ModbusDevice("m", load_profile("eastron/sdm630"), 1, Wire(None), StillClock())
    n_blocks = len(meter.blocks())
    wire = Wire(None, RESTING, *[None] * (n_blocks - 2), RESTING, None)
    meter = ModbusDevice("m", load_profile("eastron/sdm630"), 1, wire, StillClock())
    reading = asyncio.run(meter.poll())
    missing = {name for name, flag in reading.flags.items() if Quality.NO_REPLY in flag}
    assert missing == {row.name for row in meter.blocks()[1].registers}
    asked = len(wire.asked)
    asyncio.run(meter.poll())
    assert wire.asked[asked].address == meter.blocks()[1].address


class SteppingClock(StillClock):
    """A clock that is 1 ms later at each look."""

    now_ns = 0

    def monotonic_ns(self) -> int:
        self.now_ns += 1_000_000
        return self.now_ns


@pytest.mark.parametrize(
    ("settings", "first"),
    [
        (DeviceSettings(), False),  # Modbus TCP: other devices do not matter
        (DeviceSettings(character_s=0.001), True),  # they share the line
        (DeviceSettings(inter_request_delay_s=0.06), True),  # the configuration states a delay of the bus
    ],
)
def test_the_delay_of_a_profile_is_between_requests_to_the_device(settings: DeviceSettings, first: bool) -> None:
    link, clock, profile = Wire(None), SteppingClock(), load_profile("eastron/sdm630")
    meter = ModbusDevice("m", profile, 1, link, clock, settings)
    delay_s = meter.inter_request_delay_s
    assert delay_s >= 0.06, "longer than the clock's steps between two requests"
    for _ in range(2):
        link.delays_s.clear()
        asyncio.run(meter.poll())
        assert link.delays_s == [delay_s if first else 0.0] + [delay_s] * (len(link.delays_s) - 1)
        assert len(link.delays_s) > 2
        clock.now_ns += 1_000_000_000
