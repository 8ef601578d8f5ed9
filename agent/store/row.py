"""One row of the spool, and how important it is when there is no room for all."""

from __future__ import annotations

from typing import NamedTuple

EVENT, SAVED, WINDOW, SECOND, SPECTRUM = range(5)  # 0 is kept longest
IMPORTANCE = {
    "event": EVENT,
    "savings": SAVED,
    "pq10m": SAVED,
    "pq3s": WINDOW,
    "condition": WINDOW,
    "telemetry": SECOND,
    "health": SECOND,
    "harmonics": SPECTRUM,
}
THIN_MS = {WINDOW: 30_000, SECOND: 10_000, SPECTRUM: 30_000}  # one row of a topic is kept in each such slot


class Row(NamedTuple):
    """What a sink gets. n: place in the spool, over all boots; id: boot-sequence as published; payload: its JSON."""

    n: int
    id: str
    t_ms: int
    asset: str | None  # None: the gateway itself
    kind: str
    payload: bytes
    put_ns: int = 0  # monotonic time of append; 0: from an earlier run, or read back

    def topic(self, root: str, backfill: bool = False) -> str:
        place = f"{root}/{self.asset}" if self.asset else root
        return f"{place}/backfill/{self.kind}" if backfill else f"{place}/{self.kind}"


def importance(kind: str) -> int:
    return IMPORTANCE.get(kind, SECOND)
