"""Uncertainty of a saving from the classes of meter and transformers: the same ones have the same error before and
after.

The limits of current transformers depend on the current, so that an error does not cancel completely where the current
changes. Assumed of one transformer: its error is the sum of two parts that keep their sign, one that is the same at all
currents and at most the limit at rated current, and one that grows towards low currents with the limit, at most by its
increase. The worst combination of both counts. An error that is one share of the limit at each current is a case of it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from msgspec import Struct, field

from agent.savings.records.meter_identity import MeterClasses, ct_primary_a, same_meter
from agent.savings.records.model import Baseline, Interval
from dsp.efficiency_meter import CURRENT_ASSUMED, PowerLimits, power_limits

UNKNOWN_TAN_PHI = (0.75, 0.2)  # before: an induction motor at part load; after: a drive or a magnet motor
_PF = 0.85  # at which the class of the meter applies; its limit is constant above 0.8


class MeterUncertainty(NamedTuple):
    """Uncertainty of a saving from the meters.

    limits: rectangular half-widths by component, as in `SavingErrors.meter`, Wh.
    same: one meter measured baseline and reporting period.
    current_assumed: the current of the transformers is unknown.
    """

    limits: dict[str, tuple[float, ...]]
    same: bool
    current_assumed: bool = False


class _MeanLimits(Struct):
    """Energy-weighted mean of the limits in a period. weight: Wh; sums: of each limit times the energy."""

    weight: float = 0.0
    sums: list[float] = field(default_factory=lambda: [0.0] * len(PowerLimits._fields))

    def add(self, limits: PowerLimits, wh: float) -> None:
        self.weight += abs(wh)
        for k, limit in enumerate(limits):
            self.sums[k] += abs(wh) * limit

    def mean(self, otherwise: PowerLimits) -> PowerLimits:
        return PowerLimits(*(total / self.weight for total in self.sums)) if self.weight > 0 else otherwise


class MeterSums:
    """Limits of the meters over the intervals of a saving, at the current of each.

    The current before the retrofit is that of the adjusted baseline, with the reactive energy that the baseline had at
    this active energy (`reactive` of its shape: varh + varh_per_wh·Wh), or in proportion where that is not known. Both
    energies count at nominal voltage; an unknown reactive energy counts as zero, which makes the current smaller and
    the limits larger. Without rated current or voltage the limits at CURRENT_ASSUMED apply.

    classes: of the present meter; what is "" is as in the baseline.
    """

    def __init__(self, baseline: Baseline, classes: MeterClasses) -> None:
        old = classes._replace(
            meter=baseline.accuracy_class or classes.meter or "1", ct=baseline.ct_class or classes.ct,
            ct_a=ct_primary_a(baseline.meter) or classes.ct_a,
        )  # fmt: skip
        self._after = classes._replace(meter=classes.meter or old.meter, ct=classes.ct or old.ct)
        self._of_shaft = baseline.kind == "shaft-power"  # both energies come from the present meter
        self._before = self._after if self._of_shaft else old
        self._meter, self._tan_phi = baseline.meter, baseline.tan_phi
        self._limits = _MeanLimits(), _MeanLimits()
        self._line, self._length_s = baseline.shape.get("reactive"), baseline.length_s
        self._adjusted_wh = self._adjusted_varh = 0.0
        self._known_wh = self._known_varh = 0.0  # of the intervals whose reactive energy is known
        self._same, self._assumed = True, False

    def add(self, item: Interval, adjusted_wh: float) -> None:
        """Adds an interval of the saving. adjusted_wh: its adjusted baseline."""
        wh, varh = item.energy_wh or 0.0, item.reactive_varh
        if varh is not None:
            self._known_wh += wh
            self._known_varh += varh
        same = same_meter(self._meter, item.meter)
        self._same = self._same and same
        after = self._before if same else self._after._replace(ct_a=ct_primary_a(item.meter) or self._after.ct_a)
        adjusted_varh = self._varh_before(item, adjusted_wh)
        self._adjusted_wh += adjusted_wh
        self._adjusted_varh += adjusted_varh
        self._limits[0].add(self._at(self._before, item, math.hypot(adjusted_wh, adjusted_varh)), adjusted_wh)
        self._limits[1].add(self._at(after, item, math.hypot(wh, varh or 0.0)), wh)

    def _varh_before(self, item: Interval, adjusted_wh: float) -> float:
        """Reactive energy of the old plant in an interval; 0 where it is unknown."""
        share = item.energy_s / self._length_s
        if self._line is not None and adjusted_wh >= self._line["wh_least"] * share:
            return float(self._line["varh"] * share + self._line["varh_per_wh"] * adjusted_wh)
        return (self._tan_phi or 0.0) * adjusted_wh

    def _at(self, classes: MeterClasses, item: Interval, vah: float) -> PowerLimits:
        """The limits at the current of an interval. vah: apparent energy."""
        current = 1.0
        if classes.ct:
            # filled_wh belongs to the gaps, whose running time is unknown
            time_s = (item.running_s if not item.filled_wh else None) or item.energy_s
            if classes.ct_a and classes.va_per_a and time_s > 0:
                current = abs(vah) * 3600 / time_s / (classes.va_per_a * classes.ct_a)
            else:
                current, self._assumed = CURRENT_ASSUMED, True
        return power_limits(classes.meter, classes.ct, _PF, current, classes.vt)

    def uncertainty(self, adjusted_wh: float, measured_wh: float) -> MeterUncertainty:
        """Gain errors of one meter scale the saving itself; phase displacements of its transformers scale with the
        change of reactive energy: δ·(E0·tan φ0 − E1·tan φ1). Of two meters each has its own errors.

        adjusted_wh, measured_wh: of the whole period, with decided adjustments and auxiliaries.
        """
        tan_0 = self._tan_phi if self._tan_phi is not None else UNKNOWN_TAN_PHI[0]
        if self._line is not None and self._adjusted_wh > 0:
            tan_0 = self._adjusted_varh / self._adjusted_wh
        tan_1 = self._known_varh / self._known_wh if self._known_wh > 0 else UNKNOWN_TAN_PHI[1]
        rated = tuple(power_limits(own.meter, own.ct, _PF, 1.0, own.vt) for own in (self._before, self._after))
        before, after = (found.mean(limits) for found, limits in zip(self._limits, rated, strict=True))
        energies, reactive = (adjusted_wh, measured_wh), (adjusted_wh * tan_0, measured_wh * tan_1)
        if self._of_shaft:
            reactive = 0.0, 0.0
        limits: dict[str, tuple[float, ...]] = {}
        one = self._same or self._of_shaft
        for name, k, errors in (
            ("meter_gain", 0, energies), ("transformer_ratio", 1, energies), ("transformer_phase", 2, reactive),
            ("voltage_transformer_ratio", 3, energies), ("voltage_transformer_phase", 4, reactive),
        ):  # fmt: skip
            if k < 3 or self._after.vt:
                both = (before[k], after[k]), errors
                limits[name] = _limits_same(rated[0][k], *both) if one else _limits_other(*both)
        return MeterUncertainty(limits, self._same, self._assumed)


def _limits_same(rated: float, limits: tuple[float, float], wh: tuple[float, float]) -> tuple[float, ...]:
    """Limit of the difference of two energies of one meter (see above). rated: limit at rated current."""
    increase = (limits[0] - rated) * wh[0] - (limits[1] - rated) * wh[1]
    return (math.copysign(abs(rated * (wh[0] - wh[1])) + abs(increase), wh[0] - wh[1]),)


def _limits_other(limits: tuple[float, float], wh: tuple[float, float]) -> tuple[float, ...]:
    """Limits of the difference of energies of two meters."""
    return limits[0] * wh[0], -limits[1] * wh[1]
