"""What needs attention in a fleet: open alarms, gateways that are silent, savings without a result, damaged data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from msgspec import Struct

from agent.config.alarm_table import DEFINITIONS
from agent.core.text import N_
from agent.fleet import messages
from agent.fleet import reasons as codes
from agent.fleet.lake import Gateway, Lake, LakeError
from agent.fleet.report.motors import MotorSaving
from agent.fleet.verify import VerifiedLedger
from agent.savings.accounting.verdict import COVERAGE_LEAST, UNDECIDED
from agent.savings.reasons import NO_DATA
from drivers.reasons import Reason

DAY_MS = 86_400_000
SILENT_MS = 2 * DAY_MS  # a ledger is exported once a day
OPEN = ("UNACK", "ACKED")  # states of alarms whose cause persists
PRIORITIES = ("safety", "high", "medium", "low")
RESULTS, DATA, GATEWAYS, ALARM, CERTIFICATES = "results", "data", "gateways", "alarms", "certificates"
# In the order of the report
TITLES = {
    RESULTS: N_("savings without a result, or with an open question"),
    DATA: N_("data of the lake"),
    GATEWAYS: N_("gateways without new data"),
    ALARM: N_("open alarms"),
    CERTIFICATES: N_("expired certificates"),
}
DATASETS = ("telemetry", "health", "event")  # messages that a gateway sends all the time


class Attention(Struct, frozen=True):
    """One thing that needs attention. kind: one of TITLES."""

    kind: str
    reason: Reason


def attention(
    lake: Lake, motors: Sequence[MotorSaving], newest_ms: Mapping[Gateway, int], checks: Sequence[VerifiedLedger],
    span: tuple[int, int], now_ms: int,
) -> list[Attention]:  # fmt: skip
    """In the order of TITLES.

    newest_ms: of each gateway with a ledger the time of its newest record. span: about the period, UTC ms.
    """
    seen = _seen(lake, newest_ms)
    alarms = list(_alarms(lake))
    due_ms = min(now_ms, max([span[1], *seen.values()]))
    found = [Attention(RESULTS, reason) for motor in motors for reason in _results(motor)]
    found += [Attention(DATA, reason) for reason in (*_invalid(checks), *dict.fromkeys(lake.findings))]
    for (site, gateway), ms in sorted(seen.items(), key=lambda item: item[1]):
        if due_ms - ms > SILENT_MS:
            found.append(Attention(GATEWAYS, codes.GATEWAY_SILENT(site=site, gateway=gateway, seen_ms=ms)))
        if (site, gateway) not in newest_ms:
            found.append(Attention(GATEWAYS, codes.LEDGER_MISSING(site=site, gateway=gateway)))
    found += [Attention(ALARM, reason) for reason in alarms]
    found += [Attention(CERTIFICATES, _of(motor, reason)) for motor in motors for reason in motor.expired]
    return found


def _results(motor: MotorSaving) -> Iterator[Reason]:
    place = {"site": motor.site, "gateway": motor.gateway, "motor": motor.motor}
    if motor.note is not None:
        yield _of(motor, motor.note)
    elif (saving := motor.saving) is not None:
        if saving.verdict == UNDECIDED and saving.caveats:
            yield _of(motor, saving.caveats[0])
        if saving.open_events:
            yield codes.EVENTS_UNDECIDED(**place, n=saving.open_events)
        if motor.compared < COVERAGE_LEAST:
            yield codes.COMPARED_LITTLE(**place, share=motor.compared)
    if motor.note is None or motor.note.code != NO_DATA:
        for month in motor.missing_months:
            yield codes.MONTH_WITHOUT_DATA(**place, month=month)


def _of(motor: MotorSaving, reason: Reason) -> Reason:
    return codes.OF_MOTOR(site=motor.site, gateway=motor.gateway, motor=motor.motor, reason=reason)


def _invalid(checks: Sequence[VerifiedLedger]) -> Iterator[Reason]:
    for check in checks:
        if not check.result.ok and (problems := [*check.result.problems, *check.result.unchecked]):
            yield codes.LEDGER_INVALID(site=check.site, gateway=check.gateway, problem=problems[0])


def _seen(lake: Lake, newest_ms: Mapping[Gateway, int]) -> dict[Gateway, int]:
    """When each gateway was last seen: its newest record, or the end of the newest day with messages."""
    found = dict(newest_ms)
    for dataset in DATASETS:
        for file in lake.optional_files(dataset):
            with suppress(ValueError):
                day_ms = round(datetime.fromisoformat(file.partition).replace(tzinfo=UTC).timestamp() * 1000) + DAY_MS
                found[file.site, file.gateway] = max(found.get((file.site, file.gateway), 0), day_ms)
    return found


def _alarms(lake: Lake) -> Iterator[Reason]:
    """Alarms whose cause persists, the most urgent first."""
    with suppress(LakeError):  # no gateway has sent an event
        found = [row for row in messages.alarms(lake) if row.state in OPEN]
        found.sort(key=lambda row: PRIORITIES.index(row.priority) if row.priority in PRIORITIES else len(PRIORITIES))
        for row in found:
            title = DEFINITIONS[row.alarm].title if row.alarm in DEFINITIONS else row.alarm
            place = {"site": row.site, "gateway": row.gateway, "priority": row.priority, "since_ms": row.since_ms}
            if row.motor is None:
                yield codes.ALARM_OF_GATEWAY(**place, title=title)
            else:
                yield codes.ALARM_OF_MOTOR(**place, motor=row.motor, title=title)
