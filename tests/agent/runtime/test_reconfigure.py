"""Buses and motors with a new configuration: schedules, connections and data that are kept."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from support.basics import HandClock
from support.config_text import load, two_fans
from support.loop_link import LoopLink
from support.pipeline import pipeline_of

from agent.acquisition.buses import Buses
from agent.acquisition.scheduler import BusPoller, PolledDevice
from agent.config.model import Bus
from agent.core.messages import Message
from agent.delivery.store import Store
from agent.runtime.assembly import due, polled_plant
from agent.runtime.pipeline import Outputs, Pipeline
from agent.runtime.reconfigure import due_after
from agent.runtime.stage import StageContext
from agent.savings.tracking.tracker import SavingsTracker
from drivers.bus_settings import BusSettings
from drivers.framing import Request
from drivers.modbus_device import ModbusDevice
from drivers.profiles import load_profile
from drivers.reading import Quality, Reading

PLANT = two_fans()

BUS = Bus("b", None, (19200, 8, "N", 1), ("127.0.0.1", 502), "tcp", 1.0, 0.0, None, None)


class Line(LoopLink):
    """A bus that responds in 15 ms and records the requests. `on_ask` runs in the middle of a request."""

    def __init__(self, clock: HandClock) -> None:
        self.clock, self.wire = clock, BusSettings("b", host="127.0.0.1")
        self.asked: list[tuple[float, int]] = []
        self.response_s, self.late, self.damaged, self.failed = 0.015, 0, 0, 0
        self.no_overread: set[tuple[int, int, int]] = set()
        self.on_ask: Callable[[], None] = lambda: None
        self.closed = False

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, **how: object
    ) -> bytes:
        self.asked.append((self.clock.monotonic_ns() / 1e9, request.unit))
        self.clock.move(self.response_s)
        await asyncio.sleep(0)
        self.on_ask()
        return bytes(2 * request.registers)

    async def close(self) -> None:
        self.closed = True


def polled(line: Line, unit: int, made_from: str = "as ever", every_s: float = 1.0) -> PolledDevice:
    device = ModbusDevice(f"m{unit}", load_profile("schneider/pm5000"), unit, line, line.clock)
    return PolledDevice(device, every_s, {}, cluster=f"m{unit}", configuration=(made_from,))


def run_for(poller: BusPoller, line: Line, seconds: float) -> None:
    async def until() -> None:
        task = asyncio.create_task(poller.run())
        end_s = line.clock.monotonic_ns() / 1e9 + seconds
        while line.clock.monotonic_ns() / 1e9 < end_s:
            await asyncio.sleep(0)
            assert not task.done(), task.exception()
        task.cancel()

    asyncio.run(until())


class PoliteClock(HandClock):
    """A sleep lets other tasks run."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        await asyncio.sleep(0)


def bus_of(line: Line, count: int = 6) -> tuple[BusPoller, list[Reading]]:
    readings: list[Reading] = []
    devices = [polled(line, unit) for unit in range(1, count + 1)]
    return BusPoller(BUS, devices, line, line.clock, readings.append, random.Random(1)), readings


def times(readings: list[Reading], name: str) -> list[float]:
    return [reading.monotonic_ns / 1e9 for reading in readings if reading.device == name]


def test_unchanged_devices_of_a_changed_bus_miss_no_poll(clock: HandClock) -> None:
    line = Line(clock)
    poller, readings = bus_of(line)
    run_for(poller, line, 5)
    kept = list(poller.devices)
    unsupported_registers = kept[0].device.unsupported
    poller.update_devices(
        BUS, [polled(line, 1), polled(line, 2, "another ratio"), *[polled(line, n) for n in (3, 4, 5, 7)]]
    )
    run_for(poller, line, 5)
    assert poller.devices[0] is kept[0]
    assert poller.devices[0].device.unsupported is unsupported_registers
    assert poller.devices[1] is not kept[1]
    for name in ("m1", "m2", "m3", "m4", "m5"):
        found = times(readings, name)
        assert len(found) >= 9
        assert max(later - earlier for earlier, later in pairwise(found)) < 1.2, name
    assert len(times(readings, "m7")) >= 4, "the new one joined"
    assert max(times(readings, "m6")) < 7, "the one that went is asked no more"


def test_a_response_to_a_request_of_the_old_map_is_discarded(clock: HandClock) -> None:
    """The change occurs during a request: the response belongs to the old map."""
    line = Line(clock)
    poller, readings = bus_of(line, 1)
    line.on_ask = lambda: poller.update_devices(BUS, [polled(line, 1, "another map")])
    asyncio.run(poller.poll_once(poller.devices[0]))
    assert readings == []


def test_a_bus_with_a_long_interval_polls_a_new_device_immediately() -> None:
    clock = PoliteClock()
    line = Line(clock)
    readings: list[Reading] = []
    slow = polled(line, 1, every_s=3600)
    poller = BusPoller(BUS, [slow], line, clock, readings.append, random.Random(1))
    run_for(poller, line, 10)
    poller.update_devices(BUS, [slow, polled(line, 2)])
    run_for(poller, line, 10)
    assert len(times(readings, "m2")) >= 5
    assert len(times(readings, "m1")) == 1


def test_a_changed_bus_is_closed_before_the_next_is_opened(clock: HandClock) -> None:
    """Two serial settings of one port: the second cannot be opened while the first is open."""
    old, same, new = Line(clock), Line(clock), Line(clock)

    async def change() -> None:
        wires = Buses(clock)
        for line in (old, same):
            wires.start(BusPoller(BUS, [polled(line, 1)], line, clock, lambda _: None, random.Random(1)))
        await asyncio.sleep(0)
        running = wires.pollers[1]
        wanted = [
            BusPoller(BUS, [polled(line, 1)], line, clock, lambda _: None, random.Random(1)) for line in (same, new)
        ]
        new.on_ask = lambda: None if old.closed else pytest.fail("the old wire is still open")
        fresh = await wires.change(wanted)
        assert wires.pollers == [running, wanted[1]]
        assert [device.device.unit for device in fresh] == [1], "of the new wire; the other's did not change"
        for _ in range(50):
            await asyncio.sleep(0)
        assert (old.closed, same.closed) == (True, False)
        await wires.stop()
        assert same.closed

    asyncio.run(change())
    assert new.asked


def test_an_internal_error_of_a_poller_is_raised(clock: HandClock) -> None:
    line = Line(clock)
    line.on_ask = lambda: 1 // 0  # type: ignore[assignment,return-value]

    async def broken() -> None:
        wires = Buses(clock)
        wires.start(BusPoller(BUS, [polled(line, 1)], line, clock, lambda _: None, random.Random(1)))
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(wires.run(), 60)
        await wires.stop()

    asyncio.run(broken())


def reading(device: str, clock: HandClock, watts: float) -> Reading:
    now_ns = clock.utc_ns()
    return Reading(device, now_ns, now_ns, {"active_power": watts}, Quality.GOOD, {}, None, clock.monotonic_ns())


def test_an_unchanged_motor_keeps_its_state(tmp_path: Path, clock: HandClock) -> None:
    """Motor 2 has run for 30 s. After a change of motor 1 its next row is complete; motor 1 restarts."""
    rows: list[Message] = []
    old = load(tmp_path, PLANT)
    every = {name: {"active_power": 1.0} for name in ("m-1", "m-2")}
    pipeline = pipeline_of(old, every, clock, Outputs(rows.append))

    def second() -> None:
        clock.move(1)
        for name in ("m-1", "m-2"):
            pipeline.on_reading(reading(name, clock, 27_000))

    for _ in range(30):
        second()
    assert all(row.values["motor_efficiency_pct"] is not None for row in rows[-2:])
    new = load(tmp_path, PLANT.replace("kw = 30", "kw = 37", 1))
    pipeline.reconfigure(polled_plant(new, every))
    rows.clear()
    second()
    found = {row.asset: row.values["motor_efficiency_pct"] for row in rows}
    assert found["fan-2"] is not None
    assert found["fan-1"] is None
    pipeline.reconfigure(polled_plant(load(tmp_path, PLANT.replace("fan-1", "fan-9")), every))
    second()
    assert {row.asset for row in rows[2:]} == {"fan-2", "fan-9"}


def test_a_motor_measures_after_a_reload_during_which_the_state_file_could_not_be_read(
    tmp_path: Path, clock: HandClock
) -> None:
    store = Store(tmp_path / "state", clock)
    messages: list[Message] = []
    every = {name: {"active_power": 1.0} for name in ("m-1", "m-2")}
    pipeline = pipeline_of(
        load(tmp_path, PLANT), every, clock, Outputs(messages.append),
        lambda asset, period_s: SavingsTracker(asset, period_s, store, messages.append, "UTC"),
    )  # fmt: skip
    [(view,)] = store.rows("select sql from sqlite_master where name = 'counters'")
    store.do(lambda db: db.execute("drop view counters").rowcount)
    pipeline.reconfigure(polled_plant(load(tmp_path, PLANT.replace("kw = 30", "kw = 37", 1)), every))
    store.do(lambda db: db.execute(view).rowcount)
    for _ in range(1000):
        clock.move(1)
        pipeline.on_reading(reading("m-1", clock, 27_000))
    store.close()
    kinds = [message.kind for message in messages if message.asset == "fan-1"]
    assert kinds.count("telemetry") == 1000
    assert "savings" in kinds


def test_motors_restart_with_another_time_zone(tmp_path: Path, clock: HandClock) -> None:
    """The dates of their periods are in that zone."""
    zones: list[tuple[str, str]] = []

    def noted(context: StageContext) -> None:
        zones.append((context.asset.name, context.zone))

    pipeline = Pipeline(clock, Outputs(lambda _: None), [noted])
    every = {name: {"active_power": 1.0} for name in ("m-1", "m-2")}
    for text in (PLANT, PLANT, PLANT.replace("[site]", '[site]\ntimezone = "Asia/Shanghai"')):
        pipeline.reconfigure(polled_plant(load(tmp_path, text), every))
    assert zones == [(name, zone) for zone in ("UTC", "Asia/Shanghai") for name in ("fan-1", "fan-2")]


def test_a_restored_motor_continues_counting_its_share_of_a_meter(tmp_path: Path, clock: HandClock) -> None:
    shared = PLANT.replace('fed_by = "m-2"', 'fed_by = "m-1"')
    both, alone = load(tmp_path, shared), load(tmp_path, shared[: shared.index("[motor.fan-2]")])
    every = {name: {"active_power": 1.0} for name in ("m-1", "m-2")}
    counters = {f"energy_allocated/{name}": 5000 for name in ("fan-1", "fan-2")}
    rows: list[Message] = []
    pipeline = pipeline_of(both, every, clock, Outputs(rows.append), counters=counters)

    def energies_kwh() -> set[float]:
        rows.clear()
        pipeline.on_reading(reading("m-1", clock, 27_000))
        return {row.values["energy_allocated_kwh"] for row in rows if row.asset != "m-1"}

    assert energies_kwh() == {5.0}
    for config in (alone, both):
        pipeline.reconfigure(polled_plant(config, every))
    assert energies_kwh() == {5.0}
    assert {row.asset for row in rows} == {"fan-1", "fan-2", "m-1"}


def test_a_register_disabled_at_run_time_is_not_a_change_of_its_motor(clock: HandClock) -> None:
    poller, _ = bus_of(Line(clock), 2)
    before = due([poller])
    assert min(before["m1"].values()) == 1.0
    for polled in poller.devices:
        polled.device.unsupported.registers.add("frequency")
        polled.device.apply_selfcheck((), ())  # rebuilds the plan
    assert due([poller]) != before
    assert due_after(before, [poller], new_devices=set()) == before
    after = due_after(before, [poller], new_devices={"m2"})
    assert after["m1"] == before["m1"]
    assert set(before["m2"]) - set(after["m2"]) == {"frequency"}
