"""The pollers of a configuration: one for each bus with devices."""

from __future__ import annotations

import random
from collections.abc import Callable

from agent.acquisition.line_settings import bus_settings
from agent.acquisition.listening_poller import ListeningPoller
from agent.acquisition.minute_mean import with_mean_in_each_poll
from agent.acquisition.scheduler import TURNAROUND_S, BusLink, BusPoller, PolledDevice
from agent.acquisition.selfcheck_results import SelfcheckResult, stored_checks
from agent.config.model import Bus, Config, Drive, Meter
from agent.config.signals import SignalDevice, signal_devices
from agent.config.topology import drive_rating_kw, polled_devices
from agent.config.transformer_ratio import CT_QUANTITIES, ratio_factor
from drivers.bus_link import bus_link
from drivers.bus_listener import BusListener
from drivers.listened_device import ListenedDevice
from drivers.modbus_device import DeviceSettings, ModbusDevice
from drivers.profiles import load_profile
from drivers.reading import Clock, Quality, Reading
from drivers.register_blocks import break_even_hole


def pollers(
    config: Config, clock: Clock, on_reading: Callable[[Reading], None], only: str | None = None, seed: int = 0,
    link_of: Callable[[Bus], BusLink] | None = None,
) -> list[BusPoller]:  # fmt: skip
    """One poller for each bus with devices to poll, with the stored results of their self-checks applied.

    only: the only device to poll; None for all. link_of: makes the link of a bus; None: that of its framing.
    """
    found, checks = [], stored_checks(config)
    for bus in config.buses.values():
        every = [*polled_devices(config), *signal_devices(config)]
        items = [item for item in every if item.bus == bus.name and only in (None, item.name)]
        if not items:
            continue
        link = link_of(bus) if link_of else bus_link(bus_settings(bus), clock)
        several = len({item.unit_id for item in items}) > 1
        devices = [_polled(config, bus, item, link, clock, several, checks.get(item.name)) for item in items]
        devices.sort(key=lambda polled: polled.cluster)
        kind = ListeningPoller if isinstance(link, BusListener) else BusPoller
        found.append(kind(bus, devices, link, clock, on_reading, random.Random(f"{seed}-{bus.name}")))
    return found


def _polled(
    config: Config, bus: Bus, item: Meter | Drive | SignalDevice, link: BusLink, clock: Clock, several: bool,
    check: SelfcheckResult | None,
) -> PolledDevice:  # fmt: skip
    profile = item.profile if isinstance(item, SignalDevice) else load_profile(item.profile)
    profile = with_mean_in_each_poll(profile, bus.poll_interval_s)
    bus_line = link.wire
    settings = DeviceSettings(
        rating_kw=drive_rating_kw(config, item) if isinstance(item, Drive) else None,
        timeout_s=bus.timeout_s,
        inter_request_delay_s=bus.inter_request_delay_s,
        hole_max=break_even_hole(bus_line.character_s, bus_line.silence_s, TURNAROUND_S) if bus_line.is_rtu else 125,
        character_s=bus_line.character_s,
        quality=Quality.SIMULATED if config.site.simulated else Quality.GOOD,
        behind_gateway=several and not bus_line.is_rtu,
    )
    ratios = {unit: factor for unit in (*CT_QUANTITIES, "V") if (factor := ratio_factor(item, unit)) != 1.0}
    device: ModbusDevice | ListenedDevice
    if isinstance(link, BusListener):
        device = ListenedDevice(item.name, profile, item.unit_id, link, clock, settings)
    else:
        device = ModbusDevice(item.name, profile, item.unit_id, link, clock, settings)
    timezone = config.site.timezone
    verified, failed = (check.confirmed, check.failed) if check else (frozenset[str](), ())
    device.apply_selfcheck(verified, failed)
    return PolledDevice(
        device,
        bus.poll_interval_s,
        ratios,
        timezone,
        cluster=item.motor if isinstance(item, SignalDevice) else item.fed_by or item.name,
        configuration=(item, profile, bus.poll_interval_s, several, settings, verified, failed, timezone),
    )
