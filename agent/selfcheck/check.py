"""The self-check of a bench: reads a few rounds, asks the relations, and where they disagree looks for the mistake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.config import Meter
from agent.discover.likely import refusal_text
from agent.selfcheck.judge import accused, find_causes, suspects_of
from agent.selfcheck.load import LOADED
from agent.selfcheck.model import Bench, DeviceResult, Finding, Result, Subject, Verdict
from agent.selfcheck.numbers import Key, is_measured
from agent.selfcheck.reader import MapReader, Round, missing, words_of
from agent.selfcheck.world import WINDOW, World
from drivers.profiles import Profile
from drivers.reading import Clock
from drivers.registers import decode

READINGS = 10
LASTS_MAX_S = 300.0
SLIDE = 1.1  # of the period: readings in step with a meter's refresh might all straddle it
EMPTY = 0.8  # share of a device's quantities without a value from which another model is suspected
FOREIGN_MAX, FOREIGN_READINGS = 4, 6  # devices whose maps are tried at each other's units, and how often
BROKEN = 0.5  # share of a device's quantities without a passed relation from which another model is suspected
NOTHING = "nothing on this device or beside it to compare with"


async def self_check(bench: Bench, clock: Clock, readings: int = READINGS) -> Result:
    """Reads only. Trouble in the plant gives notes and `unverified`, never an exception."""
    started_ns, started_s = clock.utc_ns(), clock.monotonic_ns() / 1e9
    reader = {item.name: MapReader(item, item.profile, item.item.unit_id, clock) for item in bench.subjects}
    period_s = period_of(bench, readings)
    rounds: dict[str, list[Round]] = {name: [] for name in reader}
    for number in range(readings):
        await _round(reader, rounds, clock, period_s, last=number == readings - 1)
    lost = [name for name, rows in rounds.items() if missing(rows)]
    notes = tuple(f"{name}: nothing that may be read answered; it was not checked" for name in lost)
    bench = Bench(tuple(item for item in bench.subjects if item.name not in lost), bench.motors)
    world = World(bench, rounds)
    findings = _serials(world, rounds)
    corrected = world
    if suspects_of(world, [world.state(index) for index in range(len(world.bound))]):
        again: dict[str, list[Round]] = {item.name: [] for item in bench.subjects}
        asked = {name: reader[name] for name in again}
        for number in range(readings):  # once more, with the words beside
            await _round(asked, again, clock, period_s, last=number == readings - 1, beside=True)
        corrected = World(bench, again)
        foreign = await _foreign(corrected, clock)
        findings += find_causes(corrected, foreign)
        findings += _unexplained(corrected, findings)
    findings += _refusals(bench, reader, findings)
    devices = {item.name: _device(item, world, corrected, findings) for item in bench.subjects}
    return Result(started_ns, clock.monotonic_ns() / 1e9 - started_s, readings, devices, tuple(findings), notes)


def period_of(bench: Bench, readings: int) -> float:
    """Seconds from one round to the next, where the wires allow it."""
    period_s = max((item.period_s for item in bench.subjects), default=1.0)
    return min(period_s * SLIDE, LASTS_MAX_S / max(1, readings))


async def _round(
    reader: Mapping[str, MapReader],
    rounds: Mapping[str, list[Round]],
    clock: Clock,
    period_s: float,
    last: bool,
    beside: bool = False,
) -> None:
    begin_s = clock.monotonic_ns() / 1e9
    for name, device in reader.items():
        found = await device.round()
        if beside and not found.silent:
            await device.beside(found)
        rounds[name].append(found)
    if not last:
        await clock.sleep(max(0.0, begin_s + period_s - clock.monotonic_ns() / 1e9))


async def _foreign(world: World, clock: Clock) -> dict[Key, list[Round]]:
    """Maps that do not fit, read at the units of the other such devices of their kind on the same bus."""
    states = [world.state(index) for index in range(len(world.bound))]
    names = {key[0] for key in suspects_of(world, states)}
    odd = [item for item in world.bench.subjects if item.name in names][:FOREIGN_MAX]
    found: dict[Key, list[Round]] = {}
    for item in odd:
        for other in odd:
            same_bus = item.item.bus == other.item.bus and type(item.item) is type(other.item)
            if item is not other and same_bus and item.profile.id != other.profile.id and _harmless(other.profile):
                reader = MapReader(item, item.profile, other.item.unit_id, clock)
                found[item.name, other.name] = [await reader.round() for _ in range(FOREIGN_READINGS)]
    return found


def _harmless(profile: Profile) -> bool:
    """Whether any address may be read there: not so where reading is a command or starts a watchdog."""
    return profile.dialect != "huanyang_private" and not any(row.feeds_watchdog for row in profile.registers)


def _broken(world: World, subject: Subject) -> bool:
    """Whether most of what could be confirmed is not."""
    confirmed, possible = _confirmed(world), set[Key]()
    for bound in world.bound:
        if bound.relation is not WINDOW:
            possible |= {key for key in bound.keys if key[0] == subject.name}
    return len(possible) > 3 and len(possible & confirmed) < BROKEN * len(possible)


def _confirmed(world: World) -> set[Key]:
    return {
        key for index, bound in enumerate(world.bound) if world.state(index).word == "confirms" for key in bound.keys
    }


def _serials(world: World, rounds: Mapping[str, Sequence[Round]]) -> list[Finding]:
    """Serial numbers that the configuration states, against what the devices say."""
    read = {item.name: _serial(item, rounds[item.name]) for item in world.bench.subjects}
    found = []
    for item in world.bench.subjects:
        stated = item.item.serial_number if isinstance(item.item, Meter) else None
        if stated and read[item.name] and _bare(read[item.name]) != _bare(stated):
            there = next((f"; it answers as {name}" for name, told in read.items() if _bare(told) == _bare(stated)), "")
            text = f"unit {item.item.unit_id} has serial number {read[item.name]}, not {stated}{there}: check the unit"
            names = tuple(row.name for row in item.profile.registers)
            found.append(Finding("unit", item.name, names, f"meter {item.name}: {text}", 0))
    return found


def _bare(serial: str) -> str:
    """For comparing: a label has zeros in front, and letters of either size."""
    return serial.strip().lstrip("0").casefold()


def _serial(subject: Subject, rounds: Sequence[Round]) -> str:
    row = subject.profile.register("serial_number")
    if row is None or not rounds:
        return ""
    words = words_of(rounds[-1].memory, row)
    value = decode(row, words)[0] if words else None
    return "" if not value else f"{value:.0f}" if isinstance(value, float) else str(value)


def _unexplained(world: World, findings: Sequence[Finding]) -> list[Finding]:
    """What disagrees and no single mistake explains."""
    found, group = [], max((item.group for item in findings), default=0)
    confirmed = _confirmed(world)
    for item in world.bench.subjects:
        rows = [world.bound[index] for index in accused(world) if world.bound[index].keys[0][0] == item.name]
        values = [world.value(key) for key in world.rows if key[0] == item.name and is_measured(key[1])]
        empty = len(values) > 2 and sum(value is None for value in values) > EMPTY * len(values)
        if not rows and not empty:
            continue
        group += 1
        keys = {key for bound in rows for key in bound.keys if key[0] == item.name}
        names = tuple(sorted(key[1] for key in (keys - confirmed or keys)))
        kind = "meter" if isinstance(item.item, Meter) else "drive"
        if empty or _broken(world, item):
            text = f"the map as a whole does not fit: another model may answer at unit {item.item.unit_id}"
            names, cause = tuple(row.name for row in item.profile.registers), "model"
        else:
            what = ", ".join(dict.fromkeys(bound.relation.name for bound in rows[:4]))
            text, cause = f"{', '.join(names[:4])} disagree ({what}) and no single mistake explains it", "unexplained"
        found.append(Finding(cause, item.name, names, f"{kind} {item.name}: {text}", group))
    return found


def _refusals(bench: Bench, reader: Mapping[str, MapReader], findings: Sequence[Finding]) -> list[Finding]:
    """Registers that the map promises and the device refuses, where nothing else explains it: often a sister model."""
    found, group = [], max((item.group for item in findings), default=0)
    for item in bench.subjects:
        own = [each for each in findings if each.device == item.name or f" {item.name} " in each.text]
        explained = {name for each in own for name in each.quantities}
        absent = tuple(name for name in reader[item.name].absent if name not in explained)
        if absent and not any(each.cause in ("unit", "model") for each in own):
            group += 1
            kind = "meter" if isinstance(item.item, Meter) else "drive"
            text = refusal_text(item.item.unit_id, item.profile, absent)
            found.append(Finding("refused", item.name, absent, f"{kind} {item.name}: {text}", group))
    return found


def _device(subject: Subject, world: World, corrected: World, findings: Sequence[Finding]) -> DeviceResult:
    named = {
        name: item
        for item in reversed(findings)
        for name in item.quantities
        if item.device == subject.name and item.cause != "refused"
    }
    for item in findings:
        if item.cause == "unit" and f" {subject.name} " in item.text:
            named |= dict.fromkeys((row.name for row in subject.profile.registers), item)
    confirmed, waiting = dict[str, str](), set[str]()
    for index, bound in enumerate(corrected.bound):
        names = [key[1] for key in bound.keys if key[0] == subject.name]
        if corrected.state(index).word == "confirms":
            confirmed |= {name: bound.relation.name for name in names if name not in confirmed}
        elif bound.relation.loaded and not corrected.loaded(index):
            waiting.update(names)
    verdicts = {
        row.name: _verdict(row.name, subject, world, named, confirmed, waiting) for row in subject.profile.registers
    }
    from_memory = {row.name for row in subject.profile.registers if row.confidence == "from_memory"}
    return DeviceResult(
        subject.profile.id,
        verdicts,
        tuple(name for name, verdict in verdicts.items() if verdict.outcome == "failed"),
        tuple(name for name, verdict in verdicts.items() if verdict.outcome == "passed" and name in from_memory),
    )


def _verdict(
    name: str, subject: Subject, world: World, named: Mapping[str, Finding], confirmed: Mapping[str, str],
    waiting: set[str],
) -> Verdict:  # fmt: skip
    value = world.value((subject.name, name))
    if name in named:
        return Verdict("failed", named[name].text, value)
    if value is None:
        return Verdict("unverified", "the device gives no value here", None)
    if name in confirmed:
        return Verdict("passed", confirmed[name], value)
    if name in waiting:
        return Verdict("unverified", f"needs {LOADED:.0%} load or more", value)
    return Verdict("unverified", NOTHING, value)
