"""From the store to the brokers: opens the store, builds the sinks, tells what was lost."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from agent.config import Config, Mqtt
from agent.health import Outlook
from agent.publish import Publisher
from agent.sinks import DurableSink
from agent.sinks.dialects import durable_dialects, live_dialects
from agent.store import Store, StoreError
from agent.store.history import History
from drivers.reading import Clock

log = logging.getLogger(__name__)

TELL_S = 10.0, 900.0  # between two tellings of what was lost: at first, and while ever more is
MEMORY_BYTES = 64_000_000  # where there is no state directory


def open_store(directory: Path, config: Config, clock: Clock) -> Store:
    """The store of this run; one in memory, said once, when the directory cannot be used: measuring goes on."""
    store = None
    try:
        store = Store(directory, clock, config.store)
        _ = store.boot
        return store
    except StoreError as error:
        log.error("%s. Measuring goes on, but what no broker takes is lost with a restart", error)
        if store is not None:
            store.close()
    return Store(None, clock, replace(config.store, quota_bytes=MEMORY_BYTES))


class Delivery:
    """The durable sinks of a configuration. Made before the first message."""

    def __init__(self, config: Config, publisher: Publisher, store: Store, clock: Clock) -> None:
        self._publisher, self._store = publisher, store
        self._outlook = Outlook(clock)
        self.sinks: list[DurableSink] = []
        self._mqtt = config.mqtt
        if config.mqtt is not None:
            self.sinks.append(self._mqtt_sink(config, config.mqtt))
        else:
            log.warning("no [mqtt] table: results go nowhere")
        self.sinks += durable_dialects(config, publisher, store, clock)
        publisher.sinks = self.sinks
        self._drains = store.drains([sink.name for sink in self.sinks])
        for sink in self.sinks:
            sink.start(self._drains[sink.name])
        publisher.live = [History(store, config.store.history_s), *live_dialects(config, publisher, store)]
        for live in publisher.live:
            live.start()
        self._damage_told = ""
        self._tell_damage()
        if store.directory is None:
            publisher.tell_event("state_file_unwritable", store.trouble)

    def _mqtt_sink(self, config: Config, settings: Mqtt) -> DurableSink:
        from agent.sinks.mqtt import MqttSink

        publisher = self._publisher
        client_id = f"magwatt-{config.site.id}-{config.site.gateway}"
        return MqttSink(settings, client_id, publisher.root, publisher.greeting, publisher.tell_event)

    def renew(self, config: Config) -> None:
        """Goes on with another broker, or other words to it; rows wait meanwhile. Blocks for some seconds at most."""
        if config.mqtt is None or self._mqtt is None or config.mqtt == self._mqtt:
            return
        self._mqtt = config.mqtt
        new = self._mqtt_sink(config, config.mqtt)
        place = next(number for number, sink in enumerate(self.sinks) if sink.name == new.name)
        old, self.sinks[place] = self.sinks[place], new
        old.stop()
        new.start(self._drains[new.name])

    async def run(self, clock: Clock) -> None:
        """Announces what was lost: soon after it was, and ever more seldom while it goes on. A spool that is full for a
        month would else be full of what it lost."""
        pause_s = TELL_S[0]
        while True:
            self._tell_damage()
            told = 0
            with contextlib.suppress(StoreError):  # the writer says so
                told = await asyncio.to_thread(self._publisher.announce_gaps)
            pause_s = min(2 * pause_s, TELL_S[1]) if told else TELL_S[0]
            await clock.sleep(pause_s)

    def _tell_damage(self) -> None:
        """Of the file that was found, or that was damaged under us."""
        if self._store.damage != self._damage_told:
            self._damage_told = self._store.damage
            self._publisher.tell_event("state_file_corrupt", self._damage_told)

    def numbers(self) -> dict[str, float | int]:
        """For `health`."""
        found = self._store.figures()
        hours = self._outlook.hours(found["spool_used_pct"], 100.0)
        if hours is not None:
            found["spool_hours_left"] = hours
        for sink in self.sinks:
            found.update(sink.numbers())
        return found

    def stop(self, save: Callable[[], None]) -> None:
        """save: what goes into the store last. Blocks for some seconds at most."""
        save()
        with contextlib.suppress(StoreError):
            self._store.flush()
        for live in self._publisher.live:
            live.stop()
        for sink in self.sinks:
            sink.stop()
        self._store.close()
