"""Errors of the signals that drive a saving: what can have changed between the baseline and the reporting period.

An error that is the same in both periods cancels, because the model was fitted to it. What remains is drift.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import NamedTuple

from agent.config.reporting_periods import ReportingPhase, begin_ms
from agent.config.topology import Asset
from agent.savings.records.model import Baseline


class DriverError(NamedTuple):
    """Largest change of the error of a signal between the baseline and the reporting period (rectangular).

    relative: share of the value.
    absolute: in the unit of the signal.
    calibrated: the change was limited by calibrations before and after; otherwise it is the default of this quantity.
    """

    relative: float = 0.0
    absolute: float = 0.0
    calibrated: bool = False


# Drift of transmitters without maintenance over a year, by the unit at the end of the metric name [M: typical
# long-term stability in data sheets of industrial transmitters; a magnetic flow meter is better, an orifice worse]
_BY_UNIT = (
    (("degc", "c", "k"), DriverError(absolute=0.5)),
    (("pct",), DriverError(absolute=1.0)),
    (("bar", "kpa", "mpa", "pa", "mbar"), DriverError(relative=0.01)),
    (("rpm", "hz"), DriverError(relative=0.002)),
    (("pcs", "h", "min", "s"), DriverError()),
)
_OTHER = DriverError(relative=0.015)  # flow, mass, speed of a strip (worn rolls) and everything else


def default_error(metric: str) -> DriverError:
    """The error of a signal without a stated calibration or accuracy, by the unit in its metric name."""
    for units, error in _BY_UNIT:
        if any(metric.endswith(f"_{unit}") and not _compound(metric, unit) for unit in units):
            return error
    return _OTHER


def _compound(metric: str, unit: str) -> bool:
    """Whether the unit is the denominator of another one, as h in m3_h or t_h."""
    return bool(re.search(rf"_(m3|l|t|kg|g|nm3|m)_{unit}$", metric)) and unit in ("h", "min", "s")


def driver_errors(
    asset: Asset, baseline: Baseline, reporting: ReportingPhase, zone: str
) -> dict[str, DriverError]:  # fmt: skip
    """The error of each signal of a baseline, by its metric name.

    A calibration counts if its first date is not after the baseline period, and its second one not before the
    reporting period. A stated accuracy replaces the default, but is no calibration.
    """
    found = {name: default_error(name) for name in baseline.drivers}
    for signal in asset.signals:
        name = signal.metric.name
        if name not in found:
            continue
        absolute = default_error(name).absolute > 0
        if signal.accuracy is not None:
            found[name] = DriverError(relative=signal.accuracy)
        if (stated := signal.calibration) is not None:
            day_ms = round(timedelta(days=1).total_seconds() * 1000)
            before_ms, after_ms = begin_ms(stated.before, zone), begin_ms(stated.after, zone) + day_ms
            if before_ms <= baseline.to_ms and after_ms >= reporting.from_ms:
                change = stated.change
                found[name] = DriverError(0.0 if absolute else change / 100, change if absolute else 0.0, True)
    return found
