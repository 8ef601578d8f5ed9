"""The pollers of all buses, each in a task of its own, and how they change while they run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from agent.config import Bus
from agent.poll import BusPoller, OwnedLink, Polled, wire_of
from drivers.bus import ModbusLink
from drivers.reading import Clock


class Wires:
    """Use from the loop that polls."""

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

    def link_of(self, bus: Bus) -> OwnedLink:
        """The connection of that wire as it stands, or a new one."""
        wire = wire_of(bus)
        return next((poller.link for poller in self.pollers if poller.link.wire == wire), None) or ModbusLink(
            wire, self._clock
        )

    async def change(self, wanted: Iterable[BusPoller]) -> list[Polled]:
        """Goes on as `wanted`, whose links come from `link_of`; returns what is polled now and was not before.

        Wires that are no longer wanted are closed first: another one may be waiting for their port. The others poll on,
        and who did not change on them does not notice.
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
                running.adopt(poller.bus, poller.devices)
        return [polled for poller in self.pollers for polled in poller.devices if id(polled) not in before]

    async def run(self) -> None:
        """Waits for ever; raises what ended a poller that should have gone on: a mistake of ours."""
        while True:
            await self._broken.wait()
            self._broken.clear()
            for task in list(self._tasks.values()):
                if task.done() and not task.cancelled():
                    task.result()

    async def stop(self, pollers: Iterable[BusPoller] | None = None) -> None:
        """Ends these (all, when not given) and closes their wires."""
        ending = list(self.pollers if pollers is None else pollers)
        tasks = [self._tasks.pop(poller) for poller in ending]
        self.pollers = [poller for poller in self.pollers if poller not in ending]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
