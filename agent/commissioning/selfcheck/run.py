"""The self-check of devices: read some rounds, evaluate the relations, and search for the cause of deviations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count, permutations

from agent.commissioning.selfcheck import reasons as codes
from agent.commissioning.selfcheck.decoding import Key, is_measured
from agent.commissioning.selfcheck.diagnosis import find_causes, suspects_of
from agent.commissioning.selfcheck.load_estimate import LOADED
from agent.commissioning.selfcheck.model import (
    DeviceResult,
    DeviceSet,
    DeviceVerdict,
    SelfcheckFinding,
    SelfcheckOutcome,
    Subject,
)
from agent.commissioning.selfcheck.register_reader import ReadingRound, RegisterReader, words_of
from agent.commissioning.selfcheck.rule_evaluation import WINDOW, RuleEvaluation, RuleOutcome
from agent.config.model import Meter
from drivers.bus_listener import BusListener
from drivers.profiles import Profile
from drivers.reading import Clock
from drivers.reasons import Reason
from drivers.register_blocks import usable
from drivers.registers import decode

READINGS = 10
LASTS_MAX_S = 300.0
SLIDE = 1.1  # factor of the period: with 1.0 every reading might fall on the refresh of a meter
EMPTY = 0.8  # from this share of quantities without a value another model is suspected
FOREIGN_MAX, FOREIGN_READINGS = 4, 6  # devices whose maps are read at each other's units, number of rounds
BROKEN = 0.5  # below this share of quantities that a relation confirms another model is suspected
SHOWN_MAX = 4  # quantities and relations failed in a reason


OnRound = Callable[[str, ReadingRound], None]  # device, one reading of it


async def self_check(
    device_set: DeviceSet, clock: Clock, readings: int = READINGS, on_round: OnRound | None = None
) -> SelfcheckOutcome:
    """Reads only. Devices that do not respond become notes and values `unverified`; raises no LinkError."""
    started_ns, started_s = clock.utc_ns(), clock.monotonic_ns() / 1e9
    reader = {item.name: RegisterReader(item, item.device.unit_id, clock) for item in device_set.subjects}
    period_s = period_of(device_set, readings)
    rounds = await _rounds(reader, clock, period_s, readings, on_round=on_round)
    lost = [name for name, rows in rounds.items() if all(item.silent for item in rows)]
    notes = tuple(codes.DEVICE_NOT_CHECKED(device=name) for name in lost)
    device_set = DeviceSet(tuple(item for item in device_set.subjects if item.name not in lost), device_set.motors)
    evaluation = RuleEvaluation(device_set, rounds)
    findings = _serials(evaluation, rounds)
    corrected = evaluation
    if suspects_of(evaluation):
        responding = {item.name: reader[item.name] for item in device_set.subjects}
        again = await _rounds(responding, clock, period_s, readings, adjacent=True, on_round=on_round)
        corrected = RuleEvaluation(device_set, again)
        causes, corrected = find_causes(corrected, await _foreign(corrected, clock))
        findings += causes
        findings += _without_cause(corrected, findings)
    findings += _rejected(device_set, reader, findings)
    devices = {item.name: _device(item, evaluation, corrected, findings) for item in device_set.subjects}
    return SelfcheckOutcome(
        started_ns, clock.monotonic_ns() / 1e9 - started_s, readings, devices, tuple(findings), notes
    )


def period_of(device_set: DeviceSet, readings: int) -> float:
    """Seconds from one round to the next, if the reading takes no longer."""
    period_s = max((item.period_s for item in device_set.subjects), default=1.0)
    return min(period_s * SLIDE, LASTS_MAX_S / max(1, readings))


async def _rounds(
    reader: Mapping[str, RegisterReader],
    clock: Clock,
    period_s: float,
    readings: int,
    adjacent: bool = False,
    on_round: OnRound | None = None,
) -> dict[str, list[ReadingRound]]:
    """Device → its rounds. adjacent: with the words before and after each register."""
    rounds: dict[str, list[ReadingRound]] = {name: [] for name in reader}
    due_s = clock.monotonic_ns() / 1e9
    for _ in range(readings):
        await clock.sleep(max(0.0, due_s - clock.monotonic_ns() / 1e9))
        due_s = clock.monotonic_ns() / 1e9 + period_s
        for name, device in reader.items():
            rounds[name].append(await device.round(adjacent))
            if on_round:
                on_round(name, rounds[name][-1])
    return rounds


async def _foreign(evaluation: RuleEvaluation, clock: Clock) -> dict[Key, list[ReadingRound]]:
    """Maps that do not fit, read at the units of the other such devices of the same kind on the same bus."""
    names = {key[0] for key in suspects_of(evaluation)}
    suspect = [item for item in evaluation.device_set.subjects if item.name in names][:FOREIGN_MAX]
    found: dict[Key, list[ReadingRound]] = {}
    for item, other in permutations(suspect, 2):
        same_bus = item.device.bus == other.device.bus and type(item.device) is type(other.device)
        if same_bus and item.profile.id != other.profile.id and _may_be_read(other.profile):
            reader = RegisterReader(item, other.device.unit_id, clock)
            found[item.name, other.name] = [await reader.round() for _ in range(FOREIGN_READINGS)]
    return found


def _may_be_read(profile: Profile) -> bool:
    """Whether every address may be read: not where reading is a command or starts a watchdog."""
    return profile.dialect != "huanyang_private" and not any(row.feeds_watchdog for row in profile.registers)


def _mostly_unconfirmed(evaluation: RuleEvaluation, subject: Subject) -> bool:
    """Whether relations confirm less than half of the quantities that they could confirm."""
    confirmed = _confirmed(evaluation)
    possible = {
        key
        for bound in evaluation.bound
        if bound.relation is not WINDOW
        for key in bound.keys
        if key[0] == subject.name
    }
    return len(possible) > 3 and len(possible & confirmed) < BROKEN * len(possible)


def _confirmed(evaluation: RuleEvaluation) -> set[Key]:
    """The quantities that a relation confirms."""
    return {key for bound in evaluation.with_outcome(RuleOutcome.PASS) for key in bound.keys}


def _serials(evaluation: RuleEvaluation, rounds: Mapping[str, Sequence[ReadingRound]]) -> list[SelfcheckFinding]:
    """Compare configured serial numbers with those of the devices."""
    read = {item.name: _serial(item, rounds[item.name]) for item in evaluation.device_set.subjects}
    found = []
    for item in evaluation.device_set.subjects:
        configured = item.device.serial_number if isinstance(item.device, Meter) else None
        if configured and read[item.name] and _bare(read[item.name]) != _bare(configured):
            found_at = next((name for name, serial in read.items() if _bare(serial) == _bare(configured)), None)
            data = dict(
                device=item.name, unit_id=item.device.unit_id, serial_number=read[item.name], configured=configured
            )
            reason = (
                codes.SERIAL_NUMBER_ELSEWHERE(**data, found_at=found_at)
                if found_at else codes.SERIAL_NUMBER_MISMATCH(**data)
            )  # fmt: skip
            found.append(SelfcheckFinding(reason, tuple(row.name for row in item.profile.registers), 0))
    return found


def _bare(serial: str) -> str:
    """A serial number without leading zeros and in lower case, because labels differ in both."""
    return serial.strip().lstrip("0").casefold()


def _serial(subject: Subject, rounds: Sequence[ReadingRound]) -> str:
    row = subject.profile.register("serial_number")
    if row is None or not rounds:
        return ""
    words = words_of(rounds[-1].memory, row)
    value = decode(row, words)[0] if words else None
    return "" if not value else f"{value:.0f}" if isinstance(value, float) else str(value)


def _without_cause(evaluation: RuleEvaluation, findings: Sequence[SelfcheckFinding]) -> list[SelfcheckFinding]:
    """Devices with deviations that no single mistake explains."""
    found, groups = [], _new_groups(findings)
    confirmed, failed = _confirmed(evaluation), evaluation.with_outcome(RuleOutcome.FAIL)
    for item in evaluation.device_set.subjects:
        rows = [bound for bound in failed if bound.keys[0][0] == item.name]
        values = [evaluation.value(key) for key in evaluation.rows if key[0] == item.name and is_measured(key[1])]
        empty = len(values) > 2 and sum(value is None for value in values) > EMPTY * len(values)
        if not rows and not empty:
            continue
        keys = {key for bound in rows for key in bound.keys if key[0] == item.name}
        names = tuple(sorted(key[1] for key in (keys - confirmed or keys)))
        if empty or _mostly_unconfirmed(evaluation, item):
            names = tuple(row.name for row in item.profile.registers)
            reason = codes.MAP_MISMATCH(device=item.name, profile=item.profile.id, unit_id=item.device.unit_id)
        else:
            relations = tuple(dict.fromkeys(bound.relation.label for bound in rows[:SHOWN_MAX]))
            reason = codes.VALUES_INCONSISTENT(device=item.name, quantities=names[:SHOWN_MAX], relations=relations)
        found.append(SelfcheckFinding(reason, names, next(groups)))
    return found


def _new_groups(findings: Sequence[SelfcheckFinding]) -> Iterator[int]:
    return count(max((item.group for item in findings), default=0) + 1)


def _rejected(
    device_set: DeviceSet, reader: Mapping[str, RegisterReader], findings: Sequence[SelfcheckFinding]
) -> list[SelfcheckFinding]:
    """Registers of the map that the device rejects, if no other finding explains it: often a related model."""
    found, groups = [], _new_groups(findings)
    for item in device_set.subjects:
        own = [each for each in findings if each.concerns(item.name)]
        explained = {name for each in own for name in each.quantities}
        absent = tuple(name for name in reader[item.name].absent if name not in explained)
        if isinstance(item.link, BusListener):
            continue  # the other master does not read them
        if absent and not any(each.cause in codes.UNITS or each.cause == codes.MAP_MISMATCH for each in own):
            reason = rejected_registers(item.name, item.device.unit_id, item.profile, absent)
            found.append(SelfcheckFinding(reason, absent, next(groups)))
    return found


def rejected_registers(device: str, unit: int, profile: Profile, absent: Sequence[str]) -> Reason:
    """The finding on a device. absent: quantities of its profile whose registers it rejects."""
    return codes.MAP_REGISTERS_REJECTED(
        device=device, unit_id=unit, n=len(absent), total=len(usable(profile)), profile=profile.id,
        examples=tuple(absent[:SHOWN_MAX]),
    )  # fmt: skip


def _device(
    subject: Subject, evaluation: RuleEvaluation, corrected: RuleEvaluation, findings: Sequence[SelfcheckFinding]
) -> DeviceResult:
    failed = {
        name: item
        for item in reversed(findings)
        for name in item.quantities
        if item.device == subject.name and item.cause != codes.MAP_REGISTERS_REJECTED
    }
    for item in findings:
        if item.other_device == subject.name:
            failed |= dict.fromkeys((row.name for row in subject.profile.registers), item)
    confirmed, unloaded = dict[str, Reason](), set[str]()
    for bound, state in zip(corrected.bound, corrected.states(), strict=True):
        names = [key[1] for key in bound.keys if key[0] == subject.name]
        if state.outcome is RuleOutcome.PASS:
            confirmed |= {name: bound.relation.label for name in names if name not in confirmed}
        elif bound.relation.loaded and not corrected.loaded(bound):
            unloaded.update(names)
    verdicts = {
        row.name: _verdict(row.name, subject, evaluation, failed, confirmed, unloaded)
        for row in subject.profile.registers
    }
    pending = {row.name for row in subject.profile.registers if row.needs_confirmation}
    return DeviceResult(
        subject.profile.id,
        verdicts,
        tuple(name for name, verdict in verdicts.items() if verdict.outcome == "failed"),
        tuple(name for name, verdict in verdicts.items() if verdict.outcome == "passed" and name in pending),
    )


def _verdict(
    name: str,
    subject: Subject,
    evaluation: RuleEvaluation,
    failed: Mapping[str, SelfcheckFinding],
    confirmed: Mapping[str, Reason],
    unloaded: set[str],
) -> DeviceVerdict:
    value = evaluation.value((subject.name, name))
    if name in failed:
        return DeviceVerdict("failed", failed[name].reason, value)
    if value is None:
        return DeviceVerdict("unverified", codes.VALUE_ABSENT(), None)
    if name in confirmed:
        return DeviceVerdict("passed", confirmed[name], value)
    reason = codes.LOAD_INSUFFICIENT(least=LOADED) if name in unloaded else codes.NOTHING_COMPARABLE()
    return DeviceVerdict("unverified", reason, value)
