"""What the doctor says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    FINE = "fine"
    NOTE = "note"  # worth knowing; nothing must be done
    FINDING = "finding"  # somebody must do something


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    where: str
    text: str


def fine(where: str, text: str) -> Finding:
    return Finding(Level.FINE, where, text)


def note(where: str, text: str) -> Finding:
    return Finding(Level.NOTE, where, text)


def finding(where: str, text: str) -> Finding:
    return Finding(Level.FINDING, where, text)
