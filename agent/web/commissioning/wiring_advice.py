"""What a mistake in the wiring of a meter means for the technician in front of it: title, evidence, danger, steps."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from agent.web.commissioning import commissioning_reasons as codes
from agent.web.commissioning.wiring_picture import PHASES, Angles, WiringMistake
from drivers.reasons import Reason


class WiringAdvice(Struct, frozen=True):
    """evidence: None: the angles are not known. danger: shown before the steps. steps: in their order."""

    title: Reason
    evidence: Reason | None
    danger: Reason
    steps: tuple[Reason, ...]


def advice(mistake: WiringMistake, angles: Angles | None) -> WiringAdvice:
    """angles: as wired, degrees."""
    current = mistake.side == "current"
    return WiringAdvice(
        _title(mistake), _evidence(mistake, angles), codes.DANGER_CURRENT() if current else codes.DANGER_VOLTAGE(),
        tuple(_current_steps(mistake) if current else _voltage_steps(mistake)),
    )  # fmt: skip


def _title(mistake: WiringMistake) -> Reason:
    names = [wire.terminal for wire in mistake.wires]
    if mistake.lost:
        return codes.SUPPLY_PHASE_LOST(phases=_phases(mistake.lost))
    if mistake.missing:
        missing = codes.NO_CURRENT if mistake.side == "current" else codes.NO_VOLTAGE
        return missing(terminals=_of(names, mistake.missing))
    turned = codes.TERMINALS_REVERSED(terminals=_of(names, mistake.reversed)) if mistake.reversed else None
    if not mistake.moved:
        assert turned is not None, "a mistake has a kind"
        return turned
    if len(mistake.moved) == 2:
        one, other = mistake.moved
        moved = codes.TERMINALS_EXCHANGED(one=names[one], other=names[other])
    else:
        moved = codes.TERMINALS_ROTATED(one=names[0], two=names[1], three=names[2])
    return codes.BOTH_MISTAKES(first=moved, second=turned) if turned else moved


def _evidence(mistake: WiringMistake, angles: Angles | None) -> Reason | None:
    if angles is None or mistake.missing or mistake.lost:
        return None
    shown = dict(zip(("one", "two", "three"), map(_degrees, angles), strict=True))
    if (corrected := mistake.corrected(angles)) is None:
        return codes.ANGLES_AS_WIRED(**shown)
    first, second, third = map(_degrees, corrected)
    if first == second == third:
        return codes.ANGLES_ALL_ALIKE(**shown, corrected=first)
    return codes.ANGLES_WITH_CORRECTION(**shown, first=first, second=second, third=third)


def _current_steps(mistake: WiringMistake) -> Iterable[Reason]:
    affected = mistake.missing or {*mistake.moved, *mistake.reversed}
    names = [wire.terminal for wire in mistake.wires]
    yield codes.DO_SHORT(phases=_phases(affected))
    if mistake.missing:
        yield codes.DO_FIND_CURRENT(phases=_phases(mistake.missing))
    if len(mistake.moved) == 2:
        one, other = mistake.moved
        yield codes.DO_EXCHANGE_PAIRS(one=names[one], other=names[other])
    elif mistake.moved:
        yield codes.DO_REORDER(one=names[0], two=names[1], three=names[2])
    if mistake.reversed:
        yield codes.DO_TURN(terminals=_of(names, mistake.reversed))
    yield codes.DO_REMOVE_SHORTS()


def _voltage_steps(mistake: WiringMistake) -> Iterable[Reason]:
    names = [wire.terminal for wire in mistake.wires]
    if mistake.lost:
        yield codes.DO_FIND_PHASE(phases=_phases(mistake.lost))
        yield codes.DO_START()
        return
    yield codes.DO_LOCK_OUT()
    if mistake.missing:
        yield codes.DO_FIND_VOLTAGE(terminals=_of(names, mistake.missing))
    elif len(mistake.moved) == 2:
        one, other = mistake.moved
        yield codes.DO_EXCHANGE_LEADS(one=names[one], other=names[other])
    elif mistake.moved:
        yield codes.DO_REORDER(one=names[0], two=names[1], three=names[2])
    if mistake.reversed:
        yield codes.DO_TURN(terminals=_of(["I1", "I2", "I3"], mistake.reversed))
    yield codes.DO_START()


def _of(names: list[str], which: Iterable[int]) -> tuple[str, ...]:
    return tuple(names[k] for k in sorted(which))


def _phases(which: Iterable[int]) -> tuple[str, ...]:
    return tuple(PHASES[k] for k in sorted(which))


def _degrees(angle: float) -> str:
    return str(round(angle)).replace("-", "−")
