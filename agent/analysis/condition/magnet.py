"""Condition of a permanent-magnet motor from a recording of its voltages and currents.

Two steps: `magnet_features` reads the recording, `judge_magnet` compares its features with those of a baseline. What
needs steadiness is not judged while the operation changes; a drive that does not drive leaves live terminals.
"""

from __future__ import annotations

import math

from msgspec.structs import replace

from agent.analysis.condition import common_reasons as common
from agent.analysis.condition import magnet_flux, magnet_rotor, magnet_winding
from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.magnet_data import rated_a
from agent.analysis.condition.magnet_features import MagnetFeatures, magnet_features
from agent.analysis.condition.magnet_load import load_answers
from agent.analysis.condition.magnet_reasons import (
    MAGNET_LIVE,
    MAGNET_LIVE_UNKNOWN,
    MAGNET_UNBALANCE,
    REC_BASELINE_OTHER,
    REC_UNSTEADY,
    REC_VOLTAGE_SUM,
)
from agent.analysis.condition.phase_loss import lost_phase
from agent.analysis.condition.record import Record
from drivers.reasons import Reason

LIVE, PHASE = "live_terminals", "phase_loss"
STEADY_CODES = (
    magnet_flux.CODE,
    magnet_flux.SYNCHRONISM,
    *magnet_winding.CODES,
    *magnet_rotor.CODES,
    "current_unbalance",
    "overload",
    "load_oscillation",
    "load_unsteady",
    "bearing",
)

_EXTRA_LOW_V = 50.0  # limit of extra-low voltage, AC [S, M]
_GONE_S = 0.2  # without current for so long at the end, or
_GONE_BEFORE_S = 1.0  # for so long before
_NEED_S = 2.0  # two means of 1 s
_NEED_PERIODS = 20
_HZ_SPREAD, _CURRENT_SPREAD = 0.005, 0.05  # the frame follows the angle: ±0.1 % is not needed here
_SUM, _ORDER, _VOLTAGE = 0.1, 0.5, 0.15
_CARRIES = 0.5  # each phase carries this share of the mean: none is lost
_LOAD_MIN = 0.2  # of the rated current; with less a lost phase would not be found
_SAME_MACHINE = 0.35  # flux of the baseline against now; a loss of a third is beyond all thresholds


def magnet_answers(record: Record, machine: MachineData, baseline: Record | None) -> list[Answer]:
    """Verdicts on one recording; the temperatures of `machine` are those of `record`, not of the baseline."""
    unknown = replace(machine, winding_degc=None, magnet_degc=None)
    base = None if baseline is None else magnet_features(baseline, unknown)
    return judge_magnet(magnet_features(record, machine), machine, base)


def usable_as_baseline(now: MagnetFeatures, machine: MachineData) -> bool:
    """Whether the recording was complete and steady; that the machine was sound is for the caller to know."""
    return now.gone is None and _blocked(now, None) is None


def judge_magnet(now: MagnetFeatures, machine: MachineData, base: MagnetFeatures | None) -> list[Answer]:
    """Verdicts on features of a recording, each code once; live_terminals is only there when found.

    base: features of a recording of the same motor when it was sound, of any load.
    """
    live = _live(now, machine)
    answers: list[Answer] = [] if live is None else [live]
    answers.append(_phase(now, machine, live))
    blocked = _blocked(now, live)
    if blocked is not None:
        coasting = magnet_flux.coasting_answer(now, machine) if live else None
        rest = [NotObservable(code, blocked) for code in STEADY_CODES if coasting is None or code != coasting.code]
        return [*answers, *([coasting] if coasting else []), *rest]
    no_baseline = _no_baseline(now, machine, base)
    usable = base if no_baseline is None else None
    winding = magnet_winding.winding_answers(now, machine, usable, no_baseline)
    return [
        *answers,
        *magnet_flux.flux_answers(now, machine, usable),
        *winding,
        *magnet_rotor.rotor_answers(now, machine, usable),
        *load_answers(now, machine, winding),
    ]


def _live(now: MagnetFeatures, machine: MachineData) -> ConditionFinding | None:
    gone = now.gone
    at_end = gone is not None and gone.to_s > now.length_s - 0.1
    if gone is None or gone.to_s - gone.from_s < (_GONE_S if at_end else _GONE_BEFORE_S):
        return None
    seen = gone.voltage_v is not None and gone.voltage_v > _EXTRA_LOW_V
    why = MAGNET_LIVE(from_s=gone.from_s, volts=gone.voltage_v) if seen else MAGNET_LIVE_UNKNOWN(from_s=gone.from_s)
    return ConditionFinding(
        LIVE,
        Severity.ALARM,
        Confidence.CERTAIN if seen else Confidence.POSSIBLE,
        gone.from_s + _GONE_S,
        why,
        gone.voltage_v,
        "V",
        _EXTRA_LOW_V,
    )


def _phase(now: MagnetFeatures, machine: MachineData, live: ConditionFinding | None) -> Answer:
    if now.lost is not None:
        return lost_phase(now.lost.phase, now.lost.found_s)
    if live is not None:
        return NotObservable(PHASE, common.NO_CURRENT())
    if now.hz is None or not now.phase_a:
        return NotObservable(PHASE, _missing(now))
    if now.zero_i > _SUM:
        return NotObservable(PHASE, common.CURRENT_SUM(share=now.zero_i))
    mean, rated = sum(now.phase_a) / 3, rated_a(machine)
    if not mean or (rated and mean < _LOAD_MIN * rated):
        return NotObservable(PHASE, common.CURRENT_LOW(share=mean / rated if rated else 0.0, needed=_LOAD_MIN))
    share = min(now.phase_a) / mean
    if share < _CARRIES:
        return NotObservable(PHASE, MAGNET_UNBALANCE(share=1 - share))
    return Clear(PHASE, 100 * share, "%", 100 * _CARRIES)


def _blocked(now: MagnetFeatures, live: ConditionFinding | None) -> Reason | None:
    """Why nothing that needs steady operation is judged; None: it is."""
    if live is not None:
        return common.NO_CURRENT()
    if now.lost is not None:
        return common.PHASE_LOST()
    if now.hz is None:
        return _missing(now)
    need_s = max(_NEED_S, _NEED_PERIODS / now.hz)
    checks = (
        (now.gapless_s < need_s, common.RECORD_SHORT(length_s=now.gapless_s, needed_s=need_s)),
        (now.clipped, common.CURRENT_CLIPPED()),
        (now.negative_i_read > _ORDER and now.zero_i < _SUM, common.PHASE_ORDER()),
        (now.zero_i > _SUM, common.CURRENT_SUM(share=now.zero_i)),
        (now.negative_u > _VOLTAGE, REC_VOLTAGE_SUM(share=now.negative_u)),
        (
            not (now.hz_spread <= _HZ_SPREAD and now.current_spread <= _CURRENT_SPREAD),
            REC_UNSTEADY(frequency=now.hz_spread, current=now.current_spread),
        ),
    )
    return next((reason for wrong, reason in checks if wrong), None)


def _missing(now: MagnetFeatures) -> Reason:
    if now.gapless_s < _NEED_S:
        return common.RECORD_SHORT(length_s=now.gapless_s, needed_s=_NEED_S)
    return common.NO_FUNDAMENTAL()


def _no_baseline(now: MagnetFeatures, machine: MachineData, base: MagnetFeatures | None) -> Reason | None:
    """Why the baseline is not used; None: it is."""
    if base is None:
        return common.NO_BASELINE()
    blocked = common.NO_CURRENT() if base.gone else _blocked(base, None)
    if blocked is not None:
        return common.BASELINE_UNUSABLE(reason=blocked)
    circuit = magnet_flux.circuit_of(machine)
    now_wb, base_wb = (
        (magnet_flux.flux_wb(now, circuit), magnet_flux.flux_wb(base, circuit))
        if circuit
        else (now.u1_v / (now.hz or math.inf), base.u1_v / (base.hz or math.inf))
    )
    plate = circuit.flux20_wb.value if circuit and circuit.flux20_wb.u else base_wb
    if abs(now_wb / base_wb - 1) > _SAME_MACHINE or abs(base_wb / plate - 1) > _SAME_MACHINE / 2:
        return REC_BASELINE_OTHER(base_wb=base_wb, now_wb=now_wb)
    return None
