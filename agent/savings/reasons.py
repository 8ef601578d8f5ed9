"""Codes of the savings: why an interval is excluded, what limits a saving, and what opens a non-routine event."""

from __future__ import annotations

from drivers.reasons import Code, Reason

# Why no saving is computed for an interval

ENERGY_UNKNOWN = Code("energy_unknown", "the energy is not known")
SHAFT_ENERGY_UNKNOWN = Code("shaft_energy_unknown", "the shaft energy is not known")
DRIVER_MISSING = Code("driver_missing", "no value of {drivers:signal}")
STATE_UNKNOWN = Code("state_unknown", "state {value:g} does not occur in the baseline")
POLLING_INCOMPLETE = Code("polling_incomplete", "less than 75 % of the interval was polled")
TRANSITION_INTERVAL = Code("transition_interval", "the motor started or stopped within the interval")
EXCLUDED_BY_DECISION = Code("excluded_by_decision", "excluded by the decision on event {number:d} ({kind:word})")
EXCLUDED_UNDECIDED = Code("excluded_undecided", "event {number:d} ({kind:word}) awaits a decision")

DRIVER_OUT_OF_RANGE = Code(
    "driver_out_of_range", "{driver:signal} is {value:g}, outside the baseline range {low:g} to {high:g}"
)
DRIVER_OUT_OF_RANGE_IN_STATE = Code(
    "driver_out_of_range_in_state",
    "{driver:signal} is {value:g}, outside the baseline range {low:g} to {high:g} of {state_driver:signal} = {state:g}",
)
DRIVER_IN_COVERAGE_GAP = Code(
    "driver_in_coverage_gap",
    "{driver:signal} is {value:g}; the baseline has hardly any data between {low:g} and {high:g}",
)
DRIVERS_OUT_OF_RANGE_TOGETHER = Code(
    "drivers_out_of_range_together", "the combination of {drivers:signal} ({values}) does not occur in the baseline"
)
OUT_OF_RANGE = frozenset(
    (DRIVER_OUT_OF_RANGE, DRIVER_OUT_OF_RANGE_IN_STATE, DRIVER_IN_COVERAGE_GAP, DRIVERS_OUT_OF_RANGE_TOGETHER)
)

# The same without the values of one interval: for sums over many

BELOW_RANGE = Code("below_range", "{driver:signal} is below the baseline range {low:g} to {high:g}")
ABOVE_RANGE = Code("above_range", "{driver:signal} is above the baseline range {low:g} to {high:g}")
BELOW_RANGE_IN_STATE = Code(
    "below_range_in_state",
    "{driver:signal} is below the baseline range {low:g} to {high:g} of {state_driver:signal} = {state:g}",
)
ABOVE_RANGE_IN_STATE = Code(
    "above_range_in_state",
    "{driver:signal} is above the baseline range {low:g} to {high:g} of {state_driver:signal} = {state:g}",
)
IN_COVERAGE_GAP = Code(
    "in_coverage_gap", "{driver:signal} is between {low:g} and {high:g}, where the baseline has hardly any data"
)
COMBINATION_UNKNOWN = Code("combination_unknown", "the combination of {drivers:signal} does not occur in the baseline")


def without_values(reason: Reason) -> Reason:
    """The reason for a group of intervals: without the driver's value in one of them."""
    if reason.code not in OUT_OF_RANGE:
        return reason
    data = {name: value for name, value in reason.data.items() if name not in ("value", "values")}
    if reason.code == DRIVER_OUT_OF_RANGE:
        return (BELOW_RANGE if reason.data["value"] < data["low"] else ABOVE_RANGE)(**data)
    if reason.code == DRIVER_OUT_OF_RANGE_IN_STATE:
        return (BELOW_RANGE_IN_STATE if reason.data["value"] < data["low"] else ABOVE_RANGE_IN_STATE)(**data)
    if reason.code == DRIVER_IN_COVERAGE_GAP:
        return IN_COVERAGE_GAP(**data)
    return COMBINATION_UNKNOWN(**data)


# Caveats of a saving

NO_DATA = Code("no_data", "no data in this period")
NO_COMPARABLE_INTERVAL = Code("no_comparable_interval", "no interval is comparable with the baseline")
MORE_THAN_BASELINE = Code("more_than_baseline", "the measured energy exceeds the adjusted baseline")
WITHIN_UNCERTAINTY = Code("within_uncertainty", "the saving is within its uncertainty (±{u95_wh:kwh} kWh)")
BASELINE_SUBSTITUTE = Code("baseline_substitute", "baseline: {cause}")
LOAD_UNEXPLAINED = Code(
    "load_unexplained", "the load of the baseline period varied by {cv:pct} %, and no signal explains it"
)
POOR_BASELINE = Code("poor_baseline", "the baseline model fits poorly: CV(RMSE) {cv_rmse:pct} %, NMBE {nmbe:pct} %")
AUTOCORRELATED_RESIDUALS = Code(
    "autocorrelated_residuals",
    "the residuals are strongly autocorrelated: {n:d} baseline intervals are equivalent to {n_effective:.0f} "
    "independent ones. U95 does not cover slow drift",
)
ENERGY_EXCLUDED = Code("energy_excluded", "{energy_wh:kwh} kWh excluded: {cause}")
MORE_ENERGY_EXCLUDED = Code("more_energy_excluded", "{energy_wh:kwh} kWh excluded for {n:d} other {n:reason|reasons}")
INTERVALS_WITHOUT_ENERGY = Code(
    "intervals_without_energy", "{n:d} {n:interval|intervals} excluded: the energy is not known"
)
OUTSIDE_BASELINE = Code(
    "outside_baseline",
    "{share:pct} % of the energy was used outside the baseline range; {part:pct} % of this because {cause}. Learn a "
    "new baseline over a full production cycle (`magwatt import` adds earlier data) or in bypass, or calculate the "
    "energy of the old plant and enter it with `magwatt adjustment decide --adjust`",
)
LOW_COVERAGE = Code("low_coverage", "only {coverage:pct} % of the reporting period was measured")
METER_CHANGED = Code(
    "meter_changed", "the meter is not the one of the baseline: the class limits of both count in full"
)
EVENT_UNDECIDED = Code("event_undecided", "non-routine event {number:d} ({kind:word}) awaits a decision: {cause}")
MORE_EVENTS_UNDECIDED = Code("more_events_undecided", "{n:d} more non-routine {n:event awaits|events await} a decision")
FROM_BYPASS_TEST = Code(
    "from_bypass_test", "learned from a test with the drive bypassed, not from a measured baseline period"
)
FROM_NAMEPLATE = Code(
    "from_nameplate",
    "calculated from the nameplate of the old motor at the present shaft power; nothing was measured before the "
    "retrofit, and savings by speed control are not included",
)
SPEED_ADVICE = Code(
    "speed_advice", "for a pump or fan, {before_rpm:.0f} r/min instead of {now_rpm:.0f} r/min gives the previous flow"
)

STORE_TROUBLE = Code("store_trouble", "{error}")

# What is unusual in the data of a baseline

DRIVERS_COLLINEAR = Code(
    "drivers_collinear",
    "{one:signal} and {other:signal} moved together (VIF {vif:.0f}): these data do not show which of them drives the "
    "energy, and a model of one fails when they part",
)
EVENT_IN_BASELINE = Code("event_in_baseline", "{start_ms:local}: {kind:word}: {cause}")

# What opens a non-routine event

BYPASS = Code("bypass", "the motor ran in bypass of its drive; this energy is included")
MAINTENANCE = Code("maintenance", "the motor was in maintenance")
CLOCK_STEP = Code("clock_step", "the clock was wrong: these energies may have the wrong time")
DATA_GAP = Code("data_gap", "no measurements")
CT_WIRING = Code("ct_wiring", "the transformers of the meter were connected wrongly")
CT_RATIO = Code("ct_ratio", "the power of the meter does not fit that of the drive: check the transformer ratio")
ENERGY_FACTOR = Code(
    "energy_factor", "{factor:.2f} times the energy used before at the same load: check the transformer ratio"
)
METER_REPLACED = Code(
    "meter_replaced", "the meter or its ratio changed ({before} → {after}); the class limits of both count from here"
)
LOAD_SHIFT_UP = Code("load_shift_up", "for about a day the energy has been higher than before at the same load")
LOAD_SHIFT_DOWN = Code("load_shift_down", "for about a day the energy has been lower than before at the same load")
RANGE_LEFT = Code("range_left", "more than 10 % of the energy was used outside the baseline range: {cause}")
