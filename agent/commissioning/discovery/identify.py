"""Identify the model of a device: read what distinguishes the register maps, and weigh the evidence.

The weights are in agent/commissioning/discovery/likelihood.py, the decision is in
agent/commissioning/discovery/match.py. Read are only the reported identification (functions 0x2B and 0x11), the
identification registers of the maps, and some measured values of each map that is still possible.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable

from msgspec.structs import replace

from agent.commissioning.discovery import reasons as codes
from agent.commissioning.discovery.cached_reader import CachedReader, DeviceUnreachable
from agent.commissioning.discovery.likelihood import ANSWERED, Evidence, add_names, add_register, add_values
from agent.commissioning.discovery.match import Identified, decide, ranked
from agent.commissioning.discovery.reported import Reported, read_reported
from agent.commissioning.selfcheck.reasons import MODELS_MATCHING, MODELS_SIMILAR
from drivers.error_reasons import SUNSPEC_NO_MARKER
from drivers.errors import DriverError, LinkError
from drivers.framing import READ_DEVICE_ID
from drivers.modbus_link import ModbusLink
from drivers.profiles import Profile, Register, load_profile, profile_ids
from drivers.reading import RegisterLink
from drivers.reasons import Code, Reason
from drivers.register_blocks import Block, plan_blocks, usable
from drivers.sunspec import find_in_chain

BLOCKS_MAX, ROWS_MIN = 4, 6  # requests for the values of one map; number of values that is usually sufficient
EXCLUDED = -5.0
ABSENT, ABSENT_MAX = 2.5, 2  # nats for an absent register; more than ABSENT_MAX are no further evidence
LOST = 0.5  # nats for a request without a response at two attempts: the same as for a readable block
HOLE_MAX = 16
CUT_MAX = 8  # registers by which a request may be shortened


async def identify(
    link: RegisterLink, unit: int, timeout_s: float = 0.5, *, fc03: bool = False, ending: asyncio.Event | None = None,
    profiles: Iterable[Profile] | None = None, function: int = 4, character_s: float = 0.0,
    reported: Reported | None = None,
) -> Identified:  # fmt: skip
    """The most likely models of the device with the unit identifier `unit`. Raises LinkBusy and LinkClosed.

    timeout_s: response time of the device, without the transmission time.
    fc03: function 03 may be used; without it most models cannot be identified.
    ending: stops the identification when it is set.
    profiles: the candidates; None: the library.
    function: function code to which the device responds for register 0, possibly with an exception.
    character_s: transmission time of one character on a serial line.
    reported: the identification that the device reports; None: it is requested first.
    """
    device = CachedReader(link, unit, timeout_s, fc03, ending, function, character_s)
    found = Identified(unit)
    candidates = {profile.id: profile for profile in (_all_profiles() if profiles is None else profiles)}
    evidence = {name: Evidence() for name in candidates}
    try:
        if reported is None:
            reported = await read_reported(link, unit, timeout_s)
        found.reported = "; ".join(text for text, _ in reported.texts)
        _weigh_reported(device, reported, candidates, evidence)
        checked = await _read_identification_registers(device, candidates.values(), evidence)
        pending = list(candidates.values())
        while pending:
            profile = next((item for item in pending if _can_start(device, item)), pending[0])
            pending.remove(profile)
            if profile.dialect == "sunspec":
                await _sunspec(device, profile, evidence[profile.id])
            elif evidence[profile.id].score > EXCLUDED:
                await _read_values(device, profile, evidence[profile.id])
        unchecked = [item for item in candidates.values() if item.id not in checked and evidence[item.id].score > 0]
        await _read_identification_registers(device, unchecked, evidence, slow=True)
        for name in ranked(candidates, evidence):
            if not evidence[name].named:
                await _check_complete_map(device, candidates[name], evidence[name])
    except DeviceUnreachable:
        stopped = ending is not None and ending.is_set()
        found.notes.append(codes.IDENTIFICATION_STOPPED() if stopped else codes.DEVICE_STOPPED_RESPONDING())
    found.requests += device.requests
    decide(found, candidates, evidence)
    if not fc03:
        hidden = sum(profile.function == 3 for profile in candidates.values())
        found.notes.append(codes.FUNCTION_03_NEEDED(n=hidden, total=len(candidates)))
    return found


async def identify_responding(
    link: ModbusLink, unit: int, response_s: float, fc03: bool, ending: asyncio.Event, function: int,
    reported: Reported | None = None,
) -> Identified:  # fmt: skip
    """Same as `identify` for a device that responded in a scan. response_s: its response time."""
    character_s = link.wire.character_s if link.wire.is_rtu else 0.0
    return await identify(
        link, unit, timeout_of(response_s), fc03=fc03, ending=ending, function=function, character_s=character_s,
        reported=reported,
    )  # fmt: skip


def timeout_of(response_s: float) -> float:
    """The timeout for a device with this response time."""
    return max(0.3, 3 * response_s)


async def models_at(
    link: RegisterLink, unit: int, profile: Profile, timeout_s: float, character_s: float
) -> Reason | None:
    """The models that identification finds for the device at a unit: matching ones, or the most similar ones.

    None if `profile` is not in the library or does not use Modbus, or if no other fits better. Uses function 03 only
    if `profile` does. Raises LinkBusy and LinkClosed.
    """
    if profile.id not in profile_ids() or not profile.uses_modbus:
        return None
    fc03 = any(row.function == 3 for row in profile.registers)
    found = await identify(link, unit, timeout_s, fc03=fc03, function=profile.function, character_s=character_s)
    others = tuple(match.profile.id for match in found.matches if match.profile.id != profile.id)
    if not others or (found.conclusive and len(others) < len(found.matches)):
        return None
    return (MODELS_SIMILAR if found.only_similar else MODELS_MATCHING)(models=others)


def _all_profiles() -> list[Profile]:
    """All of the library except those with a private protocol."""
    return [profile for profile in map(load_profile, profile_ids()) if profile.uses_modbus]


def _weigh_reported(
    device: CachedReader, reported: Reported, candidates: dict[str, Profile], evidence: dict[str, Evidence]
) -> None:
    """Adds the identification that the device reports to the evidence."""
    device.requests += reported.requests
    device.rejects |= reported.rejects
    for name, profile in candidates.items():
        for text, function in reported.texts:
            add_names(profile, text, evidence[name], function)
        if not any(function == READ_DEVICE_ID for _, function in reported.texts) and any(
            rule.method == "fc43" and rule.confidence != "from_device" for rule in profile.identify
        ):
            evidence[name].add(-2.0, codes.NO_DEVICE_IDENTIFICATION())


async def _read_identification_registers(
    device: CachedReader, profiles: Iterable[Profile], evidence: dict[str, Evidence], slow: bool = False
) -> set[str]:
    """Reads the identification registers. Returns the IDs of the profiles whose registers were read.

    slow: also if the device does not respond to requests that other devices reject, where each absent register costs
    seconds. They are read only for models that remain possible by their values.
    """
    checked: set[str] = set()
    for profile in profiles:
        if device.without_response and not slow:
            break
        checked.add(profile.id)
        for rule in profile.identify:
            if rule.method == "register" and rule.address is not None and rule.function in device.functions:
                readable = await device.read(rule.function, rule.address, rule.words)
                words = device.get(rule.function, rule.address, rule.words) if readable else None
                lost = (rule.function, rule.address) in device.lost
                if readable or (rule.function in device.functions and not lost):
                    add_register(profile, rule, words, evidence[profile.id])
    return checked


async def _read_values(device: CachedReader, profile: Profile, evidence: Evidence) -> None:
    if profile.function not in device.functions:
        if profile.function == 4:
            evidence.add(-6.0, codes.FUNCTION_04_UNSUPPORTED())
        return
    read = 0
    for block in sampled_blocks(profile)[: BLOCKS_MAX if profile.max_registers > 2 else ROWS_MIN]:
        if not await device.read(block.function, block.address, block.count, max(1, block.count - CUT_MAX)):
            if (block.function, block.address) in device.lost:
                evidence.add(-LOST, _of_block(codes.REGISTERS_WITHOUT_RESPONSE, block))
                continue
            evidence.rejected += 1
            evidence.add(-4.0, _of_block(codes.REGISTERS_REJECTED, block))
            if evidence.score < EXCLUDED or evidence.rejected > 1:
                return
        else:
            read += 1
            evidence.score += ANSWERED
    if read:
        add_values(_narrowed(profile), device.words, evidence)


async def _check_complete_map(device: CachedReader, profile: Profile, evidence: Evidence) -> None:
    """Checks that every register of the map is readable: related models share most of a map, rarely all of it."""
    if profile.function not in device.functions or profile.dialect == "sunspec":
        return
    for block in plan_blocks(profile, [row for row in usable(profile) if _readable(row)], 0):
        if await device.read(block.function, block.address, block.count):
            continue
        for row in block.registers:
            readable = await device.read(row.function, row.address, row.words)
            if not readable and (row.function, row.address) not in device.lost:
                evidence.absent += 1
                evidence.add(-ABSENT, codes.QUANTITY_REJECTED(quantity=row.name, address=row.address))
                if evidence.absent == ABSENT_MAX:
                    return


def _of_block(code: Code, block: Block) -> Reason:
    return code(first=block.address, last=block.address + block.count - 1)


def _can_start(device: CachedReader, profile: Profile) -> bool:
    """Whether the first request for that map can be sent without waiting."""
    return all(device.is_free(block.function, block.count) for block in sampled_blocks(profile)[:1])


def sampled_blocks(profile: Profile) -> list[Block]:
    """The blocks that distinguish maps: values of poll group fast; also of slower groups if the fast ones are few."""
    rows: list[Register] = []
    for group in ("fast", "normal", "slow"):
        if len(rows) < ROWS_MIN:
            rows += [row for row in profile.registers if row.group == group and _readable(row)]
    scales = {row.scale_from.address for row in rows if row.scale_from and row.scale_from.offset is None}
    rows += [row for row in profile.registers if row.address in scales and row not in rows]
    return sorted(plan_blocks(profile, rows, HOLE_MAX), key=lambda block: -len(block.registers))


def _readable(row: Register) -> bool:
    """Whether reading has no side effect, and the value is not latched from the last trip."""
    return not (row.latched or row.feeds_watchdog or row.alone or row.type == "string")


def _narrowed(profile: Profile) -> Profile:
    """The profile with plausibility limits replaced by the narrower ones of its identification rules."""
    windows = {
        rule.register: (rule.low, rule.high)
        for rule in profile.identify
        if rule.method == "plausibility" and rule.low is not None and rule.high is not None
    }
    return replace(
        profile,
        registers=tuple(replace(row, window=windows.get(row.name, row.window)) for row in profile.registers),
    )


# --- SunSpec ---


async def _sunspec(device: CachedReader, profile: Profile, evidence: Evidence) -> None:
    """Finds the SunSpec marker and the model; its address is added to the addresses of the map."""

    async def words(address: int) -> bytes:
        return struct.pack(">2H", *device.get(3, address, 2)) if await device.read(3, address, 2) else b""

    for rule in profile.identify:
        if rule.method != "sunspec":
            continue
        try:
            at = await find_in_chain(words, device.unit, rule.bases, rule.model_id)
        except LinkError:
            raise
        except DriverError as error:
            no_marker = error.reason.code == SUNSPEC_NO_MARKER
            model_missing = codes.SUNSPEC_MODEL_MISSING(model=rule.model_id)
            evidence.add(-6.0, codes.SUNSPEC_MARKER_MISSING() if no_marker else model_missing)
            return
        evidence.named = True
        evidence.add(14.0, codes.SUNSPEC_MODEL_FOUND(model=rule.model_id, address=at))
        registers = tuple(_shifted(row, at) for row in profile.registers)
        await _read_values(device, replace(profile, registers=registers), evidence)


def _shifted(row: Register, by: int) -> Register:
    return replace(
        row,
        address=row.address + by,
        scale_from=row.scale_from and replace(row.scale_from, address=row.scale_from.address + by),
    )
