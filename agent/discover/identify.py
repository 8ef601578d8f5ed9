"""`magwatt identify`: which model is this? Reads what tells the register maps apart, and weighs it.

The weights are in agent/discover/fingerprint.py, the verdict in agent/discover/identified.py.
Reads only: what the device says of itself (0x2B, 0x11), the registers that maps name for identification, and a few
measured values of each map that is still possible.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace

from agent.discover.fingerprint import ANSWERED, READ_ID, SERVER_ID, Evidence, judge_names, judge_register, judge_values
from agent.discover.identified import Identified, decide, ranked
from agent.discover.questions import Gone, Questions
from drivers.errors import DeviceRefused, FrameError, LinkTimeout
from drivers.identity import DeviceIdentity, ServerId, read_identity, read_server_id
from drivers.profiles import Identify, Profile, Register, load_profile, profile_ids
from drivers.reading import Link
from drivers.registers import Block, plan_blocks, usable

BLOCKS_MAX, ROWS_MIN = 4, 6  # requests for one map's values; values that should tell enough
HOPELESS = -5.0
ABSENT, ABSENT_MAX = 2.5, 2  # nats for a register that is not there; more than so many say no more
LOST = 0.5  # nats for a question whose answer got lost twice: what would have been won, no more
SUNSPEC_MODELS_MAX = 30
HOLE_MAX = 16
CUT_MAX = 8  # registers that a question may be shorter
GAP_S = 0.02  # before each question: some devices need a pause, which one is not known yet


async def identify(
    link: Link, unit: int, timeout_s: float = 0.5, gap_s: float = GAP_S, *, fc03: bool = False,
    ending: asyncio.Event | None = None, profiles: Iterable[Profile] | None = None, function: int = 4,
    character_s: float = 0.0,
) -> Identified:  # fmt: skip
    """The likeliest models of the device at `unit`. Raises LinkBusy and LinkClosed.

    fc03: function 3 may be used; without it most models cannot be looked at. function: one that it answers, be it by
    a refusal, when asked for register 0. character_s: of one character on a serial line.
    """
    device = Questions(link, unit, timeout_s, gap_s, fc03, ending, function, character_s)
    found = Identified(unit)
    candidates = {profile.id: profile for profile in (_all_profiles() if profiles is None else profiles)}
    evidence = {name: Evidence() for name in candidates}
    try:
        await _what_it_says(device, candidates, evidence, found)
        looked = await _registers(device, candidates.values(), evidence)
        waiting = list(candidates.values())
        while waiting:
            profile = next((item for item in waiting if _askable(device, item)), waiting[0])
            waiting.remove(profile)
            if profile.dialect == "sunspec":
                await _sunspec(device, profile, evidence[profile.id])
            elif evidence[profile.id].score > HOPELESS:
                await _values(device, profile, evidence[profile.id])
        left = [item for item in candidates.values() if item.id not in looked and evidence[item.id].score > 0]
        await _registers(device, left, evidence, patient=True)
        for name in ranked(candidates, evidence):
            if not evidence[name].named:
                await _whole_map(device, candidates[name], evidence[name])
    except Gone:
        stopped = ending is not None and ending.is_set()
        found.notes.append("stopped before all was read" if stopped else "it fell silent before all was read")
    found.requests += device.requests
    decide(found, candidates, evidence)
    if not fc03:
        hidden = sum(profile.function == 3 for profile in candidates.values())
        found.notes.append(f"{hidden} of {len(candidates)} models can only be looked at with function 03")
    return found


def _all_profiles() -> list[Profile]:
    """Those that can be asked at all: a private dialect is no Modbus."""
    return [
        profile for name in profile_ids() if (profile := load_profile(name)).dialect in ("modbus", "sunspec")
    ]  # fmt: skip


async def _what_it_says(
    device: Questions, candidates: dict[str, Profile], evidence: dict[str, Evidence], found: Identified
) -> None:
    told: list[tuple[str, str]] = []
    for how, read in ((READ_ID, read_identity), (SERVER_ID, read_server_id)):
        device.requests += 1
        try:
            answer: DeviceIdentity | ServerId = await read(device.link, device.unit, device.timeout_s, device.gap_s)
        except DeviceRefused:
            device.refuses = True
            continue
        except (FrameError, LinkTimeout):
            continue
        text = str(answer) if isinstance(answer, DeviceIdentity) else answer.text
        if sum(letter.isalnum() for letter in text) >= 3:
            told.append((text, how))
    found.told = "; ".join(text for text, _ in told)
    for name, profile in candidates.items():
        for text, how in told:
            judge_names(profile, text, evidence[name], how)
        if not any(how == READ_ID for _, how in told) and any(
            rule.method == "fc43" and rule.confidence != "from_device" for rule in profile.identify
        ):
            evidence[name].add(-2.0, "it does not answer function 0x2B")


async def _registers(
    device: Questions, profiles: Iterable[Profile], evidence: dict[str, Evidence], patient: bool = False
) -> set[str]:
    """The ids of those whose marks were looked at.

    On a device that is silent where others refuse, each mark that is not there costs seconds: then they are only looked
    at where the values leave a doubt (patient).
    """
    looked: set[str] = set()
    for profile in profiles:
        if device.silences and not patient:
            break
        looked.add(profile.id)
        for rule in profile.identify:
            if rule.method == "register" and rule.address is not None and rule.function in device.functions:
                there = await device.read(rule.function, rule.address, rule.words)
                words = device.get(rule.function, rule.address, rule.words) if there else None
                if words is None and (rule.function, rule.address) in device.lost:
                    continue
                if words is not None or rule.function in device.functions:
                    judge_register(profile, rule, words, evidence[profile.id])
    return looked


async def _values(device: Questions, profile: Profile, evidence: Evidence) -> None:
    if profile.function not in device.functions:
        if profile.function == 4:
            evidence.add(-6.0, "it knows no function 04")
        return
    read = 0
    for block in _telling(profile)[: BLOCKS_MAX if profile.max_registers > 2 else ROWS_MIN]:
        least = max(1, block.count - CUT_MAX)
        if not await device.read(block.function, block.address, block.count, least):
            if (block.function, block.address) in device.lost:
                evidence.add(-LOST, f"{_span(block)} gave no answer")
                continue
            evidence.refused += 1
            evidence.add(-4.0, f"{_span(block)} are refused")
            if evidence.score < HOPELESS or evidence.refused > 1:
                return
        else:
            read += 1
            evidence.score += ANSWERED
    if read:
        judge_values(_narrowed(profile), device.words, evidence)


async def _whole_map(device: Questions, profile: Profile, evidence: Evidence) -> None:
    """Whether every register that the map promises is there: a relative copies much of a map, seldom all of it."""
    if profile.function not in device.functions or profile.dialect == "sunspec":
        return
    rows = [row for row in usable(profile) if _readable(row)]
    for block in plan_blocks(profile, rows, 0):
        if await device.read(block.function, block.address, block.count):
            continue
        for row in block.registers:
            there = await device.read(row.function, row.address, row.words)
            if not there and (row.function, row.address) not in device.lost:
                evidence.absent += 1
                evidence.add(-ABSENT, f"it refuses {row.name}, register {row.address}, which that model has")
                if evidence.absent == ABSENT_MAX:
                    return


def _span(block: Block) -> str:
    return f"registers {block.address}–{block.address + block.count - 1}"


def _askable(device: Questions, profile: Profile) -> bool:
    """Whether the first question about that map need not wait."""
    return all(device.free(block.function, block.count) for block in _telling(profile)[:1])


def _telling(profile: Profile) -> list[Block]:
    """The requests that bring the fast values, and those of other groups where they are few."""
    rows: list[Register] = []
    for group in ("fast", "normal", "slow"):
        if len(rows) < ROWS_MIN:
            rows += [row for row in profile.registers if row.group == group and _readable(row)]
    scales = {row.scale_from.address for row in rows if row.scale_from and row.scale_from.offset is None}
    rows += [row for row in profile.registers if row.address in scales and row not in rows]
    return sorted(plan_blocks(profile, rows, HOLE_MAX), key=lambda block: -len(block.registers))


def _readable(row: Register) -> bool:
    """A plain value: no page of the last trip, nothing whose reading starts something."""
    return not (row.latched or row.feeds_watchdog or row.alone or row.type == "string")


def _narrowed(profile: Profile) -> Profile:
    """With the windows that its own identification rules state."""
    windows = {
        rule.register: (rule.low, rule.high)
        for rule in profile.identify
        if rule.method == "plausibility" and rule.low is not None and rule.high is not None
    }
    if not windows:
        return profile
    rows = tuple(
        replace(row, window=windows[row.name]) if row.name in windows else row for row in profile.registers
    )  # fmt: skip
    return replace(profile, registers=rows)


# --- SunSpec ---


async def _sunspec(device: Questions, profile: Profile, evidence: Evidence) -> None:
    """Looks for the marker and walks the models; then the map lies at the model's place."""
    rules = [rule for rule in profile.identify if rule.method == "sunspec"]
    for rule in rules:
        start = await _sunspec_start(device, rule)
        if start is None:
            evidence.add(-6.0, "no SunSpec marker")
            return
        models = await _sunspec_models(device, start)
        at = next((address for number, address in models if number == rule.model_id), None)
        if at is None:
            evidence.add(-6.0, f"SunSpec without model {rule.model_id}")
            return
        evidence.named = True
        evidence.add(14.0, f"SunSpec model {rule.model_id} at {at}")
        shifted = replace(profile, registers=tuple(_shifted(row, at) for row in profile.registers))
        await _values(device, shifted, evidence)


async def _sunspec_start(device: Questions, rule: Identify) -> int | None:
    for base in rule.bases:
        if not await device.read(3, base, 2):
            continue
        high, low = device.get(3, base, 2)
        if high << 16 | low == rule.marker:
            return base + 2
    return None


async def _sunspec_models(device: Questions, at: int) -> Sequence[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    while len(found) < SUNSPEC_MODELS_MAX:
        if not await device.read(3, at, 2):
            break
        number, length = device.get(3, at, 2)
        if number == 0xFFFF:
            break
        found.append((number, at))
        at += 2 + length
    return found


def _shifted(row: Register, by: int) -> Register:
    scale = row.scale_from and replace(row.scale_from, address=row.scale_from.address + by)
    return replace(row, address=row.address + by, scale_from=scale)
