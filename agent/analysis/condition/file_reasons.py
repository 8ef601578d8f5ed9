"""Codes of the files of `magwatt replay --condition`: nameplate, recording, rows. path: the file as it was named."""

from __future__ import annotations

from drivers.reasons import Code

# motor.toml

MOTOR_TABLE_UNKNOWN = Code(
    "condition_motor_table_unknown", "unknown table; write [motor], or [drive] where only the supply side is recorded"
)
MEASURED_AT_TWO_PLACES = Code(
    "condition_measured_at_two_places", "differs from motor.at; state where the recording was made, once"
)

# Rows of one second

ROWS_EMPTY = Code("condition_rows_empty", "{path}: no rows after the header")
ROWS_UNREADABLE = Code("condition_rows_unreadable", "{path}: line {line:d}: not a CSV line ({error})")
ROWS_TIME_MISSING = Code(
    "condition_rows_time_missing", "{path}: line {line:d}: t_s must be a number of seconds; it is {text:quoted}"
)
ROWS_TIME_BACK = Code(
    "condition_rows_time_back",
    "{path}: line {line:d}: t_s goes back from {before_s:g} s to {t_s:g} s; sort the rows by time",
)
ROWS_VALUE_INVALID = Code(
    "condition_rows_value_invalid",
    "{path}: line {line:d}: {column} must be a number or empty; it is {text:quoted}",
)
ROWS_CELLS = Code(
    "condition_rows_cells", "{path}: line {line:d} has {n:d} cells, the header has {n_header:d}; check the delimiter"
)
ROWS_COLUMN_TWICE = Code("condition_rows_column_twice", "{path}: the column {column} occurs twice; delete one of them")
BASELINE_WITH_ROWS = Code(
    "condition_baseline_with_rows", "--baseline is a recording of waveforms; rows learn from their first 10 minutes"
)
BASELINE_IS_ROWS = Code(
    "condition_baseline_is_rows",
    "{path}: contains rows; --baseline must be a recording of waveforms (npz, CSV, COMTRADE)",
)
