"""Makes a running agent go on with another configuration; what did not change goes on as if nothing had happened."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from agent.checked import load_check
from agent.compute import Compute
from agent.config import Config
from agent.deliver import Delivery
from agent.learnt import Refusals
from agent.marks import Marks
from agent.poll import BusPoller, pollers
from agent.publish import Publisher
from agent.store import Store, StoreError
from agent.streams import Streams
from agent.topology import assets, drive_rating_kw
from agent.wires import Wires
from drivers.reading import Clock, Reading

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Parts:
    """What a running agent is made of. in_order runs a function in the computing thread, after what was put before."""

    clock: Clock
    store: Store
    wires: Wires
    take: Callable[[Reading], None]
    compute: Compute
    in_order: Callable[[Callable[[], None]], None]
    publisher: Publisher
    delivery: Delivery
    streams: Streams
    marks: Marks
    refusals: Refusals

    async def renew(self, new: Config) -> None:
        """Only wires that changed are touched, only devices that changed lose what they learnt, only motors that
        changed begin anew."""
        wanted = await asyncio.to_thread(pollers, new, self.clock, self.take, link_of=self.wires.link_of)
        try:
            await asyncio.to_thread(self.refusals.save)
        except StoreError as error:
            log.warning("state not saved: %s", error)
        fresh = await self.wires.change(wanted)
        # Nothing waits from here on, so that no device answers before its motor is known.
        self.refusals = Refusals(self.store, self.wires.pollers)
        for bus, polled in fresh:
            if found := load_check(self.store, new, bus, polled):
                polled.device.trust(found.verified, found.failed)
        all_assets, due_s, kw = assets(new), due(self.wires.pollers), ratings(new)
        self.in_order(lambda: self.compute.renew(all_assets, due_s, kw))
        self.in_order(lambda: self.publisher.renew(new, all_assets))
        self.marks.zone = new.site.timezone
        self.streams.set(new)
        await asyncio.to_thread(self.delivery.renew, new)


def due(buses: list[BusPoller]) -> dict[str, dict[str, float]]:
    """Device → quantity → seconds after which it is read again."""
    return {polled.device.name: polled.due_s() for bus in buses for polled in bus.devices}


def ratings(config: Config) -> dict[str, float | None]:
    """Drive → kW."""
    return {drive.name: drive_rating_kw(config, drive) for drive in config.drives.values()}
