"""Rules for the supply side of a drive: open diode, lost phase, supply, capacitor of the DC link.

Everything that is judged needs 15 % of the rated power.
"""

from __future__ import annotations

from agent.analysis.condition import common_reasons as common
from agent.analysis.condition import rectifier_reasons as codes
from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.phase_loss import LOST
from agent.analysis.condition.record import Record
from agent.analysis.condition.rectifier_diode import judge_diode
from agent.analysis.condition.rectifier_features import (
    EMPTY,
    LOAD_MIN,
    SUM_MAX,
    WINDOWS_MIN,
    RectifierFeatures,
    rectifier_features,
)
from agent.analysis.condition.rectifier_link import judge_capacitor
from drivers.reasons import Reason

LENGTH_MIN_S = 1.0  # ten cycles for a window, and five windows
STEADY_MIN = 0.5  # share of the recording
UNBALANCED = 0.01  # U2/U1 that motors and drives bear continuously (IEC 60034-1, IEC 60034-26 [M])
UNBALANCED_ALARM = 0.05  # deviation above which NEMA MG 1 does not permit operation [S]
GAIN_U95 = 0.0033  # U2/U1 that gains of ±0.5 % in three channels cause
# Unbalance above EXPLAINING_U2 can leave a phase of a sound bridge without current, up to a load in proportion to it:
# the line voltages then differ by more than the ripple of the link. Simulated at 2.7 %, without a choke: 30 %.
EXPLAINING_U2, EXPLAINING_LOAD, EXPLAINING_LOAD_PER_U2 = 0.015, (0.25, 0.5), 15.0
DRIVE_IDLE = 0.01  # of the rated power


def rectifier_answers(record: Record, machine: MachineData, baseline: Record | None) -> list[Answer]:
    """What a recording at the input of a drive shows."""
    sound = rectifier_features(baseline, machine) if baseline is not None else None
    return judge_rectifier(rectifier_features(record, machine), machine, sound)


def judge_rectifier(
    features: RectifierFeatures, machine: MachineData, baseline: RectifierFeatures | None
) -> list[Answer]:
    """The verdict on each fault from the features of a recording, and of one of the same drive when it was sound."""
    lost = _phase_loss(features)
    diode = _unobserved(features, lost) or judge_diode(features, or_lost=isinstance(lost, ConditionFinding))
    broken = isinstance(lost, ConditionFinding) or isinstance(diode, ConditionFinding)
    capacitor: Answer
    if broken:
        capacitor = NotObservable("dc_link_capacitor", codes.CONDITION_RECTIFIER_FAULT_HIDES())
    else:
        capacitor = judge_capacitor(features, machine, baseline)
    unbalance = NotObservable("current_unbalance", codes.CONDITION_RECTIFIER_UNBALANCES())
    answers: list[Answer] = [lost, diode, capacitor, judge_unbalance(features), judge_dip(features), unbalance]
    return answers + ([_terminals(features)] if machine.kind == "magnet" else [])


def _unseen(features: RectifierFeatures) -> Reason | None:
    """Why nothing can be judged from the currents; None: they can be judged."""
    if features.length_s < LENGTH_MIN_S:
        return common.RECORD_SHORT(length_s=features.length_s, needed_s=LENGTH_MIN_S)
    if features.hz is None:
        return common.NO_FUNDAMENTAL()
    if not features.currents:
        return common.CURRENTS_MISSING()
    if features.clipped:
        return common.CURRENT_CLIPPED()
    if features.zero_share > SUM_MAX:
        return common.CURRENT_SUM(share=features.zero_share)
    if features.load is not None and features.load < LOAD_MIN and features.windows < WINDOWS_MIN:
        return common.LOAD_LOW(load=features.load, needed=LOAD_MIN)
    if features.windows < WINDOWS_MIN or features.steady_share < STEADY_MIN:
        return codes.CONDITION_OPERATION_CHANGES(steady_pct=100 * features.steady_share)
    return None


def _unproven(features: RectifierFeatures) -> Reason | None:
    """Why currents without a sign of a fault prove nothing; None: the fault would have been seen."""
    if features.u2_share is None:
        return common.VOLTAGES_MISSING()
    return common.LOAD_UNKNOWN() if features.load is None else None


def _phase_loss(features: RectifierFeatures) -> Answer:
    reason = _unseen(features)
    if features.lost_phase is None or reason is not None:
        reason = reason or _unproven(features)
        return Clear("phase_loss") if reason is None else NotObservable("phase_loss", reason)
    share, load, u2 = features.lost_share or 0.0, features.load, features.u2_share
    if load is None:
        return NotObservable("phase_loss", common.LOAD_UNKNOWN())
    if u2 is not None and EXPLAINING_U2 < u2 < 3 * UNBALANCED_ALARM and load < _explained_load(u2):
        explained = codes.CONDITION_UNBALANCE_EXPLAINS(load_pct=100 * load, u2_pct=100 * u2)
        return NotObservable("phase_loss", explained)
    if share > EMPTY and features.open_from_s is not None:
        return Clear("phase_loss", 100 * share, "%", 100 * LOST)  # little current, but with even orders: a diode
    why = codes.CONDITION_PHASE_CURRENT_GONE(phase=features.lost_phase, share_pct=100 * share, load_pct=100 * load)
    sure = Confidence.LIKELY if share > EMPTY else Confidence.CERTAIN
    if features.open_from_s is not None:
        sure = Confidence.POSSIBLE  # an open diode may leave its phase without current, too
    at_s = (features.lost_from_s or 0.0) + 0.04
    return ConditionFinding("phase_loss", Severity.ALARM, sure, at_s, why, 100 * share, "%", 100 * LOST)


def _explained_load(u2_share: float) -> float:
    """Share of the rated power below which this unbalance can leave a phase of a sound bridge without current."""
    least, most = EXPLAINING_LOAD
    return min(max(least, EXPLAINING_LOAD_PER_U2 * u2_share), most)


def _unobserved(features: RectifierFeatures, lost: Answer) -> NotObservable | None:
    """Why an open diode cannot be seen; None: it can be judged."""
    reason = _unseen(features)
    if reason is None and features.open_from_s is None:
        reason = common.PHASE_LOST() if isinstance(lost, ConditionFinding) else _unproven(features)
    return None if reason is None else NotObservable("diode_open", reason)


def judge_unbalance(features: RectifierFeatures) -> Answer:
    code = "supply_unbalance"
    if features.u2_share is None or features.deviation_share is None:
        missing = common.VOLTAGES_MISSING() if features.hz else common.NO_FUNDAMENTAL()
        return NotObservable(code, missing)
    if features.voltage_clipped:
        return NotObservable(code, codes.CONDITION_VOLTAGE_CLIPPED())
    if features.dead_voltage is not None:
        return NotObservable(code, codes.CONDITION_VOLTAGE_CHANNEL_DEAD(phase=features.dead_voltage))
    u2, deviation = features.u2_share, features.deviation_share
    numbers = (100 * u2, "%", 100 * UNBALANCED, 100 * GAIN_U95)
    if u2 <= UNBALANCED:
        return Clear(code, *numbers[:2], limit=numbers[2], u95=numbers[3])
    why = codes.CONDITION_VOLTAGE_UNBALANCE(u2_pct=100 * u2, nema_pct=100 * deviation)
    severity = Severity.ALARM if deviation > UNBALANCED_ALARM else Severity.WARNING
    sure = Confidence.CERTAIN if u2 > UNBALANCED + GAIN_U95 else Confidence.LIKELY
    return ConditionFinding(code, severity, sure, min(features.length_s, 1.0), why, *numbers)


def judge_dip(features: RectifierFeatures) -> Answer:
    if features.u2_share is None and features.dip_share is None:
        return NotObservable("supply_dip", common.VOLTAGES_MISSING())
    if features.dip_share is None or features.dip_s is None or features.dip_at_s is None:
        return Clear("supply_dip")
    why = codes.CONDITION_VOLTAGE_DIP(depth_pct=100 * features.dip_share, duration_s=features.dip_s)
    return ConditionFinding(
        "supply_dip", Severity.NOTE, Confidence.CERTAIN, features.dip_at_s, why, 100 * features.dip_share, "%", 90.0
    )


def _terminals(features: RectifierFeatures) -> Answer:
    """Of a magnet motor whose drive takes no power it is not known whether it turns."""
    if features.load is None or features.load > DRIVE_IDLE:
        return NotObservable("live_terminals", codes.CONDITION_SUPPLY_SIDE_ONLY())
    why = codes.CONDITION_DRIVE_TAKES_NOTHING(load_pct=100 * features.load)
    return ConditionFinding("live_terminals", Severity.ALARM, Confidence.LIKELY, 0.0, why)
