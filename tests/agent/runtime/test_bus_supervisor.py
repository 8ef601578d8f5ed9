"""A bus that another master stops: events, the entry in the state file, the confirmation of an operator."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.basics import HandClock
from support.bus_servers import RtuSlave, read_registers
from support.config_text import bus, load, meter, site
from support.second_master import REQUESTS

from agent.acquisition.bus_stops import CLEAN, RESUME, STOP, apply_stops, modbus_links
from agent.acquisition.pollers import pollers
from agent.acquisition.scheduler import BusPoller
from agent.core.messages import Message
from agent.core.state_reasons import BUS_RESUMED, BUS_RESUMED_BY_OPERATOR, BUS_STOPPED
from agent.delivery.store import Store
from agent.runtime.bus_supervisor import BusSupervisor
from drivers import error_reasons as codes
from drivers.errors import ForeignMasterActive
from drivers.reading import Reading

METER = meter(profile="eastron/sdm630", measuring_point="feeder")
OTHER = REQUESTS["another meter, 100 registers"]
SEEN = codes.FOREIGN_REQUESTS(unit_id=31, function=3, address=0x40, n=1)


class Plant:
    """An agent on a bus with one slave; another master can send on it."""

    def __init__(self, folder: Path, slave: RtuSlave, clock: HandClock) -> None:
        text = site() + bus(tcp=None, serial=slave.port, line="19200 8N1", listen_before_start="0s") + METER
        self.store, self.slave, self.events = Store(folder, clock), slave, list[Message]()
        assert self.store.run_id
        self.readings: list[Reading] = []
        self._config = load(folder, text)
        self.pollers = self.new_pollers(clock)
        (self.link,) = modbus_links(self.pollers).values()
        self.supervisor = BusSupervisor(lambda: self.pollers, clock, self.store, self.events.append)

    def new_pollers(self, clock: HandClock) -> list[BusPoller]:
        made = pollers(self._config, clock, self.readings.append)
        apply_stops(self.store.entries(STOP), made, clock)
        return made

    async def poll(self) -> bool:
        """Returns whether the bus responds."""
        try:
            await read_registers(self.link, 1, 3, 7, 1, 1.0)
        except ForeignMasterActive:
            return False
        finally:
            await self.supervisor.check()
        return True

    async def other_master(self) -> None:
        os.write(self.slave.master, OTHER)
        await asyncio.sleep(0.03)

    async def end(self) -> None:
        await self.link.close()
        self.store.close()


@pytest.fixture
def slave() -> Iterator[RtuSlave]:
    with RtuSlave() as found:
        yield found


def states(plant: Plant) -> list[str]:
    assert {item.values["event_kind"] for item in plant.events} <= {"bus_stopped"}
    return [item.values["event_state"] for item in plant.events]


def test_a_stop_is_published_and_stored_until_the_bus_was_quiet(tmp_path: Path, slave: RtuSlave) -> None:
    clock = HandClock()

    async def scene() -> None:
        plant = Plant(tmp_path, slave, clock)
        assert await plant.poll()
        await plant.other_master()
        since_ms = clock.utc_ns() // 1_000_000
        assert not await plant.poll()
        (begin,) = plant.events
        cause = codes.FRAMES_NOT_REQUESTED(target=slave.port, since_ms=since_ms, frames=(SEEN,))
        assert begin.reasons["event_text"] == [BUS_STOPPED(bus="b", cause=cause, quiet_min=20)]
        assert (begin.values["event_state"], begin.values["event_start_ms"]) == ("begin", since_ms)
        assert plant.store.entries(STOP)["b"]["requests"] == [[31, 3, 0x40, 1]]
        await plant.other_master()
        assert not await plant.poll()
        assert plant.store.entries(STOP)["b"]["requests"] == [[31, 3, 0x40, 2]]
        clock.move(1199)
        assert not await plant.poll()
        clock.move(2)
        assert await plant.poll()
        assert states(plant) == ["begin", "end"]
        assert plant.events[1].reasons["event_text"] == [BUS_RESUMED(bus="b", n=2)]
        assert plant.events[1].values["event_duration_s"] == 1201
        assert not plant.store.entries(STOP)
        await plant.end()

    asyncio.run(scene())


def test_a_restart_does_not_end_a_stop_but_a_confirmation_does(tmp_path: Path, slave: RtuSlave) -> None:
    async def scene() -> None:
        plant = Plant(tmp_path, slave, HandClock())
        assert await plant.poll()
        await plant.other_master()
        assert not await plant.poll()
        await plant.end()
        plant = Plant(tmp_path, slave, HandClock())
        assert not await plant.poll()
        assert not plant.events, "the begin was published by the earlier process"
        plant.store.save_entry(RESUME, "b", "1", {"by": "li", "at_ms": 0})
        assert not await plant.poll(), "the confirmation of another stop"
        since_ms = plant.store.entries(STOP)["b"]["since_ms"]
        plant.store.save_entry(RESUME, "b", str(since_ms), {"by": "li", "at_ms": 0})
        assert not await plant.poll()
        assert await plant.poll()
        assert [item.reasons["event_text"] for item in plant.events] == [
            [BUS_RESUMED_BY_OPERATOR(bus="b", operator="li", n=1)]
        ]
        assert not plant.store.entries(STOP)
        assert not plant.store.entries(RESUME)
        await plant.end()

    asyncio.run(scene())


def test_a_clean_end_is_stored_only_where_no_other_master_was_received(tmp_path: Path, slave: RtuSlave) -> None:
    clock = HandClock()

    async def scene() -> None:
        plant = Plant(tmp_path, slave, clock)
        plant.supervisor.save_clean_ends()
        assert not plant.store.entries(CLEAN), "nothing was sent or received yet"
        assert await plant.poll()
        plant.supervisor.save_clean_ends()
        assert set(plant.store.entries(CLEAN)) == {"b"}
        plant.store.delete_entry(CLEAN, "b")
        await plant.other_master()
        assert not await plant.poll()
        clock.move(1201)
        assert await plant.poll()
        plant.supervisor.save_clean_ends()
        assert not plant.store.entries(CLEAN)
        await plant.end()

    asyncio.run(scene())


def test_readings_of_a_stopped_bus_say_how_it_is_resumed(tmp_path: Path, slave: RtuSlave) -> None:
    async def scene() -> None:
        plant = Plant(tmp_path, slave, HandClock())
        (poller,) = plant.pollers
        assert await plant.poll()
        await plant.other_master()
        assert not await plant.poll()
        await poller.poll_once(poller.devices[0])
        (reading,) = plant.readings
        assert reading.error is not None
        assert reading.error.code == BUS_STOPPED
        assert "magwatt resume b" in str(reading.error)
        await plant.end()

    asyncio.run(scene())


def test_a_state_file_that_cannot_be_written_does_not_end_the_stop(tmp_path: Path, slave: RtuSlave) -> None:
    async def scene() -> None:
        plant = Plant(tmp_path, slave, HandClock())
        assert await plant.poll()
        closed = Store(None, HandClock())
        closed.close()
        plant.supervisor = BusSupervisor(lambda: plant.pollers, HandClock(), closed, plant.events.append)
        await plant.other_master()
        for _ in range(3):
            assert not await plant.poll()
        assert states(plant) == ["begin"]
        await plant.end()

    asyncio.run(scene())


def test_a_new_connection_to_a_stopped_bus_continues_the_stop(tmp_path: Path, slave: RtuSlave) -> None:
    """As after a change of the settings of the bus in the configuration."""

    async def scene() -> None:
        plant = Plant(tmp_path, slave, HandClock())
        assert await plant.poll()
        await plant.other_master()
        assert not await plant.poll()
        await plant.link.close()
        plant.pollers = plant.new_pollers(HandClock())
        (plant.link,) = modbus_links(plant.pollers).values()
        for _ in range(2):
            assert not await plant.poll()
        assert states(plant) == ["begin"]
        await plant.end()

    asyncio.run(scene())
