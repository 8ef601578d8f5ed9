"""`magwatt plan`: what will be asked on each wire, how long it takes, what does not fit; before any wire is touched."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agent.clock import SystemClock
from agent.config import Config
from agent.poll import GROUP_FACTOR, TURNAROUND_S, BusPoller, Polled, pollers
from drivers.modbus import PATIENT_SILENCES
from drivers.registers import Block
from drivers.wire import Wire

TCP_S = 0.005  # a request over TCP, network and device together; an assumption
LOAD_WARN = 0.7  # of a wire's time; above it there is no room for retries
LOAD_MAX = 1.0
REQUEST_CHARACTERS, ANSWER_CHARACTERS = 8, 5  # of an RTU request, and of an answer beside its registers


@dataclass(frozen=True, slots=True)
class PlannedBlock:
    device: str
    group: str
    block: Block
    wire_s: float  # characters, silences and the device's turnaround
    every_s: float | None  # None: once after the start


@dataclass(frozen=True, slots=True)
class BusPlan:
    name: str
    where: str
    blocks: tuple[PlannedBlock, ...]
    load: float  # part of the wire's time
    sweep_s: float  # all devices, all groups, once
    worst_s: float  # the same while one device is silent for as long as it is waited for
    fits_s: float  # the shortest period that leaves room for retries
    troubles: tuple[str, ...]


def plan(config: Config) -> list[BusPlan]:
    """One plan for each bus that has something to poll. Opens nothing."""
    return [_bus_plan(poller) for poller in pollers(config, SystemClock(), lambda reading: None)]


def overloads(config: Config) -> list[str]:
    """The buses on which more is asked than their wire can carry, each with the period that would fit."""
    return [
        f"bus.{item.name}.poll_interval: polling takes {100 * item.load:.0f} % of the wire's time; "
        f'poll_interval = "{item.fits_s:.1f}s" would fit (magwatt plan shows what is asked)'
        for item in plan(config)
        if item.load > LOAD_MAX
    ]


def block_s(wire: Wire, count: int, gap_s: float) -> float:
    """Seconds that one request takes on the wire, the device's turnaround (15 ms, an assumption) included."""
    if not wire.is_rtu:
        return TCP_S + gap_s
    characters = REQUEST_CHARACTERS + ANSWER_CHARACTERS + 2 * count
    return characters * wire.character_s + wire.silence_s + max(gap_s, wire.silence_s) + TURNAROUND_S


def as_object(found: BusPlan) -> dict[str, Any]:
    return {
        "bus": found.name,
        "where": found.where,
        "load_pct": round(100 * found.load, 1),
        "sweep_s": round(found.sweep_s, 4),
        "worst_sweep_s": round(found.worst_s, 4),
        "troubles": list(found.troubles),
        "blocks": [
            {
                "device": item.device,
                "group": item.group,
                "function": item.block.function,
                "address": item.block.address,
                "count": item.block.count,
                "quantities": len(item.block.registers),
                "wire_ms": round(1000 * item.wire_s, 2),
                "every_s": item.every_s,
            }
            for item in found.blocks
        ],
    }


def as_text(found: BusPlan) -> str:
    lines = [f"bus {found.name}  {found.where}"]
    heading = ("fc", 2), ("address", 7), ("count", 5), ("values", 6), ("wire ms", 8), ("every", 8)
    lines.append(f"  {'device':20} {'group':7} " + " ".join(f"{text:>{width}}" for text, width in heading))
    for item in found.blocks:
        every = "once" if item.every_s is None else f"{item.every_s:g} s"
        lines.append(
            f"  {item.device:20} {item.group:7} {item.block.function:2} {item.block.address:7} {item.block.count:5} "
            f"{len(item.block.registers):6} {1000 * item.wire_s:8.1f} {every:>8}"
        )
    lines.append(
        f"  load {100 * found.load:.0f} %, a whole sweep {1000 * found.sweep_s:.0f} ms, "
        f"with one device silent {1000 * found.worst_s:.0f} ms"
    )
    return "\n".join([*lines, *(f"  does not fit: {trouble}" for trouble in found.troubles)])


def _bus_plan(poller: BusPoller) -> BusPlan:
    wire = poller.link.wire
    blocks = tuple(block for polled in poller.devices for block in _blocks(polled, wire))
    load = sum(item.wire_s / item.every_s for item in blocks if item.every_s)
    sweep_s = sum(item.wire_s for item in blocks)
    silent_s = max((polled.device.latency.cap_s for polled in poller.devices), default=0.0)
    troubles = []
    fits_s = math.ceil(10 * max(polled.every_s for polled in poller.devices) * load / LOAD_WARN) / 10
    if load > LOAD_WARN:
        troubles.append(
            f'{100 * load:.0f} % of the wire leave no room for retries; poll_interval = "{fits_s:.1f}s" would fit'
        )
    troubles += _too_fast(poller)
    worst_s = sweep_s + PATIENT_SILENCES * silent_s
    where = wire.serial_port or f"{wire.host}:{wire.port_number}"
    speed = f"  {wire.baud} {wire.data_bits}{wire.parity}{wire.stop_bits}" if wire.is_rtu else ""
    return BusPlan(poller.bus.name, where + speed, blocks, load, sweep_s, worst_s, fits_s, tuple(troubles))


def _blocks(polled: Polled, wire: Wire) -> Iterator[PlannedBlock]:
    for group in ("fast", "normal", "slow", "once"):
        factor = GROUP_FACTOR.get(group)
        for block in polled.device.blocks([group]):
            yield PlannedBlock(
                polled.device.name,
                group,
                block,
                block_s(wire, block.count, polled.device.gap_s),
                polled.every_s * factor if factor else None,
            )


def _too_fast(poller: BusPoller) -> Iterator[str]:
    for polled in poller.devices:
        refresh_s = polled.device.profile.refresh_s
        if refresh_s > polled.every_s:
            name = polled.device.name
            yield f"{name} renews its values every {refresh_s:g} s; polled every {polled.every_s:g} s they only repeat"
