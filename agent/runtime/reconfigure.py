"""Applies another configuration to a running agent without interrupting what did not change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from agent.acquisition.buses import Buses
from agent.acquisition.mqtt_signals.signals import MqttSignals
from agent.acquisition.scheduler import BusPoller, pollers
from agent.acquisition.selfcheck_results import load_check
from agent.acquisition.unsupported_registers import UnsupportedRegisterStore
from agent.acquisition.waveform_readers import WaveformReaders
from agent.config.model import Config
from agent.config.topology import assets, drive_rating_kw
from agent.delivery.publisher import Publisher
from agent.delivery.store import Store, StoreError
from agent.runtime.message_flags import MessageFlagger
from agent.runtime.pipeline import Pipeline
from drivers.reading import Clock, Reading

log = logging.getLogger(__name__)

Due = dict[str, dict[str, float]]


@dataclass(slots=True)
class AgentComponents:
    """The components of a running agent. in_order: runs a function in the pipeline thread, in queue order."""

    clock: Clock
    store: Store
    wires: Buses
    take: Callable[[Reading], None]
    compute: Pipeline
    in_order: Callable[[Callable[[], None]], None]
    publisher: Publisher
    streams: WaveformReaders
    topics: MqttSignals
    marks: MessageFlagger
    refusals: UnsupportedRegisterStore
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
        self.refusals = await asyncio.to_thread(UnsupportedRegisterStore, self.store, self.wires.pollers)

    def _prepared(self, new: Config) -> list[BusPoller]:
        """The pollers of a configuration, with stored rejections and self-checks of their devices."""
        try:
            self.refusals.save()
        except StoreError as error:
            log.warning("state not saved: %s", error)
        wanted = pollers(new, self.clock, self.take, link_of=self.wires.link_of)
        UnsupportedRegisterStore(self.store, wanted)
        for bus in wanted:
            for polled in bus.devices:
                if found := load_check(self.store, new, bus, polled):
                    polled.device.apply_selfcheck(found.verified, found.failed)
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
