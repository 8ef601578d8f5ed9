"""A clock step must not change the order or the age of readings and rows."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from support.basics import HandClock
from support.config_text import bus, load, meter, motor, site
from support.loop_link import LoopLink
from support.pipeline import pipeline_of

from agent.acquisition.scheduler import BusPoller, PolledDevice
from agent.config.model import Bus
from agent.core.messages import Message
from agent.runtime.pipeline import Outputs
from drivers.bus_settings import BusSettings
from drivers.framing import Request
from drivers.modbus_device import ModbusDevice
from drivers.profiles import load_profile
from drivers.reading import Reading

HOUR_NS = 3600 * 10**9
PLANT = site() + bus() + meter("m-1", profile="eastron/sdm630") + motor("fan-1", "m-1")


class Stepping(HandClock):
    def step(self, by_ns: int) -> None:
        self._utc_ns += by_ns


class Line(LoopLink):
    """A bus that responds in 15 ms; during the first response UTC steps forward by an hour."""

    def __init__(self, clock: Stepping) -> None:
        self.clock, self.wire, self.response_s = clock, BusSettings("b", host="127.0.0.1"), 0.015
        self.late = self.damaged = self.failed = 0
        self.no_overread: set[tuple[int, int, int]] = set()
        self._step_ns = HOUR_NS

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, **how: object
    ) -> bytes:
        self.clock.move(self.response_s)
        self.clock.step(self._step_ns)
        self._step_ns = 0
        return bytes(2 * request.registers)

    async def close(self) -> None: ...


def test_after_a_step_back_the_next_row_has_the_new_time(tmp_path: Path, clock: HandClock) -> None:
    """A slow value that was read before the step still has the later UTC: the row is as old as its newest value."""
    rows: list[Message] = []
    config = load(tmp_path, PLANT)
    every = {"m-1": {"active_power": 1.0, "energy_import": 10.0}}
    pipeline = pipeline_of(config, every, clock, Outputs(rows.append))
    now_ns = clock.utc_ns()
    values = {"active_power": 27_000.0, "energy_import": 5.0}
    pipeline.on_reading(Reading("m-1", now_ns, now_ns, values, monotonic_ns=clock.monotonic_ns()))
    clock.move(1)
    back_ns = clock.utc_ns() - 8 * HOUR_NS
    pipeline.on_reading(Reading("m-1", back_ns, back_ns, {"active_power": 27_000.0}, monotonic_ns=clock.monotonic_ns()))
    assert rows[-1].values["energy_import_kwh"] == 5.0
    assert rows[-1].t_ms == back_ns // 1_000_000


def test_a_clock_step_during_a_request_does_not_change_its_duration() -> None:
    """Energies use the middle of a reading: an error of half an hour would corrupt the next minute."""
    clock, readings = Stepping(), list[Reading]()
    line = Line(clock)
    bus = Bus("b", None, (19200, 8, "N", 1), ("127.0.0.1", 502), "tcp", 1.0, 0.0, None, None)
    polled = PolledDevice(ModbusDevice("m-1", load_profile("schneider/pm5000"), 1, line, clock), 1.0, {})
    before_ns = clock.monotonic_ns()
    asyncio.run(BusPoller(bus, [polled], line, clock, readings.append, random.Random(1)).poll_once(polled))
    (found,) = readings
    assert found.came_ns - found.sent_ns == found.monotonic_ns - before_ns
    assert 0 < found.middle_s - before_ns / 1e9 < 0.1
    assert found.came_ns == clock.utc_ns()
