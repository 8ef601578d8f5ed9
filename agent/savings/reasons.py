"""Codes of the savings: why an interval is excluded, what limits a saving, and what opens a non-routine event."""

from __future__ import annotations

from agent.core.text import N_
from drivers.reasons import Code, Reason

# Names of non-routine events, of the parts of a saving and of decisions, where a text has them as a field

EVENT_NAMES = (
    N_("bypass"), N_("maintenance"), N_("ct_wiring"), N_("ct_ratio"), N_("clock_step"), N_("data_gap"),
    N_("out_of_range"), N_("meter_replaced"), N_("load_shift"),
)  # fmt: skip
PART_NAMES = (N_("control"), N_("motor"), N_("drive"))
DECISION_NAMES = (N_("exclude"), N_("keep"), N_("adjust"))
VERDICT_NAMES = (N_("proven"), N_("provisional"), N_("not_proven"), N_("negative"), N_("undecided"))
STATUS_NAMES = (N_("open"), N_("checked"), N_("stated"), N_("accepted"))
STATIC_FACTOR_NAMES = (N_("load"), N_("product_mix"), N_("ambient"), N_("maintenance"))

# Why no saving is computed for an interval

ENERGY_UNKNOWN = Code("energy_unknown", "the energy is unknown")
SHAFT_ENERGY_UNKNOWN = Code("shaft_energy_unknown", "the shaft energy is unknown")
DRIVER_MISSING = Code("driver_missing", "no value of {drivers:signal}")
STATE_UNKNOWN = Code("state_unknown", "state {value:g} does not occur in the baseline")
NO_ENERGY_AT_LOAD = Code(
    "no_energy_at_load", "no energy was measured while {drivers:signal} showed load: check the meter"
)
OFF_NOT_IN_BASELINE = Code("off_not_in_baseline", "the motor was off, which it never was in the baseline period")
POLLING_INCOMPLETE = Code("polling_incomplete", "less than 75 % of the interval was polled")
TRANSITION_INTERVAL = Code("transition_interval", "the motor started or stopped within the interval")
EXCLUDED_BY_DECISION = Code("excluded_by_decision", "excluded by the decision on event {number:d} ({kind:word})")
EXCLUDED_UNDECIDED = Code("excluded_undecided", "event {number:d} ({kind:word}) awaits a decision")

DRIVER_OUT_OF_RANGE = Code(
    "driver_out_of_range", "{driver:signal} is {value:.4g}, outside the baseline range {low:.4g} to {high:.4g}"
)
DRIVER_OUT_OF_RANGE_IN_STATE = Code(
    "driver_out_of_range_in_state",
    "{driver:signal} is {value:.4g}, outside the baseline range {low:.4g} to {high:.4g} of {state_driver:signal} = "
    "{state:g}",
)
DRIVER_IN_COVERAGE_GAP = Code(
    "driver_in_coverage_gap",
    "{driver:signal} is {value:.4g}; the baseline has almost no data between {low:.4g} and {high:.4g}",
)
DRIVERS_OUT_OF_RANGE_TOGETHER = Code(
    "drivers_out_of_range_together", "the combination of {drivers:signal} ({values}) does not occur in the baseline"
)
OUT_OF_RANGE = frozenset(
    (DRIVER_OUT_OF_RANGE, DRIVER_OUT_OF_RANGE_IN_STATE, DRIVER_IN_COVERAGE_GAP, DRIVERS_OUT_OF_RANGE_TOGETHER)
)

# The same without the values of one interval: for sums over many

BELOW_RANGE = Code("below_range", "{driver:signal} is below the baseline range {low:.4g} to {high:.4g}")
ABOVE_RANGE = Code("above_range", "{driver:signal} is above the baseline range {low:.4g} to {high:.4g}")
BELOW_RANGE_IN_STATE = Code(
    "below_range_in_state",
    "{driver:signal} is below the baseline range {low:.4g} to {high:.4g} of {state_driver:signal} = {state:g}",
)
ABOVE_RANGE_IN_STATE = Code(
    "above_range_in_state",
    "{driver:signal} is above the baseline range {low:.4g} to {high:.4g} of {state_driver:signal} = {state:g}",
)
IN_COVERAGE_GAP = Code(
    "in_coverage_gap", "{driver:signal} is between {low:.4g} and {high:.4g}, where the baseline has almost no data"
)
COMBINATION_UNKNOWN = Code("combination_unknown", "the combination of {drivers:signal} does not occur in the baseline")


def without_values(reason: Reason) -> Reason:
    """The same reason without the value of the driver, so that intervals with the same cause form one group."""
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
POOR_BASELINE = Code("poor_baseline", "the baseline model fits poorly: CV(RMSE) {cv_rmse:pct} %, NMBE {nmbe:pct} %")
AUTOCORRELATED_RESIDUALS = Code(
    "autocorrelated_residuals",
    "the residuals are strongly autocorrelated: {n:d} baseline intervals are equivalent to {n_effective:.0f} "
    "independent ones. U95 does not include slow drift",
)
ENERGY_EXCLUDED = Code("energy_excluded", "{energy_wh:kwh} kWh excluded: {cause}")
MORE_ENERGY_EXCLUDED = Code("more_energy_excluded", "{energy_wh:kwh} kWh excluded for {n:d} other {n:reason|reasons}")
INTERVALS_WITHOUT_ENERGY = Code(
    "intervals_without_energy", "{n:d} {n:interval|intervals} excluded: the energy is unknown"
)
OUTSIDE_BASELINE = Code(
    "outside_baseline",
    "{share:pct} % of the energy was used outside the baseline range; {part:pct} % of this because {cause}. Learn a "
    "new baseline over a full production cycle (`magwatt import` adds earlier data) or in bypass, or calculate the "
    "energy of the old plant and enter it with `magwatt adjustment decide --adjust`",
)
LOW_COVERAGE = Code("low_coverage", "only {coverage:pct} % of the reporting period was measured")
METER_CHANGED = Code(
    "meter_changed", "the meter is not that of the baseline period: U95 includes the class limits of both in full"
)
CURRENT_ASSUMED = Code(
    "current_assumed",
    "the rated current of the current transformers is unknown: U95 includes their limits at 20 % of rated current. "
    "State the ratio of the current transformers",
)
EVENT_UNDECIDED = Code("event_undecided", "non-routine event {number:d} ({kind:word}) awaits a decision: {cause}")
MORE_EVENTS_UNDECIDED = Code("more_events_undecided", "{n:d} more non-routine {n:event awaits|events await} a decision")
RATIO_UNDECIDED = Code(
    "ratio_undecided",
    "since {from_ms:local} the meter measures {factor:.2f} times the adjusted baseline, and no drive confirms it. "
    "Check the transformer ratio, then decide: `magwatt adjustment decide {asset} {number:d}` with --keep if "
    "the energies are right, or with --exclude",
)
RATIO_NOT_NUMBERED = Code(
    "ratio_not_numbered",
    "since {from_ms:local} the meter measures {factor:.2f} times the adjusted baseline, and no drive confirms it. "
    "Check the transformer ratio; `magwatt adjustment list {asset}` gives the event a number, with which `magwatt "
    "adjustment decide` keeps or excludes it",
)
RATIO_CONTRADICTED = Code(
    "ratio_contradicted",
    "since {from_ms:local} the output energy of the drive is {share:.2f} times that of the meter; 0.9 to 1.0 is usual: "
    "the transformer ratio of the meter or the power of the drive is wrong. Check both, then decide: `magwatt "
    "adjustment decide {asset} {number:d}` with --keep if the energies of the meter are right, or with --exclude",
)
RATIO_ADJUSTED_EARLIER = Code(
    "ratio_adjusted_earlier",
    "the energy added to event {number:d} ({kind:word}) counts in the month in which it began, {from_ms:local}, and "
    "not here: the energies of this time are still wrong. Exclude them: `magwatt adjustment decide {asset} {number:d} "
    "--exclude`",
)
FROM_BYPASS_TEST = Code("from_bypass_test", "from a test with the drive bypassed, not from a measured baseline period")
FROM_NAMEPLATE = Code(
    "from_nameplate",
    "calculated from the nameplate of the old motor at the present shaft power; nothing was measured before the "
    "retrofit, and savings by speed control are not included",
)
SPEED_ADVICE = Code(
    "speed_advice",
    "if this is a pump or fan, {before_rpm:.0f} r/min instead of {now_rpm:.0f} r/min gives the flow before the "
    "retrofit",
)

SAVING_NOT_COMPUTED = Code("saving_not_computed", "the saving cannot be computed: {error}")

# Assumptions of a saving, by kind: driver, season, calibration, product_mix, certificate

NO_DRIVER = Code(
    "no_driver",
    "the load is the same as in the baseline period, in which it varied by {cv:pct} %: no signal of the model measures "
    "it. Add a signal that does, or state that the load is constant",
)
LOAD_CONSTANT = Code("load_constant", "the load is constant; in the baseline period it varied by {cv:pct} %")
OLD_LOSSES_ASSUMED = Code(
    "old_losses_assumed",
    "the losses of the old motor are those of its nameplate: nothing was measured before the retrofit",
)
LOAD_MEASURED = Code("load_measured", "the load is measured by {drivers:signal}")
SEASON_NOT_COVERED = Code(
    "season_not_covered",
    "the season has no effect: {n:d} {n:day is|days are} more than {limit_d:d} days of the year away from the baseline "
    "period (at most {most_d:d}), and no temperature is a driver of the model. Learn with a temperature, or state the "
    "ambient conditions",
)
SEASON_COVERED = Code(
    "season_covered", "the days are in the season of the baseline period (at most {most_d:d} days of the year away)"
)
TEMPERATURE_MEASURED = Code("temperature_measured", "the season is measured by {drivers:signal}")
AMBIENT_STATED = Code("ambient_stated", "ambient conditions: {statement}")
DRIVER_UNCALIBRATED = Code(
    "driver_uncalibrated",
    "{driver:signal} measures as in the baseline period: no calibration before and after is stated, so that U95 "
    "includes a change of its error by {error}. With calibrations that exclude a change, U95 would be "
    "{without_u95_wh:kwh} instead of {u95_wh:kwh} kWh",
)
DRIVER_CALIBRATED = Code(
    "driver_calibrated", "the error of {driver:signal} changed by at most {error}, according to its calibrations"
)
ERROR_RELATIVE = Code("error_relative", "{share:pct1} % of the value")
ERROR_ABSOLUTE = Code("error_absolute", "{value:.3g} in the unit of the signal")
ERROR_UNKNOWN = Code("error_unknown", "an unknown amount")
ERROR_SUM = Code("error_sum", "{relative} plus {absolute}")
CERTIFICATE_EXPIRED = Code(
    "certificate_expired",
    "the errors of the {device:word} are within their limits: certificate {number} was valid until {until}, "
    "before the end of this period. Have the device calibrated, and add the new certificate",
)
PRODUCT_MIX_UNKNOWN = Code(
    "product_mix_unknown",
    "the mix of products is the same as in the baseline period: no driver of the model distinguishes them. Learn with "
    "a signal of the product, or state the mix of products",
)
PRODUCT_MIX_STATED = Code("product_mix_stated", "mix of products: {statement}")
PRODUCT_MIX_MEASURED = Code("product_mix_measured", "the mix of products is measured by {drivers:signal}")
PRODUCT_MIX_CONSTANT = Code("product_mix_constant", "the load is constant with every product")

ASSUMPTION = Code("assumption", "{status:word}: {reason}")
ASSUMPTION_BY = Code("assumption_by", "{status:word} ({by}, {at_ms:local}): {reason}")

# Static factors

STATIC_FACTOR = Code("static_factor", "{kind:word}: {statement} ({by}, {stated_ms:local})")
STATIC_FACTOR_FORM = Code(
    "static_factor_form", "{text:quoted}: expected `KEY=TEXT`, for example `load=constant`; the keys are {known}"
)
STATIC_FACTOR_TWICE = Code(
    "static_factor_twice",
    "static factor {kind:word}: {first:quoted} and {second:quoted} contradict each other; state it once",
)
LOAD_NOT_CONSTANT = Code(
    "load_not_constant",
    "static factor `load = constant` contradicts the baseline, whose energy varies by {cv:pct} % (at most {most:pct} "
    "%): remove the statement, or learn with a signal that measures the load",
)
LOAD_HAS_DRIVER = Code(
    "load_has_driver",
    "static factor `load = constant` contradicts the model, which depends on {drivers:signal}: remove the statement, "
    "or learn with `--model constant`",
)
STATIC_FACTOR_NOT_FROZEN = Code(
    "static_factor_not_frozen",
    "static factor {kind:word} of the configuration is not in the frozen baseline ({statement:quoted}) and has no "
    "effect; `magwatt baseline freeze {asset} --by NAME --replace` includes it",
)

# What is unusual in the data of a baseline

DRIVERS_COLLINEAR = Code(
    "drivers_collinear",
    "{one:signal} and {other:signal} moved together (VIF {vif:.0f}): these data do not show which of them drives the "
    "energy, and a model of only one of them is wrong as soon as they differ",
)
EVENT_IN_BASELINE = Code("event_in_baseline", "{start_ms:local}: {kind:word}: {cause}")

# What opens a non-routine event

BYPASS = Code("bypass", "the motor ran with its drive bypassed; the saving includes this energy")
MAINTENANCE = Code("maintenance", "the motor was in maintenance")
CLOCK_STEP = Code("clock_step", "the clock was wrong: the time of these energies may be wrong")
DATA_GAP = Code("data_gap", "no measurements")
CT_WIRING = Code("ct_wiring", "the current transformers of the meter were connected incorrectly")
CT_RATIO = Code("ct_ratio", "the power of the meter does not match that of the drive: check the transformer ratio")
ENERGY_FACTOR = Code(
    "energy_factor", "{factor:.2f} times the energy used before at the same load: check the transformer ratio"
)
METER_REPLACED = Code(
    "meter_replaced",
    "the meter or its transformer ratio changed ({before} → {after}); U95 includes the class limits of both from here",
)
LOAD_SHIFT_UP = Code("load_shift_up", "for about one day the energy was higher than before at the same load")
LOAD_SHIFT_DOWN = Code("load_shift_down", "for about one day the energy was lower than before at the same load")
RANGE_LEFT = Code("range_left", "more than 10 % of the energy was used outside the baseline range: {cause}")

# Models of a baseline

MODEL_CONSTANT = Code("model_constant", "constant load")
MODEL_STATE = Code("model_state", "mean of each state of {driver:signal}")
MODEL_POLYNOMIAL = Code("model_polynomial", "polynomial of degree {degree:d} in {driver:signal}")
MODEL_AFFINITY = Code("model_affinity", "affinity law with static head, a + b·q + c·q³, q = {driver:signal}")
MODEL_LINEAR = Code("model_linear", "linear in {drivers:signal}")
MODEL_LINEAR_SQUARE = Code("model_linear_square", "linear in {drivers:signal}, with the square of the first")
MODEL_LINEAR_PRODUCTS = Code("model_linear_products", "linear in {drivers:signal}, with their products")
MODEL_QUADRATIC = Code("model_quadratic", "quadratic in {drivers:signal}")
MODEL_SHAFT_POWER = Code("model_shaft_power", "losses of the old motor at the present shaft power")
MODEL_WITH_STANDSTILL = Code("model_with_standstill", "{model}; separate mean at standstill")
MODEL_WITH_LEVELS = Code("model_with_levels", "{model}; separate offset for each state of {state:signal}")
MODEL_WITH_SLOPES = Code("model_with_slopes", "{model}; separate coefficients for each state of {state:signal}")

MODEL_WITH_LAG = Code("model_with_lag", "{model}; the energy follows {driver:signal} by {lag_min:.0f} min")
MODEL_WITH_LEAD = Code("model_with_lead", "{model}; the energy precedes {driver:signal} by {lag_min:.0f} min")
MODEL_WITH_WINDOW = Code(
    "model_with_window",
    "{model}; the energy follows the mean of {driver:signal} from {from_min:+.0f} min to {to_min:+.0f} min around the "
    "interval",
)

# Why a signal is not a driver, or not all of its values were used

DRIVER_CONSTANT = Code("driver_constant", "{driver:signal} is not a driver: its value was always {value:g}")
DRIVER_CONSTANT_WHILE_RUNNING = Code(
    "driver_constant_while_running",
    "{driver:signal} is not a driver: while the motor ran, its value was always {value:g}. The baseline is for this "
    "value: intervals with the motor off have a separate mean, those with the motor on and another value are not "
    "counted",
)
DRIVER_MOSTLY_MISSING = Code(
    "driver_mostly_missing",
    "{driver:signal} is not a driver: only {found:d} of {n:d} intervals have a value. Repair the signal or choose a "
    "period with --from and --to",
)
DRIVER_NO_GAIN = Code(
    "driver_no_gain",
    "{driver:signal} is not a driver: it does not improve the prediction (best CV(RMSE) with it {cv_rmse:pct1} %, of "
    "the chosen model {chosen_cv_rmse:pct1} %)",
)
DRIVER_WEAK = Code(
    "driver_weak",
    "{driver:signal} is a weak driver: the model predicts almost as well without it (best CV(RMSE) with it "
    "{cv_rmse:pct1} %, of the chosen model {chosen_cv_rmse:pct1} %). The adjusted baseline is corrected for it",
)
DRIVER_ALIKE = Code(
    "driver_alike",
    "{driver:signal} is not a driver: there are too few independent data to separate it from {drivers:signal}",
)
DRIVER_WITHOUT_MODEL = Code("driver_without_model", "{driver:signal} is not a driver: no model of it fits the data")
DRIVER_STUCK = Code(
    "driver_stuck",
    "{driver:signal}: {n:d} {n:interval was|intervals were} left out, because the signal stayed at {value:g} while the "
    "energy changed (first on {start_ms:local}). Check the transmitter",
)

# Why no baseline can be learned

BASELINE_TOO_SHORT = Code(
    "baseline_too_short",
    "{asset}: {days:.1f} days of data; a baseline needs at least {least:.0f} days, and should cover a full production "
    "cycle",
)
REQUIRED_DRIVER_CONSTANT = Code(
    "required_driver_constant",
    "{asset}: driver {driver} was always {value:g} in this period: no model of it can be fitted. Choose another driver "
    "or period",
)

TOO_FEW_INTERVALS = Code(
    "too_few_intervals",
    "{asset}: {usable:d} of {n:d} intervals in this period are usable; a baseline needs at least {least:d}",
)
TOO_FEW_BYPASS_INTERVALS = Code(
    "too_few_bypass_intervals",
    "{asset}: {usable:d} of {n:d} intervals in this period are usable and with the drive bypassed; a baseline needs at "
    "least {least:d}",
)
TOO_FEW_COMPLETE_INTERVALS = Code(
    "too_few_complete_intervals",
    "{asset}: {usable:d} intervals have values of all drivers and no change of state; a baseline needs at least "
    "{least:d}",
)
TOO_FEW_OUTSIDE_GAPS = Code(
    "too_few_outside_gaps",
    "{asset}: {usable:d} of {n:d} intervals are outside the coverage gaps of {drivers:signal} and without start or "
    "stop; a baseline needs at least {least:d}. Choose other drivers with --driver",
)
MIXED_INTERVAL_LENGTHS = Code(
    "mixed_interval_lengths",
    "{asset}: intervals of {shortest_s:d} s and {longest_s:d} s cannot be combined; choose a period with one length "
    "(--from, --to), or import the rows of one of them again in the other length (--replace)",
)
NO_ENERGY_IN_PERIOD = Code("no_energy_in_period", "{asset}: the motor used no energy in this period")
DRIVER_UNAVAILABLE = Code(
    "driver_unavailable",
    "{asset}: {found:d} of {n:d} intervals have a value of driver {driver}; available: {available}",
)
NO_DRIVER_AVAILABLE = Code(
    "no_driver_available", "{asset}: {found:d} of {n:d} intervals have a value of driver {driver}; no driver available"
)
NO_MODEL_FITS = Code("no_model_fits", "{asset}: no model fits the data")
NO_MODEL_OF_KIND = Code("no_model_of_kind", "{asset}: no {kind} model fits the data")
NO_MODEL_OF_DRIVERS = Code(
    "no_model_of_drivers",
    "{asset}: no model of {drivers} fits the data; a model takes up to three numeric drivers and one state",
)
NO_MODEL_OF_KIND_AND_DRIVERS = Code(
    "no_model_of_kind_and_drivers",
    "{asset}: no {kind} model of {drivers} fits the data; a model takes up to three numeric drivers and one state",
)
SECOND_DRIVER_NEEDED = Code(
    "second_driver_needed", "{asset}: a {kind} model needs at least two drivers; repeat --driver"
)

# What is stored

BASELINE_UNREADABLE = Code("baseline_unreadable", "the baseline in the state file cannot be read: {error}")
DRAFT_UNREADABLE = Code("draft_unreadable", "the draft of a baseline in the state file cannot be read: {error}")
BASELINE_MODEL_UNKNOWN = Code(
    "baseline_model_unknown",
    "{asset}: the baseline was frozen with a model of kind {kind}, which this version does not know. Run `magwatt "
    "baseline learn {asset}`, then `magwatt baseline freeze {asset} --replace`",
)
BASELINE_CHANGED = Code(
    "baseline_changed", "the baseline in the state file is not the one that was frozen: its hash differs"
)
INTERVAL_UNREADABLE = Code(
    "interval_unreadable",
    "{asset}: the interval of {start_ms:local} in the state file cannot be read ({error}); `magwatt ledger verify` "
    "names its record",
)
EVENT_UNREADABLE = Code(
    "event_unreadable", "event {name} in the state file cannot be read ({error}); see `magwatt ledger verify`"
)

# Decisions on events

UNKNOWN_DECISION = Code("unknown_decision", "decision: expected exclude, keep or adjust, got {decision}")
DECISION_WITHOUT_REASON = Code("decision_without_reason", "a decision needs a name and a reason")
ADJUSTMENT_ENERGY = Code(
    "adjustment_energy", "the decision adjust needs an energy other than 0; the other decisions take no energy"
)
ADJUSTMENT_NOT_ENDED = Code(
    "adjustment_not_ended",
    "event {number:d} ({kind:word}) has not ended: an energy added now would not cover what is measured wrongly until "
    "then. Correct the cause and decide after its end, or give --exclude",
)
ADJUSTMENT_BEFORE_REPORTING = Code(
    "adjustment_before_reporting",
    "event {number:d} ({kind:word}) began before the reporting period, which starts at {from_ms:local}: an added "
    "energy counts in the month in which the event began, and would be in no saving. Give --keep or --exclude",
)

# Tariff, emission factors, periods

REACTIVE_ENERGY_MISSING = Code(
    "reactive_energy_missing",
    "a demand charge per kVA needs the reactive energy of each interval, which the meter does not provide",
)
POWER_FACTOR_STANDARD = Code(
    "power_factor_standard", "the power-factor rule has the standards 0.80, 0.85 and 0.90, got {standard:g}"
)
