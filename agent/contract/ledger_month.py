"""A month in the ledger: the counting records of its intervals, and the decisions on its events."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

from agent.contract import reasons as codes
from agent.contract.month import ContractMonth
from agent.savings.ledger.chain import LedgerRecord, records
from agent.savings.ledger.interval_records import INTERVAL
from drivers.reasons import InvalidValue, Reason

DECISION = "decision"  # kind of record


class LedgerMonth(Struct, frozen=True):
    """The records of some motors in a month.

    first, last: numbers of the first and the last record of an interval.
    hash: of the last one.
    intervals: motor → start, UTC ms → counting record; those that were withdrawn are not in it.
    decisions: motor → number of the event → record of its newest decision, whenever the event was.
    """

    first: int
    last: int
    hash: str
    intervals: Mapping[str, Mapping[int, LedgerRecord]]
    decisions: Mapping[str, Mapping[int, LedgerRecord]]


def ledger_month(db: sqlite3.Connection, motors: Collection[str], span: tuple[int, int], month: str) -> LedgerMonth:
    """The records of a month; signatures are not verified.

    span: the billing month, UTC ms. month: its name, for errors.
    Raises InvalidValue when there are none.
    """
    found: dict[str, dict[int, LedgerRecord]] = {motor: {} for motor in motors}
    first, last = 0, None
    for record in records(db, INTERVAL):
        motor, start_ms = record.body.get("asset"), record.body.get("from_ms", -1)
        if motor in found and span[0] <= start_ms < span[1]:
            found[motor][start_ms] = record
            first, last = first or record.seq, record
    if last is None:
        raise InvalidValue(codes.BUNDLE_EMPTY, month=month, motors=tuple(motors))
    counting = {motor: {start_ms: record for start_ms, record in each.items() if record.body.get("length_s")}
                for motor, each in found.items()}  # fmt: skip
    return LedgerMonth(first, last.seq, last.hash, counting, newest_decisions(db, motors))


def newest_decisions(db: sqlite3.Connection, motors: Collection[str]) -> dict[str, dict[int, LedgerRecord]]:
    """Motor → number of the event → record of its newest decision, by number."""
    found: dict[str, dict[int, LedgerRecord]] = {motor: {} for motor in motors}
    for record in records(db, DECISION):
        event = record.body.get("event")
        if isinstance(event, dict) and event.get("asset") in found:
            found[event["asset"]][int(event.get("number", 0))] = record
    return {motor: dict(sorted(each.items())) for motor, each in found.items()}


def overlaps(event: Mapping[str, Any], span: tuple[int, int]) -> bool:
    """Whether an event, as a decision records it, overlaps the time; one without an end continues."""
    end_ms = event.get("to_ms")
    return int(event["from_ms"]) < span[1] and (end_ms is None or int(end_ms) > span[0])


def changes_after(db: sqlite3.Connection, month: ContractMonth) -> list[Reason]:
    """What was recorded of a month after it was issued: it changes nothing that is signed, and the parties can correct
    the month.
    """
    span, found = (month.from_ms, month.to_ms), list[Reason]()
    later = dict.fromkeys(month.motors, 0)
    for record in records(db, INTERVAL, month.ledger.last):
        motor = str(record.body.get("asset"))
        if motor in later and span[0] <= record.body.get("from_ms", -1) < span[1]:
            later[motor] += 1
    found += [codes.INTERVALS_AFTER_ISSUE(month=month.month, motor=motor, n=n) for motor, n in later.items() if n]
    for motor, decisions in newest_decisions(db, month.motors).items():
        known = {decision.event: decision.line for decision in month.motors[motor].decisions}
        found += [
            codes.DECISION_AFTER_ISSUE(month=month.month, motor=motor, number=number)
            for number, record in decisions.items()
            if record.hash != known.get(number) and (number in known or overlaps(record.body["event"], span))
        ]
    return found
