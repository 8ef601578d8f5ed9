"""Limits of a bus that is well: of `plan`, `doctor`, the alarms and the page."""

UTILIZATION_WARN = 0.7  # of its time; above it there is no margin for retries
CORRUPT_MAX = 0.005  # share of corrupt responses; a correct RS-485 line is far below
FAILED_MAX = 0.05  # share of failed polls: the scheduler repeats a poll, so that single losses do not fail it
