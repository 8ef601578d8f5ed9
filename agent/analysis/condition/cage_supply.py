"""Unbalance, dips and interharmonics of the supply of a cage motor."""

from __future__ import annotations

import math
from bisect import bisect_left

from agent.analysis.condition import cage_reasons as reasons
from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.cage_features import CageFeatures
from agent.analysis.condition.cage_operation import EVENT_HIGH, EVENT_LOW, changes
from agent.analysis.condition.machine import MachineData

IEC_LONG = 0.01  # U2/U1 that a motor bears for long, IEC 60034-1 [M]
WARNING = 0.02  # of U2/U1: compatibility level of IEC 61000-2-2 [M]
NEMA_STOP = 0.05  # NEMA MG 1, 14.36 [M]
DERATING = ((0.01, 1.0), (0.02, 0.95), (0.03, 0.90), (0.04, 0.82), (0.05, 0.75))  # NEMA MG 1, figure 14-1 [M]
INTERHARMONIC = 0.002  # of the fundamental, IEC 61000-2-2 [M]


def derating(nema: float) -> float | None:
    """Permitted load relative to rated; None above 5 %."""
    if nema > NEMA_STOP:
        return None
    if nema <= DERATING[0][0]:
        return 1.0
    k = bisect_left(DERATING, (nema, 0.0))
    (x0, y0), (x1, y1) = DERATING[k - 1], DERATING[k]
    return y0 + (y1 - y0) * (nema - x0) / (x1 - x0)


def supply_unbalance(f: CageFeatures, machine: MachineData) -> Answer:
    if f.u_low < EVENT_LOW or f.u_high > EVENT_HIGH:
        extreme = f.u_low if f.u_low < EVENT_LOW else f.u_high
        return NotObservable("supply_unbalance", reasons.OPERATION_SUPPLY(extreme=extreme, at_s=f.u_event_s))
    iec, nema = math.hypot(*f.u2_v) / f.u1_v, f.u_max_deviation
    if max(iec, nema) < IEC_LONG:
        return Clear("supply_unbalance", iec * 100, "%", WARNING * 100)
    most = derating(nema)
    severity = Severity.NOTE if iec < WARNING else Severity.WARNING if most is not None else Severity.ALARM
    evidence = {"u2_over_u1_pct": iec * 100, "nema_unbalance_pct": nema * 100}
    if most is None:
        why = reasons.UNBALANCE_STOP(iec=iec, nema=nema)
    else:
        why = reasons.UNBALANCE_FOUND(iec=iec, nema=nema, derating=most)
        evidence["nema_derating_pct"] = most * 100
    return ConditionFinding(
        "supply_unbalance", severity, Confidence.CERTAIN, f.length_s, why, iec * 100, "%", WARNING * 100,
        evidence=evidence,
    )  # fmt: skip


def supply_dip(f: CageFeatures) -> Answer:
    if f.u_low >= EVENT_LOW:
        return Clear("supply_dip", f.u_low * 100, "%", EVENT_LOW * 100)
    at_s = f.u_event_s or 0.0
    why = reasons.DIP_FOUND(low=f.u_low, at_s=at_s)
    return ConditionFinding(
        "supply_dip", Severity.NOTE, Confidence.CERTAIN, at_s, why, f.u_low * 100, "%", EVENT_LOW * 100
    )


def supply_interharmonic(f: CageFeatures) -> Answer:
    if (reason := changes(f)) is not None:
        return NotObservable("supply_interharmonic", reason)
    if f.supply < INTERHARMONIC or f.supply_hz is None:
        return Clear("supply_interharmonic", f.supply * 100, "%", INTERHARMONIC * 100)
    why = reasons.INTERHARMONIC_FOUND(hz=f.supply_hz, share=f.supply)
    return ConditionFinding(
        "supply_interharmonic", Severity.NOTE, Confidence.CERTAIN, f.length_s, why, f.supply * 100, "%",
        INTERHARMONIC * 100, evidence={"offset_hz": f.supply_hz},
    )  # fmt: skip
