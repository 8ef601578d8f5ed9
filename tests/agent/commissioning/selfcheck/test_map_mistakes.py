"""Hundreds of seeded mistakes in maps and configurations, and thousands of correctly configured devices.

What counts as findable is defined in support.selfcheck.counts and in docs/how-to/selfcheck.md before anything is
measured. Each seed draws a profile, a load of 10–110 %, a motor, the errors of its instruments and one mistake.
Outcomes: right (only the true cause is named), tied (it is named with others that explain as well), wrong, nothing.
"""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random, SystemRandom

import pytest
from msgspec.structs import replace
from support.selfcheck import Scene, check, counts, draw, served

from agent.commissioning.selfcheck import reasons as codes
from agent.commissioning.selfcheck.model import SelfcheckOutcome
from drivers.profiles import Profile, Register, load_profile
from drivers.reasons import Code
from drivers.vocabulary import vocabulary

PHASES = (("l1", "l2"), ("l2", "l3"), ("l1", "l3"), ("l1n", "l2n"), ("l2n", "l3n"), ("l1n", "l3n"))


@dataclass(frozen=True, slots=True)
class Mistake:
    """A profile with one mistake.

    kind: address, map_address, word_order, map_word_order, scale or phase_map.
    names: quantities that it affects.
    profile: the wrong profile.
    about: description.
    """

    kind: str
    names: tuple[str, ...]
    profile: Profile
    about: str


def map_mistakes(profile: Profile) -> Iterator[Mistake]:
    """All single mistakes of these kinds in the gauges, counters and settings of a profile."""
    numbers = [row for row in profile.registers if row.type != "string" and _measured(row)]
    for row in numbers:
        for step in (-1, 1):
            if 0 <= row.address + step <= 65536 - row.words:
                yield _one(profile, "address", replace(row, address=row.address + step), f"{row.name} {step:+d}")
        if row.words > 1:
            yield _one(profile, "word_order", replace(row, big_words_first=not row.big_words_first), row.name)
        for factor in (10.0, 0.1):
            if not row.scale_by_rating:
                yield _one(profile, "scale", replace(row, scale=row.scale * factor), f"{row.name} × {factor:g}")
    names = tuple(row.name for row in profile.registers)
    for step in (-1, 1):
        if all(0 <= row.address + step <= 65536 - row.words for row in profile.registers):
            rows = tuple(replace(row, address=row.address + step) for row in profile.registers)
            yield Mistake("map_address", names, replace(profile, registers=rows), f"{step:+d}")
    if sum(row.words > 1 for row in numbers) > 1:
        rows = tuple(
            replace(row, big_words_first=not row.big_words_first) if row.words > 1 and row.type != "string" else row
            for row in profile.registers
        )
        yield Mistake("map_word_order", names, replace(profile, registers=rows), "")
    for row in numbers:
        for a, b in PHASES:
            other = profile.register(f"{row.name[: -len(a)]}{b}") if row.name.endswith(f"_{a}") else None
            if other:
                rows = tuple(
                    replace(item, name=other.name)
                    if item is row
                    else replace(item, name=row.name)
                    if item is other
                    else item
                    for item in profile.registers
                )
                yield Mistake(
                    "phase_map", (row.name, other.name), replace(profile, registers=rows), f"{row.name} ↔ {b}"
                )


def _measured(row: Register) -> bool:
    return vocabulary()[row.name].kind in ("gauge", "counter", "setting")


def _one(profile: Profile, kind: str, row: Register, about: str) -> Mistake:
    rows = tuple(row if item.name == row.name else item for item in profile.registers)
    return Mistake(kind, (row.name,), replace(profile, registers=rows), about)


Outcome = tuple[str, str, str]  # kind, outcome, what to print when it is not right
PRIMARIES = (5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 250, 300, 400, 600, 800, 1000, 1500, 2000)
FACTOR = 1.5  # closer transformer ratios cannot be distinguished with the power display of a drive
CAUSES: dict[str, frozenset[Code]] = {  # kind of mistake → codes that name it
    "address": frozenset((codes.REGISTER_ADDRESS_WRONG,)),
    "map_address": frozenset((codes.MAP_ADDRESS_OFFSET,)),
    "word_order": frozenset((codes.REGISTER_WORDS_SWAPPED,)),
    "map_word_order": frozenset((codes.MAP_WORDS_SWAPPED,)),
    "scale": frozenset((codes.REGISTER_SCALE_WRONG, codes.RATED_SCALE_WRONG, codes.GROUP_SCALE_WRONG)),
    "phase_map": frozenset((codes.MAP_PHASES_SWAPPED,)),
    "ct_ratio": frozenset((codes.CT_SETTING_WRONG, codes.METER_CT_SETTING_WRONG)),
    "ct_exchanged": frozenset((codes.METER_CTS_SWAPPED,)),
    "ct_reversed": frozenset((codes.METER_CT_REVERSED,)),
    "unit": codes.UNITS,
    "unit_of_other_model": codes.UNITS,
}


def three_phase() -> list[str]:
    return [name for name in served("meter") if load_profile(name).phases == 3]


def with_power() -> list[str]:
    return [name for name in served("vfd") if load_profile(name).register("motor_power")]


def in_a_map(rng: Random) -> Outcome | None:
    """A mistake in the map of a meter or a drive; None when it does not count."""
    device = rng.choice(("meter", "drive"))
    load = rng.uniform(0.10, 1.10)
    if device == "meter":
        name = rng.choice(served("meter"))
        driven = load_profile(name).phases == 3 and rng.random() < 0.5
        scene = draw(rng, name, rng.choice(with_power()) if driven else None, load)
    else:
        scene = draw(rng, rng.choice(three_phase()) if rng.random() < 0.7 else None, rng.choice(served("vfd")), load)
    true = scene.meter if device == "meter" else scene.drive
    assert true is not None
    possible = list(map_mistakes(true))
    kind = rng.choice(sorted({item.kind for item in possible}))
    mistake = rng.choice([item for item in possible if item.kind == kind])
    if not counts(scene, device, mistake.names, mistake.profile):
        return None
    believed = {"meter_map" if device == "meter" else "drive_map": mistake.profile}
    result = check(dataclasses.replace(scene, **believed))  # type: ignore[arg-type]
    first = [item for item in result.findings if item.group == 1]
    hit = [
        item.cause in CAUSES[kind] and item.device == f"{device}-a" and bool(set(item.quantities) & set(mistake.names))
        for item in first
    ]
    outcome = _outcome(result, hit)
    if kind in ("map_address", "map_word_order"):
        about = f"{true.id} {kind} {mistake.about}"
    else:
        about = f"{true.id} {kind} {mistake.about} load {load:.2f}"
    return kind, outcome, f"{about}: {[str(item.reason) for item in first]}"


def in_a_configuration(rng: Random) -> Outcome | None:
    """Transformers, wires and units."""
    kind = rng.choice(("ct_ratio", "ct_exchanged", "ct_reversed", "unit", "unit_of_other_model"))
    load = rng.uniform(0.10, 1.10)
    name = rng.choice(three_phase())
    drive = rng.choice(with_power() if kind in ("ct_ratio", "unit", "unit_of_other_model") else served("vfd"))
    if kind in ("ct_exchanged", "ct_reversed") and rng.random() < 0.4:
        drive = ""
    scene = draw(rng, name, drive or None, load)
    scenes = [scene]
    if kind == "ct_ratio":
        stated = rng.choice([item for item in PRIMARIES if not 1 / FACTOR < item / scene.ct[0] < FACTOR])
        floats = any(row.type == "f32" for row in load_profile(name).registers)
        ratio_applied_by = "agent" if floats and rng.random() < 0.5 else "meter"
        scenes = [dataclasses.replace(scene, ct_stated=(float(stated), 5.0), ratio_applied_by=ratio_applied_by)]
    elif kind == "ct_exchanged":
        scenes = [dataclasses.replace(scene, crossed=rng.choice(((0, 1), (1, 2), (0, 2))))]
    elif kind == "ct_reversed":
        scenes = [dataclasses.replace(scene, reversed_phase=rng.randrange(3))]
        if not drive and load < 0.2:
            return None  # below a power factor of about 0.4 a reversed phase is near what unbalance does
    else:
        other = _second(rng, scene, name if kind == "unit" else rng.choice(three_phase()))
        if other is None:
            return None
        swapped = dataclasses.replace(other, units=(12, 32), believed_units=(11, 32))
        scenes = [dataclasses.replace(scene, believed_units=(12, 31)), swapped]
    result = check(*scenes)
    hit = [item.cause in CAUSES[kind] for item in result.findings if item.group == 1]
    return (
        kind,
        _outcome(result, hit),
        f"{name} {drive} {kind} load {load:.2f}: {[str(item.reason) for item in result.findings]}",
    )


def _second(rng: Random, scene: Scene, meter: str) -> Scene | None:
    """Another motor on the same bus; None when the two meters show about the same power, or another model the same."""
    assert scene.drive is not None
    other = draw(rng, meter, scene.drive.id, rng.uniform(0.1, 1.1), "b")
    shares = scene.plant.meter(0)["active_power"] / other.plant.meter(0)["active_power"]
    return None if 1 / FACTOR < shares < FACTOR else other


def _outcome(result: SelfcheckOutcome, hit: list[bool]) -> str:
    """Rejected registers alone show that something is wrong, not the cause: they count as nothing found."""
    found = [item for item in result.findings if item.cause != codes.MAP_REGISTERS_REJECTED]
    return "nothing" if not found else "right" if all(hit) else "tied" if any(hit) else "wrong"


def tally(seeds: list[int], make: Callable[[Random], Outcome | None]) -> tuple[Counter[tuple[str, str]], list[str]]:
    table: Counter[tuple[str, str]] = Counter()
    misses = []
    for seed in seeds:
        found = make(Random(seed))
        if found is None:
            table["not counted", ""] += 1
        else:
            table[found[:2]] += 1
            if found[1] != "right":
                misses.append(f"seed {seed}: {found[1]}: {found[2]}")
    return table, misses


def judged(table: Counter[tuple[str, str]]) -> tuple[int, int, int]:
    """Counted mistakes, those named alone, those named alone or in a tie."""
    total = sum(number for (kind, _), number in table.items() if kind != "not counted")
    right = sum(number for (_, outcome), number in table.items() if outcome == "right")
    return total, right, right + sum(number for (_, outcome), number in table.items() if outcome == "tied")


def hold(make: Callable[[Random], Outcome | None], seeds: list[int], least: int) -> None:
    table, misses = tally(seeds, make)
    total, right, named = judged(table)
    print(*sorted(f"{kind}: {outcome} {number}" for (kind, outcome), number in table.items()), *misses, sep="\n")
    assert total >= least
    assert right >= 0.95 * total, misses
    assert named - right <= 0.05 * total, misses


def test_mistakes_in_maps_are_named() -> None:
    hold(in_a_map, list(range(60)), 36)


def test_mistakes_in_configurations_are_named() -> None:
    hold(in_a_configuration, list(range(28)), 21)


def sound(rng: Random, name: str) -> SelfcheckOutcome:
    load = rng.uniform(0.10, 1.10)
    if load_profile(name).kind == "vfd":
        return check(draw(rng, rng.choice((None, *three_phase())), name, load))
    return check(draw(rng, name, rng.choice((None, None, *served("vfd"))) if name in three_phase() else None, load))


@pytest.mark.parametrize("name", [*served("meter"), *served("vfd")])
def test_a_correctly_configured_device_has_no_findings(name: str) -> None:
    for seed in range(3):
        result = sound(Random(f"{name} {seed}"), name)
        assert result.findings == (), (seed, result.findings)
        assert all(
            verdict.outcome != "failed" for item in result.devices.values() for verdict in item.verdicts.values()
        )


def test_displays_at_full_modulation_are_not_findings() -> None:
    """Displays that read 2 % high and 2 % low put the output voltage 12 % above the DC link voltage / √2."""
    rng = Random(722748552)
    result = sound(rng, rng.choice([*served("meter"), *served("vfd")]))
    assert result.findings == ()


def test_below_ten_percent_load_there_are_no_findings() -> None:
    for seed in range(40):
        rng = Random(seed)
        result = check(draw(rng, rng.choice(three_phase()), rng.choice((None, *served("vfd"))), rng.uniform(0.0, 0.1)))
        assert result.findings == (), (seed, result.findings)


@pytest.mark.soak
@pytest.mark.parametrize("make", [in_a_map, in_a_configuration])
def test_mistakes_in_maps_are_named_with_any_seed(make: Callable[[Random], Outcome | None]) -> None:
    first = int(os.environ.get("MAGWATT_SEED", SystemRandom().randrange(10**9)))
    print("MAGWATT_SEED", first)
    hold(make, list(range(first, first + 2000)), 1000)


@pytest.mark.soak
def test_correctly_configured_devices_of_any_seed_have_no_findings() -> None:
    first = int(os.environ.get("MAGWATT_SEED", SystemRandom().randrange(10**9)))
    print("MAGWATT_SEED", first)
    names = [*served("meter"), *served("vfd")]
    for seed in range(first, first + 5000):
        rng = Random(seed)
        name = rng.choice(names)
        result = sound(rng, name)
        assert result.findings == (), (seed, name, result.findings)
