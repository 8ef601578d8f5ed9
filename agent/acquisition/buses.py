"""The pollers of all buses, one task each, and their change while the agent runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from agent.acquisition.line_settings import bus_settings
from agent.acquisition.scheduler import BusLink, BusPoller, PolledDevice
from agent.config.model import Bus
from drivers.bus_link import bus_link
from drivers.reading import Clock


class Buses:
    """The running pollers. For the event loop that polls."""

    def __init__(self, clock: Clock) -> None:
        self.pollers: list[BusPoller] = []
        self._clock = clock
        self._tasks: dict[BusPoller, asyncio.Task[None]] = {}
        self._broken = asyncio.Event()

    def start(self, poller: BusPoller) -> None:
        self.pollers.append(poller)
        task = asyncio.create_task(poller.run(), name=f"bus {poller.bus.name}")
        task.add_done_callback(lambda _: self._broken.set())
        self._tasks[poller] = task

    def link_of(self, bus: Bus) -> BusLink:
        """The existing connection with the settings of this bus, or a new one."""
        settings = bus_settings(bus)
        return next((poller.link for poller in self.pollers if poller.link.wire == settings), None) or bus_link(
            settings, self._clock
        )

    async def change(self, wanted: Iterable[BusPoller]) -> list[PolledDevice]:
        """Replaces the pollers by `wanted`, whose links come from `link_of`; returns the devices that are new.

        Connections that are no longer needed are closed first, because another bus may need their port. The others
        continue to poll, and unchanged devices are not interrupted.
        """
        wanted = list(wanted)
        links = {poller.link for poller in wanted}
        await self.stop([poller for poller in self.pollers if poller.link not in links])
        by_link = {poller.link: poller for poller in self.pollers}
        before = {id(polled) for poller in self.pollers for polled in poller.devices}
        for poller in wanted:
            running = by_link.get(poller.link)
            if running is None:
                self.start(poller)
            else:
                running.update_devices(poller.bus, poller.devices)
        return [polled for poller in self.pollers for polled in poller.devices if id(polled) not in before]

    async def run(self) -> None:
        """Runs until cancelled; raises the exception of a poller that ended, which is an internal error."""
        while True:
            await self._broken.wait()
            self._broken.clear()
            for task in list(self._tasks.values()):
                if task.done() and not task.cancelled():
                    task.result()

    async def stop(self, pollers: Iterable[BusPoller] | None = None) -> None:
        """Ends pollers and closes their connections. pollers: None for all."""
        ending = list(self.pollers if pollers is None else pollers)
        tasks = [self._tasks.pop(poller) for poller in ending]
        self.pollers = [poller for poller in self.pollers if poller not in ending]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
