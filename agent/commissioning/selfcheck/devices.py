"""The bench of a configuration: every device that may be polled on a bus that is open."""

from __future__ import annotations

from collections.abc import Mapping

from agent.acquisition.scheduler import bus_settings
from agent.commissioning.selfcheck.model import DeviceSet, Subject
from agent.config.model import Config, Drive
from agent.config.topology import drive_rating_kw, polled_devices
from drivers.profiles import load_profile
from drivers.reading import RegisterLink


def bench_of(config: Config, links: Mapping[str, RegisterLink]) -> DeviceSet:
    """The devices on open buses. links: bus name → open connection. Devices of other buses are omitted."""
    subjects = []
    for item in polled_devices(config):
        if item.bus in links:
            bus = config.buses[item.bus]
            wire = bus_settings(bus)
            subjects.append(
                Subject(
                    item,
                    load_profile(item.profile),
                    links[item.bus],
                    poll_interval_s=bus.poll_interval_s,
                    gap_s=bus.inter_request_delay_s,
                    timeout_s=bus.timeout_s,
                    rating_kw=drive_rating_kw(config, item) if isinstance(item, Drive) else None,
                    character_s=wire.character_s,
                )
            )
    return DeviceSet(tuple(subjects), tuple(config.motors.values()))
