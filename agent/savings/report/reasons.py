"""Codes of the monthly report: what is missing or wrong, and what a reader needs to know."""

from __future__ import annotations

from drivers.reasons import Code

# The month and its data

NO_DATA_OF_MOTOR = Code("no_data_of_motor", "the state file has no data of this motor")
NO_DATA_IN_MONTH = Code(
    "no_data_in_month", "no data in this month; the state file has data from {from_ms:local} to {to_ms:local}"
)
MONTH_INCOMPLETE = Code("month_incomplete", "the month has not ended: data up to {now_ms:local}")
ENERGY_UNKNOWN_INTERVALS = Code("energy_unknown_intervals", "the energy of {n:d} {n:interval|intervals} is unknown")

# The reporting period

OUTSIDE_REPORTING_PERIOD = Code(
    "outside_reporting_period",
    "{n:d} {n:interval is|intervals are} outside the reporting period, which starts at {from_ms:local}",
)
OUTSIDE_ENDED_REPORTING_PERIOD = Code(
    "outside_ended_reporting_period",
    "{n:d} {n:interval is|intervals are} outside the reporting period from {from_ms:local} to {to_ms:local}",
)
OLD_MOTOR_IN_REPORTING_PERIOD = Code(
    "old_motor_in_reporting_period",
    "the reporting period includes {n:d} {n:interval|intervals} before {since}, when the old motor of {motor} was "
    "replaced: the reporting period must start later",
)

# The baseline

BASELINE_MISSING = Code("baseline_missing", "no baseline is frozen for this motor, so no saving is calculated")
BASELINE_FROZEN_LATE = Code(
    "baseline_frozen_late",
    "the baseline was frozen on {frozen_ms:local}, after the start of the reporting period ({first_ms:local})",
)
BASELINE_REPLACED = Code("baseline_replaced", "another baseline exists: {hash}, frozen on {frozen_ms:local} by {by}")
BETTER_MODEL = Code(
    "better_model",
    "another model predicts better: {model} has a CV(RMSE) of {best_cv_rmse:pct1} %, the frozen model of "
    "{cv_rmse:pct1} %",
)

# Money and emissions

GRID_FACTOR_MISSING = Code(
    "grid_factor_missing", "no grid emission factor is stated: avoided grid emissions are not calculated"
)
GRID_FACTOR_UNUSABLE = Code("grid_factor_unusable", "avoided grid emissions are not calculated: {cause}")
TARIFF_MISSING = Code(
    "tariff_missing", "neither a tariff nor an energy price is stated: the money saved is not calculated"
)
TARIFF_UNUSABLE = Code("tariff_unusable", "the money saved is not calculated: {cause}")
DEMAND_UNKNOWN = Code(
    "demand_unknown",
    "no demand charge is calculated: the data have intervals of {length_min:g} min, and the demand is the mean power "
    "over {window_min:g} min",
)
CURRENCY_MISSING = Code("currency_missing", "no currency is stated: the currency of the prices is unknown")

# The ledger

LEDGER_RECORD_MISSING = Code(
    "ledger_record_missing", "the ledger has no record of this month: the figures cannot be verified"
)
LEDGER_INVALID = Code("ledger_invalid", "the ledger is not intact: {problem}")
LEDGER_PROBLEM = Code("ledger_problem", "ledger: {problem}")
SIGNATURES_UNCHECKED = Code("signatures_unchecked", "the signatures of the ledger were not checked: {cause}")
LEDGER_DIFFERS = Code("ledger_differs", "{n:d} {n:record|records} of the ledger {n:differs|differ} from this report")
KEY_SELF_DECLARED = Code(
    "key_self_declared",
    "the signatures were checked with key {key}, which only the ledger itself declares. A rewritten ledger can declare "
    "another key: verify with the JSON file of an earlier report",
)

LEDGER_UNCONFIRMED = Code("ledger_unconfirmed", "the ledger does not confirm this result")

# Where the files are written

OUTPUT_IS_DATA_FILE = Code(
    "output_is_data_file", "{path}: the {kind} file is written next to the page; choose a name that ends in .html"
)
NO_MOTOR = Code("no_motor", "the configuration has no motor")
