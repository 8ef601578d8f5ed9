"""`magwatt read`: polls and prints decoded values. No broker, no computing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal

import click
import msgspec

from agent.clock import SystemClock
from agent.config import Config
from agent.metrics import by_name, rounded
from agent.poll import BusPoller, Polled, pollers, with_ratios
from drivers.modbus import ALL_GROUPS
from drivers.reading import Quality, Reading, Value
from drivers.vocabulary import metric_name_of, vocabulary


async def read_devices(config: Config, device: str | None, times: int, as_json: bool) -> int:
    """Prints `times` readings of each device; 1 when a device never answered, 0 otherwise."""
    clock = SystemClock()
    buses = pollers(config, clock, lambda reading: None, only=device)
    if not buses:
        click.echo("nothing to poll" + (f": {device} has no comm_loss stated" if device else ""), err=True)
        return 1
    answered = await asyncio.gather(*(_read_bus(bus, times, as_json) for bus in buses))
    if not all(answered):
        click.echo("not everybody answered: magwatt doctor looks for the cause", err=True)
    return 0 if all(answered) else 1


async def _read_bus(bus: BusPoller, times: int, as_json: bool) -> bool:
    heard: set[str] = set()
    try:
        for round_number in range(times):
            if round_number:
                await asyncio.sleep(bus.bus.every_s)
            for polled in bus.devices:
                reading = await _poll(polled)
                if not nothing_came(reading):
                    heard.add(reading.device)
                click.echo(reading_json(reading) if as_json else reading_text(reading))
    finally:
        await bus.link.close()
    return len(heard) == len(bus.devices)


async def _poll(polled: Polled) -> Reading:
    return with_ratios(await polled.device.poll(ALL_GROUPS), polled.ratios)


def reading_json(reading: Reading) -> str:
    """device, t (UTC ms of the answer), quality (flags of the whole reading), flags (name → flags), values."""
    body = {
        "device": reading.device,
        "t": reading.came_ns // 1_000_000,
        "quality": reading.quality.names(),
        "flags": {metric_name_of(name): flag.names() for name, flag in reading.flags.items() if flag},
        "values": published(reading.values),
    }
    if reading.error:
        body["error"] = reading.error
    return msgspec.json.encode(body).decode()


def published(values: Mapping[str, Value]) -> dict[str, Value]:
    """Values under their metric names, rounded as they are published; None for what is not a number."""
    table = by_name("telemetry")
    found: dict[str, Value] = {}
    for name, value in values.items():
        metric = metric_name_of(name)
        known = table.get(metric)  # a plant's own signal is not in it
        found[metric] = rounded(known, value) if known and isinstance(value, float) else value
    return found


def _plain(value: float) -> str:
    """All digits that are published, never as a power of ten: 184321.028, not 1.84321e+05."""
    return format(Decimal(repr(value)), "f")


def nothing_came(reading: Reading) -> bool:
    """Silent, or every question refused: another model, most likely."""
    return Quality.NO_REPLY in reading.quality or (bool(reading.error) and set(reading.values.values()) <= {None})


def reading_text(reading: Reading) -> str:
    if nothing_came(reading):
        return f"{reading.device}  no values: {reading.error or 'no answer'}"
    quality = " ".join(reading.quality.names()) or "good"
    lines = [f"{reading.device}  ({quality}{'; ' + reading.error if reading.error else ''})"]
    for name, value in published(reading.values).items():
        flag = next((flag for key, flag in reading.flags.items() if metric_name_of(key) == name), Quality.GOOD)
        unit = next((item.unit for key, item in vocabulary().items() if metric_name_of(key) == name), "")
        shown = "–" if value is None else _plain(value) if isinstance(value, float) else str(value)
        lines.append(f"  {name:32} {shown:>14} {unit:6} {' '.join(flag.names())}".rstrip())
    return "\n".join(lines)
