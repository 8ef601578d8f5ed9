"""Asymmetry of the winding or the feeder of a cage motor: negative sequence that the voltage does not explain.

Against a baseline: res = I2 − I2b − Y2·(U2 − U2b), all phasors against U1. Constant errors of the channels cancel.
"""

from __future__ import annotations

import cmath
import math

from msgspec import Struct

from agent.analysis.condition import cage_reasons as reasons
from agent.analysis.condition import common_reasons as common
from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.cage_features import CageFeatures
from agent.analysis.condition.cage_nameplate import rated_amps
from agent.analysis.condition.cage_operation import load_reason
from agent.analysis.condition.cage_rotor import baseline_reason
from agent.analysis.condition.faults import FAULTS
from agent.analysis.condition.machine import MachineData
from drivers.reasons import Reason

# Admittance of the negative sequence: nearly that at standstill, 4 to 8 times rated current over rated voltage
Y2_SIZE, Y2_DEGREES, Y2_RADIUS = 5.8, -74.0, 0.35
GAIN_U, GAIN_I = 0.004, 0.004  # unbalance that class 0.5 of the channels may feign: 2/3 of 0.5 %, rounded up
GAIN_I_DRIFT = 0.002  # of the current, between two recordings of the same channels
WARNING, ALARM = 0.03, 0.08  # of the current
CURRENT_UNBALANCE = 0.05
NEAR_DEGREES, FAR_DEGREES = 12.0, 25.0  # to a resistance in one phase; the angle of Y2 is known to ±10°
CODES = ("turn_fault", "winding_asymmetry", "contact_resistance")


class Residual(Struct, frozen=True):
    """current_a: residual phasor; u95_a: its uncertainty."""

    current_a: complex
    u95_a: float


def winding(f: CageFeatures, machine: MachineData, baseline: CageFeatures | None) -> list[Answer]:
    """For turn_fault, winding_asymmetry, contact_resistance and current_unbalance."""
    y2 = _y2(machine)
    if y2 is None:
        reason = common.NAMEPLATE_MISSING(keys=("amps", "volts"))
        return [NotObservable(code, reason) for code in (*CODES, "current_unbalance")]
    if (mismatch := load_reason(f)) is not None:
        return [NotObservable(code, mismatch) for code in (*CODES, "current_unbalance")]
    answers = _against_baseline(f, machine, baseline, y2)
    for answer in answers:
        if isinstance(answer, ConditionFinding):
            cause = common.EXPLAINED_BY(fault=FAULTS[answer.code].title)
            return [*answers, NotObservable("current_unbalance", cause)]
    return [*answers, current_unbalance(f, y2)]


def _y2(machine: MachineData) -> complex | None:
    amps = rated_amps(machine)
    if not amps or not machine.volts:
        return None
    return cmath.rect(Y2_SIZE * amps / (machine.volts / math.sqrt(3)), math.radians(Y2_DEGREES))


def current_unbalance(f: CageFeatures, y2: complex) -> Answer:
    """Without a baseline: more negative sequence than the voltage and the class of the channels explain."""
    i1, explained = f.current_a, y2 * complex(*f.u2_v)
    rest = complex(*f.i2_a) - explained
    u95_a = Y2_RADIUS * abs(explained) + abs(y2) * GAIN_U * f.u1_v + GAIN_I * i1
    share, limit = abs(complex(*f.i2_a)) / i1, CURRENT_UNBALANCE + u95_a / i1
    if abs(rest) / i1 < limit:
        return Clear("current_unbalance", share * 100, "%", limit * 100)
    why = reasons.CURRENTS_FOUND(share=share, explained=abs(explained) / i1)
    return ConditionFinding(
        "current_unbalance", Severity.WARNING, Confidence.LIKELY, f.length_s, why, abs(rest) / i1 * 100, "%",
        limit * 100, u95_a / i1 * 100, {"i2_over_i1_pct": share * 100},
    )  # fmt: skip


def _against_baseline(
    f: CageFeatures, machine: MachineData, baseline: CageFeatures | None, y2: complex
) -> list[Answer]:
    reason = baseline_reason(f, machine, baseline)
    if reason is not None or baseline is None:
        return _unobserved(reason or common.NO_BASELINE())
    residual = _residual(f, baseline, y2)
    share, u95 = abs(residual.current_a) / f.current_a, residual.u95_a / f.current_a
    if share < WARNING + u95:
        if u95 > WARNING:
            return _unobserved(reasons.UNBALANCE_HIDES())
        return [Clear(code, share * 100, "%", WARNING * 100, u95 * 100) for code in CODES]
    degrees = _degrees_to_resistance(residual.current_a, complex(*f.i1_a), y2)
    near = abs(degrees) <= NEAR_DEGREES
    code = "contact_resistance" if near else "turn_fault" if abs(degrees) >= FAR_DEGREES else "winding_asymmetry"
    severity = Severity.ALARM if share >= ALARM and code != "contact_resistance" else Severity.WARNING
    confidence = Confidence.POSSIBLE if code == "winding_asymmetry" else Confidence.LIKELY
    why = reasons.RESIDUAL_FOUND(share=share, degrees=abs(degrees))
    evidence = {"residual_degrees": degrees, "u2_over_u1_pct": math.hypot(*f.u2_v) / f.u1_v * 100}
    finding = ConditionFinding(
        code, severity, confidence, f.length_s, why, share * 100, "%", WARNING * 100, u95 * 100, evidence
    )
    others = [NotObservable(other, reasons.PAIR_OPEN()) for other in CODES if other != code]
    return [finding, *others]


def _unobserved(reason: Reason) -> list[Answer]:
    return [NotObservable(code, reason) for code in CODES]


def _residual(f: CageFeatures, baseline: CageFeatures, y2: complex) -> Residual:
    explained = y2 * (complex(*f.u2_v) - complex(*baseline.u2_v) * f.u1_v / baseline.u1_v)
    current = complex(*f.i2_a) - complex(*baseline.i2_a) * f.u1_v / baseline.u1_v - explained
    moved = abs(complex(*f.i1_a) - complex(*baseline.i1_a)) * GAIN_I
    u95 = Y2_RADIUS * abs(explained) + GAIN_I_DRIFT * f.current_a + moved
    return Residual(current, u95)


def _degrees_to_resistance(residual: complex, i1: complex, y2: complex) -> float:
    """Angle of −residual/Y2 to I1, modulo a third of a turn: 0 for a resistance in one phase."""
    third = math.degrees(cmath.phase(-residual / y2 / i1))
    return (third + 60.0) % 120.0 - 60.0
