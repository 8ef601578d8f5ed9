"""Result of a poll when the device does not respond, or not completely."""

from __future__ import annotations

import asyncio

import pytest

from drivers.errors import DeviceRefused, DriverError, FrameError, LinkResting, LinkTimeout
from drivers.framing import Request
from drivers.modbus import ModbusDevice
from drivers.profiles import load_profile
from drivers.reading import Quality


class Wire:
    """A link on which each block gets the next of `troubles`; None: a response of zeros. The last one repeats."""

    answered_s = 0.001

    def __init__(self, *troubles: DriverError | None) -> None:
        self._troubles = list(troubles)

    async def read_block(self, request: Request, timeout_s: float, gap_s: float = 0.0, **_: object) -> bytes:
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


DAMAGED, SILENT = FrameError("a damaged answer came"), LinkTimeout("no answer")
RESTING, REFUSED = LinkResting("held back"), DeviceRefused(4, "unit 1")


@pytest.mark.parametrize(
    ("troubles", "no_reply", "held_back"),
    [
        ([None], False, False),
        ([SILENT], True, False),
        ([None, SILENT], True, False),  # part of a reading does not belong to one instant
        ([DAMAGED], True, False),  # a device with only corrupt responses must never count as present
        ([DAMAGED, None], False, False),
        ([DAMAGED, RESTING], True, False),
        ([RESTING], True, True),  # no request was sent: the state of the device is unknown
        ([RESTING, None], False, False),
        ([REFUSED], False, False),  # present, with an exception response
    ],
)
def test_whether_a_device_was_heard(troubles: list[DriverError | None], no_reply: bool, held_back: bool) -> None:
    meter = ModbusDevice("m", load_profile("eastron/sdm630"), 1, Wire(*troubles), StillClock())
    assert len(meter.blocks()) > 2
    reading = asyncio.run(meter.poll())
    assert (Quality.NO_REPLY in reading.quality, meter.held_back) == (no_reply, held_back)
    if no_reply:
        assert set(reading.values.values()) == {None}
        assert reading.error == str(next(item for item in reversed(troubles) if item))
