"""Intervals that are in no ledger record: not recorded yet, or inserted where everything is recorded.

When an hour is recorded, all earlier hours are recorded, too; decisions, baselines and imports are recorded after them
(agent.savings.ledger.recorder). So the newest such record gives the time up to which no interval may be missing. Later
intervals will be recorded by the agent, which may have been stopped: until then measured intervals cannot be
distinguished from inserted ones.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from agent.savings.ledger.interval_records import HOUR_MS, MOST, due_ms
from agent.savings.ledger.reasons import RECORDS_OVERDUE, RECORDS_PENDING
from agent.savings.records.model import QUARTER_MS
from drivers.reasons import Reason

USUAL = 8  # intervals of one motor: the hour that is not over, and the previous one for 20 minutes


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """Asset → starts of its intervals without a record, UTC ms, in order.

    stray: before the last record of hours: inserted, or their records were removed.
    waiting: after it: not recorded yet.
    """

    stray: Mapping[str, Sequence[int]] = field(default_factory=dict)
    waiting: Mapping[str, Sequence[int]] = field(default_factory=dict)


class RecordedHour(NamedTuple):
    """The newest record of an hour.

    seq: its number.
    quarters: which intervals of the hour it contains, 0 to 3.
    """

    seq: int
    quarters: tuple[int, ...]


class CompletenessHorizon:
    """The time up to which all intervals must be recorded, from the records in their order.

    reach_ms: intervals that start before it must be in a record.
    """

    def __init__(self, reach_ms: int = 0) -> None:
        self.reach_ms = reach_ms
        self._at_ms = self._together = 0

    def take(self, kind: str, t_ms: int, body: Mapping[str, Any]) -> None:
        """Adds the next record."""
        if kind == "hour":
            self._together = self._together + 1 if t_ms == self._at_ms else 1
            self._at_ms = t_ms
            full = self._together >= MOST  # then more hours follow, in the order of time
            self.reach_ms = int(body.get("from_ms", 0)) if full else due_ms(t_ms)
        elif isinstance(recorded_to_ms := body.get("hours_to_ms"), int):
            self.reach_ms = recorded_to_ms


def unrecorded(
    db: sqlite3.Connection, hours: Mapping[tuple[str, int], RecordedHour], reach_ms: int, since_ms: int
) -> Unrecorded:  # fmt: skip
    """The intervals from since_ms on that are in no record.

    hours: asset and start of the hour → its record; all hours from since_ms on.
    reach_ms: see `Horizon`.
    """
    stray, waiting = dict[str, list[int]](), dict[str, list[int]]()
    rows = db.execute("select asset, start_ms from interval where start_ms >= ? order by start_ms, asset", (since_ms,))
    for asset, start_ms in rows:
        held = hours.get((asset, start_ms // HOUR_MS * HOUR_MS))
        quarter, remainder_ms = divmod(start_ms % HOUR_MS, QUARTER_MS)
        if held is None or remainder_ms or quarter not in held.quarters:
            (stray if start_ms < reach_ms else waiting).setdefault(asset, []).append(start_ms)
    return Unrecorded(stray, waiting)


def pending(waiting: Mapping[str, Sequence[int]]) -> Reason | None:
    """How many intervals are not recorded yet, since when, and whether that is normal; None: there are none."""
    starts = [start_ms for each in waiting.values() for start_ms in each]
    if not starts:
        return None
    code = RECORDS_PENDING if all(len(each) <= USUAL for each in waiting.values()) else RECORDS_OVERDUE
    return code(n=len(starts), assets=tuple(waiting), since_ms=min(starts))
