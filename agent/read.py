"""`magwatt read`: polls and prints decoded values. No broker, no computing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal

import click
import msgspec

from agent.clock import SystemClock
from agent.config import Config
from agent.core.text import as_object, text_of
from agent.discover.likely import likely_model, refusal_text
from agent.metrics import by_name, rounded
from agent.poll import BusPoller, Polled, pollers, with_ratios
from agent.signals import topic_signals
from agent.topics.look import Look
from agent.topics.topics import BEAT_S
from agent.words import counted
from drivers.errors import LinkError
from drivers.modbus import ALL_GROUPS
from drivers.reading import Quality, Reading, Value
from drivers.vocabulary import metric_name_of, vocabulary

LISTEN_S = 60.0
SETTLE_MAX = 6  # a refused block is split into runs, then registers


async def read_devices(config: Config, device: str | None, times: int, as_json: bool) -> int:
    """Prints `times` readings of each device; 1 when one is silent or refuses what its profile has, else 0.

    A signal from a topic is waited for as long as one is to come, LISTEN_S at most.
    """
    clock = SystemClock()
    buses = pollers(config, clock, lambda reading: None, only=device)
    topics = [signal for signal in topic_signals(config) if device in (None, signal.device)]
    if not buses and not topics:
        click.echo("nothing to poll" + (f": {device} has no comm_loss stated" if device else ""), err=True)
        return 1
    jobs = [_read_bus(bus, times, as_json) for bus in buses]
    if topics:
        jobs.append(_read_topics(config, device, times, as_json))
    done = await asyncio.gather(*jobs)
    if not all(answered for answered, _ in done):
        click.echo("not everybody answered: magwatt doctor looks for the cause", err=True)
    return 0 if all(answered and fits for answered, fits in done) else 1


async def _read_bus(bus: BusPoller, times: int, as_json: bool) -> tuple[bool, bool]:
    """Whether everybody answered, and refused nothing that its profile has."""
    heard: set[str] = set()
    try:
        for round_number in range(times):
            if round_number:
                await asyncio.sleep(bus.bus.poll_interval_s)
            for polled in bus.devices:
                reading = await settled(polled)
                if not nothing_came(reading):
                    heard.add(reading.device)
                refused = sorted(polled.device.learnt.absent)
                click.echo(reading_json(reading, refused) if as_json else reading_text(reading, refused))
        doubted = [polled for polled in bus.devices if polled.device.learnt.absent]
        for polled in doubted:
            click.echo(f"finding  {polled.device.name}: {await _doubt(bus, polled)}", err=True)
    finally:
        await bus.link.close()
    return len(heard) == len(bus.devices), not doubted


async def _read_topics(config: Config, device: str | None, times: int, as_json: bool) -> tuple[bool, bool]:
    look = Look(config, device)
    longest_s = max(min(signal.expected_interval_s, LISTEN_S) for signal in look.signals)
    click.echo(f"listening up to {longest_s:g} s to {counted(len(look.signals), 'topic')}", err=True)
    heard: set[str] = set()
    try:
        for round_number in range(times):
            if round_number:
                await asyncio.sleep(BEAT_S)
            for seen in await look.wait(LISTEN_S):
                reading = seen.as_reading()
                if not nothing_came(reading):
                    heard.add(reading.device)
                click.echo(reading_json(reading) if as_json else reading_text(reading))
    finally:
        await look.stop()
    return len(heard) == len(look.signals), True


async def settled(polled: Polled) -> Reading:
    """One reading. A refused block is read in parts until it is known which registers are refused: what is shown then
    has all that can be had."""
    learnt = polled.device.learnt
    for _ in range(SETTLE_MAX):
        known = len(learnt.split), len(learnt.absent)
        reading = await polled.device.poll(ALL_GROUPS)
        if known == (len(learnt.split), len(learnt.absent)) or not polled.device.names():
            break
    return with_ratios(reading, polled.ratios)


async def _doubt(bus: BusPoller, polled: Polled) -> str:
    device, wire = polled.device, bus.link.wire
    said = refusal_text(device.unit, device.profile, sorted(device.learnt.absent))
    character_s = wire.character_s if wire.is_rtu else 0.0
    try:
        return said + await likely_model(bus.link, device.unit, device.profile, device.latency.cap_s, character_s)
    except LinkError:
        return said


def reading_json(reading: Reading, refused: Sequence[str] = ()) -> str:
    """device, t (UTC ms of the answer), quality (flags of the whole reading), flags (name → flags), values; refused:
    names that the device does not have."""
    body = {
        "device": reading.device,
        "t": reading.came_ns // 1_000_000,
        "quality": reading.quality.names(),
        "flags": {metric_name_of(name): flag.names() for name, flag in reading.flags.items() if flag},
        "values": published(reading.values),
    }
    if reading.error:
        body["error"] = as_object(reading.error)
    if refused:
        body["refused"] = [metric_name_of(name) for name in refused]
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


def reading_text(reading: Reading, refused: Sequence[str] = ()) -> str:
    if nothing_came(reading):
        return f"{reading.device}  no values: {text_of(reading.error) if reading.error else 'no answer'}"
    quality = " ".join(reading.quality.names()) or "good"
    said = [quality, *([f"{counted(len(refused), 'register')} refused"] if refused else [])]
    if reading.error:
        said.append(text_of(reading.error))
    lines = [f"{reading.device}  ({'; '.join(part for part in said if part)})"]
    for name, value in published(reading.values).items():
        flag = next((flag for key, flag in reading.flags.items() if metric_name_of(key) == name), Quality.GOOD)
        unit = next((item.unit for key, item in vocabulary().items() if metric_name_of(key) == name), "")
        shown = "–" if value is None else _plain(value) if isinstance(value, float) else str(value)
        lines.append(f"  {name:32} {shown:>14} {unit:6} {' '.join(flag.names())}".rstrip())
    return "\n".join(lines)
