"""Every meter profile: frozen values are flagged STALE, slowly refreshed ones are logged."""

from __future__ import annotations

import asyncio
import random

import pytest
from support.basics import HandClock
from support.loop_link import LoopLink

from agent.acquisition.scheduler import BusPoller, PolledDevice
from agent.config.model import Bus
from drivers.bus_settings import BusSettings
from drivers.errors import ModbusExceptionResponse
from drivers.framing import Request
from drivers.modbus_device import ModbusDevice
from drivers.profiles import load_profile, profile_ids
from drivers.reading import Quality, Reading
from simulators.devices.bench import BenchDevice
from simulators.devices.device import Refused

BUS = Bus("b", None, (19200, 8, "N", 1), ("127.0.0.1", 502), "tcp", 1.0, 0.0, None, None)
METERS = [name for name in profile_ids() if load_profile(name).kind == "meter" and load_profile(name).uses_modbus]


class SimulatedBus(LoopLink):
    """A bus with one simulated meter, whose values change only when the test calls `step`."""

    response_s = 0.005

    def __init__(self, profile_id: str, clock: HandClock) -> None:
        profile = load_profile(profile_id)
        self.readings: list[Reading] = []
        self.wire = BusSettings("b", host="127.0.0.1")
        self.late = self.damaged = self.failed = 0
        self.no_overread: set[tuple[int, int, int]] = set()
        self._clock = clock
        self._bench = BenchDevice(profile, 1, random.Random(3))
        device = ModbusDevice("m", profile, 1, self, clock)
        device.apply_selfcheck([row.name for row in profile.registers], [])
        self._polled = PolledDevice(device, 1.0, {})
        self._poller = BusPoller(BUS, [self._polled], self, clock, self.readings.append, random.Random(1))

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, **_: object
    ) -> bytes:
        self._clock.move(self.response_s)
        try:
            return self._bench.served.answer(request.function, request.address, request.registers)
        except Refused as refusal:
            raise ModbusExceptionResponse(refusal.code, request.unit, request.address) from None

    async def close(self) -> None: ...

    def step(self, seconds: float) -> None:
        self._bench.step(seconds)

    def poll(self) -> Reading:
        """Waits for the next poll and returns its reading."""
        self._clock.move(max(0.0, (self._polled.due_ns - self._clock.monotonic_ns()) / 1e9))
        return asyncio.run(self._poller.poll_once(self._polled))


def stale(reading: Reading) -> set[str]:
    return {name for name in reading.values if Quality.STALE in reading.flags.get(name, Quality.GOOD)}


@pytest.mark.parametrize("profile_id", METERS)
def test_values_that_freeze_while_the_meter_responds_are_stale(profile_id: str, clock: HandClock) -> None:
    bus = SimulatedBus(profile_id, clock)
    for _ in range(60):
        bus.step(1.0)
        assert not stale(bus.poll())
    frozen = [bus.poll() for _ in range(150)]
    assert not any(stale(reading) for reading in frozen[:115]), "identical values for less than two minutes"
    assert stale(frozen[-1]) == set(frozen[-1].values)
    bus.step(60.0)
    assert not stale(bus.poll())


@pytest.mark.parametrize("profile_id", METERS)
def test_values_refreshed_every_third_poll_are_slow_but_not_stale(
    profile_id: str, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    bus = SimulatedBus(profile_id, clock)
    for k in range(150):
        if k % 3 == 0:
            bus.step(3.0)
        bus.poll()
    assert not any(stale(reading) for reading in bus.readings)
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told == ["m updates its values about every 3.0 s, but is polled every 1 s"]
