"""A register that the device rejects is requested again: soon after a start or a
silence, then at increasing intervals.
"""

from __future__ import annotations

import asyncio

import pytest
from support.basics import HandClock

from drivers.error_reasons import NO_RESPONSE
from drivers.errors import LinkTimeout, ModbusExceptionResponse
from drivers.framing import Request
from drivers.modbus_device import ModbusDevice
from drivers.profiles import load_profile
from drivers.reading import Quality, Reading
from drivers.unsupported_registers import ReprobeSchedule

LACKING = 3109  # frequency, in a block with others
DAY_S = 86_400


class Booting:
    """A link to a meter that rejects reads of the registers in `lacking`, or is silent, as set by the test."""

    response_s = 0.01

    def __init__(self) -> None:
        self.refuses, self.silent, self.silent_when_alone = True, False, False
        self.lacking, self.silent_to = {LACKING}, set[int]()
        self.asked, self.alone = 0, list[int]()

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, **how: object
    ) -> bytes:
        self.asked += 1
        if how["tries"] == 1:
            self.alone.append(request.address)
        if self.silent or (how["tries"] == 1 and (self.silent_when_alone or request.address in self.silent_to)):
            raise LinkTimeout(NO_RESPONSE, unit_id=request.unit, address=request.address, timeout_s=timeout_s)
        if self.refuses and self.lacking & set(range(request.address, request.address + request.registers)):
            raise ModbusExceptionResponse(2, request.unit, request.address)
        return bytes(2 * request.registers)

    async def close(self) -> None: ...


class Meter:
    def __init__(self) -> None:
        self.clock, self.wire = HandClock(), Booting()
        self.device = ModbusDevice("m", load_profile("schneider/pm5000"), 1, self.wire, self.clock)
        self.names = set(self.device.names())
        self.first = self.device.blocks()

    def poll(self, *groups: str, every_s: float = 1.0, contended: bool = False) -> Reading:
        self.clock.move(every_s)
        return asyncio.run(self.device.poll(frozenset(groups or ("fast", "normal", "slow")), contended))

    def extra(self, polls: int, every_s: float) -> int:
        """Number of requests in addition to those of the readings. Asserts that no
        reading lacks an available register.
        """
        before, planned = self.wire.asked, 0
        for _ in range(polls):
            planned += len(self.device.blocks(("fast", "normal", "slow")))
            reading = self.poll(every_s=every_s)
            assert reading.flags == {}
            assert reading.error is None
        return self.wire.asked - before - planned


@pytest.fixture
def meter() -> Meter:
    found = Meter()
    found.poll("fast", "normal", "slow", "once")
    for _ in range(10):  # detects the registers step by step
        found.poll()
    assert found.names - set(found.device.names()) == {"frequency"}
    return found


def test_a_register_rejected_during_startup_is_read_again_within_minutes(meter: Meter) -> None:
    meter.wire.refuses = False
    for _ in range(300):
        assert Quality.NO_REPLY not in meter.poll().flags.values(), "nothing is missing meanwhile"
    assert "frequency" in meter.poll().values
    assert meter.device.unsupported.registers == meter.device.unsupported.rejected_blocks == set()
    assert meter.device.blocks() == meter.first, "and in one request with the others"


def test_an_unsupported_register_is_requested_at_increasing_intervals(meter: Meter) -> None:
    """After one, two, four … minutes, finally once a day; the readings remain complete."""
    refused = len(meter.device.unsupported.to_reprobe(meter.device.profile))
    assert meter.extra(900, 1.0) <= 4 * refused
    assert meter.extra(DAY_S // 60, 60.0) <= 8 * refused
    ten_days = meter.extra(10 * DAY_S // 1800, 1800.0)
    assert 9 * refused <= ten_days <= 10 * refused, "and never quite no more"


def test_after_an_outage_it_is_requested_soon(meter: Meter) -> None:
    meter.extra(3 * 144, 600.0)
    meter.wire.silent = True
    meter.poll()
    meter.wire.silent = meter.wire.refuses = False
    meter.poll("fast", "normal", "slow", "once")  # same groups as the first poll after a silence
    for _ in range(300):
        meter.poll()
    assert meter.device.unsupported.registers == set()


def lacking_most(meter: Meter) -> set[int]:
    """The meter rejects all registers except five, and the device object has detected that. Returns their addresses."""
    names = meter.device.names(("fast", "normal", "slow"))
    rows = [row for row in meter.device.profile.registers if row.name in names][5:]
    meter.wire.lacking |= {row.address for row in rows}
    for _ in range(10):
        meter.poll(contended=True)
    meter.wire.alone.clear()
    assert len(meter.device.unsupported.registers) == len(meter.wire.lacking) > 20
    return meter.wire.lacking


def test_on_a_busy_bus_it_is_requested_in_one_poll_of_ten(meter: Meter) -> None:
    """Dozens of registers on a fully used line: each is requested again."""
    lacking = lacking_most(meter)
    for _ in range(1000):
        assert meter.poll(contended=True).error is None
    assert set(meter.wire.alone) >= lacking
    assert len(meter.wire.alone) <= 100


def test_a_timeout_does_not_change_the_unsupported_registers(meter: Meter) -> None:
    """Silence as the response to such a request does not change what was detected, and the reading is complete.

    No other register is requested then: each silence delays the line and blocks requests of that length for some time.
    """
    lacking_most(meter)
    meter.wire.silent_when_alone = True
    absent = set(meter.device.unsupported.registers)
    for _ in range(300):
        assert meter.poll().error is None
    assert meter.device.unsupported.registers == absent
    assert len(meter.wire.alone) == 3, "after one, two and four minutes"


def test_all_registers_rejected_during_startup_are_read_again_within_minutes(meter: Meter) -> None:
    """One register remains unavailable permanently: no block includes it, so the readings contain all others."""
    lowest = min(lacking_most(meter))
    meter.wire.lacking = {lowest}
    for _ in range(240):
        assert meter.poll().error is None
    assert len(meter.device.unsupported.registers) == 1


def test_a_register_without_response_does_not_delay_the_next_ones(meter: Meter) -> None:
    lowest = min(lacking_most(meter))
    meter.wire.silent_to = {lowest}
    meter.wire.lacking = {lowest}
    for _ in range(3600):
        assert meter.poll().error is None
    assert len(meter.device.unsupported.registers) == 1


def test_the_times_by_hand() -> None:
    again, asked = ReprobeSchedule(), []
    again.restart(0.0)
    for second in range(4 * DAY_S):
        if again.next(float(second), lambda: [(3, 0, 1)]) is not None:
            asked.append(second)
    assert asked[:6] == [60, 120, 240, 480, 960, 1920]
    assert [b - a for a, b in zip(asked[-3:], asked[-2:], strict=False)] == [DAY_S, DAY_S]
