"""Shorted turns, a contact resistance, or an asymmetry whose kind stays open: what the negative sequence shows.

The source of negative sequence is compared with the baseline. Two things show its kind. A resistance in one phase
grows with the current and has an angle of 0° or ±120° to it; shorted turns are driven by the flux, do not grow with
the current, and oppose the voltage with a lag of 80° to 160°, shifted by 120° from phase to phase. The current of any
load varies by some tenths of a percent, which is enough to see whether the source follows it.
"""

from __future__ import annotations

import cmath
import math
from typing import NamedTuple

from agent.analysis.condition import common_reasons as common
from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.magnet_data import inductance_h, rated_a
from agent.analysis.condition.magnet_features import MagnetFeatures, Winding
from agent.analysis.condition.magnet_reasons import (
    MAGNET_ASYMMETRY_THERE,
    MAGNET_DATA_MISSING,
    MAGNET_SOURCE,
    MAGNET_SOURCE_ANGLE,
    MAGNET_SOURCE_OPEN,
    MAGNET_VOLTAGE_SUM_OPEN,
)
from agent.analysis.condition.magnet_unseen_reasons import MAGNET_TURNS_UNSEEN
from drivers.reasons import Reason

TURNS, CONTACT, OPEN = "turn_fault", "contact_resistance", "winding_asymmetry"
CODES = (TURNS, CONTACT, OPEN)

_FLOOR = 0.0015  # of the voltage: gains known from the zero sequence; what remains is their angle, class 0.2
_FLOOR_GAINS = 0.008  # gains not known: class 0.2 of three channels, in both recordings
_ALONE = 0.015  # without a baseline: more than windings, cables and channels usually differ
_ALARM = 3.0  # times the limit
_ZERO_NONE, _ZERO_REAL = 2e-5, 0.005  # zero sequence of voltage: computed away; more than gains can make
_LIKE_HZ, _LIKE_A, _UNLIKE = 0.2, 0.3, 0.5  # a baseline at another point holds to half of its own source
_SLOPE_U, _SLOPE_NEAR = 0.45, 0.2
_CONTACT_DEG = 12.0
_ANGLE_U = math.sin(math.radians(6.0))  # U of the source against its size: the angle must be known to 6°
_TURNS_DEG, _TURNS_STRICT_DEG = (-160.0, -75.0), (-130.0, -80.0)
_SHIFTS_DEG = (0.0, 120.0, -120.0)
_SEEN_TURNS = 0.02  # share of a phase's turns that must be seen with the rated current in them, or nothing is clear


class _Excess(NamedTuple):
    """source: against the baseline, relative to U1. limit: of a finding. gains: those of the channels are not known."""

    source: complex
    limit: float
    u: float
    gains: bool
    baseline: bool


def winding_answers(
    now: MagnetFeatures, machine: MachineData, base: MagnetFeatures | None, no_baseline: Reason | None
) -> list[Answer]:
    """Verdicts on turn_fault, contact_resistance and winding_asymmetry of a steady recording.

    base: usable baseline; no_baseline: why there is none.
    """
    if now.winding is None:
        return [NotObservable(code, MAGNET_DATA_MISSING()) for code in CODES]
    excess = _excess(now, now.winding, base)
    size = abs(excess.source)
    if size > excess.limit:
        code, phase = _kind(now, now.winding, excess)
        found = _finding(now, now.winding, excess, code, phase)
        return [found, *(NotObservable(other, MAGNET_ASYMMETRY_THERE()) for other in CODES if other != code)]
    if not excess.baseline:
        return [NotObservable(code, no_baseline or common.NO_BASELINE()) for code in CODES]
    unseen = _unseen(now, machine, excess)
    if unseen is not None:
        return [NotObservable(code, unseen) for code in CODES]
    return [Clear(code, 100 * size, "%", 100 * excess.limit, 100 * excess.u) for code in CODES]


def _unseen(now: MagnetFeatures, machine: MachineData, excess: _Excess) -> Reason | None:
    """Why shorted turns would stay below the limit; None: they would be found.

    A share s of the turns with the current I in them induces s·ω·(2/3)L·I in its own phase and minus half of that in
    the other two: a source of negative sequence of s·ωL·I/3 (within 16 % of the independent model).
    """
    rated, inductance = rated_a(machine), inductance_h(machine)
    if rated is None or inductance is None or now.hz is None:
        return common.NAMEPLATE_MISSING(keys=("amps",) if rated is None else ("ls_h",))
    caused = _SEEN_TURNS / 3 * 2 * math.pi * now.hz * inductance.value * math.sqrt(2) * rated / now.u1_v
    if excess.limit <= caused:
        return None
    if excess.gains:
        return MAGNET_VOLTAGE_SUM_OPEN(share_pct=100 * excess.limit)
    return MAGNET_TURNS_UNSEEN(caused_pct=100 * caused, limit_pct=100 * excess.limit)


def _excess(now: MagnetFeatures, winding: Winding, base: MagnetFeatures | None) -> _Excess:
    then = base.winding if base else None
    if base is None or then is None or now.hz is None or base.hz is None:
        real = abs(winding.zero_u.value) > _ZERO_REAL
        source = winding.measured.value if real else winding.source.value
        return _Excess(source, max(_ALONE, 2 * winding.data_u), math.hypot(winding.u, winding.data_u), real, False)
    zero = abs(winding.zero_u.value - then.zero_u.value)
    computed = max(abs(winding.zero_u.value), abs(then.zero_u.value)) < _ZERO_NONE
    gains = computed or zero > _ZERO_REAL
    source = (
        winding.measured.value - then.measured.value if zero > _ZERO_REAL else winding.source.value - then.source.value
    )
    like = abs(now.hz / base.hz - 1) < _LIKE_HZ and abs(now.i1_a / base.i1_a - 1) < _LIKE_A
    scatter, data = math.hypot(winding.u, then.u), math.hypot(winding.data_u, then.data_u)
    limit = max(_FLOOR_GAINS if gains else _FLOOR, 2.5 * scatter, 2 * data)  # five standard deviations of the scatter
    unlike = 0.0 if like else _UNLIKE * abs(then.source.value)
    return _Excess(source, limit + unlike, math.hypot(scatter, data, unlike), gains, True)


def _kind(now: MagnetFeatures, winding: Winding, excess: _Excess) -> tuple[str, int]:
    """Code and phase (0 … 2) of a source; the phase of the open code is 0."""
    to_voltage = math.degrees(cmath.phase(excess.source))
    to_current = math.degrees(cmath.phase(excess.source) - now.angle_rad)
    contact = min(range(3), key=lambda k: abs(_turned(to_current - _SHIFTS_DEG[k])))
    is_contact = abs(_turned(to_current - _SHIFTS_DEG[contact])) <= _CONTACT_DEG
    turns = _turns_phase(to_voltage, _TURNS_DEG)
    strict = _turns_phase(to_voltage, _TURNS_STRICT_DEG)
    grows, stays = _growth(winding)
    if 2 * abs(winding.source.value - winding.measured.value) > abs(excess.source) and not excess.gains:
        return OPEN, 0  # were the star point real, half of it would be a correction that must not be made
    if excess.u > _ANGLE_U * abs(excess.source):
        return OPEN, 0
    if grows != stays:
        if grows:
            return (CONTACT, contact) if is_contact else (OPEN, 0)
        return (TURNS, turns) if turns is not None else (OPEN, 0)
    if is_contact:
        return (CONTACT, contact) if turns is None else (OPEN, 0)
    return (TURNS, strict) if strict is not None else (OPEN, 0)


def _growth(winding: Winding) -> tuple[bool, bool]:
    """Whether the source may grow with the current, and whether it may stay; both where that is not known."""
    if not winding.slope_u < _SLOPE_U:
        return True, True
    width = winding.slope_u + _SLOPE_NEAR
    return abs(winding.slope - 1) < width, abs(winding.slope) < width


def _turns_phase(to_voltage_deg: float, window_deg: tuple[float, float]) -> int | None:
    for phase, shift in enumerate(_SHIFTS_DEG):
        if window_deg[0] <= _turned(to_voltage_deg - shift) <= window_deg[1]:
            return phase
    return None


def _turned(deg: float) -> float:
    """The angle within ±180°."""
    return (deg + 180) % 360 - 180


def _finding(now: MagnetFeatures, winding: Winding, excess: _Excess, code: str, phase: int) -> ConditionFinding:
    size, to_current = abs(excess.source), _turned(math.degrees(cmath.phase(excess.source) - now.angle_rad))
    data = {"size_pct": 100 * size, "angle_deg": to_current}
    if code == OPEN:
        why = MAGNET_SOURCE_OPEN(**data)
    else:
        number = (1, 3, 2)[phase] if now.reversed_order else phase + 1
        if winding.slope_u < _SLOPE_U:
            why = MAGNET_SOURCE(phase=number, slope=winding.slope, slope_u=winding.slope_u, **data)
        else:
            why = MAGNET_SOURCE_ANGLE(phase=number, **data)
    return ConditionFinding(
        code,
        Severity.ALARM if size > _ALARM * excess.limit and excess.baseline else Severity.WARNING,
        Confidence.LIKELY if excess.baseline and code != OPEN else Confidence.POSSIBLE,
        now.length_s,
        why,
        100 * size,
        "%",
        100 * excess.limit,
        100 * excess.u,
        {"angle_to_current_deg": to_current, "extra_ohm": 3 * size * now.u1_v / now.i1_a} if now.i1_a else {},
    )
