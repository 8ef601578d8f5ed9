"""The devices that another master reads, by what is received: their registers, the periods, and the maps that fit."""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from agent.commissioning.discovery import meters
from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery.likelihood import Evidence, add_values
from agent.commissioning.discovery.match import Identified, Match, decide
from agent.commissioning.discovery.passive_listen import LineTraffic
from agent.commissioning.discovery.scan_result import FoundDevice, ScanProgress, ScanResult, Target
from agent.core.text import _
from drivers.bus_listener import BusListener, HeardBlock
from drivers.dlt645_framing import identifier_text
from drivers.framing import Request
from drivers.overheard_registers import covered_rows, heard_request
from drivers.profiles import Profile, load_profile, profile_ids
from drivers.profiles.dlt645_register import READ_DATA
from drivers.reading import Clock
from drivers.reasons import Reason
from drivers.register_blocks import usable

HEAR_FACTOR = 2  # of the time of listening before: several periods of a usual master
SLICE_S = 0.2
SHOWN_MAX = 8  # blocks of one device
BEGINS, ENDS = 1.5, 1.0  # nats for a block that begins, or ends, with a register of the map
UNKNOWN, UNKNOWN_MAX = 0.15, 6.0  # nats against a map for each register with a content that it does not have
VOLTAGES, VOLTAGE_BLOCK = (0x02010100, 0x02010200, 0x02010300), 0x0201FF00


async def hear_devices(
    target: Target, traffic: LineTraffic | None, seconds: float, result: ScanResult, progress: ScanProgress,
    stop: asyncio.Event, clock: Clock,
) -> None:  # fmt: skip
    """Listens for `seconds` and enters the devices into the result. Sends nothing.

    traffic: what was received so far; None: nothing, or the port was not listened to. Without known line settings
    nothing is entered.
    """
    setting = traffic.setting if traffic is not None else target.setting
    if stop.is_set() or setting is None:
        return
    target = replace(target, dlt645=traffic is not None and traffic.dlt645)
    progress.on_text(_("Listening for {seconds:g} s on {port}; nothing is sent …", seconds=seconds, port=str(target)))
    wire = replace(target.bus_settings(setting, 0.0), listen_only=True)
    link = BusListener(wire, clock)
    link.start()
    try:
        while link.seconds < seconds and not stop.is_set():  # noqa: ASYNC110 (a thread receives)
            await asyncio.sleep(SLICE_S)
    finally:
        await link.close()
    blocks = link.blocks()
    if not blocks:
        result.findings.append(codes.NOTHING_LISTENED(port=str(target), seconds=link.seconds))
        return
    result.target, result.setting = replace(target, listens=True, period_s=slowest_s(blocks, seconds)), setting
    result.notes.append(codes.LISTENED_BUS())
    result.notes += (
        codes.LISTENED_WRITES(unit_id=unit, function=function, n=n)
        for (unit, function), n in link.counts.writes.items()
    )
    for unit in sorted({block.request.unit for block in blocks}):
        own = [block for block in blocks if block.request.unit == unit]
        found = FoundDevice(unit, setting, own[0].request.function, own[0].exception, 0.0, identified(unit, own))
        result.found.append(found)
        progress.on_found(found)


def slowest_s(blocks: Sequence[HeardBlock], seconds: float) -> float:
    """The longest period of a block, rounded up, in seconds. seconds: duration of listening."""
    return float(math.ceil(max(block.period_s or seconds for block in blocks)))


def identified(unit: int, blocks: Sequence[HeardBlock]) -> Identified:
    """The maps that fit the responses of one device, and what the other master reads."""
    result = Identified(unit)
    if blocks[0].request.function == READ_DATA:
        names, reason = meters.profiles_of_volts(_volts(blocks))
        result.matches = [Match(load_profile(name), meters.SCORE, True, (reason,), ()) for name in names]
        result.conclusive = len(names) == 1
    else:
        candidates = {name: profile for name in profile_ids() if (profile := load_profile(name)).dialect == "modbus"}
        decide(result, candidates, {name: _evidence(profile, blocks) for name, profile in candidates.items()})
    if result.matches:
        result.notes.append(_share(result.matches[0].profile, blocks))
    result.notes += (_shown(block) for block in sorted(blocks, key=lambda block: block.request)[:SHOWN_MAX])
    return result


def _evidence(profile: Profile, blocks: Iterable[HeardBlock]) -> Evidence:
    """That of the values, and of the places at which the other master begins and ends to read."""
    evidence, words = Evidence(), dict[tuple[int, int], int]()
    begins = {(row.function, row.address) for row in profile.registers}
    ends = {(row.function, row.address + row.words) for row in profile.registers}
    for block in blocks:
        _unit, function, address, registers = block.request
        if block.data:
            content = struct.unpack(f">{registers}H", block.data)
            words |= {(function, address + k): word for k, word in enumerate(content)}
            evidence.score += BEGINS if (function, address) in begins else -BEGINS
            evidence.score += ENDS if (function, block.request.end) in ends else 0.0
    known = {(row.function, row.address + k) for row in profile.registers for k in range(row.words)}
    n = sum(word != 0 for place, word in words.items() if place not in known)
    evidence.score -= min(UNKNOWN * n, UNKNOWN_MAX)
    evidence.rejected += UNKNOWN * n >= UNKNOWN_MAX
    add_values(profile, words, evidence)
    if not evidence.judged:  # the places alone are no evidence
        evidence.score = min(evidence.score, 0.0)
    return evidence


def _share(profile: Profile, blocks: Iterable[HeardBlock]) -> Reason:
    rows = usable(profile, {row.name for row in profile.registers})
    requests = (heard_request(profile, block.request) for block in blocks if block.data)
    heard = {row.name for request in requests if request is not None for row in covered_rows(rows, request)}
    return codes.LISTENED_REGISTERS(n=len(heard), total=len(rows))


def _shown(block: HeardBlock) -> Reason:
    request: Request = block.request
    if request.function == READ_DATA:
        return codes.LISTENED_METER_DATA(identifier=identifier_text(request.address), period_s=block.period_s)
    return codes.LISTENED_BLOCK(
        function=request.function, address=request.address, registers=request.registers, period_s=block.period_s
    )


def _volts(blocks: Iterable[HeardBlock]) -> list[int | None]:
    """The voltages of the three phases as digits; None: not received."""
    data: Mapping[int, bytes] = {block.request.address: block.data for block in blocks if block.data}
    whole = data.get(VOLTAGE_BLOCK, b"")
    parts = [data.get(identifier) or whole[2 * n : 2 * n + 2] for n, identifier in enumerate(VOLTAGES)]
    digits = [part[::-1].hex() for part in parts]
    return [int(text) if text.isdecimal() else None for text in digits]
