"""Rotor and load of a cage motor: broken bars, oscillating load, once per turn, eccentricity."""

from __future__ import annotations

import math

from agent.analysis.condition import cage_reasons as reasons
from agent.analysis.condition import common_reasons as common
from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.cage_features import CageFeatures, CageLine
from agent.analysis.condition.cage_nameplate import nameplate_reason
from agent.analysis.condition.cage_operation import changes, current_reason, load_reason, voltage_reason
from agent.analysis.condition.machine import MachineData
from drivers.reasons import Reason
from dsp.condition.cage import CELLS_MIN, PROMINENT, SUPPLY_GAIN

# The index is the reactive part that the load does not explain, relative to the active current. One broken bar of R
# gives 0.6/R to 1.1/R, for inertias of 0.05 to 4 s and 25 to 100 % load; a bar of twice the resistance half of it.
PER_BAR = 0.8
LIMIT_BARS, LIMIT_BARS_BASELINE = 0.3, 0.15  # × 1/R
SEVERAL = 1.5  # bars: alarm
# Number of bars unknown: of the index; −54, −48 and −60 dB of both sidebands at a power factor of 0.8
LIMIT, LIMIT_LIKELY, SOUND = 0.005, 0.010, 0.0025
BASELINE_GROWTH = 2.0  # 6 dB
LOAD_NEAR = 0.15  # of rated: a baseline within it has the same slope and magnetizing share
LOAD_MIN = 0.25  # below: not observable
LOAD_CLEAR = 0.43  # below: not called sound; 40 %, and 3 % for the uncertainty of the load
SWING = 0.02  # of the torque
SLOT_GROWTH_DB = 10.0
TURN_NOTE_DB, TURN_WARNING_DB, TURN_GROWTH_DB = -50.0, -30.0, 10.0


def rotor(f: CageFeatures, machine: MachineData, baseline: CageFeatures | None) -> list[Answer]:
    """For broken_rotor_bar and rotor_or_load."""
    reason = _rotor_reason(f, machine)
    if reason is not None:
        return [NotObservable("broken_rotor_bar", reason), NotObservable("rotor_or_load", reason)]
    limit = _limit(machine, _comparable(f, machine, baseline))
    line = f.rotor
    if line is not None and line.rest >= limit:
        if SUPPLY_GAIN * line.u >= line.rest / 3:
            return _both(reasons.SUPPLY_EXPLAINS(hz=line.hz))
        return [_bars(f, machine, line, limit), Clear("rotor_or_load")]
    if (swing := f.swing) is not None and swing.rest_max >= limit:
        return _swinging(f, swing, limit)
    reason = _unseen(f, machine, limit)
    if reason is not None:
        return _both(reason)
    value = _level_db(f, line) if line is not None else None
    return [Clear("broken_rotor_bar", value, "dB", _limit_db(f, limit)), Clear("rotor_or_load")]


def _both(reason: Reason) -> list[Answer]:
    return [NotObservable("broken_rotor_bar", reason), NotObservable("rotor_or_load", reason)]


def _rotor_reason(f: CageFeatures, machine: MachineData) -> Reason | None:
    """Why the sidebands of the rotor cannot be evaluated at all."""
    if (reason := nameplate_reason(machine)) is not None:
        return reason
    if f.load is None or f.two_s_f_hz is None or f.search_hz is None or f.slope is None:
        return common.LOAD_UNKNOWN()
    if (reason := load_reason(f)) is not None:
        return reason
    if f.load < LOAD_MIN:
        return common.LOAD_LOW(load=f.load, needed=LOAD_CLEAR)
    if f.two_s_f_hz < CELLS_MIN * f.cell_hz:
        return _short(f)
    return None


def _short(f: CageFeatures) -> Reason:
    low_hz = f.search_hz[0] if f.search_hz else 0.0
    needed_s = CELLS_MIN / low_hz if low_hz > 0 else math.inf
    return common.RECORD_SHORT(length_s=f.length_s, needed_s=math.ceil(needed_s))


def _limit(machine: MachineData, baseline: CageFeatures | None) -> float:
    """Limit of the index. A baseline permits a lower one, never a higher one: it may have been broken, too."""
    bars = machine.rotor_bars
    limit = LIMIT_BARS / bars if bars else LIMIT
    if baseline is None:
        return limit
    lowest = LIMIT_BARS_BASELINE / bars if bars else SOUND
    before = baseline.rotor.rest_max if baseline.rotor is not None else PROMINENT * (baseline.noise or 0.0)
    return min(limit, max(lowest, BASELINE_GROWTH * before))


def _comparable(f: CageFeatures, machine: MachineData, baseline: CageFeatures | None) -> CageFeatures | None:
    """The baseline, if the same machine was evaluated there at nearly the same load."""
    if baseline is None or baseline_reason(f, machine, baseline) is not None:
        return None
    if baseline.load is None or f.load is None or abs(baseline.load - f.load) > LOAD_NEAR:
        return None
    return baseline if _rotor_reason(baseline, machine) is None else None


def baseline_reason(f: CageFeatures, machine: MachineData, baseline: CageFeatures | None) -> Reason | None:
    """Why a baseline cannot be used; None: it can. Another machine: its point (P, Q) is not on the same circle."""
    if baseline is None:
        return common.NO_BASELINE()
    reason = voltage_reason(baseline, machine) or current_reason(baseline, machine) or changes(baseline)
    reason = reason or load_reason(baseline)
    if reason is not None or baseline.lost_s is not None:
        return common.BASELINE_UNUSABLE(reason=reason or common.PHASE_LOST())
    ratio = f.u1_v / baseline.u1_v
    p, q = f.i1_a[0], -f.i1_a[1]
    p_before, q_before = baseline.i1_a[0] * ratio, -baseline.i1_a[1] * ratio
    size = max(f.current_a, baseline.current_a)
    low, high = sorted((-0.15 * (p - p_before), 0.8 * (p - p_before)))
    if not low - 0.12 * size <= q - q_before <= high + 0.12 * size or f.reversed_order != baseline.reversed_order:
        return reasons.BASELINE_OTHER()
    return None


def _bars(f: CageFeatures, machine: MachineData, line: CageLine, limit: float) -> Answer:
    level_db, slope = _level_db(f, line), (f.slope or 0.0) + (f.slope_radius or 0.0)
    ratio = line.q / line.p if line.p > 0 else math.inf
    evidence = {"two_s_f_hz": line.hz, "sidebands_db": level_db, "reactive_over_active": ratio,
                "load_slope_max": slope, "load_pct": (f.load or 0.0) * 100, "index_pct": line.rest * 100}  # fmt: skip
    bars = machine.rotor_bars
    if bars:
        number = line.rest * bars / PER_BAR
        evidence["bars"] = number
        why = reasons.BARS_FOUND(hz=line.hz, level_db=level_db, ratio=min(ratio, 99.0), slope=slope, bars=number)
        full = number >= 0.6 and (f.load or 0.0) >= LOAD_CLEAR
        confidence = Confidence.CERTAIN if full and ratio > 2 * slope else Confidence.LIKELY
        severity = Severity.ALARM if number >= SEVERAL else Severity.WARNING
    else:
        why = reasons.SIDEBANDS_FOUND(hz=line.hz, level_db=level_db, ratio=min(ratio, 99.0), slope=slope)
        confidence = Confidence.LIKELY if line.rest >= LIMIT_LIKELY else Confidence.POSSIBLE
        severity = Severity.WARNING
    u95_db = 20 * math.log10(1 + 2 * line.floor_rest / line.rest)
    return ConditionFinding(
        "broken_rotor_bar", severity, confidence, f.length_s, why, level_db, "dB", _limit_db(f, limit), u95_db, evidence
    )


def _swinging(f: CageFeatures, swing: CageLine, limit: float) -> list[Answer]:
    """An active line in the range of the rotor that is large enough to hide a broken bar, or to be one."""
    slope = (f.slope or 0.0) + (f.slope_radius or 0.0)
    if swing.q <= slope * swing.p:
        return _both(reasons.SWING_HIDES(hz=swing.hz))
    if SUPPLY_GAIN * swing.u >= swing.rest_max / 3:
        return _both(reasons.SUPPLY_EXPLAINS(hz=swing.hz))
    level_db = _level_db(f, swing)
    why = reasons.SIDEBANDS_FOUND(hz=swing.hz, level_db=level_db, ratio=swing.q / swing.p, slope=slope)
    finding = ConditionFinding(
        "rotor_or_load", Severity.WARNING, Confidence.POSSIBLE, f.length_s, why, level_db, "dB", _limit_db(f, limit)
    )
    return [NotObservable("broken_rotor_bar", reasons.ROTOR_OR_LOAD_OPEN(hz=swing.hz)), finding]


def _unseen(f: CageFeatures, machine: MachineData, limit: float) -> Reason | None:
    """Why a broken bar could have remained unseen although nothing was found."""
    assert f.load is not None
    assert f.search_hz is not None
    if f.load < LOAD_CLEAR:
        return common.LOAD_LOW(load=f.load, needed=LOAD_CLEAR)
    if f.search_hz[0] < CELLS_MIN * f.cell_hz:
        return _short(f)
    if f.noise is None or PROMINENT * f.noise > limit:
        return reasons.NOISE()
    if not machine.rotor_bars and f.rotor is not None and f.rotor.rest > SOUND:
        return reasons.BARS_UNKNOWN(level_db=_level_db(f, f.rotor))
    return None


def _level_db(f: CageFeatures, line: CageLine) -> float:
    """Mean of both sidebands, relative to the current."""
    return 20 * math.log10(max(line.sidebands * f.i1_a[0] / f.current_a / 2, 1e-9))


def _limit_db(f: CageFeatures, limit: float) -> float:
    return 20 * math.log10(limit * f.i1_a[0] / f.current_a / 2)


def load_oscillation(f: CageFeatures, baseline: CageFeatures | None) -> Answer:
    """An active line that follows the circle diagram. A note: many machines oscillate; a warning if it has grown."""
    line = f.load_swing
    if f.load is None or f.load < LOAD_MIN:
        reason = common.LOAD_UNKNOWN() if f.load is None else common.LOAD_LOW(load=f.load, needed=LOAD_MIN)
        return NotObservable("load_oscillation", reason)
    if line is None or line.p < SWING or (f.turn is not None and abs(line.hz - f.turn.hz) < f.cell_hz):
        return Clear("load_oscillation", line.p * 100 if line else None, "%", SWING * 100)
    if SUPPLY_GAIN * line.u >= line.p:
        return NotObservable("load_oscillation", reasons.SUPPLY_EXPLAINS(hz=line.hz))
    if line.rest > 0:
        return NotObservable("load_oscillation", reasons.ROTOR_OR_LOAD_OPEN(hz=line.hz))
    before = _before(f, baseline, line)
    grown = before is not None and line.p >= BASELINE_GROWTH * max(before, SWING)
    if grown:
        why = reasons.SWING_GROWN(share=line.p, hz=line.hz, before=before)
    else:
        why = reasons.SWING_FOUND(share=line.p, hz=line.hz, ratio=line.q / line.p)
    return ConditionFinding(
        "load_oscillation", Severity.WARNING if grown else Severity.NOTE, Confidence.LIKELY, f.length_s, why,
        line.p * 100, "%", SWING * 100, evidence={"hz": line.hz, "reactive_over_active": line.q / line.p},
    )  # fmt: skip


def _before(f: CageFeatures, baseline: CageFeatures | None, line: CageLine) -> float | None:
    """Active line of the baseline at the same frequency; None: no baseline of this load."""
    if baseline is None or baseline.load is None or f.load is None or abs(baseline.load - f.load) > LOAD_NEAR:
        return None
    then = baseline.load_swing
    return then.p if then is not None and abs(then.hz - line.hz) < 0.1 * line.hz else 0.0


def once_per_turn(f: CageFeatures, machine: MachineData, baseline: CageFeatures | None) -> Answer:
    """Sidebands at the speed of the shaft; without a baseline a note, as some percent of torque are usual."""
    if (reason := nameplate_reason(machine)) is not None:
        return NotObservable("once_per_turn", reason)
    if f.two_s_f_hz is None or f.f_hz is None:
        return NotObservable("once_per_turn", common.LOAD_UNKNOWN())
    if machine.poles == 2 and 0.3 * f.two_s_f_hz < CELLS_MIN * f.cell_hz:  # an offset of the currents is at f
        return NotObservable("once_per_turn", _short(f))
    line = f.turn
    level_db = _level_db(f, line) if line is not None else -180.0
    if line is None or level_db < TURN_NOTE_DB:
        return Clear("once_per_turn", level_db, "dB", TURN_NOTE_DB)
    if SUPPLY_GAIN * line.u >= line.sidebands / 3:
        return NotObservable("once_per_turn", reasons.SUPPLY_EXPLAINS(hz=line.hz))
    severity = Severity.WARNING if level_db >= TURN_WARNING_DB else Severity.NOTE
    if baseline is not None and baseline_reason(f, machine, baseline) is None:
        before_db = _level_db(baseline, baseline.turn) if baseline.turn is not None else -180.0
        severity = Severity.WARNING if level_db >= before_db + TURN_GROWTH_DB else Severity.NOTE
    why = reasons.TURN_FOUND(hz=line.hz, level_db=level_db)
    return ConditionFinding(
        "once_per_turn", severity, Confidence.LIKELY, f.length_s, why, level_db, "dB", TURN_NOTE_DB,
        evidence={"turn_hz": line.hz},
    )  # fmt: skip


def eccentricity(f: CageFeatures, machine: MachineData, baseline: CageFeatures | None) -> Answer:
    """Slot harmonics of dynamic eccentricity against those of the baseline."""
    reason = baseline_reason(f, machine, baseline)
    if reason is None and not machine.rotor_bars:
        reason = common.NAMEPLATE_MISSING(keys=("rotor_bars",))
    if reason is not None or baseline is None:
        return NotObservable("eccentricity", reason or common.NO_BASELINE())
    if not (f.slots_eccentric and f.slots_floor and baseline.slots_eccentric):
        return NotObservable("eccentricity", reasons.SLOTS_INVISIBLE())
    now_db, before_db = 20 * math.log10(f.slots_eccentric), 20 * math.log10(baseline.slots_eccentric)
    limit_db = max(before_db, 20 * math.log10(PROMINENT * f.slots_floor)) + SLOT_GROWTH_DB
    if now_db < limit_db:
        return Clear("eccentricity", now_db, "dB", limit_db)
    why = reasons.SLOTS_FOUND(level_db=now_db, before_db=before_db)
    return ConditionFinding(
        "eccentricity", Severity.WARNING, Confidence.LIKELY, f.length_s, why, now_db, "dB", limit_db
    )
