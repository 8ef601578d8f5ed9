"""What a reader should know of how a baseline came about: frozen late, not the first, a better model passed over."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from agent.savings.adjust import Line
from agent.savings.ledger import records
from agent.savings.models import described
from agent.savings.types import Baseline

WORSE = 1.25  # times the CV(RMSE) of the best that was tried: no choice among equals any more


def of_baseline(db: sqlite3.Connection, baseline: Baseline, lines: Sequence[Line], zone: str) -> list[str]:
    """In words. lines: the quarter hours that it is held against."""
    found = []
    if lines and baseline.frozen_ms and baseline.frozen_ms > (first_ms := lines[0].start_ms):
        found.append(
            f"the baseline was frozen on {_local(baseline.frozen_ms, zone)}, after the first quarter hour that it is "
            f"held against ({_local(first_ms, zone)})"
        )
    for record in records(db, "baseline"):
        body = record.body.get("baseline", {})
        if body.get("asset") == baseline.asset and body.get("hash") != baseline.hash:
            found.append(f"it is not the first: {str(body.get('hash'))[:16]} was frozen on {_local(record.t_ms, zone)} "
                         f"by {body.get('by')}")  # fmt: skip
    own = baseline.candidates.get(described(baseline.kind, baseline.shape, baseline.drivers))
    if own is not None:
        name, best = min(baseline.candidates.items(), key=lambda pair: pair[1])
        if own > WORSE * best:
            found.append(f"another model foretells better: {name} {100 * best:.2f} %, this one {100 * own:.2f} %")
    return found


def _local(t_ms: int, zone: str) -> str:
    return f"{datetime.fromtimestamp(t_ms / 1000, UTC).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
