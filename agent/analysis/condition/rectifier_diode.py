"""Rule for an open diode: a half wave of one phase is missing, and the supply does not explain it.

A diode that carries current is not open, whatever even orders the supply has. A half wave also vanishes in a sound
rectifier, at little load, where the supply drives the two diodes of a phase unequally; how unequally is measured.
"""

from __future__ import annotations

from agent.analysis.condition import common_reasons as common
from agent.analysis.condition import rectifier_reasons as codes
from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.rectifier_features import ASYMMETRIC, HALF_OPEN, WINDOWS_MIN, RectifierFeatures
from drivers.reasons import Reason

HALF_SOUND = 0.08  # of the mean half wave: each diode carries current, noise and offsets do not reach this
# A half wave changes with its voltage by as much as the link falls between two pulses: with the capacitance C by
# 6·f·C·U²/P relative to the rated power P, 4 to 12 at 40 to 130 µF/kW and 400 V. At
# resonance of the link with the line up to 38 were seen in 400 sound simulated machines at 15 to 30 % load.
SENSITIVE = 60.0
UNEVEN_U = 0.0003  # what noise and 10 bits of the voltage leave of the difference that drives the diodes
DIRECT = 0.05  # of the fundamental: direct current far above the offsets of channels; current transformers lose it
UNEVEN_LOAD = 0.4  # without voltage: above this load 2 % of even orders, the limit of EN 50160, remove no half wave


def judge_diode(features: RectifierFeatures, *, or_lost: bool) -> Answer:
    """The verdict on an open diode from currents that can be judged.

    or_lost: a phase without current was found, too; an open diode may leave its phase without any.
    """
    half, seen = features.half_share or 0.0, features.uneven_share is not None
    if features.open_from_s is None:
        reason = None if half > HALF_SOUND and features.open_windows <= 0.05 else _unclear(features)
        clear = Clear("diode_open", 100 * half, "%", 100 * HALF_OPEN)
        return clear if reason is None else NotObservable("diode_open", reason)
    reason = _explained(features)
    if reason is not None:
        return NotObservable("diode_open", reason)
    dc, second, fourth = features.dc_share or 0.0, features.second_share or 0.0, features.fourth_share or 0.0
    why = codes.CONDITION_EVEN_ORDERS(dc_pct=100 * dc, second_pct=100 * second, fourth_pct=100 * fourth)
    direct = dc > DIRECT
    sure = Confidence.CERTAIN if direct and seen else Confidence.LIKELY if direct or seen else Confidence.POSSIBLE
    sure = Confidence.POSSIBLE if or_lost else sure
    at_s = features.open_from_s + 5 / (features.hz or 50.0) * (WINDOWS_MIN + 1)
    return ConditionFinding("diode_open", Severity.ALARM, sure, at_s, why, 100 * half, "%", 100 * HALF_OPEN)


def _explained(features: RectifierFeatures) -> Reason | None:
    """Why a missing half wave proves nothing; None: only an open diode explains it."""
    load, asymmetry = features.load, features.half_asymmetry or 0.0
    if load is None:
        return common.LOAD_UNKNOWN()
    if features.uneven_share is None:
        return None if load > UNEVEN_LOAD else common.VOLTAGES_MISSING()
    explained = SENSITIVE * (features.uneven_share + UNEVEN_U) / load
    return None if asymmetry > explained else _of_supply(features)


def _unclear(features: RectifierFeatures) -> Reason:
    """Why a small half wave, or one that is missing at times, is neither."""
    if (features.half_asymmetry or 0.0) > ASYMMETRIC or features.u2_share is None or features.load is None:
        return codes.CONDITION_EVEN_ORDERS_SMALL(i_pct=100 * (features.second_share or 0.0))
    return codes.CONDITION_UNBALANCE_EXPLAINS(load_pct=100 * features.load, u2_pct=100 * features.u2_share)


def _of_supply(features: RectifierFeatures) -> Reason:
    u, i = features.u_even_share or 0.0, features.second_share or 0.0
    return codes.CONDITION_EVEN_ORDERS_OF_SUPPLY(u_pct=100 * u, i_pct=100 * i)
