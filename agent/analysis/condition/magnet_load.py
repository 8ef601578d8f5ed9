"""Current unbalance, overload, swings of the load, and bearings: what else a recording of a magnet motor shows."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable

from agent.analysis.condition import common_reasons as common
from agent.analysis.condition import magnet_data
from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.magnet_features import MagnetFeatures
from agent.analysis.condition.magnet_reasons import (
    CURRENT_ABOVE_RATED,
    LOAD_SWING,
    LOAD_UNSTEADY,
    MAGNET_DATA_MISSING,
    MAGNET_UNBALANCE,
    MAGNET_UNBALANCE_CAUSED,
)

_UNBALANCE = 0.05  # largest deviation from the mean of the three (NEMA MG 1, 14.36 [S])
_LOAD_MIN = 0.2
_OVERLOAD = 1.05
_SWING, _SWING_SHARE = 0.05, 0.5
_LEAST_POWER = 0.25  # swings are related to this share of the rated power where the mean is smaller


def load_answers(now: MagnetFeatures, machine: MachineData, found: Iterable[Answer]) -> list[Answer]:
    """Verdicts on current_unbalance, overload, load_oscillation, load_unsteady and bearing of a steady recording.

    found: the verdicts on the winding, of which an unbalance may be a consequence.
    """
    caused = any(isinstance(one, ConditionFinding) for one in found)
    return [
        _unbalance(now, machine, caused),
        _overload(now, machine),
        *_swings(now, machine),
        NotObservable("bearing", common.BEARING_GEOMETRY()),
    ]


def _unbalance(now: MagnetFeatures, machine: MachineData, caused: bool) -> Answer:
    code, rated = "current_unbalance", magnet_data.rated_a(machine)
    if now.winding is None:
        return NotObservable(code, MAGNET_DATA_MISSING())
    load = now.i1_a / math.sqrt(2) / rated if rated else math.inf
    if load < _LOAD_MIN:
        return NotObservable(code, common.CURRENT_LOW(share=load, needed=_LOAD_MIN))
    sizes = [abs(1 + now.winding.negative_i.value * cmath.rect(1, turn * 2 * math.pi / 3)) for turn in (0, 2, 4)]
    mean = sum(sizes) / 3
    share = max(abs(size - mean) for size in sizes) / mean
    if share <= _UNBALANCE:
        return Clear(code, 100 * share, "%", 100 * _UNBALANCE)
    why = (MAGNET_UNBALANCE_CAUSED if caused else MAGNET_UNBALANCE)(share=share)
    severity = Severity.NOTE if caused else Severity.WARNING
    return ConditionFinding(code, severity, Confidence.LIKELY, now.length_s, why, 100 * share, "%", 100 * _UNBALANCE)


def _overload(now: MagnetFeatures, machine: MachineData) -> Answer:
    if not machine.amps:
        return NotObservable("overload", common.NAMEPLATE_MISSING(keys=("amps",)))
    share = now.i1_a / math.sqrt(2) / machine.amps
    if share <= _OVERLOAD:
        return Clear("overload", 100 * share, "%", 100 * _OVERLOAD)
    why = CURRENT_ABOVE_RATED(share=share)
    return ConditionFinding(
        "overload", Severity.NOTE, Confidence.POSSIBLE, now.length_s, why, 100 * share, "%", 100 * _OVERLOAD
    )


def _swings(now: MagnetFeatures, machine: MachineData) -> list[Answer]:
    swing = now.swing
    if swing is None:
        return []
    power = 1.5 * abs((now.u1 * now.i1.conjugate()).real)
    least = _LEAST_POWER * machine.kw * 1e3 if machine.kw else 0.0
    scale = power / max(power, least) if power else 0.0
    depth, unsteady = swing.depth * scale, swing.unsteady * scale
    line = depth > _SWING and swing.share > _SWING_SHARE
    oscillation: Answer = Clear("load_oscillation", 100 * depth, "%", 100 * _SWING)
    noise: Answer = Clear("load_unsteady", 100 * unsteady, "%", 100 * _SWING)
    if line:
        why = LOAD_SWING(hz=swing.hz, depth=depth)
        oscillation = ConditionFinding(
            "load_oscillation", Severity.NOTE, Confidence.LIKELY, now.length_s, why, 100 * depth, "%", 100 * _SWING
        )
    elif unsteady > _SWING:
        why = LOAD_UNSTEADY(depth=unsteady)
        noise = ConditionFinding(
            "load_unsteady", Severity.NOTE, Confidence.LIKELY, now.length_s, why, 100 * unsteady, "%", 100 * _SWING
        )
    return [oscillation, noise]
