"""Which months have data, and the fingerprint of the data of a month: it changes when the report would."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from datetime import timedelta

from agent import VERSION
from agent.config.model import Config
from agent.config.tariff import month_bounds_ms
from agent.core.local_time import local_datetime
from agent.savings.records.model import QUARTER_MS
from agent.savings.records.repository import present_ms

MONTHS_MAX = 240
RECORDED_MS = 3 * 86_400_000  # a month is recorded in the ledger by then


def bounds_ms(config: Config, month: str) -> tuple[int, int]:
    """Start and end of the billing month, UTC. Raises InvalidValue."""
    return config.tariff.bounds_ms(month) if config.tariff else month_bounds_ms(month, config.site.timezone)


def month_at(config: Config, utc_ms: int) -> str:
    """The billing month that contains a time."""
    day = local_datetime(utc_ms, config.site.timezone).date()
    return config.tariff.month_of(day) if config.tariff else f"{day:%Y-%m}"


def present_month(db: sqlite3.Connection, config: Config, clock_ms: int) -> str:
    """The running month; of a simulated plant the month in which its run ended."""
    return month_at(config, present_ms(config, db, clock_ms))


def months_with_data(db: sqlite3.Connection, config: Config) -> list[str]:
    """The months with intervals of a configured motor, newest first."""
    spans = [
        db.execute("select min(start_ms), max(start_ms) from interval where asset = ?", (motor,)).fetchone()
        for motor in config.motors
    ]
    known = [span for span in spans if span[0] is not None]
    if not known:
        return []
    months = _back(config, max(span[1] for span in known), min(span[0] for span in known))
    return [month for month in months if _has_data(db, config, month)]


def _back(config: Config, newest_ms: int, oldest_ms: int) -> Iterator[str]:
    """The months from the newest time back to the oldest."""
    at_ms = newest_ms
    for _ in range(MONTHS_MAX):
        month = month_at(config, at_ms)
        yield month
        from_ms = bounds_ms(config, month)[0]
        if from_ms <= oldest_ms:
            return
        at_ms = from_ms - round(timedelta(hours=1).total_seconds() * 1000)


def _has_data(db: sqlite3.Connection, config: Config, month: str) -> bool:
    query = "select 1 from interval where asset = ? and start_ms >= ? and start_ms < ? limit 1"
    return any(db.execute(query, (motor, *bounds_ms(config, month))).fetchone() for motor in config.motors)


def fingerprint(db: sqlite3.Connection, config: Config, month: str, clock_ms: int) -> str:
    """Of everything that the report of a month is computed from: 16 hexadecimal digits.

    The running interval does not count: it is stored again every few seconds, and has no saving before its end.
    Of a month that has ended and is recorded, later records of the ledger do not count.
    """
    from_ms, to_ms = bounds_ms(config, month)
    now_ms = present_ms(config, db, clock_ms)
    parts: list[object] = [VERSION, config.hash, str(config.path), month, now_ms >= to_ms]
    sizes = (
        "select count(*), max(start_ms), total(length(body)) from interval "
        "where asset = ? and start_ms >= ? and start_ms < ?"
    )
    ended_ms = min(to_ms, now_ms - now_ms % QUARTER_MS)
    parts += [db.execute(sizes, (motor, from_ms, ended_ms)).fetchone() for motor in config.motors]
    notes = "select count(*), max(saved_ms), total(length(body)) from note where kind in ('baseline', 'savings-event')"
    parts.append(db.execute(notes).fetchone())
    kinds = (
        ""
        if now_ms < to_ms + RECORDED_MS
        else "where kind in ('key', 'baseline', 'decision', 'restore', 'plan', 'month')"
    )
    parts.append(db.execute(f"select count(*), max(seq) from ledger {kinds}").fetchone())
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
