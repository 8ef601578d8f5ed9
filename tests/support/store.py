"""Rows of a motor for the store, and counts of the rows that remain or are lost."""

from __future__ import annotations

from collections import Counter

from agent.config.model import StoreSettings
from agent.delivery.store import Store

T_MS = 1_790_000_000_000
QUOTA = 3_000_000


def small(**changes: float) -> StoreSettings:
    return StoreSettings(commit_interval_s=0.01, quota_bytes=QUOTA, min_free_share=0.0, **changes)  # type: ignore[arg-type]


def measure(store: Store, seconds: int, from_ms: int = T_MS, size: int = 1000) -> int:
    """Appends the rows of a motor with a waveform; returns their number."""
    count = 0
    for second in range(seconds):
        kinds = ["telemetry"]
        kinds += ["pq3s", "harmonics"] if second % 3 == 0 else []
        kinds += ["event"] if second % 60 == 0 else []
        for kind in kinds:
            store.append("m", kind, from_ms + 1000 * second, lambda _: b"x" * size)
            count += 1
        if second % 100 == 99:
            store.flush()
    store.flush()
    return count


def left(store: Store) -> Counter[str]:
    return Counter(dict(store.do(lambda db: db.execute("select kind, count(*) from spool group by kind").fetchall())))


def lost(store: Store) -> Counter[str]:
    found: Counter[str] = Counter()
    for gap in store.fetch_gaps():
        assert gap.rows is not None
        found[gap.kind] += gap.rows
    return found
