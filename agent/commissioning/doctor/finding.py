"""The findings of `magwatt doctor`."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from drivers.reasons import Reason


class Level(StrEnum):
    """FINE: correct. NOTE: information, no action is needed. FINDING: an action is needed."""

    FINE = "fine"
    NOTE = "note"
    FINDING = "finding"


class DoctorFinding(Struct, frozen=True):
    """One result.

    level: whether an action is needed.
    where: what was examined: bus, configuration key, signal or part of the computer.
    reason: what was found, and the action.
    """

    level: Level
    where: str
    reason: Reason


def fine(where: str, reason: Reason) -> DoctorFinding:
    return DoctorFinding(Level.FINE, where, reason)


def note(where: str, reason: Reason) -> DoctorFinding:
    return DoctorFinding(Level.NOTE, where, reason)


def finding(where: str, reason: Reason) -> DoctorFinding:
    return DoctorFinding(Level.FINDING, where, reason)
