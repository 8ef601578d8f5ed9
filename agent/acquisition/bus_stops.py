"""Stops of buses because of another master, in the state file: a restart does not end a stop.

`run` stores them and clean ends of a bus; `resume` confirms that the other master was removed; commands that send
requests respect the stops.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from agent.acquisition.pollers import pollers
from agent.acquisition.scheduler import BusPoller
from agent.config.model import Config
from agent.core.clock import SystemClock
from agent.core.state_reasons import BUS_STOPPED
from agent.delivery.store import Store, StoreError, default_directory
from agent.delivery.store.stored_entries import stored_entries
from drivers.bus_master import BusMaster
from drivers.foreign_master import ForeignTraffic
from drivers.reading import Clock
from drivers.reasons import Reason

STOP, RESUME, CLEAN = "bus_stop", "bus_resume", "bus_clean"  # kinds of entries; their name is that of the bus
CLEAN_S = 60.0  # after a clean end that long ago, another master would have been heard: the bus is not listened to
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
Uptime = tuple[str, float]  # identity of the boot of the computer, seconds since it, suspended time included


def uptime() -> Uptime:
    """Not UTC: after a power failure the UTC of a computer without battery clock continues where it ended."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip(), time.clock_gettime(time.CLOCK_BOOTTIME)
    except OSError:
        return "", 0.0


def stop_as_object(link: BusMaster, traffic: ForeignTraffic) -> dict[str, Any]:
    """The body of a STOP entry."""
    return {
        "where": link.wire.where,
        "since_ms": traffic.since_ms,
        "requests": [[*key, n] for key, n in traffic.requests.items()],
        "responses": [[*key, n] for key, n in traffic.responses.items()],
    }


def traffic_of(body: dict[str, Any], clock: Clock) -> ForeignTraffic:
    """What another master sent, from the body of a STOP entry; the quiet time starts now."""
    return ForeignTraffic(
        int(body["since_ms"]),
        clock.monotonic_ns() / 1e9,
        Counter({(unit, function, address): n for unit, function, address, n in body["requests"]}),
        Counter({(unit, function): n for unit, function, n in body["responses"]}),
    )


def stop_reason(bus: str, link: BusMaster) -> Reason | None:
    """Why nothing is sent on this bus, and how it is resumed; None if no other master is known."""
    if link.foreign is None:
        return None
    return BUS_STOPPED(bus=bus, cause=link.foreign.reason(link.wire.where), quiet_min=link.wire.quiet_s / 60)


def modbus_links(buses: Iterable[BusPoller]) -> dict[str, BusMaster]:
    """Bus → its link, of those on which another master can be received."""
    links = {poller.bus.name: poller.link for poller in buses}
    return {name: link for name, link in links.items() if isinstance(link, BusMaster) and link.wire.is_rtu}


def apply_stops(stops: dict[str, Any], buses: Iterable[BusPoller], clock: Clock) -> None:
    """Stops the buses that an earlier process stopped. stops: STOP entries by bus."""
    for name, link in modbus_links(buses).items():
        body = stops.get(name)
        if body is not None and body["where"] == link.wire.where and link.foreign is None:
            link.begin(traffic_of(body, clock), listened=False)


def command_pollers(config: Config, only: str | None = None) -> list[BusPoller]:
    """The pollers of a command other than `run`: they respect the stops in the state file."""
    clock = SystemClock()
    found = pollers(config, clock, lambda reading: None, only=only)
    apply_stops(stored_entries(config.state_dir or default_directory(), STOP), found, clock)
    return found


def skip_listening(store: Store, buses: Iterable[BusPoller], now: Callable[[], Uptime] = uptime) -> None:
    """Buses that the previous run ended cleanly within the last CLEAN_S need not be listened to again."""
    boot, now_s = now()
    try:
        previous = store.rows("select max(n) from boots where n < ?", (store.run_id,))[0][0]
    except StoreError:
        return
    for name, link in modbus_links(buses).items():
        body = store.entry(CLEAN, name, str(asdict(link.wire)))
        clean = body is not None and (body["run"], body["boot"]) == (previous, boot)
        if boot and clean and 0 <= now_s - body["at_s"] <= CLEAN_S and link.foreign is None:
            link.begin(None, listened=True)


def save_clean_end(store: Store, name: str, link: BusMaster, now: Callable[[], Uptime] = uptime) -> None:
    """Records that a bus without another master was closed. Raises StoreError."""
    boot, now_s = now()
    store.save_entry(CLEAN, name, str(asdict(link.wire)), {"run": store.run_id, "boot": boot, "at_s": now_s})
