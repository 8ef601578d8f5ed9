"""The recorded lists of names/NAME.txt, and how they are extended."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.compatibility.interface import DEMANDED, PROMISED

NAMES = Path(__file__).with_name("names")


def recorded(name: str) -> set[str]:
    """The recorded lines; empty: nothing is recorded."""
    file = NAMES / f"{name}.txt"
    return set(file.read_text(encoding="utf-8").splitlines()) if file.exists() else set()


def is_new(line: str, promised: set[str]) -> bool:
    """Whether the table, command or request to which a demanded line belongs is not among the promised ones."""
    separator = " " if line.startswith("magwatt") else "."
    owner = line.rpartition(separator)[0]
    return owner not in promised and not any(known.startswith(owner + separator) for known in promised)


def extend() -> None:
    """Adds what is new to each list, and removes what is no longer demanded. Nothing promised is removed."""
    NAMES.mkdir(exist_ok=True)
    for name, lines in DEMANDED.items():
        promised = recorded(name.removesuffix("-required"))
        present, before = set(lines()), recorded(name)
        _write(name, (present & before) | {line for line in present if is_new(line, promised)})
    for name, lines in PROMISED.items():
        _write(name, recorded(name) | set(lines()))


def _write(name: str, lines: Iterable[str]) -> None:
    (NAMES / f"{name}.txt").write_text("".join(f"{line}\n" for line in sorted(lines)), encoding="utf-8")
