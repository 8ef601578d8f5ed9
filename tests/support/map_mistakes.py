"""Register maps with typical mistakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from drivers.profiles import Profile, Register
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
