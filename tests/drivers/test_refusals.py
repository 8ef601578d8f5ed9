"""A refused register is asked for again: soon after a start or a silence, then ever more seldom, beside readings."""

from __future__ import annotations

import asyncio

import pytest
from testkit import HandClock

from drivers.errors import DeviceRefused, LinkTimeout
from drivers.framing import Request
from drivers.modbus import ModbusDevice
from drivers.profiles import load_profile
from drivers.reading import Quality, Reading
from drivers.refusals import AskAgain

LACKING = 3109  # frequency, in a block with others
DAY_S = 86_400


class Booting:
    """A wire to a meter that refuses any read over one address, or is silent, as long as it is told to."""

    answered_s = 0.01

    def __init__(self) -> None:
        self.refuses, self.silent = True, False
        self.asked = 0

    async def read_block(self, request: Request, timeout_s: float, gap_s: float = 0.0, **how: object) -> bytes:
        self.asked += 1
        if self.silent:
            raise LinkTimeout("no answer")
        if self.refuses and request.address <= LACKING < request.address + request.registers:
            raise DeviceRefused(2, "x")
        return bytes(2 * request.registers)

    async def close(self) -> None: ...


class Meter:
    def __init__(self) -> None:
        self.clock, self.wire = HandClock(), Booting()
        self.device = ModbusDevice("m", load_profile("schneider/pm5000"), 1, self.wire, self.clock)
        self.names = set(self.device.names())
        self.first = self.device.blocks()

    def poll(self, *groups: str, every_s: float = 1.0) -> Reading:
        self.clock.move(every_s)
        return asyncio.run(self.device.poll(frozenset(groups or ("fast", "normal", "slow"))))

    def extra(self, polls: int, every_s: float) -> int:
        """Requests beside those of the readings; no reading may lack what the device has."""
        before, planned = self.wire.asked, 0
        for _ in range(polls):
            planned += len(self.device.blocks(("fast", "normal", "slow")))
            reading = self.poll(every_s=every_s)
            assert reading.flags == {}
            assert not reading.error
        return self.wire.asked - before - planned


@pytest.fixture
def meter() -> Meter:
    found = Meter()
    found.poll("fast", "normal", "slow", "once")
    for _ in range(10):  # learns piece by piece
        found.poll()
    assert found.names - set(found.device.names()) == {"frequency"}
    return found


def test_a_register_that_was_refused_while_booting_is_back_in_minutes(meter: Meter) -> None:
    meter.wire.refuses = False
    for _ in range(300):
        assert Quality.NO_REPLY not in meter.poll().flags.values(), "nothing is missing meanwhile"
    assert "frequency" in meter.poll().values
    assert meter.device.learnt.absent == meter.device.learnt.split == set()
    assert meter.device.blocks() == meter.first, "and in one request with the others"


def test_what_the_device_never_has_costs_a_request_ever_more_seldom(meter: Meter) -> None:
    """At one, two, four … minutes, once a day in the end; no reading is the poorer for it."""
    refused = len(meter.device.learnt.doubtful(meter.device.profile))
    assert meter.extra(900, 1.0) <= 4 * refused
    assert meter.extra(DAY_S // 60, 60.0) <= 8 * refused
    ten_days = meter.extra(10 * DAY_S // 1800, 1800.0)
    assert 9 * refused <= ten_days <= 10 * refused, "and never quite no more"


def test_after_a_silence_it_is_asked_soon(meter: Meter) -> None:
    meter.extra(3 * 144, 600.0)
    meter.wire.silent = True
    meter.poll()
    meter.wire.silent = meter.wire.refuses = False
    meter.poll("fast", "normal", "slow", "once")  # as the first poll after a silence asks
    for _ in range(300):
        meter.poll()
    assert meter.device.learnt.absent == set()


def test_silence_says_nothing(meter: Meter) -> None:
    """One that is silent to such a question keeps what is learnt of it, and its reading."""
    read_block = meter.wire.read_block

    async def silent_when_alone(request: Request, timeout_s: float, gap_s: float = 0.0, **how: object) -> bytes:
        if how["tries"] == 1:
            raise LinkTimeout("no answer")
        return await read_block(request, timeout_s, gap_s, **how)

    meter.wire.read_block = silent_when_alone  # type: ignore[method-assign]
    for _ in range(300):
        assert meter.poll().error == ""
    assert meter.device.learnt.absent == {"frequency"}


def test_the_times_by_hand() -> None:
    again, asked = AskAgain(), []
    again.soon(0.0)
    for second in range(4 * DAY_S):
        if again.next(float(second), [(3, 0, 1)]) is not None:
            asked.append(second)
    assert asked[:6] == [60, 120, 240, 480, 960, 1920]
    assert [b - a for a, b in zip(asked[-3:], asked[-2:], strict=False)] == [DAY_S, DAY_S]
