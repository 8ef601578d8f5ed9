"""Codes of `magwatt import`: why a file is rejected, and what is notable in it."""

from __future__ import annotations

from drivers.reasons import Code

# The file

FILE_IS_ARCHIVE = Code("file_is_archive", "{path}: a workbook or an archive, not CSV; save the sheet as CSV")
FILE_ENCODING_UNKNOWN = Code("file_encoding_unknown", "{path}: the text is neither UTF-8 nor GB 18030")
FILE_TOO_SHORT = Code("file_too_short", "{path}: {n:d} {n:row|rows}; at least 2 are needed")
COLUMNS_MISSING = Code("columns_missing", "{path}: no column {columns}; the columns are: {available}")
COLUMNS_IN_LATER_LINE = Code(
    "columns_in_later_line", "{path}: no column {columns}; line {line:d} names the columns: remove the lines above it"
)
COLUMN_REPEATED = Code("column_repeated", "{path}: {n:d} columns have the name {column}; rename the ones not meant")

# Its lines

LINE_INVALID = Code("line_invalid", "{file}:{line:d}: {cause}")
LINE_TOO_SHORT = Code("line_too_short", "{file}:{line:d}: too few columns")
LINE_TOO_LONG = Code(
    "line_too_long",
    "{file}:{line:d}: more columns than the first line names; with a decimal comma, separate the columns by semicolons",
)
LINES_CONFLICT = Code("lines_conflict", "{file}:{line:d}: same time as line {other_line:d}, but different values")
MORE_LINES_INVALID = Code("more_lines_invalid", "{n:d} more {n:line|lines} with errors")
NUMBER_INVALID = Code("number_invalid", "{text:quoted} is not a number; leave the cell empty where there is no value")
NUMBER_WITH_DECIMAL_COMMA = Code(
    "number_with_decimal_comma",
    "{text:quoted} is not a number; with a decimal comma, separate the columns by semicolons",
)
NUMBER_WITH_THOUSANDS = Code(
    "number_with_thousands", "{text:quoted} is not a number; write it without thousands separators, for example 1234.5"
)
NUMBER_WITH_THOUSANDS_COMMA = Code(
    "number_with_thousands_comma",
    "{text:quoted} is not a number; write it without thousands separators, for example 1234,5",
)
TIME_INVALID = Code("time_invalid", "{text:quoted} is not a time; write for example 2026-03-01 00:15")
TIME_SKIPPED = Code(
    "time_skipped", "{text}: this time does not exist in {zone} because of a clock change; check the time zone"
)
IMPORT_UNIT_UNKNOWN = Code("import_unit_unknown", "unit {unit}: expected one of {units}")
ROWS_AT_ONE_TIME = Code("rows_at_one_time", "{path}: all rows have the same time")
ROW_LENGTH_UNSUPPORTED = Code(
    "row_length_unsupported", "{path}: the rows are {step_min:g} min apart; expected one of {expected_min} min"
)
ROWS_OFF_GRID = Code(
    "rows_off_grid",
    "{file}:{line:d}: {n:d} {n:time is|times are} not a multiple of {step_min:d} min; check the time zone",
)
ROW_LENGTH_CHANGES = Code(
    "row_length_changes",
    "{file}:{line:d}: here the rows are {other_min:g} min apart, in most of the file {step_min:g} min; write the rows "
    "of each length to a separate file",
)

# The data compared with the motor and with what is stored

IMPORT_WITHOUT_ENERGY = Code("import_without_energy", "{path}: the file contains no energy")
POWER_TOO_HIGH = Code(
    "power_too_high",
    "{path}: half of the intervals are above {median_kw:.0f} kW, but the rated power of the motor is {rated_kw:g} kW; "
    "check the unit ({unit}) and that this is the meter of the motor",
)
POWER_TOO_LOW = Code(
    "power_too_low",
    "the power is never above {highest_kw:.3g} kW, but the rated power of the motor is {rated_kw:g} kW; check the unit "
    "({unit})",
)
TOTAL_ENERGY_NEGATIVE = Code(
    "total_energy_negative",
    "{path}: the total energy is negative; check the direction of the current transformers and that this is the "
    "register of imported energy",
)
ENERGY_NEGATIVE = Code(
    "energy_negative",
    "{n:d} {n:row is|rows are} negative; check the direction of the current transformers, unless the motor fed energy "
    "back",
)
IMPORT_IN_FUTURE = Code(
    "import_in_future",
    "{path}: the data end at {end_ms:local}, but the time is {now_ms:local}; check the order of day and month, and the "
    "clock of this computer",
)
IMPORT_CONFLICT = Code(
    "import_conflict",
    "{n:d} {n:interval was|intervals were} imported before with other values, the first from {first_ms:local}; use "
    "--replace to replace them",
)
IMPORT_OTHER_LENGTH = Code(
    "import_other_length",
    "{n:d} {n:interval that was|intervals that were} imported before {n:overlaps|overlap} this file and {n:has|have} "
    "another length or start ({old_min:g} min, the first from {first_ms:local}; this file: {new_min:g} min); use "
    "--replace to replace them, or remove these rows from the file",
)
IMPORT_CUTS_INTERVAL = Code(
    "import_cuts_interval",
    "{path}: the rows cover only a part of {n:d} {n:interval|intervals} imported before, the first from "
    "{from_ms:local} to {to_ms:local}, and the energy of the rest would be lost; add the missing rows, or remove the "
    "rows of this time",
)
DRIVER_CONFLICT = Code(
    "driver_conflict",
    "{n:d} {n:interval has|intervals have} other values of the same driver, the first from {first_ms:local}; use "
    "--replace to replace them",
)

# Result

INTERVALS_IMPORTED = Code(
    "intervals_imported",
    "{asset}: {n:d} {n:interval|intervals} of {length_min:g} min written; the file contains {energy_wh:kwh} kWh from "
    "{from_ms:local} to {to_ms:local} in rows of {step_min:g} min",
)
DRIVERS_IMPORTED = Code(
    "drivers_imported",
    "{asset}: drivers of {n:d} {n:interval|intervals} written; the file extends from {from_ms:local} to "
    "{to_ms:local} in rows of {step_min:g} min",
)
INTERVALS_KNOWN = Code("intervals_known", "{n:d} {n:interval was|intervals were} imported before with the same values")
INTERVALS_MEASURED = Code(
    "intervals_measured", "{n:d} {n:interval was|intervals were} measured by the agent and {n:is|are} not replaced"
)
INTERVALS_REPLACED = Code("intervals_replaced", "{n:d} {n:interval replaces|intervals replace} an earlier import")
INTERVALS_INCOMPLETE = Code(
    "intervals_incomplete", "{n:d} {n:interval is|intervals are} incomplete; their coverage is below 100 %"
)
INTERVALS_NOT_ENDED = Code(
    "intervals_not_ended", "{n:d} {n:interval has|intervals have} not ended yet and {n:was|were} not imported"
)
ROWS_WITHOUT_ENERGY = Code(
    "rows_without_energy",
    "no energy is stored for {n:d} {n:row|rows}, and their drivers were not imported; import the energy of this time, "
    "then this file again",
)
ROWS_REPEATED = Code("rows_repeated", "{n:d} duplicate {n:row|rows}")
DRIVER_WITHOUT_VALUE = Code(
    "driver_without_value", "column {column}: {n:d} {n:row has|rows have} no value; there the driver is unknown"
)
ROWS_WITHOUT_VALUE = Code("rows_without_value", "{n:d} {n:row has|rows have} no value")
REGISTER_DECREASED = Code(
    "register_decreased",
    "the register decreased {n:d} {n:time|times}; the energy between these readings is not counted",
)
REPEATED_HOUR_ONCE = Code(
    "repeated_hour_once",
    "the clock change repeats the hour of {time}, but the file contains it once: it is imported as the first "
    "occurrence; the second is a gap",
)
RATIO_EVENT = Code(
    "ratio_event",
    "non-routine event {number:d}, since {from_ms:local}: {cause}. No saving is claimed until `magwatt adjustment "
    "decide {asset} {number:d}` keeps or excludes these energies",
)
IMPORT_GAP = Code("import_gap", "gap from {from_ms:local} to {to_ms:local}")
MORE_GAPS = Code("more_gaps", "{n:d} more {n:gap|gaps}")
