"""The tables of fleet-sizing.md, which tables.py writes: what a fleet needs, calculated from measured costs.

Each cost is a constant with the command that measures it (docs/reference/fleet-measured.md). Processors are cores like
those of that machine, used completely.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

MOTORS = 12
DAY_S, YEAR_D = 86_400, 365
KEPT_D = 90  # rows
# `make bench-ingest`
MESSAGE_B = 975  # a row of 30 metrics with its topic
BROKER_US = 33  # a row in, to two workers
RECEIVE_US = 24  # a row, by two workers, of which each receives all; 50 at 720 rows/s
CONVERT_US = 30  # a row of a segment of five minutes
MERGE_US = 14  # a row, until its day is one file: 5.5 for each of 2.5 times that it is written
ROW_B = 40  # in a merged file
# `make bench-fleet`
BIRTH_B, BIRTHS = 32_000, 26  # of a gateway
# `python -m benchmarks.lake`
QUESTION_ROWS, QUESTION_FILE_S = 8e6, 0.75e-3  # records a processor second; processor time to open a file
# Exports of simulated plants
MINUTE_B = 128  # of a motor, 86 columns
RECORD_B = 233  # of a quarter hour in the ledger, with its signed line and its stored interval
SNAPSHOT_B = 1.74e6  # 10 s of six channels at 10 kHz
# `make bench-database`: rows of 15 metrics in PostgreSQL 17, loader and server
DATABASE_US, DATABASE_B = 9, 238
RETAINED_B = (30_000, 160_000)  # of a gateway
BROKER_SHARE = 0.7  # of a core, which one Mosquitto can use: above, it answers late


class Fleet(NamedTuple):
    gateways: int
    interval_s: int

    @property
    def rows_s(self) -> float:
        return self.gateways * MOTORS / self.interval_s

    @property
    def motors(self) -> int:
        return self.gateways * MOTORS


FLEETS = [Fleet(gateways, interval_s) for gateways in (1000, 10_000) for interval_s in (5, 1)]
Row = tuple[str, Callable[[Fleet], str]]
RATES: list[Row] = [
    ("messages a second", lambda fleet: f"{fleet.rows_s:,.0f}"),
    ("MB a second", lambda fleet: _digits(fleet.rows_s * MESSAGE_B / 1e6)),
    ("cores of the broker", lambda fleet: _cores(fleet, BROKER_US)),
    ("cores to receive", lambda fleet: _cores(fleet, RECEIVE_US)),
    ("cores to convert and merge", lambda fleet: _cores(fleet, CONVERT_US + MERGE_US)),
    ("cores of the database, if it takes every row", lambda fleet: _cores(fleet, DATABASE_US)),
    ("received and not converted, two segments of 5 min", lambda fleet: _size(fleet.rows_s * MESSAGE_B * 600)),
    ("broker's memory for an hour without a worker", lambda fleet: _size(fleet.rows_s * MESSAGE_B * 3600)),
]
STORAGE: list[Row] = [
    (f"rows in the lake, {KEPT_D} days", lambda fleet: _size(fleet.rows_s * DAY_S * ROW_B * KEPT_D)),
    ("minutes, a year", lambda fleet: _size(fleet.motors * 1440 * YEAR_D * MINUTE_B)),
    ("ledgers, a year", lambda fleet: _size(fleet.motors * 96 * YEAR_D * RECORD_B)),
    ("snapshots, one a day, a year", lambda fleet: _size(fleet.motors * YEAR_D * SNAPSHOT_B)),
    ("rows in the database, a day, without compression", lambda fleet: _size(fleet.rows_s * DAY_S * DATABASE_B)),
]
RESTART: list[Row] = [
    ("births after a restart of the broker",
     lambda fleet: f"{fleet.gateways * BIRTHS:,}, {_size(fleet.gateways * BIRTH_B)}"),
    ("a second, after an outage of 1 min", lambda fleet: f"{_digits(fleet.gateways * BIRTH_B / 60e6)} MB"),
    ("broker's memory for retained messages",
     lambda fleet: " to ".join(_size(fleet.gateways * size) for size in RETAINED_B)),
    ("processor time of `query savings`, one month",
     lambda fleet: f"{_digits(fleet.motors * 96 * 30 / QUESTION_ROWS + fleet.gateways * 30 * QUESTION_FILE_S)} s"),
]  # fmt: skip


def mosquitto_rows_s() -> int:
    """Rows a second that one Mosquitto can take, in steps of a thousand."""
    return int(BROKER_SHARE / BROKER_US * 1e6) // 1000 * 1000


def rates_markdown() -> str:
    return _table(RATES, FLEETS)


def storage_markdown() -> str:
    return _table(STORAGE, FLEETS)


def restart_markdown() -> str:
    return _table(RESTART, [fleet for fleet in FLEETS if fleet.interval_s == 1], rate=False)


def _table(rows: list[Row], fleets: list[Fleet], rate: bool = True) -> str:
    heads = [f"{fleet.gateways:,}" + (f", every {fleet.interval_s} s" if rate else "") for fleet in fleets]
    lines = [f"| gateways of {MOTORS} motors | {' | '.join(heads)} |", "|---" * (len(fleets) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(map(value, fleets))} |" for name, value in rows]
    return "\n".join(lines) + "\n"


def _cores(fleet: Fleet, cost_us: float) -> str:
    return _digits(fleet.rows_s * cost_us / 1e6)


def _size(size: float) -> str:
    for unit, scale in (("TB", 1e12), ("GB", 1e9)):
        if size >= scale:
            return f"{_digits(size / scale)} {unit}"
    return f"{_digits(size / 1e6)} MB"


def _digits(value: float) -> str:
    """Two significant digits."""
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"
