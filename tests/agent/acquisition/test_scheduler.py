"""Polling with a simulated clock: schedule of the devices, and the effect of an unresponsive device on the others."""

from __future__ import annotations

import asyncio
import contextlib
import random
import struct
from collections.abc import Awaitable, Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support.basics import HandClock
from support.loop_link import LoopLink

from agent.acquisition.poll_plan import POLLED_TOO_FAST, RETRY_MARGIN_MISSING, block_s, plan
from agent.acquisition.scheduler import BusPoller, PolledDevice
from agent.config.loader import load_config
from agent.config.model import Bus
from drivers.bus_settings import BusSettings
from drivers.error_reasons import LATE_RESPONSE_PENDING, NO_RESPONSE, PORT_MISSING, RESPONSE_CORRUPT
from drivers.errors import ConnectFailed, FrameError, LinkTimeout, ModbusExceptionResponse, ResponseQuarantined
from drivers.framing import Request
from drivers.modbus_device import ModbusDevice
from drivers.profiles import load_profile
from drivers.reading import Quality, Reading

BUS = Bus("b", None, (19200, 8, "N", 1), ("127.0.0.1", 502), "tcp", 1.0, 0.0, None, None)


class ScriptedLink(LoopLink):
    """A bus without bytes: 15 ms per request, no response of units in `dead`, an exception from those in `refusing`."""

    def __init__(self, clock: HandClock) -> None:
        self.clock, self.dead, self.refusing = clock, set[int](), dict[int, int]()
        self.asked: list[tuple[float, int, int, int]] = []
        self.unplugged = False
        self.response_s = 0.015
        self.wire = BusSettings("b", host="127.0.0.1")
        self.value = self.failed = 0

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, **how: object
    ) -> bytes:
        self.asked.append((self.clock.monotonic_ns() / 1e9, request.unit, request.address, request.registers))
        if self.unplugged:
            raise ConnectFailed(PORT_MISSING, port="/dev/x")
        if request.unit in self.dead:
            self.clock.move(timeout_s)
            raise LinkTimeout(NO_RESPONSE, unit_id=request.unit, address=request.address, timeout_s=timeout_s)
        self.clock.move(self.response_s)
        if code := self.refusing.get(request.unit):
            raise ModbusExceptionResponse(code, request.unit, request.address)
        self.value += 1
        if request.address == 3203:  # two counters of four words
            return struct.pack(">2q", 1000 + self.value, 0)
        return struct.pack(f">{request.registers}H", *([self.value % 100] * request.registers))

    async def close(self) -> None: ...


def scene(clock: HandClock, units: int = 10) -> tuple[BusPoller, ScriptedLink, list[Reading]]:
    link, readings = ScriptedLink(clock), list[Reading]()
    profile = load_profile("schneider/pm5000")
    devices = [
        PolledDevice(ModbusDevice(f"m{unit}", profile, unit, link, clock), 1.0, {}, cluster=f"m{unit}")  # type: ignore[arg-type]
        for unit in range(1, units + 1)
    ]
    poller = BusPoller(BUS, devices, link, clock, readings.append, random.Random(1))  # type: ignore[arg-type]
    return poller, link, readings


def run(poller: BusPoller, clock: HandClock, seconds: float) -> None:
    async def until() -> None:
        end_ns = clock.monotonic_ns() + int(seconds * 1e9)
        while clock.monotonic_ns() < end_ns:
            polled = min(poller.devices, key=lambda item: item.due_ns)
            if polled.due_ns > clock.monotonic_ns():
                clock.move((polled.due_ns - clock.monotonic_ns()) / 1e9)
            await poller.poll_once(polled)

    with contextlib.suppress(StopIteration):
        asyncio.run(until())


def test_the_requests_of_a_poll_are_one_run_of_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    poller, link, readings = scene(HandClock(), units=1)
    works: list[object] = []
    run_once = link.run

    def counted(work: Coroutine[Any, Any, Any]) -> Awaitable[Any]:
        works.append(work)
        return run_once(work)

    monkeypatch.setattr(link, "run", counted)
    asyncio.run(poller.poll_once(poller.devices[0]))
    assert len(link.asked) > 1
    assert len(works) == len(readings) == 1


def test_phases_are_spread_over_the_period(clock: HandClock) -> None:
    poller, link, _ = scene(clock)
    run(poller, clock, 3)
    firsts = {unit: at for at, unit, *_ in reversed(link.asked)}
    times = sorted(firsts.values())
    assert times[-1] - times[0] > 0.7
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.02


def test_each_device_keeps_its_period(clock: HandClock) -> None:
    poller, _, readings = scene(clock)
    run(poller, clock, 60)
    for number in range(1, 11):
        times = [reading.sent_ns / 1e9 for reading in readings if reading.device == f"m{number}"]
        assert 59 <= len(times) <= 61


def test_one_offline_device_of_ten_slows_the_others_by_less_than_five_percent(clock: HandClock) -> None:
    poller, link, readings = scene(clock)
    run(poller, clock, 5)
    link.dead.add(4)
    start = len(readings)
    run(poller, clock, 120)
    alive = [reading for reading in readings[start:] if Quality.NO_REPLY not in reading.quality]
    assert len(alive) > 0.95 * 9 * 120
    gaps = []
    for number in (1, 2, 3, 5, 6, 7, 8, 9, 10):
        times = [reading.sent_ns for reading in alive if reading.device == f"m{number}"]
        gaps += [(later - earlier) / 1e9 for earlier, later in pairwise(times)]
    assert sum(gaps) / len(gaps) < 1.05
    assert max(gaps) < 1.3


def test_a_device_that_responds_again_is_online_within_one_probe(clock: HandClock) -> None:
    poller, link, readings = scene(clock)
    run(poller, clock, 3)
    link.dead.add(4)
    run(poller, clock, 30)
    link.dead.clear()
    back = clock.utc_ns()
    run(poller, clock, 61)
    first = next(reading for reading in readings if reading.device == "m4" and reading.sent_ns > back
                 and Quality.NO_REPLY not in reading.quality)  # fmt: skip
    last_pause_s = 16 * 1.1  # 2, 4, 8, 16: the pause that was running after 30 s
    assert (first.sent_ns - back) / 1e9 <= last_pause_s + 1
    assert first.values["active_power"] is not None


def test_probes_double_up_to_a_minute_and_are_small(clock: HandClock) -> None:
    poller, link, _ = scene(clock, units=2)
    run(poller, clock, 3)
    link.dead.add(2)
    begin = len(link.asked)
    run(poller, clock, 600)
    asked = [(at, count) for at, unit, _, count in link.asked[begin:] if unit == 2]
    pauses = [later - earlier for (earlier, _), (later, _) in pairwise(asked[2:])]
    for earlier, later in pairwise(pauses):
        assert later > 1.5 * earlier or later > 50
    assert max(pauses) < 60 * 1.1 + 1.5
    assert {count for _, count in asked[2:]} == {1}, "the smallest block of the map"


@pytest.mark.parametrize("code", [0x0A, 0x0B])
def test_a_gateway_that_reports_a_silent_device_counts_for_the_device_only(clock: HandClock, code: int) -> None:
    poller, link, readings = scene(clock, units=3)
    link.refusing[2] = code
    run(poller, clock, 20)
    assert all(Quality.NO_REPLY in reading.quality for reading in readings if reading.device == "m2")
    assert all(Quality.NO_REPLY not in reading.quality for reading in readings if reading.device != "m2")
    assert [polled.offline for polled in poller.devices] == [False, True, False]


def test_a_device_that_its_gateway_cannot_reach_after_a_bus_failure_goes_offline(clock: HandClock) -> None:
    poller, link, _ = scene(clock, units=3)
    link.unplugged = True
    run(poller, clock, 20)
    link.unplugged, link.refusing[2] = False, 0x0B
    run(poller, clock, 20)
    assert [polled.offline for polled in poller.devices] == [False, True, False]


def test_a_register_with_an_illegal_address_is_not_requested_again(clock: HandClock) -> None:
    poller, link, _ = scene(clock, units=1)
    link.refusing[1] = 0x02
    run(poller, clock, 30)
    before = len(link.asked)
    run(poller, clock, 30)
    assert len(link.asked) == before, "nothing of this map is there: nothing is asked any more"


def test_a_slow_refresh_of_a_meter_is_reported_once(clock: HandClock, caplog: pytest.LogCaptureFixture) -> None:
    poller, link, _ = scene(clock, units=1)
    polled = poller.devices[0]
    polled.poll_interval_s = 0.2

    async def slow(request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, **how: object) -> bytes:
        clock.move(0.015)
        return struct.pack(f">{request.registers}H", *([int(clock.monotonic_ns() / 1e9)] * request.registers))

    link.read_block = slow  # type: ignore[assignment]
    with caplog.at_level("WARNING"):
        run(poller, clock, 30)
    logged = [record.getMessage() for record in caplog.records if "updates its values" in record.getMessage()]
    assert len(logged) == 1
    assert "every 1.0 s" in logged[0]


def test_constant_values_are_not_reported_as_slow_refresh(clock: HandClock) -> None:
    """A drive at a steady load changes its last digit now and then, at no fixed interval."""
    poller, link, _ = scene(clock, units=1)
    chance = random.Random(5)
    digit = 0

    async def steady(request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, **how: object) -> bytes:
        nonlocal digit
        clock.move(0.015)
        digit += chance.random() < 0.3
        return struct.pack(f">{request.registers}H", *([digit] * request.registers))

    link.read_block = steady  # type: ignore[assignment]
    run(poller, clock, 600)
    assert poller.devices[0].device.health.refresh.refresh_interval_s(1.0) is None
    assert not poller.devices[0].slow_logged


def test_decreasing_counters_and_clock_steps_are_flagged(clock: HandClock) -> None:
    poller, link, readings = scene(clock, units=1)
    run(poller, clock, 11)
    assert all("energy_import" not in reading.flags for reading in readings)
    link.value = -900  # the register goes back
    run(poller, clock, 12)
    assert any(reading.flags.get("energy_import") == Quality.OUT_OF_RANGE for reading in readings)
    clock.step(3600)
    before = len(readings)
    run(poller, clock, 3)
    assert [Quality.CLOCK_UNSYNCHRONIZED in reading.quality for reading in readings[before:]].count(True) == 1


class Counting:
    """A drive whose 16-bit energy counter (register 114 of an ACS550) has the given values; zeros elsewhere."""

    response_s = 0.01

    def __init__(self) -> None:
        self.kwh = 0

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, **how: object
    ) -> bytes:
        words = (self.kwh if request.address + k == 114 else 0 for k in range(request.registers))
        return struct.pack(f">{request.registers}H", *words)

    async def close(self) -> None: ...


def test_a_rollover_is_not_a_decreasing_counter(clock: HandClock) -> None:
    link = Counting()
    device = ModbusDevice("d", load_profile("abb/acs550"), 1, link, clock)

    def flag(kwh: int) -> Quality:
        link.kwh = kwh
        return asyncio.run(device.poll()).flags.get("energy_kwh", Quality.GOOD)

    assert [flag(kwh) for kwh in (65_530, 65_535, 4)] == [Quality.GOOD] * 3
    assert flag(30_000) == Quality.GOOD
    assert flag(7) == Quality.OUT_OF_RANGE  # set back, or another drive
    assert flag(8) == Quality.GOOD


CONFIG = """
[site]
id = "s"
gateway = "g"
[bus.b]
serial = "/dev/ttyUSB0"
line = "{line}"
poll_interval = "{every}"
"""
METER = """
[meter.m{n}]
bus = "b"
unit_id = {n}
profile = "eastron/sdm630"
measuring_point = "feeder"
class = "1"
"""


def planned(tmp_path: Path, line: str, every: str, meters: int):  # type: ignore[no-untyped-def]
    file = tmp_path / "plant.toml"
    file.write_text(CONFIG.format(line=line, every=every) + "".join(METER.format(n=n + 1) for n in range(meters)))
    config, _ = load_config(file)
    (found,) = plan(config)
    return found


def test_plan_opens_no_port_and_its_load_is_the_sum_of_its_requests(tmp_path: Path) -> None:
    found = planned(tmp_path, "19200 8E1", "1s", 1)
    fast = [item for item in found.blocks if item.group == "fast"]
    # 72 registers: 8 + 5 + 144 characters of 11 bits at 19200, a silence of 3.5, a pause of 60 ms, 15 ms turnaround.
    assert fast[0].transaction_s == pytest.approx(157 * 11 / 19200 + 3.5 * 11 / 19200 + 0.060 + 0.015)
    shares = [item.transaction_s / item.interval_s for item in found.blocks if item.interval_s]
    assert found.utilization == pytest.approx(sum(shares))
    assert found.problems == ()


def test_plan_reports_what_does_not_fit(tmp_path: Path) -> None:
    found = planned(tmp_path, "9600 8N1", "1s", 4)
    assert found.utilization > 1
    expected = RETRY_MARGIN_MISSING(utilization=found.utilization, interval_s=found.fitting_s)
    assert found.problems[0] == expected
    quick = planned(tmp_path, "115200 8N1", "200ms", 1)
    [device] = {item.device for item in quick.blocks}
    assert POLLED_TOO_FAST(device=device, refresh_s=1.0, interval_s=0.2) in quick.problems


def test_an_overread_register_takes_two_characters(tmp_path: Path) -> None:
    """Break-even: at 9600 baud and 5 ms of turnaround 12 registers, here with 15 ms a few more."""
    from drivers.register_blocks import break_even_hole

    assert break_even_hole(11 / 9600, 3.5 * 11 / 9600, 0.005) == 12
    assert break_even_hole(11 / 9600, 3.5 * 11 / 9600, 0.020) == 18
    assert break_even_hole(11 / 115200, 0.00175, 0.020) == 129
    wire = BusSettings("w", serial_port="/dev/x", baud=9600)
    assert block_s(wire, 10, 0) - block_s(wire, 9, 0) == pytest.approx(2 * wire.character_s)


def test_a_bus_failure_is_logged_once_and_is_not_a_failure_of_a_device(
    clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    poller, link, readings = scene(clock)

    run(poller, clock, 3)
    link.unplugged = True
    readings.clear()
    run(poller, clock, 120)
    assert all(Quality.NO_REPLY in reading.quality for reading in readings)
    assert not any(polled.failures for polled in poller.devices)
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == [
        f"bus b: {PORT_MISSING(port='/dev/x')}; retrying"
    ]
    link.unplugged = False
    readings.clear()
    run(poller, clock, 2.2)
    good = {reading.device for reading in readings if Quality.NO_REPLY not in reading.quality}
    assert good == {polled.device.name for polled in poller.devices}


def test_a_device_that_is_offline_for_days_is_polled_once_a_minute(clock: HandClock) -> None:
    poller, link, readings = scene(clock, units=1)
    link.dead.add(1)
    run(poller, clock, 2 * 86_400)
    gaps_s = [later[0] - earlier[0] for earlier, later in pairwise(link.asked)][-100:]
    assert min(gaps_s) > 50
    assert max(gaps_s) < 70
    assert Quality.NO_REPLY in readings[-1].quality


def test_a_device_unplugged_after_a_postponed_poll_is_probed_with_increasing_delay(clock: HandClock) -> None:
    poller, link, _ = scene(clock, units=1)
    link.dead.add(1)
    run(poller, clock, 3)
    assert poller.devices[0].offline
    link.dead.clear()
    plugged = link.read_block

    async def only_the_probe(*request: object, **how: object) -> bytes:
        link.read_block = late  # type: ignore[method-assign]
        return await plugged(*request, **how)  # type: ignore[arg-type]

    async def late(request: Request, *_: object, **how: object) -> bytes:
        raise ResponseQuarantined(LATE_RESPONSE_PENDING, unit_id=request.unit, address=request.address)

    link.read_block = only_the_probe  # type: ignore[method-assign]
    asyncio.run(poller.poll_once(poller.devices[0]))
    assert poller.devices[0].device.postponed
    link.read_block = plugged  # type: ignore[method-assign]
    link.dead.add(1)
    link.asked.clear()
    run(poller, clock, 300)
    gaps_s = [later[0] - earlier[0] for earlier, later in pairwise(link.asked)]
    assert all(later > 1.5 * earlier or later > 50 for earlier, later in pairwise(gaps_s))
    assert gaps_s[-1] > 50


def test_polls_in_step_with_those_of_another_master_stop_colliding(clock: HandClock) -> None:
    """Its request takes 20 ms of every fifth period; a response of 15 ms that meets it is corrupt."""
    poller, link, _ = scene(clock, units=1)
    link.wire = BusSettings("b", serial_port="/dev/x")
    first_s = clock.monotonic_ns() / 1e9
    respond, collisions = link.read_block, list[int]()

    async def beside_another_master(request: Request, *_: float, **how: object) -> bytes:
        data = await respond(request, 0.1)
        since_s = clock.monotonic_ns() / 1e9 - first_s
        if since_s % 5.0 < 0.035:
            collisions.append(int(since_s / 5.0))
            link.failed += 1
            raise FrameError(RESPONSE_CORRUPT, unit_id=request.unit, address=request.address)
        return data

    link.read_block = beside_another_master  # type: ignore[method-assign]
    run(poller, clock, 500)
    assert 0 in collisions
    assert len(set(collisions)) < 50, "of 100 requests"
    asked_s = [at for at, *_ in link.asked]
    assert max(later - earlier for earlier, later in pairwise(asked_s)) < 1.3
