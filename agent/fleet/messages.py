"""Questions about the messages in a lake: coverage of the rows, verdicts of the savings, alarms.

Months are those of the UTC day in whose folder a message is.
"""

from __future__ import annotations

from msgspec import Struct

from agent.fleet.lake import IDENTITY, MESSAGE, Lake, Relation
from agent.fleet.lake_files import LakeFile, by_gateway, files_of
from agent.fleet.months import gateways_without, missing_months
from agent.fleet.shared_names import shared_name_findings

BATCH_BYTES = 1_000_000_000  # of files in one query
NUMBER = "(split_part(id, '-', 1)::bigint << 34) + split_part(id, '-', 2)::bigint"  # in the order of publishing
_ROWS = Relation({**MESSAGE, "energy_counted_import_wh": "bigint"}, IDENTITY)
_SAVINGS = Relation(
    {**MESSAGE, "savings_verdict": "varchar", "saved_energy_wh": "double", "saved_energy_wh_u": "double",
     "savings_coverage_pct": "double", "savings_caveats": "varchar", "savings_assumptions": "varchar"},
    IDENTITY,
)  # fmt: skip
_EVENTS = Relation(
    {**MESSAGE, "alarm": "varchar", "alarm_state": "varchar", "alarm_change": "varchar", "alarm_priority": "varchar"},
    IDENTITY,
)


class RowCoverage(Struct, frozen=True):
    """The rows of a motor in a month.

    days: number of UTC days with rows. rows: their number, bad: of these without a usable value.
    first_ms, last_ms: UTC of the first and the last one.
    counted_wh: growth of the energy that the agent has counted; None: it counts none.
    """

    site: str
    gateway: str
    motor: str
    month: str
    days: int
    rows: int
    bad: int
    first_ms: int
    last_ms: int
    counted_wh: int | None


class MotorVerdict(Struct, frozen=True):
    """The newest verdict of a motor: since the start of its reporting period.

    saved_wh, u95_wh: saved energy and its uncertainty at 95 % confidence; None: unknown.
    caveats, assumptions: codes, separated by commas; None: none.
    """

    site: str
    gateway: str
    motor: str
    t_ms: int
    verdict: str
    saved_wh: float | None
    u95_wh: float | None
    coverage_pct: float | None
    caveats: str | None
    assumptions: str | None


class AlarmCount(Struct, frozen=True):
    """An alarm of a motor, or of the gateway (motor None).

    state: its newest state; priority: at that time. raised: how often it was raised. since_ms: UTC of its last change.
    """

    site: str
    gateway: str
    motor: str | None
    alarm: str
    state: str
    priority: str
    raised: int
    since_ms: int


def coverage(lake: Lake, month: str | None = None) -> list[RowCoverage]:
    """By site, gateway, motor and month. month: only this one. Raises LakeError."""
    found, files = list[RowCoverage](), _files(lake, "telemetry", month)
    for batch in by_gateway(files, BATCH_BYTES):
        found += [RowCoverage(*row) for row in lake.ask(batch, _coverage, _ROWS)]
        lake.findings += shared_name_findings(lake, batch, _ROWS)
    if month is None:
        lake.findings += missing_months(found)
    else:
        lake.findings += gateways_without(month, files_of(lake.path, "telemetry", []), found)
    return sorted(found, key=lambda row: (row.site, row.gateway, row.motor, row.month))


def verdicts(lake: Lake, month: str | None = None) -> list[MotorVerdict]:
    """By site, gateway and motor. month: the newest of this month. Raises LakeError."""
    files = _files(lake, "savings", month)
    lake.findings += shared_name_findings(lake, files, _SAVINGS)
    found = [MotorVerdict(*row) for row in lake.ask(files, _verdicts, _SAVINGS)]
    return sorted(found, key=lambda row: (row.site, row.gateway, row.motor))


def alarms(lake: Lake, month: str | None = None) -> list[AlarmCount]:
    """Those that changed, most often raised first. month: changes of this month only. Raises LakeError."""
    files = _files(lake, "event", month)
    lake.findings += shared_name_findings(lake, files, _EVENTS)
    found = [AlarmCount(*row) for row in lake.ask(files, _alarms, _EVENTS)]
    return sorted(found, key=lambda row: (-row.raised, row.site, row.gateway, row.motor or "", row.alarm))


def _files(lake: Lake, dataset: str, month: str | None) -> list[LakeFile]:
    return lake.files(dataset, lambda day: month is None or day[:7] == month)


def _coverage(rows: str) -> str:
    return f"""
        select site, gateway, asset, partition[:7] as month, count(distinct partition), count(*),
            count(*) filter (q = 'bad'), epoch_ms(min(t)), epoch_ms(max(t)),
            max(energy_counted_import_wh) - min(energy_counted_import_wh)
        from {rows} where asset is not null group by site, gateway, asset, month
    """


def _verdicts(rows: str) -> str:
    return f"""
        select site, gateway, asset, epoch_ms(newest.t), newest.savings_verdict, newest.saved_energy_wh,
            newest.saved_energy_wh_u, newest.savings_coverage_pct, newest.savings_caveats, newest.savings_assumptions
        from (
            select site, gateway, asset, arg_max(found, {NUMBER}) as newest from {rows} as found
            where savings_verdict is not null group by site, gateway, asset
        )
    """


def _alarms(rows: str) -> str:
    return f"""
        select site, gateway, asset, alarm, arg_max(alarm_state, {NUMBER}), arg_max(alarm_priority, {NUMBER}),
            count(*) filter (alarm_change = 'raised'), epoch_ms(max(t))
        from {rows} where alarm is not null group by site, gateway, asset, alarm
    """
