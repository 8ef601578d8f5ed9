"""Limits of a bus that is well: of `plan`, `doctor` and the page."""

UTILIZATION_WARN = 0.7  # of its time; above it there is no margin for retries
CORRUPT_MAX = 0.005  # share of corrupt responses; a correct RS-485 line is far below
