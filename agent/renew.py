"""Applies another configuration to a running agent without interrupting what did not change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from agent.checked import load_check
from agent.compute import Compute
from agent.config import Config
from agent.learnt import Refusals
from agent.marks import Marks
from agent.poll import BusPoller, pollers
from agent.publish import Publisher
from agent.store import Store, StoreError
from agent.topics.topics import Topics
from agent.topology import assets, drive_rating_kw
from agent.waves.streams import Streams
from agent.wires import Wires
from drivers.reading import Clock, Reading

log = logging.getLogger(__name__)

Due = dict[str, dict[str, float]]


@dataclass(slots=True)
class Parts:
    """The components of a running agent. in_order: runs a function in the pipeline thread, in queue order."""

    clock: Clock
    store: Store
    wires: Wires
    take: Callable[[Reading], None]
    compute: Compute
    in_order: Callable[[Callable[[], None]], None]
    publisher: Publisher
    streams: Streams
    topics: Topics
    marks: Marks
    refusals: Refusals
    due_s: Due

    async def renew(self, new: Config) -> None:
        """Applies a configuration: reconnects only changed buses, resets only changed devices and motors.

        Slow steps run in other threads than the event loop that polls.
        """
        wanted = await asyncio.to_thread(self._prepared, new)
        await asyncio.to_thread(self.topics.set, new)
        fresh = await self.wires.change(wanted)
        # No await from here until the pipeline is reconfigured, so that no reading arrives before its motor is known.
        self.due_s = due_after(self.due_s, self.wires.pollers, {polled.device.name for polled in fresh})
        self.due_s |= self.topics.due_s()
        all_assets, due_s, kw = assets(new), self.due_s, ratings(new)
        self.in_order(lambda: self.compute.renew(all_assets, due_s, kw))
        self.in_order(lambda: self.publisher.renew(new, all_assets))
        await asyncio.to_thread(self.streams.set, new)
        self.refusals = await asyncio.to_thread(Refusals, self.store, self.wires.pollers)

    def _prepared(self, new: Config) -> list[BusPoller]:
        """The pollers of a configuration, with stored rejections and self-checks of their devices."""
        try:
            self.refusals.save()
        except StoreError as error:
            log.warning("state not saved: %s", error)
        wanted = pollers(new, self.clock, self.take, link_of=self.wires.link_of)
        Refusals(self.store, wanted)
        for bus in wanted:
            for polled in bus.devices:
                if found := load_check(self.store, new, bus, polled):
                    polled.device.trust(found.verified, found.failed)
        return wanted


def due(buses: list[BusPoller]) -> Due:
    """Device → quantity → seconds after which it is read again."""
    return {polled.device.name: polled.due_s() for bus in buses for polled in bus.devices}


def due_after(before: Due, buses: list[BusPoller], fresh: set[str]) -> Due:
    """`due`, but with the earlier intervals for devices outside `fresh`: registers rejected since then do not count."""
    return {name: each if name in fresh else before.get(name, each) for name, each in due(buses).items()}


def ratings(config: Config) -> dict[str, float | None]:
    """Drive → kW."""
    return {drive.name: drive_rating_kw(config, drive) for drive in config.drives.values()}
