"""Which motors a failure of a part of the gateway concerns: `covers` of an AlarmInput."""

from __future__ import annotations

from agent.config.model import Config
from agent.config.topology import assets


def assets_on_bus(config: Config, bus: str) -> tuple[str, ...]:
    """Motors and shared meters of which a device is polled on this bus."""
    buses = {item.name: item.bus for item in (*config.meters.values(), *config.drives.values())}
    return tuple(asset.name for asset in assets(config) if any(buses.get(device) == bus for device in asset.devices))
