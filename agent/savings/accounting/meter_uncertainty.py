"""Uncertainty of a saving from the classes of the meters: the same meter has the same error before and after."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import NamedTuple

from agent.savings.records.meter_identity import same_meter
from agent.savings.records.model import Baseline
from dsp.efficiency_meter import power_u_parts

_RECT = math.sqrt(3) / 2  # from U (k = 2) of a rectangular distribution to its limit
UNKNOWN_TAN_PHI = (0.75, 0.2)  # before: an induction motor at part load; after: a drive or a magnet motor


class MeterUncertainty(NamedTuple):
    """Uncertainty of a saving from the meters.

    causes: standard uncertainty of the saving by component, Wh.
    limits: half-widths of these components, which are rectangular, Wh.
    same: one meter measured baseline and reporting period.
    """

    causes: dict[str, float]
    limits: list[float]
    same: bool


def meter_uncertainty(
    baseline: Baseline, adjusted_wh: float, measured_wh: float, tan_phi: float | None, classes: tuple[str, str],
    meters: Collection[str],
) -> MeterUncertainty:  # fmt: skip
    """Gain errors of one meter scale the saving itself; the phase displacement of its transformers scales with the
    change of reactive energy: δ·(E0·tan φ0 − E1·tan φ1). Of two meters each has its own errors.

    tan_phi: ratio of reactive to active energy in the reporting period; None: unknown.
    classes: accuracy class of the present meter and of its current transformers.
    meters: identities of the meters in the reporting period.
    """
    before = baseline.accuracy_class or classes[0] or "1", baseline.ct_class or classes[1]
    after = classes[0] or before[0], classes[1] or before[1]
    tan_0 = baseline.tan_phi if baseline.tan_phi is not None else UNKNOWN_TAN_PHI[0]
    tan_1 = tan_phi if tan_phi is not None else UNKNOWN_TAN_PHI[1]
    same = all(same_meter(baseline.meter, name) for name in meters)
    gain_0, ratio_0, phase_0 = _limits(*before)
    gain_1, ratio_1, phase_1 = _limits(*after)
    saved = abs(adjusted_wh - measured_wh)
    if baseline.kind == "shaft-power":  # both halves come from today's meter
        limits = {"meter_gain": [gain_1 * saved], "transformer_ratio": [ratio_1 * saved], "transformer_phase": [0.0]}
    elif same:
        limits = {
            "meter_gain": [gain_0 * saved], "transformer_ratio": [ratio_0 * saved],
            "transformer_phase": [phase_0 * abs(adjusted_wh * tan_0 - measured_wh * tan_1)],
        }  # fmt: skip
    else:
        limits = {
            "meter_gain": [gain_0 * adjusted_wh, gain_1 * measured_wh],
            "transformer_ratio": [ratio_0 * adjusted_wh, ratio_1 * measured_wh],
            "transformer_phase": [phase_0 * abs(adjusted_wh * tan_0), phase_1 * abs(measured_wh * tan_1)],
        }
    causes = {name: math.hypot(*both) / math.sqrt(3) for name, both in limits.items()}
    return MeterUncertainty(causes, [limit for both in limits.values() for limit in both], same)


def _limits(accuracy_class: str, ct_class: str) -> tuple[float, float, float]:
    """Relative limits of meter and transformer ratio, and the phase limit in rad."""
    parts = power_u_parts(accuracy_class, ct_class or None, 0.85)
    tan_phi = math.tan(math.acos(0.85))
    return parts.meter * _RECT, parts.ct_ratio * _RECT, parts.ct_phase * _RECT / tan_phi
