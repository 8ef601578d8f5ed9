"""Quarter hours that stand in no ledger record: not recorded yet, or put in where everything was recorded.

When an hour is recorded, all hours that are over are; what a person does is recorded behind them
(agent.savings.bookkeeper). So the newest such record tells up to where nothing may be missing. What begins later waits
for the agent, for example because it was stopped: nothing tells yet whether it was measured or put in.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from agent.savings.hours import HOUR_MS, MOST, due_ms
from agent.savings.types import QUARTER_MS
from agent.words import counted

USUAL = 8  # of one motor: the hour that is not over, and the one before it for 20 minutes


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """By asset the starts, in order. stray: of before the last record of hours. waiting: of after it."""

    stray: Mapping[str, Sequence[int]] = field(default_factory=dict)
    waiting: Mapping[str, Sequence[int]] = field(default_factory=dict)


class Held(NamedTuple):
    """The record that holds for an hour, and which of its quarter hours it was made from."""

    seq: int
    quarters: tuple[int, ...]


class Horizon:
    """Takes records in their order. reach_ms: quarter hours that begin before it must stand in a record."""

    def __init__(self, reach_ms: int = 0) -> None:
        self.reach_ms = reach_ms
        self._at_ms = self._together = 0

    def take(self, kind: str, t_ms: int, body: Mapping[str, Any]) -> None:
        if kind == "hour":
            self._together = self._together + 1 if t_ms == self._at_ms else 1
            self._at_ms = t_ms
            full = self._together >= MOST  # then the rest follows, and they are in the order of time
            self.reach_ms = int(body.get("from_ms", 0)) if full else due_ms(t_ms)
        elif isinstance(said := body.get("hours_to_ms"), int):
            self.reach_ms = said


def unrecorded(
    db: sqlite3.Connection, hours: Mapping[tuple[str, int], Held], reach_ms: int, since_ms: int
) -> Unrecorded:  # fmt: skip
    """hours: of (asset, begin); all that touch the time from since_ms on."""
    stray, waiting = dict[str, list[int]](), dict[str, list[int]]()
    rows = db.execute("select asset, start_ms from interval where start_ms >= ? order by start_ms, asset", (since_ms,))
    for asset, start_ms in rows:
        held = hours.get((asset, start_ms // HOUR_MS * HOUR_MS))
        quarter, odd_ms = divmod(start_ms % HOUR_MS, QUARTER_MS)
        if held is None or odd_ms or quarter not in held.quarters:
            (stray if start_ms < reach_ms else waiting).setdefault(asset, []).append(start_ms)
    return Unrecorded(stray, waiting)


def stray_said(asset: str, starts: Sequence[int]) -> str:
    stand = "stands" if len(starts) == 1 else "stand"
    return (f"{counted(len(starts), 'quarter hour')} of {asset} {stand} in no record, the first of {utc(starts[0])}: "
            "put in afterwards, or their records are gone")  # fmt: skip


def waiting_said(waiting: Mapping[str, Sequence[int]], zone: str = "") -> str:
    """How many, since when (in a zone; empty: UTC), whether that is as it should be, and what will record them; empty
    when there are none."""
    starts = [start for each in waiting.values() for start in each]
    if not starts:
        return ""
    of = ", ".join(waiting if len(waiting) == 1 else (f"{name} {len(each)}" for name, each in waiting.items()))
    moment = datetime.fromtimestamp(min(starts) / 1000, UTC)
    since = f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" if zone else utc(min(starts))
    told = f"{counted(len(starts), 'quarter hour')} ({of}) since {since} {'is' if len(starts) == 1 else 'are'}"
    if all(len(each) <= USUAL for each in waiting.values()):
        return (f"the newest {told} not recorded yet, as is usual: the agent records an hour 20 min after its end, and "
                "so does the next baseline, adjustment or import")  # fmt: skip
    return (f"{told} not recorded yet, more than a running agent leaves: it was stopped, or records were cut off, "
            "which an external checkpoint tells (--checkpoint); the agent, or the next baseline, adjustment or import, "
            "records them")  # fmt: skip


def utc(t_ms: int) -> str:
    return f"{datetime.fromtimestamp(t_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
