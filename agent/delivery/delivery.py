"""Opens the store, creates the sinks and announces data gaps."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from agent.config.model import Config
from agent.delivery.base.sink import Sink
from agent.delivery.live_socket.protocol import serving_path
from agent.delivery.live_socket.server import LiveSocket
from agent.delivery.publisher import Publisher
from agent.delivery.sinks import durable_sinks, live_sinks
from agent.delivery.spool_forecast import SpoolForecast
from agent.delivery.store import Store, StoreError
from agent.delivery.store.database_file import private_directory
from agent.delivery.store.event_history import EventHistory
from agent.delivery.store.history import History
from agent.delivery.store.lock import RUN, StateInUse, StateLock
from agent.delivery.store.reasons import STATE_FILE_REPLACED
from drivers.reading import Clock
from drivers.reasons import Reason

log = logging.getLogger(__name__)

ANNOUNCE_S = 10.0, 900.0  # shortest and longest interval between announcements of gaps
MEMORY_BYTES = 64_000_000  # quota without a state directory


def open_store(directory: Path, config: Config, clock: Clock) -> Store:
    """The store of this run. When the directory cannot be used, this is logged and the store is in memory only.

    Raises StateInUse when another process uses the directory.
    """
    store = lock = None
    try:
        with contextlib.suppress(OSError):  # reported by the store
            private_directory(directory)
        lock = StateLock(directory, RUN, clock.utc_ns() // 1_000_000)
        store = Store(directory, clock, config.store, evidence=filter(None, [config.checkpoint_file]), lock=lock)
        _ = store.run_id
        return store
    except StateInUse:
        raise
    except StoreError as error:
        log.error("%s; measurement continues, but undelivered rows are lost at a restart", error)
        unusable = error.reason
        if store is not None:
            store.close()
        elif lock is not None:
            lock.close()
    return Store(None, clock, replace(config.store, quota_bytes=MEMORY_BYTES), unusable)


def keep_history(publisher: Publisher, store: Store, config: Config) -> None:
    """Stores means of the values, and the events, for charts and the page."""
    events = EventHistory(store)
    publisher.live = [History(store, config.store.history_s), events]
    publisher.followers = [events.on_message]


class Delivery:
    """The sinks of a configuration. Created before the first message.

    sinks: the durable ones.
    """

    def __init__(self, config: Config, publisher: Publisher, store: Store, clock: Clock) -> None:
        self._publisher, self._store = publisher, store
        self._forecast = SpoolForecast(clock)
        if config.mqtt is None:
            log.warning("the configuration has no [mqtt] table: results are not published by MQTT")
        publisher.sinks = self.sinks = durable_sinks(config, publisher, store, clock)
        cursors = store.sink_cursors([sink.name for sink in self.sinks])
        for sink in self.sinks:
            sink.start(cursors[sink.name])
        keep_history(publisher, store, config)
        publisher.live += live_sinks(config, publisher, store)
        for live in publisher.live:
            live.start()
        self._live_socket = self._listen()
        self._announced: list[Reason] = []  # damages of the state file that an event announced
        self._announce_damage()
        if store.directory is None and store.unsaved_reason:
            publisher.publish_event("state_file_unwritable", store.unsaved_reason)

    def _listen(self) -> LiveSocket | None:
        """The socket for programs of this computer; None without a place for it."""
        if (path := serving_path(self._store.directory)) is None:
            return None
        found = LiveSocket(path, self._publisher.retained_messages, self._publisher.root)
        if found.start() is not None:
            return None
        self._publisher.followers.append(found.on_message)
        return found

    async def run(self, clock: Clock) -> None:
        """Announces gaps, the first within 10 s. While losses continue, the interval doubles up to 15 min, so that the
        announcements do not fill the spool."""
        pause_s = ANNOUNCE_S[0]
        while True:
            self._announce_damage()
            announced = 0
            with contextlib.suppress(StoreError):  # logged by the writer
                announced = await asyncio.to_thread(self._publisher.announce_gaps)
            pause_s = min(2 * pause_s, ANNOUNCE_S[1]) if announced else ANNOUNCE_S[0]
            await clock.sleep(pause_s)

    def _announce_damage(self) -> None:
        """Publishes an event when the state file was corrupt or missing, at the start or while running."""
        for damage in (self._store.loss, self._store.corruption):
            if damage is not None and damage not in self._announced:
                self._announced.append(damage)
                corrupt = damage.code == STATE_FILE_REPLACED
                self._publisher.publish_event("state_file_corrupt" if corrupt else "state_file_missing", damage)

    def numbers(self) -> dict[str, float | int]:
        """Values for `health`."""
        numbers = self._store.figures()
        hours = self._forecast.hours_left(numbers["spool_used_pct"])
        if hours is not None:
            numbers["spool_hours_left"] = hours
        for sink in self.sinks:
            numbers |= sink.numbers()
        return numbers

    def stop(self, save: Callable[[], None]) -> None:
        """Stops the sinks and closes the store. save: writes the last data. Blocks for some seconds at most."""
        save()
        with contextlib.suppress(StoreError):
            self._store.flush()
        sinks: list[Sink] = [*self._publisher.live, *self.sinks]
        for sink in sinks:
            sink.stop()
        if self._live_socket is not None:
            self._live_socket.stop()
        self._store.close()
