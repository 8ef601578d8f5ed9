"""Whether a recording of a cage motor can be judged, and the faults that need no steady operation."""

from __future__ import annotations

import math

from agent.analysis.condition import cage_reasons as reasons
from agent.analysis.condition import common_reasons as common
from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.cage_features import SHORTEST_S, SUM_MAX, CageFeatures
from agent.analysis.condition.cage_nameplate import rated_amps
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.phase_loss import JUDGED_FROM, lost_phase
from drivers.reasons import Reason

CLIPPED = 0.12  # of the samples near the peak: a sine cut at 98 % of its peak
OFF = 0.02  # of the rated current
FREQUENCY_OFF = 0.05  # relative: 50 or 60 Hz
VOLTAGE_OFF = 0.20  # relative: IEC 60034-1, zone B permits ±10 %
EVENT_LOW, EVENT_HIGH = 0.9, 1.1  # of the usual voltage, IEC 61000-4-30
SPAN_MAX = 0.06  # of the current: ±3 % in means of a second
F_SPAN_MAX_HZ = 0.4
STARTS, STARTED_BELOW, STARTS_ABOVE = 2.0, 0.1, 1.5
STOPPED = 50.0  # times the current at the end: it is switched off there
LOAD_LIGHT, PF_LIGHT = 0.35, 0.75  # T circuits: power factor 0.25 to 0.65 at 30 % load
LOAD_HEAVY, PF_HEAVY, LOAD_MAX = 0.7, 0.45, 1.6  # and 0.62 to 0.9 at 70 %
OVERLOAD_NOTE, OVERLOAD_WARNING, OVERLOAD_ALARM = 1.05, 1.2, 1.5  # IEC 60947-4-1: no trip at 1.05, trip at 1.2 [M]


def voltage_reason(f: CageFeatures, machine: MachineData) -> Reason | None:
    """Why nothing at all can be evaluated."""
    if f.dead_channels:
        return reasons.CHANNEL_MISSING(count=f.dead_channels)
    if f.length_s < SHORTEST_S:
        return common.RECORD_SHORT(length_s=f.length_s, needed_s=SHORTEST_S)
    if f.f_hz is None or f.u1_v <= 0:
        return common.NO_FUNDAMENTAL()
    if machine.hz and abs(f.f_hz / machine.hz - 1) > FREQUENCY_OFF:
        return reasons.FREQUENCY_MISMATCH(f_hz=f.f_hz, hz=machine.hz)
    if machine.volts and abs(f.u1_v * math.sqrt(3) / machine.volts - 1) > VOLTAGE_OFF:
        return reasons.VOLTAGE_MISMATCH(measured_v=f.u1_v * math.sqrt(3), volts=machine.volts)
    return None


def current_reason(f: CageFeatures, machine: MachineData) -> Reason | None:
    """Why nothing that needs the currents can be evaluated."""
    largest, amps = max(f.phase_a), rated_amps(machine)
    if largest <= 0 or (amps and largest < OFF * amps):
        return common.NO_CURRENT()
    if f.clipped > CLIPPED and f.i_start < STARTS:
        return common.CURRENT_CLIPPED()
    if f.i_sum > SUM_MAX:
        return common.CURRENT_SUM(share=f.i_sum)
    if math.hypot(*f.i2_a) > f.current_a:
        return common.PHASE_ORDER()
    if f.i1_a[0] <= 0 or f.i1_a[1] >= 0:
        return reasons.POWER_DIRECTION(degrees=math.degrees(math.atan2(f.i1_a[1], f.i1_a[0])))
    return None


def load_reason(f: CageFeatures) -> Reason | None:
    """Whether power and power factor contradict each other at the nameplate's rating, as with a wrong ratio."""
    pf = f.i1_a[0] / f.current_a
    if f.load is None or LOAD_LIGHT <= f.load <= LOAD_HEAVY:
        return None
    if f.load > LOAD_MAX or (f.load < LOAD_LIGHT and pf > PF_LIGHT) or (f.load > LOAD_HEAVY and pf < PF_HEAVY):
        return reasons.LOAD_MISMATCH(load=f.load, pf=pf)
    return None


def phase_loss(f: CageFeatures, machine: MachineData) -> list[Answer]:
    amps = rated_amps(machine)
    if f.lost_s is not None and f.lost_phase is not None:
        return [lost_phase(f.lost_phase + 1, f.lost_s)]
    if (reason := current_reason(f, machine)) is not None:
        return [NotObservable("phase_loss", reason)]
    if amps and min(f.phase_a) < JUDGED_FROM * amps:
        return [NotObservable("phase_loss", common.CURRENT_LOW(share=min(f.phase_a) / amps, needed=JUDGED_FROM))]
    return [Clear("phase_loss")]


def starting(f: CageFeatures) -> Answer:
    if _starts(f):
        why = reasons.START_FOUND(ratio=f.i_start)
        return ConditionFinding("starting", Severity.NOTE, Confidence.LIKELY, 0.0, why, f.i_start, "", STARTS)
    return Clear("starting", f.i_start, "", STARTS)


def _starts(f: CageFeatures) -> bool:
    return STARTS <= f.i_start < STOPPED and (f.i_first < STARTED_BELOW or f.i_first > STARTS_ABOVE)


def changes(f: CageFeatures) -> Reason | None:
    """Why the operation is not steady; None: it is."""
    if _starts(f):
        return reasons.OPERATION_STARTING()
    if f.u_low < EVENT_LOW or f.u_high > EVENT_HIGH:
        extreme = f.u_low if f.u_low < EVENT_LOW else f.u_high
        return reasons.OPERATION_SUPPLY(extreme=extreme, at_s=f.u_event_s)
    if f.f_span_hz > F_SPAN_MAX_HZ:
        return reasons.OPERATION_FREQUENCY(span_hz=f.f_span_hz)
    if f.i_span > SPAN_MAX:
        return reasons.OPERATION_LOAD(span=f.i_span, limit=SPAN_MAX)
    return None


def overload(f: CageFeatures, machine: MachineData) -> Answer:
    if not machine.amps:
        return NotObservable("overload", common.NAMEPLATE_MISSING(keys=("amps",)))
    if (reason := load_reason(f)) is not None:
        return NotObservable("overload", reason)
    ratio = f.current_a / machine.amps
    if ratio < OVERLOAD_NOTE:
        return Clear("overload", ratio, "", OVERLOAD_WARNING)
    severity = Severity.ALARM if ratio >= OVERLOAD_ALARM else Severity.WARNING
    if ratio < OVERLOAD_WARNING:
        severity = Severity.NOTE
    why = reasons.OVERLOAD_FOUND(ratio=ratio)
    return ConditionFinding("overload", severity, Confidence.LIKELY, f.length_s, why, ratio, "", OVERLOAD_WARNING)
