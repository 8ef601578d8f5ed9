"""The poll interval to propose for a bus: the shortest usual one with which `check` and `plan` report nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from agent.acquisition.bus_limits import UTILIZATION_WARN
from agent.acquisition.poll_plan import block_s
from agent.acquisition.pollers import pollers
from agent.acquisition.scheduler import GROUP_FACTOR
from agent.config.model import Bus, Config, Drive, Meter, Site, StoreSettings
from agent.core.clock import SystemClock
from drivers.profiles import load_profile

INTERVALS_S = (1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0)


def proposed_interval_s(bus: Bus, devices: Sequence[Meter | Drive]) -> float:
    """The shortest of INTERVALS_S that leaves margin for retries and polls no device faster than it refreshes.

    devices: all devices of the bus. Their `comm_loss` is ignored: each is counted as polled.
    """
    refresh_s = max((load_profile(item.profile).refresh_s for item in devices), default=0.0)
    shortest_s = max(refresh_s, bus_time_s(bus, devices) / UTILIZATION_WARN)
    return next((interval_s for interval_s in INTERVALS_S if interval_s >= shortest_s), INTERVALS_S[-1])


def bus_time_s(bus: Bus, devices: Sequence[Meter | Drive]) -> float:
    """Bus time that the devices need in each poll interval, in seconds; slower poll groups in proportion.

    Registers of confidence `from_memory` are read after the commissioning only. The result is the larger one of both
    states: these registers need time, but they can also join two requests.
    """
    return max(_load_s(bus, devices, confirmed) for confirmed in (False, True))


def _load_s(bus: Bus, devices: Sequence[Meter | Drive], confirmed: bool) -> float:
    load_s = 0.0
    found = pollers(_config(bus, devices), SystemClock(), lambda reading: None)  # none: no device is polled
    for wire, device in ((poller.link.wire, polled.device) for poller in found for polled in poller.devices):
        if confirmed:
            device.apply_selfcheck([row.name for row in device.profile.registers], ())
        load_s += sum(
            block_s(wire, block.count, device.inter_request_delay_s) / factor
            for group, factor in GROUP_FACTOR.items()
            for block in device.blocks([group])
        )
    return load_s


def _config(bus: Bus, devices: Sequence[Meter | Drive]) -> Config:
    return Config(
        path=Path(),
        hash="",
        site=Site("site", "gateway", "UTC", None, None, None, None, False),
        state_dir=None,
        store=StoreSettings(),
        mqtt=None,
        buses={bus.name: bus},
        meters={item.name: item for item in devices if isinstance(item, Meter)},
        drives={item.name: replace(item, comm_loss="not used") for item in devices if isinstance(item, Drive)},
        motors={},
    )
