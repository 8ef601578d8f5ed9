"""Rule for the capacitors of the DC link: measured capacitance against the sound drive, or against the nameplate."""

from __future__ import annotations

import math

from agent.analysis.condition import common_reasons as common
from agent.analysis.condition import rectifier_reasons as codes
from agent.analysis.condition.answers import Answer, Clear, ConditionFinding, Confidence, NotObservable, Severity
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.rectifier_features import SUM_MAX, RectifierFeatures
from drivers.reasons import Reason
from dsp.condition.rectifier_link import RATE_MIN

AGED, WORN = 0.8, 0.5  # of the capacitance when new: end of life of electrolytic capacitors [M]; half is an alarm
U95 = 0.02  # of a ratio of two measurements with the same channels: their gains drift by 1 % each
NAMEPLATE_U95 = 0.2  # usual tolerance of electrolytic capacitors
IMPLAUSIBLE_LOW = 0.2  # a drive trips before; a ratio is wrong
IMPLAUSIBLE = 1.35  # more than the tolerance of the capacitor and the gains of two channels explain
OTHER_LOOP = 1.15  # ratio of inductances, measured within 5 %; a choke that saturates with load may change by more
# From the supply alone: where the pairs agree within 25 % the ratio of two recordings is right within 15 % (independent
# model, sound and aged, line inductors and chokes); 25 % leaves a margin.
LINE_SPREAD, LINE_U95, LINE_LOOP = 1.25, 0.25, 1.15
OTHER_HZ, OTHER_VOLTAGE = 1.05, 1.2  # ratio: 50 and 60 Hz; ±10 % of each of the two recordings
RIPPLE_MIN_V = 0.05  # peak; at 800 V full scale an eighth of a step of 12 bits, which 0.6 s average


def judge_capacitor(features: RectifierFeatures, machine: MachineData, baseline: RectifierFeatures | None) -> Answer:
    """The capacitors against those of the baseline, at whatever load; without one against dc_link_uf."""
    if features.link_hz is None and not features.clipped:
        return _from_line(features, baseline)
    reason = _unmeasured(features)
    if reason is not None:
        return NotObservable("dc_link_capacitor", reason)
    new_uf, c_uf = machine.dc_link_uf, features.c_uf or math.nan
    if new_uf and not IMPLAUSIBLE_LOW < c_uf / new_uf < IMPLAUSIBLE:
        return NotObservable("dc_link_capacitor", codes.CONDITION_LINK_IMPLAUSIBLE(c_uf=c_uf, new_uf=new_uf))
    unusable = _baseline_reason(features, baseline, new_uf) if baseline else None
    if baseline and unusable is None:
        return _judged(features, baseline.c_uf or math.nan, math.hypot(U95, baseline.c_u95_share or 0.0), True)
    if new_uf:
        return _judged(features, new_uf, NAMEPLATE_U95, False)
    return NotObservable("dc_link_capacitor", unusable or codes.CONDITION_LINK_REFERENCE_MISSING())


def _from_line(features: RectifierFeatures, baseline: RectifierFeatures | None) -> Answer:
    """From the supply alone a loss of half is seen where the three pairs of phases agree; never that there is none."""
    unseen = NotObservable("dc_link_capacitor", codes.CONDITION_LINK_VOLTAGE_MISSING())
    if (
        baseline is None
        or features.voltage_clipped
        or not (_is_seen_from_line(features) and _is_seen_from_line(baseline))
    ):
        return unseen
    own, other = features.line_loop_mh or 0.0, baseline.line_loop_mh or math.nan
    share = (features.line_c_uf or 0.0) / (baseline.line_c_uf or math.nan)
    if not 1 / LINE_LOOP < own / other < LINE_LOOP or share * (1 + LINE_U95) > AGED:
        return unseen
    why = codes.CONDITION_LINK_FROM_LINE(share_pct=100 * share, u_pct=100 * LINE_U95 * share)
    return ConditionFinding(
        "dc_link_capacitor", Severity.WARNING, Confidence.POSSIBLE, features.length_s, why,
        100 * share, "%", 100 * AGED, 100 * LINE_U95 * share,
    )  # fmt: skip


def _is_seen_from_line(features: RectifierFeatures) -> bool:
    return (
        not features.voltage_clipped
        and features.line_c_uf is not None
        and (features.line_spread or math.inf) < LINE_SPREAD
    )


def _unmeasured(features: RectifierFeatures) -> Reason | None:
    """Why the capacitance could not be measured; None: it was."""
    if features.clipped:
        return common.CURRENT_CLIPPED()
    if features.zero_share > SUM_MAX:
        return common.CURRENT_SUM(share=features.zero_share)
    if features.link_hz is None:
        return codes.CONDITION_LINK_VOLTAGE_MISSING()
    if features.link_clipped or features.voltage_clipped:
        return codes.CONDITION_VOLTAGE_CLIPPED()
    if features.hz is not None and features.link_hz < RATE_MIN * features.hz:
        return codes.CONDITION_LINK_RATE_LOW(rate_hz=features.link_hz, rate_min_hz=RATE_MIN * features.hz)
    if features.c_uf is None:
        return codes.CONDITION_OPERATION_CHANGES(steady_pct=100 * features.steady_share)
    if (features.ripple_v or 0.0) < RIPPLE_MIN_V or (features.c_u95_share or 0.0) > 0.1:
        return codes.CONDITION_LINK_RIPPLE_SMALL(ripple_v=features.ripple_v)
    return None


def _baseline_reason(features: RectifierFeatures, baseline: RectifierFeatures, new_uf: float | None) -> Reason | None:
    """Why the baseline cannot be of this drive when it was sound; None: nothing contradicts it."""
    if (reason := _unmeasured(baseline)) is not None:
        return common.BASELINE_UNUSABLE(reason=reason)
    if not (features.c_uf or 0.0) < IMPLAUSIBLE * (baseline.c_uf or 0.0):
        return codes.CONDITION_LINK_OTHER_CAPACITANCE(c_uf=features.c_uf, other_uf=baseline.c_uf)
    if not (_near(features.hz, baseline.hz, OTHER_HZ) and _near(features.u1_v, baseline.u1_v, OTHER_VOLTAGE)):
        return codes.CONDITION_LINK_OTHER_SUPPLY(
            own_v=features.u1_v, own_hz=features.hz, other_v=baseline.u1_v, other_hz=baseline.hz
        )
    own, other = features.loop_mh, baseline.loop_mh
    if not _near(own, other, OTHER_LOOP):
        return codes.CONDITION_LINK_OTHER_MACHINE(own=own, other=other)
    if new_uf and not 1 / IMPLAUSIBLE < (baseline.c_uf or 0.0) / new_uf < IMPLAUSIBLE:
        return codes.CONDITION_LINK_IMPLAUSIBLE(c_uf=baseline.c_uf, new_uf=new_uf)
    return None


def _near(one: float | None, other: float | None, ratio: float) -> bool:
    """Whether two values differ by less than this ratio; True if one is not known."""
    return one is None or other is None or 1 / ratio < one / other < ratio


def _judged(features: RectifierFeatures, reference_uf: float, u95: float, is_baseline: bool) -> Answer:
    c_uf = features.c_uf or math.nan
    share = c_uf / reference_uf
    u95 = share * math.hypot(u95, features.c_u95_share or 0.0)
    if share >= AGED:
        return Clear("dc_link_capacitor", 100 * share, "%", 100 * AGED, 100 * u95)
    code = codes.CONDITION_LINK_CAPACITANCE if is_baseline else codes.CONDITION_LINK_CAPACITANCE_NAMEPLATE
    why = code(c_uf=c_uf, share_pct=100 * share, reference_uf=reference_uf)
    severity = Severity.ALARM if is_baseline and share + u95 < WORN else Severity.WARNING
    # against the nameplate a wrong ratio of the current transformers looks the same
    sure = Confidence.LIKELY if is_baseline and share + u95 < AGED else Confidence.POSSIBLE
    return ConditionFinding(
        "dc_link_capacitor", severity, sure, features.length_s, why, 100 * share, "%", 100 * AGED, 100 * u95
    )
