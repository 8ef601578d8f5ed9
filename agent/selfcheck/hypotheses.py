"""What may be wrong: every single mistake that is tried."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from agent.config import Meter
from agent.poll import CT_QUANTITIES
from agent.selfcheck.hypothesis import Hypothesis, counts, scaled
from agent.selfcheck.numbers import Key, Series, median
from agent.selfcheck.reader import Round
from agent.selfcheck.wiring import wiring
from agent.selfcheck.world import World
from drivers.profiles import Register

OPTIONS = "{options}"
DUST = 1e-6
DECADES = (-1, 1, -2, 2, -3, 3)
# Rated primaries of IEC 61869-2 and usual neighbours, in A.
PRIMARIES = (1, 5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 100, 120, 125, 150, 160, 200, 250, 300, 400, 500, 600,
             750, 800, 1000, 1200, 1250, 1500, 1600, 2000, 2500, 3000, 4000, 5000)  # fmt: skip
PAIRS = (("l1", "l2"), ("l2", "l3"), ("l1", "l3"), ("l12", "l23"), ("l23", "l31"), ("l12", "l31"),
         ("l1n", "l2n"), ("l2n", "l3n"), ("l1n", "l3n"))  # fmt: skip


def hypotheses(world: World, suspects: Iterable[Key], foreign: Mapping[Key, list[Round]]) -> Iterator[Hypothesis]:
    """All that is worth trying for those keys. foreign: (device, other device) → its map read at the other's unit."""
    suspects = sorted(set(suspects))
    for key in suspects:
        if key in world.rows and world.rows[key].type != "string":
            yield from (item for item in _of_register(world, key) if _is_number(item.series[key]))
    for name in sorted({key[0] for key in suspects}):
        yield from _of_map(world, name)
        yield from _of_groups(world, name)
        yield from _exchanged(world, name, {key[1] for key in suspects if key[0] == name})
        if isinstance(world.subjects[name].item, Meter):
            yield from _ratios(world, name)
            yield from wiring(world, name)
    yield from _units(world, {key[0] for key in suspects}, foreign)


def _is_number(column: Series) -> bool:
    """Whether a value comes out, and one that instruments show: a float of another's words is often next to nothing."""
    value = median(column)
    return value is not None and (value == 0 or abs(value) > DUST)


def _of_register(world: World, key: Key) -> Iterator[Hypothesis]:
    device, name = key
    row = world.rows[key]
    for step in (-1, 1):
        other = replace(row, address=row.address + step)
        text = f"{name} looks off by one: address {other.address} instead of {row.address} makes it agree"
        yield _reread(world, "address", key, other, text, 1.0)
    if row.own_words > 1:
        other = replace(row, big_words_first=not row.big_words_first)
        order = "big" if other.big_words_first else "little"
        text = f"the words of {name} look swapped: 'word_order = \"{order}\"' makes it agree"
        yield _reread(world, "word_order", key, other, text, 1.0)
    for decade in DECADES:
        factor = 10.0**decade
        column = [None if value is None else value * factor for value in world.series[key]]
        scale = row.scale_for(world.subjects[device].rating_kw)
        hint = f"scale {scale * factor:g} instead of {scale:g}" if scale else f"a scale {factor:g} times as large"
        text = f"{name} looks {_times(1 / factor)}: {hint} makes it agree"
        yield Hypothesis("scale", device, (name,), text, 0.5 + 0.7 * abs(decade), {key: column}, factor=factor)


def _reread(world: World, cause: str, key: Key, row: Register, text: str, cost: float) -> Hypothesis:
    return Hypothesis(cause, key[0], (key[1],), text, cost, {key: world.read(key, row)}, {key: row})


def _of_map(world: World, device: str) -> Iterator[Hypothesis]:
    keys = [key for key, row in world.rows.items() if key[0] == device and row.type != "string"]
    names = tuple(key[1] for key in keys)
    for step in (-1, 1):
        rows = {key: replace(world.rows[key], address=world.rows[key].address + step) for key in keys}
        text = f"the whole map looks shifted: {'subtract 1 from' if step < 0 else 'add 1 to'} every address"
        yield Hypothesis("map_address", device, names, text, 1.5, _read_all(world, rows), rows)
    wide = [key for key in keys if world.rows[key].own_words > 1]
    if len(wide) > 1:
        rows = {key: replace(world.rows[key], big_words_first=not world.rows[key].big_words_first) for key in wide}
        order = "big" if rows[wide[0]].big_words_first else "little"
        text = f"all words look swapped: 'word_order = \"{order}\"' for the whole map makes it agree"
        yield Hypothesis(
            "map_word_order", device, tuple(key[1] for key in wide), text, 1.5, _read_all(world, rows), rows
        )


def _read_all(world: World, rows: Mapping[Key, Register]) -> dict[Key, Series]:
    return {key: world.read(key, row) for key, row in rows.items()}


def _of_groups(world: World, device: str) -> Iterator[Hypothesis]:
    """One scale for all currents, or all powers, as vendors' tables often give it."""
    for units, what in (
        (("A",), "currents"),
        (("V",), "voltages"),
        (("W", "var", "VA"), "powers"),
        (("W",), "active powers"),
    ):
        keys = [key for key, row in world.rows.items() if key[0] == device and row.unit in units]
        if len(keys) > 1:
            for decade in DECADES:
                factor = 10.0**decade
                text = f"all {what} look {_times(1 / factor)}: multiply their scales by {factor:g}"
                series = {key: scaled(world.series[key], factor) for key in keys}
                yield Hypothesis(
                    "scale", device, tuple(key[1] for key in keys), text, 2.0 + 0.7 * abs(decade), series, factor=factor
                )


def _exchanged(world: World, device: str, suspects: set[str]) -> Iterator[Hypothesis]:
    """Two phases of one quantity exchanged in the map."""
    for a, b in PAIRS:
        for name in sorted(suspects):
            if name.endswith(f"_{a}") or name.endswith(f"_{b}"):
                stem = name.rsplit("_", 1)[0]
                one, two = (device, f"{stem}_{a}"), (device, f"{stem}_{b}")
                if one in world.rows and two in world.rows and (name == one[1] or one[1] not in suspects):
                    text = f"{one[1]} and {two[1]} look exchanged in the map: exchange their addresses"
                    series = {one: world.series[two], two: world.series[one]}
                    yield Hypothesis("phase_map", device, (one[1], two[1]), text, 1.5, series)


def _ratios(world: World, device: str) -> Iterator[Hypothesis]:
    """Another transformer ratio: everything with a current in it is off by one factor."""
    item = world.subjects[device].item
    assert isinstance(item, Meter)
    keys = [key for key, row in world.rows.items() if key[0] == device and row.unit in CT_QUANTITIES]
    primary, secondary = item.ct or (5.0, 5.0)
    where = "ct" if item.ratio_applied_by == "agent" else "the ratio set in the meter"
    # The ratio that the values stand for now, and what it should be; or the ratio counted twice, or not at all.
    candidates = [(other / primary, f"{other}/{secondary:g}") for other in PRIMARIES if other != primary]
    other_secondary = 1.0 if secondary == 5 else 5.0
    candidates += [(secondary / other_secondary, f"{primary:g}/{other_secondary:g}")]
    if item.ct:
        twice, never = "ratio counted twice", "ratio not counted at all"
        if item.ratio_applied_by == "agent":
            twice = 'ratio_applied_by = "meter", where the meter multiplies already,'
        else:
            never = 'ratio_applied_by = "agent", where the meter does not multiply,'
        candidates += [(secondary / primary, twice), (primary / secondary, never)]
    for factor, meant in candidates:
        text = (
            f"currents and powers look {_times(1 / factor)} together: {where} does not fit the transformers "
            f"({primary:g}/{secondary:g} configured; {OPTIONS} would agree)"
        )
        series = {key: scaled(world.series[key], factor) for key in keys}
        cost = 1.5 + 0.3 * abs(math.log(factor))
        names = tuple(key[1] for key in keys)
        yield Hypothesis("ct_ratio", device, names, text, cost, series, tag=f"ct:{device}", option=meant, factor=factor)


def _units(world: World, suspects: set[str], foreign: Mapping[Key, list[Round]]) -> Iterator[Hypothesis]:
    """Two devices of one kind on one bus with each other's unit."""
    for a, b in itertools.combinations(sorted(world.subjects), 2):
        one, two = world.subjects[a], world.subjects[b]
        if one.item.bus != two.item.bus or not {a, b} & suspects or type(one.item) is not type(two.item):
            continue
        series: dict[Key, Series] = {}
        for here, there in ((a, b), (b, a)):
            if one.profile.id == two.profile.id:
                rounds: list[Round] | None = world.rounds[there]
            else:
                rounds = foreign.get((here, there))
            if rounds:
                size = len(world.rounds[here])
                for key, row in world.rows.items():
                    if key[0] == here:
                        told = one.profile.id == two.profile.id or not counts(row)  # else read at other moments
                        series[key] = _length(world.read(key, row, rounds) if told else [], size)
        if series:
            text = f"{a} and {b} look exchanged: unit {two.item.unit_id} is {a}, unit {one.item.unit_id} is {b}"
            yield Hypothesis(
                "unit", a, tuple(sorted({key[1] for key in series})), text, 2.0, series, tag=f"unit:{a}:{b}"
            )


def _length(column: Series, size: int) -> Series:
    return [*column, *([None] * size)][:size]


def _times(factor: float) -> str:
    if factor >= 1:
        return f"{factor:.3g} times too large"
    return f"{1 / factor:.3g} times too small"
