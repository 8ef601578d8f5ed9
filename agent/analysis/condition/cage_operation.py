"""Whether a recording of a cage motor can be judged, and the faults that need no steady operation."""

from __future__ import annotations

import math

from agent.analysis.condition import cage_reasons as reasons
from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.cage_features import SHORTEST_S, SUM_MAX, CageFeatures
from agent.analysis.condition.cage_nameplate import rated_amps
from agent.analysis.condition.machine import MachineData
from drivers.reasons import Reason

CLIPPED = 0.12  # of the samples near the peak: a sine cut at 98 % of its peak
OFF = 0.02  # of the rated current
OBSERVED_FROM = 0.2  # of the rated current, for a lost phase
FREQUENCY_OFF = 0.05  # relative: 50 or 60 Hz
VOLTAGE_OFF = 0.20  # relative: IEC 60034-1, zone B permits ±10 %
EVENT_LOW, EVENT_HIGH = 0.9, 1.1  # of the usual voltage, IEC 61000-4-30
SPAN_MAX = 0.06  # of the current: ±3 % in means of a second
F_SPAN_MAX_HZ = 0.4
STARTS, STARTED_BELOW, STARTS_ABOVE = 2.0, 0.1, 1.5
OVERLOAD_NOTE, OVERLOAD_WARNING, OVERLOAD_ALARM = 1.05, 1.2, 1.5  # IEC 60947-4-1: no trip at 1.05, trip at 1.2 [M]


def voltage_reason(f: CageFeatures, machine: MachineData) -> Reason | None:
    """Why nothing at all can be evaluated."""
    if f.dead_channels:
        return reasons.CHANNEL_MISSING(count=f.dead_channels)
    if f.length_s < SHORTEST_S:
        return reasons.SAMPLES_MISSING(length_s=f.length_s, needed_s=SHORTEST_S)
    if f.f_hz is None or f.u1_v <= 0:
        return reasons.VOLTAGE_MISSING()
    if machine.hz and abs(f.f_hz / machine.hz - 1) > FREQUENCY_OFF:
        return reasons.FREQUENCY_MISMATCH(f_hz=f.f_hz, hz=machine.hz)
    if machine.volts and abs(f.u1_v * math.sqrt(3) / machine.volts - 1) > VOLTAGE_OFF:
        return reasons.VOLTAGE_MISMATCH(measured_v=f.u1_v * math.sqrt(3), volts=machine.volts)
    return None


def current_reason(f: CageFeatures, machine: MachineData) -> Reason | None:
    """Why nothing that needs the currents can be evaluated."""
    largest, amps = max(f.phase_a), rated_amps(machine)
    if largest <= 0 or (amps and largest < OFF * amps):
        return reasons.MOTOR_OFF()
    if f.clipped > CLIPPED and f.i_start < STARTS:
        return reasons.CURRENT_CLIPPED()
    if f.i_sum > SUM_MAX:
        return reasons.CURRENT_SUM(share=f.i_sum)
    if math.hypot(*f.i2_a) > f.current_a:
        return reasons.CURRENT_ORDER()
    if f.i1_a[0] <= 0 or f.i1_a[1] >= 0:
        return reasons.POWER_DIRECTION(degrees=math.degrees(math.atan2(f.i1_a[1], f.i1_a[0])))
    return None


def phase_loss(f: CageFeatures, machine: MachineData) -> list[Answer]:
    amps = rated_amps(machine)
    if f.lost_s is not None and f.lost_phase is not None:
        others = max(f.phase_a)
        why = reasons.PHASE_LOSS_FOUND(phase=f.lost_phase + 1, others_a=others)
        return [ConditionFinding("phase_loss", Severity.ALARM, Confidence.CERTAIN, f.lost_s, why)]
    if (reason := current_reason(f, machine)) is not None:
        return [NotObservable("phase_loss", reason)]
    if amps and min(f.phase_a) < OBSERVED_FROM * amps:
        return [NotObservable("phase_loss", reasons.CURRENT_LOW(share=min(f.phase_a) / amps, needed=OBSERVED_FROM))]
    return [Clear("phase_loss")]


def starting(f: CageFeatures) -> Answer:
    if _starts(f):
        why = reasons.START_FOUND(ratio=f.i_start)
        return ConditionFinding("starting", Severity.NOTE, Confidence.LIKELY, 0.0, why, f.i_start, "", STARTS)
    return Clear("starting", f.i_start, "", STARTS)


def _starts(f: CageFeatures) -> bool:
    return f.i_start >= STARTS and (f.i_first < STARTED_BELOW or f.i_first > STARTS_ABOVE)


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
        return NotObservable("overload", reasons.AMPS_MISSING())
    ratio = f.current_a / machine.amps
    if ratio < OVERLOAD_NOTE:
        return Clear("overload", ratio, "", OVERLOAD_WARNING)
    severity = Severity.ALARM if ratio >= OVERLOAD_ALARM else Severity.WARNING
    if ratio < OVERLOAD_WARNING:
        severity = Severity.NOTE
    why = reasons.OVERLOAD_FOUND(ratio=ratio)
    return ConditionFinding("overload", severity, Confidence.LIKELY, f.length_s, why, ratio, "", OVERLOAD_WARNING)
