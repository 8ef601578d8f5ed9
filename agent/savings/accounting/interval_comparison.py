"""An interval compared with the baseline: adjusted baseline energy, and why an interval is excluded from the saving.

Plain Python, because the polling process calculates savings live.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agent.savings.accounting.weak_effect import changes, coefficients
from agent.savings.baseline.models import (
    is_off,
    is_state,
    left_constant,
    load_without_energy,
    out_of_range,
    terms,
    values_of,
)
from agent.savings.reasons import (
    DRIVER_MISSING,
    ENERGY_UNKNOWN,
    EXCLUDED_BY_DECISION,
    EXCLUDED_UNDECIDED,
    NO_ENERGY_AT_LOAD,
    OFF_NOT_IN_BASELINE,
    POLLING_INCOMPLETE,
    SHAFT_ENERGY_UNKNOWN,
    TRANSITION_INTERVAL,
)
from agent.savings.records import non_routine_events as nre
from agent.savings.records.interpolation import interpolations_of, is_transition
from agent.savings.records.model import Baseline, Driver, Interval, NonRoutineEvent
from drivers.reasons import InvalidValue, Reason

COVERED = 0.75  # share of the time of an interval; below it the interval is excluded


class IntervalResult(NamedTuple):
    """One interval of a saving. Energies in Wh.

    start_ms: UTC.
    length_s: its length.
    driver: mean of the first driver; None when unknown.
    adjusted_wh: adjusted baseline energy; None when unknown.
    measured_wh: measured energy with auxiliaries; None when unknown.
    excluded: why the interval is not in the sum; None when it is.
    """

    start_ms: int
    length_s: int
    driver: float | None
    adjusted_wh: float | None
    measured_wh: float | None
    excluded: Reason | None = None


def compare(
    baseline: Baseline, item: Interval, events: Sequence[NonRoutineEvent]
) -> tuple[IntervalResult, list[Driver]]:  # fmt: skip
    """An interval compared with the baseline, and the values of its drivers (empty when they are unknown)."""
    measured_wh = None if item.energy_wh is None else item.energy_wh + item.auxiliary_wh
    result = IntervalResult(item.start_ms, item.length_s, None, None, measured_wh)
    if measured_wh is None:
        return result._replace(excluded=ENERGY_UNKNOWN()), []
    if is_off(baseline, item):
        mean_wh, n = baseline.shape["off"]["mean_wh"], baseline.shape["off"]["n"]
        adjusted_wh = mean_wh * share_of(baseline, item)
        cause = _excluded(baseline, item, events) if n else OFF_NOT_IN_BASELINE()
        return result._replace(adjusted_wh=adjusted_wh, excluded=cause), []
    if is_transition(item):
        return result._replace(excluded=TRANSITION_INTERVAL()), []
    values = values_of(baseline, item)
    if values is None:
        missing = tuple(name for name in baseline.drivers if name not in item.drivers)
        return result._replace(excluded=DRIVER_MISSING(drivers=missing) if missing else SHAFT_ENERGY_UNKNOWN()), []
    result = result._replace(driver=values[0].mean if values else None)
    if changed := _changed_states(baseline, item):
        return result._replace(excluded=DRIVER_MISSING(drivers=changed)), values
    try:
        result = result._replace(adjusted_wh=_expected(baseline, values, item.drivers) * share_of(baseline, item))
    except InvalidValue as error:
        return result._replace(excluded=error.reason), values
    return result._replace(excluded=_cause(baseline, item, values, events)), values


def expected_wh(baseline: Baseline, item: Interval) -> float | None:
    """Adjusted baseline of one interval, for the time to which its energy belongs, also outside the range of the
    baseline; None without its drivers.
    """
    if is_off(baseline, item):
        return float(baseline.shape["off"]["mean_wh"]) * share_of(baseline, item)
    values = values_of(baseline, item)
    if values is None:
        return None
    try:
        return _expected(baseline, values, item.drivers) * share_of(baseline, item)
    except ValueError:
        return None


def share_of(baseline: Baseline, item: Interval) -> float:
    """The time that is compared, in intervals of the baseline: the energy of the rest is unknown. Shaft energy belongs
    to this time, too, and is not scaled.
    """
    return (item.length_s if baseline.kind == "shaft-power" else item.energy_s) / baseline.length_s


def weak_of(baseline: Baseline) -> Mapping[str, Any]:
    found: Mapping[str, Any] = baseline.shape.get("weak", {})
    return found


def slope_wh(baseline: Baseline, values: Sequence[Driver], k: int, change: float) -> float:
    """dE/dd · change of driver k, in an interval of the length of the baseline."""
    mean = values[k].mean
    moved = [value if j != k else Driver(mean + change) for j, value in enumerate(values)]
    back = [value if j != k else Driver(mean - change) for j, value in enumerate(values)]
    return (_expected(baseline, moved) - _expected(baseline, back)) / 2


def _expected(baseline: Baseline, values: Sequence[Driver], drivers: Mapping[str, Driver] | None = None) -> float:
    """drivers: of the interval; None: without the correction for weak ones."""
    row, weak = terms(baseline.kind, baseline.shape, [value.mean for value in values]), weak_of(baseline)
    own = sum(a * b for a, b in zip(row, baseline.coefficients, strict=True))
    return own + sum(a * b for a, b in zip(changes(weak, drivers or {}, row), coefficients(weak), strict=True))


def _cause(
    baseline: Baseline, item: Interval, values: Sequence[Driver], events: Sequence[NonRoutineEvent]
) -> Reason | None:  # fmt: skip
    """Why an interval whose adjusted baseline is known is excluded; None: it is not."""
    if outside := out_of_range(baseline, values) or left_constant(baseline, item):
        return outside
    if drivers := load_without_energy(baseline, item):
        return NO_ENERGY_AT_LOAD(drivers=drivers)
    return _excluded(baseline, item, events)


def _excluded(baseline: Baseline, item: Interval, events: Sequence[NonRoutineEvent]) -> Reason | None:
    """Why an interval is excluded whatever its drivers are; None: it is not."""
    if item.coverage < COVERED and not (item.filled_wh and interpolations_of(baseline, item)):
        return POLLING_INCOMPLETE()
    if (event := nre.excluding(events, item)) is None:
        return None
    return (EXCLUDED_BY_DECISION if event.decision else EXCLUDED_UNDECIDED)(number=event.number, kind=event.kind)


def _changed_states(baseline: Baseline, item: Interval) -> tuple[str, ...]:
    """Interpolated states that differ on both sides of the gap: the time of the change is unknown, and a line from 1 to
    3 passes 2.
    """
    found, reach = interpolations_of(baseline, item), baseline.shape.get("within", 0.0)
    return tuple(
        name for k, name in enumerate(baseline.drivers)
        if name in found and is_state(baseline, k) and found[name].step > 2 * reach
    )  # fmt: skip
