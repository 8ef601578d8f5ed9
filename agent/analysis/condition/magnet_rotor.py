"""A weak magnet or eccentricity, and a torque once per turn: what the lines at orders k/p show."""

from __future__ import annotations

import math

from agent.analysis.condition import common_reasons as common
from agent.analysis.condition import magnet_data
from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.magnet_features import Line, MagnetFeatures
from agent.analysis.condition.magnet_reasons import (
    MAGNET_LINE_ALONE,
    MAGNET_LINE_ORDINARY,
    MAGNET_LINES,
    MAGNET_LINES_CANCEL,
    MAGNET_LINES_TOO_CLOSE,
    MAGNET_PAIR_OPEN,
    MAGNET_PLATE_POLES,
    MAGNET_SLOTS_UNKNOWN,
    MAGNET_TORQUE_LINES,
)
from agent.analysis.condition.magnet_unseen_reasons import MAGNET_LINE_SMALL
from drivers.reasons import Reason

ROTOR, ECCENTRICITY, ONCE = "rotor_asymmetry", "eccentricity", "once_per_turn"
CODES = (ROTOR, ECCENTRICITY, ONCE)

_RISEN = 10 ** (10 / 20)  # against the baseline
_ABOVE_FLOOR = 10 ** (10 / 20)
_LEAST = 10 ** (-55 / 20)  # of the EMF: the strongest line; sound motors lie at −50 to −60 dB [P]
_COUNTED = 10 ** (-68 / 20)  # the others
_ALONE = 10 ** (-35 / 20)  # without a baseline: moderate to severe in every scale in use [P]
_QUIET = 10 ** (-60 / 20)  # without a baseline: no line that could be a fault
_TORQUE = 10 ** (-40 / 20)  # of the current: a torque of 2 % once per turn
_SEVERAL = 3  # lines that only a magnet makes; without them the strongest must be next to the fundamental
_ALARM = 10 ** (-26 / 20)
_COMMON = 0.8  # share of a line in the positive sequence: a torque swings all phases alike
_OTHERS = 10 ** (-10 / 20)


def rotor_answers(now: MagnetFeatures, machine: MachineData, base: MagnetFeatures | None) -> list[Answer]:
    """Verdicts on rotor_asymmetry, eccentricity and once_per_turn of a steady recording."""
    pairs, contradiction = machine.pole_pairs, magnet_data.contradiction(machine)
    why: Reason | None = None
    if not pairs:
        why = common.NAMEPLATE_MISSING(keys=("poles",))
    elif contradiction is not None and contradiction.code == MAGNET_PLATE_POLES:
        why = contradiction
    elif not now.lines:
        why = MAGNET_LINES_TOO_CLOSE()
    if why is not None or not pairs:
        return [NotObservable(code, why or common.NAMEPLATE_MISSING(keys=("poles",))) for code in CODES]
    known = {line.order: line for line in base.lines} if base else {}
    least = {line.order: max(_LEAST, _RISEN * known[line.order].emf) if known else _ALONE for line in now.lines}
    strongest = max(now.lines, key=lambda line: line.emf / least[line.order])
    torque = _torque_line(now, pairs, known)
    if strongest.emf > max(least[strongest.order], _ABOVE_FLOOR * strongest.emf_floor):
        lower = _COUNTED / _LEAST
        risen = [
            line
            for line in now.lines
            if line.emf > lower * least[line.order]
            and line.emf > _RISEN * (known[line.order].emf if known else 0.0)
            and line.emf > _ABOVE_FLOOR * line.emf_floor
        ]
        beside = abs(strongest.order - pairs) == 1
        if len(risen) >= _SEVERAL or beside:
            return _found(now, pairs, risen, least)
        alone = MAGNET_LINE_ALONE(order=strongest.order, pairs=pairs, level_db=_db(strongest.emf))
        return [NotObservable(code, alone) for code in CODES]
    clear = _without_line(now, machine, strongest, least, known)
    return clear if torque is None else [*(one for one in clear if one.code != ONCE), torque]


def _without_line(
    now: MagnetFeatures, machine: MachineData, strongest: Line, least: dict[int, float], known: dict[int, Line]
) -> list[Answer]:
    """Verdicts where no line of the EMF stands out."""
    if not known and strongest.emf > _QUIET:
        return [NotObservable(code, MAGNET_LINE_ORDINARY(level_db=_db(strongest.emf))) for code in CODES]
    hidden = _hidden(machine) or _small(now, machine, known)
    clear = [Clear(code, _db(strongest.emf), "dB", _db(least[strongest.order])) for code in CODES]
    return [NotObservable(one.code, hidden) if hidden and one.code != ONCE else one for one in clear]


def _torque_line(now: MagnetFeatures, pairs: int, known: dict[int, Line]) -> ConditionFinding | None:
    """A torque once per turn that a large inertia keeps out of the EMF: it is in the current alone."""
    beside = [line for line in now.lines if abs(line.order - pairs) == 1]
    least = {line.order: max(_TORQUE, _RISEN * known[line.order].current) if known else _ALONE for line in beside}
    if len(beside) < 2 or any(
        line.current <= least[line.order] or line.current_common < _COMMON * line.current for line in beside
    ):
        return None
    strongest = max(beside, key=lambda line: line.current)
    level = _db(strongest.current)
    return ConditionFinding(
        ONCE,
        Severity.WARNING,
        Confidence.POSSIBLE,
        now.length_s,
        MAGNET_TORQUE_LINES(order=strongest.order, pairs=pairs, level_db=level),
        level,
        "dB",
        _db(least[strongest.order]),
    )


def _found(now: MagnetFeatures, pairs: int, risen: list[Line], least: dict[int, float]) -> list[Answer]:
    strongest = max(risen, key=lambda line: line.emf)
    code = ONCE if _is_torque(pairs, risen) else ROTOR
    several = len(risen) >= _SEVERAL
    level = _db(strongest.emf)
    finding = ConditionFinding(
        code,
        Severity.ALARM if code == ROTOR and strongest.emf > _ALARM else Severity.WARNING,
        Confidence.LIKELY if several and code == ROTOR else Confidence.POSSIBLE,
        now.length_s,
        MAGNET_LINES(count=len(risen), order=strongest.order, pairs=pairs, level_db=level),
        level,
        "dB",
        _db(least[strongest.order]),
    )
    others = [NotObservable(other, MAGNET_PAIR_OPEN()) for other in CODES if other != code]
    return [finding, *others]


def _is_torque(pairs: int, risen: list[Line]) -> bool:
    """Whether the lines are the pair p ± 1 in the positive sequence: power swings once per turn."""
    beside = [line for line in risen if abs(line.order - pairs) == 1]
    if len(beside) != 2 or any(line.emf_common < _COMMON * line.emf for line in beside):
        return False
    largest = max(line.emf for line in beside)
    return all(line.emf < _OTHERS * largest for line in risen if line not in beside)


def _hidden(machine: MachineData) -> Reason | None:
    """Why no line is no proof: groups of coils opposite each other in series cancel the lines of one magnet."""
    if machine.slots is None or machine.poles is None:
        return MAGNET_SLOTS_UNKNOWN()
    if math.gcd(machine.slots, machine.poles) > 1:
        return MAGNET_LINES_CANCEL(slots=machine.slots, poles=machine.poles)
    return None


def _small(now: MagnetFeatures, machine: MachineData, known: dict[int, Line]) -> Reason | None:
    """Why lines that have risen above the baseline, but not to the limit, prove nothing; None: none has risen."""
    if not known:
        return None
    floor = {line.order: max(_COUNTED, _ABOVE_FLOOR * line.emf_floor) for line in now.lines}
    risen = [line for line in now.lines if line.emf > max(floor[line.order], _RISEN * known[line.order].emf)]
    if not risen:
        return None
    largest = max(risen, key=lambda line: line.emf)
    return MAGNET_LINE_SMALL(order=largest.order, pairs=machine.pole_pairs, level_db=_db(largest.emf))


def _db(share: float) -> float:
    return 20 * math.log10(max(share, 1e-7))
