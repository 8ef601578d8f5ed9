"""Watches whether another master stops a bus: publishes and stores it, applies the confirmation of an operator."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from agent.acquisition.bus_stops import RESUME, STOP, modbus_links, save_clean_end, stop_as_object, stop_reason
from agent.acquisition.scheduler import BusPoller
from agent.core.clock import rest_s
from agent.core.messages import Message, event
from agent.core.state_reasons import BUS_RESUMED, BUS_RESUMED_BY_OPERATOR
from agent.delivery.store import Store, StoreError
from drivers.bus_master import BusMaster
from drivers.foreign_master import ForeignTraffic
from drivers.reading import Clock
from drivers.reasons import Reason

log = logging.getLogger(__name__)

CHECK_S = 1.0


class BusSupervisor:
    """Publishes an event `bus_stopped` when another master stops a bus, and one when the stop ends.

    buses: the running pollers. emit: publishes a message.
    """

    def __init__(
        self, buses: Callable[[], Iterable[BusPoller]], clock: Clock, store: Store, emit: Callable[[Message], None]
    ) -> None:
        self._buses, self._clock, self._store, self._emit = buses, clock, store, emit
        self._stops = {name: link.foreign for name, link in modbus_links(buses()).items() if link.foreign is not None}
        self._stored: dict[str, int] = {}  # bus → number of frames in the state file
        self._heard = set(self._stops)  # buses on which another master was known in this run

    async def run(self) -> None:
        while True:
            await self.check()
            await self._clock.sleep(rest_s(self._clock.monotonic_ns(), CHECK_S))

    async def check(self) -> None:
        for name, link in modbus_links(self._buses()).items():
            before, now = self._stops.get(name), link.foreign
            if now is not None and before is not None and await asyncio.to_thread(self._confirmed, name, now):
                link.resume()
                now = None
            if before is not None and now is not None and before.since_ms == now.since_ms:
                before = self._stops[name] = now  # the same stop, continued by a new connection
            if before is not None and now is not before:
                del self._stops[name]
                await asyncio.to_thread(self._end, name, before)
            if now is not None and now is not before:
                self._stops[name] = now
                self._heard.add(name)
                await asyncio.to_thread(self._begin, name, link, now)
            elif now is not None and now.count >= 2 * self._stored.get(name, 1):
                await asyncio.to_thread(self._save, name, link, now)

    def save_clean_ends(self) -> None:
        """At a clean end of the agent: the next start needs no listening where no other master was known."""
        for name, link in modbus_links(self._buses()).items():
            if link.listened and name not in self._heard and link.foreign is None:
                try:
                    save_clean_end(self._store, name, link)
                except StoreError:  # the store logs its own errors; the next start listens
                    return

    def _save(self, name: str, link: BusMaster, traffic: ForeignTraffic) -> None:
        self._stored[name] = traffic.count
        try:
            self._store.save_entry(STOP, name, "", stop_as_object(link, traffic))
        except StoreError as error:
            log.warning("stop of bus %s not stored, so that a restart would end it: %s", name, error)

    def _begin(self, name: str, link: BusMaster, traffic: ForeignTraffic) -> None:
        self._save(name, link, traffic)
        reason = stop_reason(name, link)
        if reason is None:
            return  # it has just ended
        log.warning("%s", reason)
        self._publish("begin", traffic, reason)

    def _confirmed(self, name: str, traffic: ForeignTraffic) -> bool:
        return self._store.entry(RESUME, name, str(traffic.since_ms)) is not None

    def _end(self, name: str, traffic: ForeignTraffic) -> None:
        confirmation = self._store.entry(RESUME, name, str(traffic.since_ms))
        try:
            self._store.delete_entry(STOP, name)
            self._store.delete_entry(RESUME, name)
        except StoreError as error:
            log.warning("end of the stop of bus %s not stored: %s", name, error)
        n = traffic.count
        if confirmation is not None:
            reason = BUS_RESUMED_BY_OPERATOR(bus=name, operator=confirmation["by"], n=n)
        else:
            reason = BUS_RESUMED(bus=name, n=n)
        log.info("%s", reason)
        self._publish("end", traffic, reason)

    def _publish(self, state: str, traffic: ForeignTraffic, reason: Reason) -> None:
        now_ms = self._clock.utc_ns() // 1_000_000
        values = {"event_state": state, "event_start_ms": traffic.since_ms}
        if state == "end":
            values["event_duration_s"] = (now_ms - traffic.since_ms) / 1000
        self._emit(event(None, now_ms, "bus_stopped", [reason], values))
