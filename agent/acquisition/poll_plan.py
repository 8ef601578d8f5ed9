"""`magwatt plan`: the requests on each bus, their duration, and whether they fit into the poll interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from agent.acquisition.bus_limits import UTILIZATION_WARN
from agent.acquisition.pollers import pollers
from agent.acquisition.scheduler import GROUP_FACTOR, TURNAROUND_S, BusPoller, PolledDevice
from agent.acquisition.selfcheck_results import disabled_registers
from agent.config.model import Config
from agent.core.clock import SystemClock
from agent.core.columns import headings, padded_left
from agent.core.text import N_, _, as_object, text_of
from drivers.bus_settings import BusSettings
from drivers.device_health import SILENCES_CONTENDED
from drivers.framing import exchange_characters
from drivers.profiles import GROUPS
from drivers.profiles.dlt645_register import READ_DATA, identifier_at
from drivers.reasons import Code, Reason
from drivers.register_blocks import Block
from drivers.s7_place import is_place, place_text

TCP_S = 0.005  # a transaction over TCP, network and device together; an assumption
PLC_S = 0.02  # the same for a PLC, which responds at the end of a cycle of its program; an assumption
PLC_RESPONSE_BYTES = 226  # heads and values in a response of 240 bytes
METER_TURNAROUND_S = (0.02, 0.5)  # permitted range of a meter of DL/T 645-2007
UTILIZATION_MAX = 1.0

COLUMNS = (
    (N_("device"), 20), (N_("group"), 7), (N_("fc"), -2), (N_("address"), -8), (N_("count"), -5), (N_("values"), -6),
    (N_("time"), -9), (N_("interval"), -8),
)  # fmt: skip
ADDRESS = 3  # column; a data block of a PLC widens it

BUS_OVERLOADED = Code(
    "bus_overloaded",
    'polling needs {utilization:pct} % of the bus time; write poll_interval = "{interval_s:.1f}s" or more. `magwatt '
    "plan` shows the requests",
)
RETRY_MARGIN_MISSING = Code(
    "retry_margin_missing",
    'a utilization of {utilization:pct} % leaves no margin for retries; write poll_interval = "{interval_s:.1f}s" or '
    "more",
)
POLLED_TOO_FAST = Code(
    "polled_too_fast",
    "{device} refreshes its values every {refresh_s:g} s; polls every {interval_s:g} s return the same values again",
)
BUS_LISTENED = Code(
    "bus_listened",
    "listened to; no bus time is used and nothing is sent. The other master determines what is read, and how often; "
    "`magwatt doctor` lists it",
)
METER_POLL_TIME = Code(
    "meter_poll_time",
    "a meter of DL/T 645 may take 20 ms to 500 ms for each response: one poll of the fast data takes {shortest_s:.1f} "
    "s to {longest_s:.1f} s; the plan assumes the middle",
)


class PlannedBlock(Struct, frozen=True):
    """One request of a bus.

    group: poll group of its registers.
    unit: unit identifier.
    transaction_s: duration of request, silent intervals, turnaround delay and response.
    interval_s: seconds between two requests; None: one request after the start.
    """

    device: str
    group: str
    unit: int
    block: Block
    transaction_s: float
    interval_s: float | None


class BusPlan(Struct, frozen=True):
    """The requests of one bus.

    port: serial port and its settings, or host and port.
    utilization: share of the bus time, 1 = all of it.
    cycle_s: duration of one poll of all registers of all devices.
    worst_cycle_s: the same while one device does not respond.
    fitting_s: shortest poll interval with margin for retries.
    problems: why the plan does not fit.
    disabled: how many registers of each device are not read because nothing has confirmed them.
    notes: information on the plan.
    listens: another master polls the bus; nothing is sent.
    """

    name: str
    port: str
    blocks: tuple[PlannedBlock, ...]
    utilization: float
    cycle_s: float
    worst_cycle_s: float
    fitting_s: float
    problems: tuple[Reason, ...]
    disabled: tuple[Reason, ...] = ()
    notes: tuple[Reason, ...] = ()
    listens: bool = False


def plan(config: Config) -> list[BusPlan]:
    """One plan for each bus with a device to poll. Opens no port."""
    disabled = disabled_registers(config)
    return [_bus_plan(poller, disabled) for poller in pollers(config, SystemClock(), lambda reading: None)]


def overloads(config: Config) -> Iterator[tuple[str, Reason]]:
    """The overloaded buses: key of the configuration, and the finding."""
    for item in plan(config):
        if item.utilization > UTILIZATION_MAX:
            yield (
                f"bus.{item.name}.poll_interval",
                BUS_OVERLOADED(utilization=item.utilization, interval_s=item.fitting_s),
            )


def block_s(settings: BusSettings, count: int, inter_request_delay_s: float, shared: bool = False) -> float:
    """Duration of one transaction, including the turnaround delay of the device.

    The delay is an assumption: 15 ms, of a PLC 20 ms, of a meter of DL/T 645 the middle of the permitted range.
    shared: of a PLC with several devices, whose blocks share requests: the part of a full response.
    """
    if settings.is_plc:
        return PLC_S * ((4 + 2 * count) / PLC_RESPONSE_BYTES if shared else 1.0)
    if not settings.is_rtu:
        return TCP_S + inter_request_delay_s
    silences_s = settings.silence_s + max(inter_request_delay_s, settings.silence_s)
    turnaround_s = sum(METER_TURNAROUND_S) / 2 if settings.dlt645 else TURNAROUND_S
    return exchange_characters(count, settings.dlt645) * settings.character_s + silences_s + turnaround_s


def plan_as_object(found: BusPlan) -> dict[str, Any]:
    return {
        "bus": found.name,
        "port": found.port,
        "mode": "listen" if found.listens else "poll",
        "utilization_pct": round(100 * found.utilization, 1),
        "cycle_s": round(found.cycle_s, 4),
        "worst_cycle_s": round(found.worst_cycle_s, 4),
        "problems": [as_object(reason) for reason in found.problems],
        "disabled_registers": [as_object(reason) for reason in found.disabled],
        "notes": [as_object(reason) for reason in found.notes],
        "blocks": [
            {
                "device": item.device,
                "group": item.group,
                "function": item.block.function,
                "address": _address(item),
                "count": item.block.count,
                "quantities": len(item.block.registers),
                "transaction_ms": round(1000 * item.transaction_s, 2),
                "interval_s": item.interval_s,
            }
            for item in found.blocks
        ],
    }


def plan_as_text(found: BusPlan) -> str:
    title = _("bus {name}  {port}", name=found.name, port=found.port)
    if found.listens:
        return "\n".join([title, *(f"  {text_of(reason)}" for reason in (*found.notes, *found.disabled))])
    width = max([8, *(len(_place(item)) for item in found.blocks)])
    columns = [*COLUMNS[:ADDRESS], (COLUMNS[ADDRESS][0], -width), *COLUMNS[ADDRESS + 1 :]]
    lines = [title, f"  {headings(columns)}"]
    for item in found.blocks:
        interval = padded_left(_("once") if item.interval_s is None else f"{item.interval_s:g} s", 8)
        lines.append(
            f"  {item.device:20} {item.group:7} {item.block.function:2} {_place(item):>{width}} {item.block.count:5} "
            f"{len(item.block.registers):6} {1000 * item.transaction_s:6.1f} ms {interval}"
        )
    summary = _(
        "utilization {utilization:pct} %; one poll of all registers takes {cycle_ms:.0f} ms, with one unresponsive "
        "device {worst_ms:.0f} ms",
        utilization=found.utilization, cycle_ms=1000 * found.cycle_s, worst_ms=1000 * found.worst_cycle_s,
    )  # fmt: skip
    problems = (_("does not fit: {reason}", reason=reason) for reason in found.problems)
    others = map(text_of, (*found.notes, *found.disabled))
    return "\n".join([*lines, *(f"  {text}" for text in (summary, *problems, *others))])


def _address(item: PlannedBlock) -> int | str:
    place = _place(item)
    return item.block.address if place == str(item.block.address) else place


def _place(item: PlannedBlock) -> str:
    """The address of a block; of a meter of DL/T 645 its data identifier, of a PLC the first byte."""
    block = item.block
    if is_place(item.unit):
        return place_text(item.unit, 2 * block.address)
    if block.function != READ_DATA:
        return str(block.address)
    words = block.registers[0].words
    return f"{identifier_at(block.address, words) | (0xFF00 if block.count > words else 0):08X}"


def _bus_plan(poller: BusPoller, disabled: Mapping[str, Reason]) -> BusPlan:
    settings = poller.link.wire
    own_disabled = tuple(
        disabled[polled.device.name] for polled in poller.devices if polled.device.name in disabled
    )  # fmt: skip
    speed = f"  {settings.baud} {settings.data_bits}{settings.parity}{settings.stop_bits}" if settings.is_rtu else ""
    port = settings.where + speed
    if settings.listen_only:
        return BusPlan(poller.bus.name, port, (), 0.0, 0.0, 0.0, 0.0, (), own_disabled, (BUS_LISTENED(),), listens=True)
    blocks = tuple(block for polled in poller.devices for block in _blocks(polled, settings, len(poller.devices) > 1))
    utilization = sum(item.transaction_s / item.interval_s for item in blocks if item.interval_s)
    cycle_s = sum(item.transaction_s for item in blocks)
    silent_s = max((polled.device.health.response_time.timeout_s for polled in poller.devices), default=0.0)
    longest_s = max(polled.poll_interval_s for polled in poller.devices)
    fitting_s = math.ceil(10 * longest_s * utilization / UTILIZATION_WARN) / 10
    problems = []
    if utilization > UTILIZATION_WARN:
        problems.append(RETRY_MARGIN_MISSING(utilization=utilization, interval_s=fitting_s))
    problems += [
        POLLED_TOO_FAST(device=polled.device.name, refresh_s=refresh_s, interval_s=polled.poll_interval_s)
        for polled in poller.devices
        if (refresh_s := polled.device.profile.refresh_s) > polled.poll_interval_s
    ]
    return BusPlan(poller.bus.name, port, blocks, utilization, cycle_s, cycle_s + SILENCES_CONTENDED * silent_s,
                   fitting_s, tuple(problems), own_disabled, tuple(_notes(blocks, settings)))  # fmt: skip


def _notes(blocks: Sequence[PlannedBlock], settings: BusSettings) -> Iterator[Reason]:
    if settings.dlt645:
        fast = [item.transaction_s for item in blocks if item.group == "fast"]
        middle_s, (least_s, most_s) = sum(fast), METER_TURNAROUND_S
        spread_s = len(fast) * (most_s - least_s) / 2
        yield METER_POLL_TIME(shortest_s=middle_s - spread_s, longest_s=middle_s + spread_s)


def _blocks(polled: PolledDevice, settings: BusSettings, shared: bool) -> Iterator[PlannedBlock]:
    for group in GROUPS:
        factor = GROUP_FACTOR.get(group)
        for block in polled.device.blocks([group]):
            yield PlannedBlock(
                polled.device.name,
                group,
                polled.device.unit,
                block,
                block_s(settings, block.count, polled.device.inter_request_delay_s, shared),
                polled.poll_interval_s * factor if factor else None,
            )
