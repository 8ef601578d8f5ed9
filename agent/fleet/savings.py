"""Savings of a fleet by motor and month, from the ledgers in a lake.

The sums are those that docs/reference/ledger-format.md defines: of several records of a motor and start the last one
counts, and one of length 0 withdraws the interval. Decisions that exclude intervals from a saving are not applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from msgspec import Struct

from agent.config.tariff import month_bounds_ms
from agent.core.local_time import format_date
from agent.fleet.lake import Gateway, Lake, Relation
from agent.fleet.lake_files import LakeFile, by_gateway, newest_of_ledgers
from agent.fleet.months import gateways_without, missing_months, months_between
from agent.fleet.shared_names import shared_ledgers

BATCH_BYTES = 128_000_000  # of ledger files in one query
QUARTER_MS = 900_000
BITS = 4096  # more than the quarter hours of a month
RECORDS = Relation(
    {"seq": "bigint", "kind": "varchar", "line": "varchar", "ledger": "varchar", "asset": "varchar",
     "start": "timestamptz", "length_s": "integer", "energy_wh": "bigint", "auxiliary_wh": "bigint",
     "adjusted_wh": "bigint", "covered_s": "integer", "late": "boolean"},
    ("ledger", "seq", "line"),
)  # fmt: skip


class MotorMonth(Struct, frozen=True):
    """What the ledger has of a motor and a local month. Energies in whole Wh.

    ledger: identity of the ledger; two gateways with one name have two.
    month: of the start of the interval, in the time zone of the site: 2026-10.
    intervals: number of intervals that count.
    measured_wh: measured energy with auxiliaries; unknown energies count as 0.
    compared: number of intervals with measured and adjusted baseline energy.
    adjusted_wh: adjusted baseline energy; unknown ones count as 0.
    saved_wh: adjusted baseline energy minus measured energy of the compared intervals.
    covered_s: seconds that were polled. late: number of intervals recorded afterwards.
    """

    site: str
    gateway: str
    ledger: str
    motor: str
    month: str
    intervals: int
    measured_wh: int
    compared: int
    adjusted_wh: int
    saved_wh: int
    covered_s: int
    late: int


def savings(lake: Lake, month: str | None = None) -> list[MotorMonth]:
    """By site, gateway, motor and month. month: only this one. Raises LakeError."""
    # A record is not written before its interval begins; the local month begins up to 14 h before that of UTC.
    first = "" if month is None else (date.fromisoformat(f"{month}-01") - timedelta(days=1)).strftime("%Y-%m")
    every = lake.files("ledger")
    files = newest_of_ledgers(file for file in every if file.partition >= first)
    zones = lake.timezones(dict.fromkeys((file.site, file.gateway) for file in files))
    found = list[MotorMonth]()
    for zone in sorted(set(zones.values())):
        of_zone = (file for file in files if zones[file.site, file.gateway] == zone)
        for batch in by_gateway(of_zone, BATCH_BYTES):
            found += _of_batch(lake, batch, zone, month)
    found.sort(key=lambda row: (row.site, row.gateway, row.ledger, row.motor, row.month))
    lake.findings += shared_ledgers((row.site, row.gateway, row.ledger) for row in found)
    lake.findings += missing_months(found) if month is None else gateways_without(month, every, found)
    return found


def _of_batch(lake: Lake, files: Sequence[LakeFile], zone: str, month: str | None) -> list[MotorMonth]:
    """The sums of some gateways. Those with more than one record of a start are summed again, with the last of each."""
    months = [month] if month else _months(lake, files, zone)
    bounds = [month_bounds_ms(name, zone) for name in months]
    found, amended = list[MotorMonth](), set[Gateway]()
    for row in lake.ask(files, lambda rows: _sums(rows, bounds), RECORDS):
        found.append(_motor_month(row, months))
        if not row[-1]:
            amended.add((row[0], row[1]))
    again = [file for file in files if (file.site, file.gateway) in amended]
    exact = lake.ask(again, lambda rows: _sums(_counting(rows), bounds), RECORDS)
    return [
        *(row for row in found if (row.site, row.gateway) not in amended),
        *(_motor_month(row, months) for row in exact),
    ]


def _motor_month(row: Sequence[Any], months: Sequence[str]) -> MotorMonth:
    """A row of `_sums`, which has the number of the month."""
    site, gateway, ledger, motor, month, *sums, _ = row
    return MotorMonth(site, gateway, ledger, motor, months[month], *sums)


def _sums(rows: str, bounds: Sequence[tuple[int, int]]) -> str:
    """Sums by motor and month, and whether each start has one record, which does not withdraw its interval.

    A start is a bit of its month; one that is no multiple of a quarter hour is taken for a repeated one.
    """
    month = " ".join(f"when start_ms >= {low} and start_ms < {high} then {number}"
                     for number, (low, high) in enumerate(bounds))  # fmt: skip
    return f"""
        with records as (
            select *, energy_wh + coalesce(auxiliary_wh, 0) as measured_wh, case {month} end as month
            from (select *, epoch_ms(start) as start_ms from {rows} where kind = 'interval')
        )
        select site, gateway, ledger, asset, month, count(*),
            (coalesce(sum(energy_wh), 0) + coalesce(sum(auxiliary_wh), 0))::bigint,
            count(adjusted_wh - measured_wh), coalesce(sum(adjusted_wh), 0)::bigint,
            coalesce(sum(adjusted_wh - measured_wh), 0)::bigint, coalesce(sum(covered_s), 0)::bigint,
            count(*) filter (late),
            bit_count(bitstring_agg((start_ms // {QUARTER_MS} % {BITS})::integer, 0, {BITS - 1})) = count(*)
                and max(start_ms % {QUARTER_MS}) = 0 and min(length_s) > 0
        from records where month is not null group by all
    """


def _counting(rows: str) -> str:
    """The last record of each start, without withdrawn intervals."""
    return f"""(select last.* from (
        select arg_max(found, found.seq) as last from {rows} as found where kind = 'interval'
        group by site, gateway, ledger, asset, start
    ) where last.length_s > 0)"""


def _months(lake: Lake, files: Sequence[LakeFile], zone: str) -> list[str]:
    """The local months that can have records."""
    query = "select epoch_ms(min(start)), epoch_ms(max(start)) from"
    [(low, high)] = lake.ask(files, lambda rows: f"{query} {rows}", RECORDS)
    return [] if low is None else list(months_between(format_date(low, zone)[:7], format_date(high, zone)[:7]))
