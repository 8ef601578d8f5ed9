"""The state of a motor with its alarms: which of them the row shows, and what the page need not derive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agent.web.alarms.finding import ALARMS, OPEN, PRIORITIES, Finding
from agent.web.alarms.records import Records, codes_of
from agent.web.plant.motor_state import RowState

URGENT = ALARMS[:3]


class Derived(NamedTuple):
    """What the messages show without alarms."""

    priority: str
    row: RowState


class AlarmedState(NamedTuple):
    """priority, acknowledged: of the row."""

    priority: str
    acknowledged: bool
    row: RowState


def is_covered(codes: Sequence[str], records: Records, usable: bool) -> bool:
    """Whether the agent has an alarm for the same. usable: there are values of the present.

    Without them a record that is normal proves nothing: it may be older than what happened.
    """
    return not codes_of(records, calm=usable).isdisjoint(codes)


def alarmed_state(derived: Derived, alarms: Sequence[Finding]) -> AlarmedState:
    """The worst of all; of equal priority one that needs action precedes an acknowledged one.

    A shelved alarm marks the row as an acknowledged one does; a suppressed one does not.
    """
    shown = [item for item in alarms if item.state in (*OPEN, "SHLVD")]
    if not shown:
        return AlarmedState(derived.priority, False, derived.row)
    worst = min(shown, key=lambda item: (PRIORITIES.index(item.priority), is_quiet(item)))
    if PRIORITIES.index(derived.priority) < PRIORITIES.index(worst.priority):
        return AlarmedState(derived.priority, False, derived.row)
    quiet = is_quiet(worst) and derived.priority != worst.priority
    return AlarmedState(worst.priority, quiet, _row(derived, worst))


def is_quiet(item: Finding) -> bool:
    return item.state not in OPEN[:2]


def _row(derived: Derived, worst: Finding) -> RowState:
    """The state in words: an urgent alarm whose condition holds, else what the messages show."""
    if worst.priority not in URGENT or worst.state not in ("UNACK", "ACKED"):
        return derived.row
    return RowState(derived.row.word, worst.text, worst.detail, True, worst.since)
