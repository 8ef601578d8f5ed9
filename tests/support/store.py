"""Stores of tests: rows of a motor, counts of rows that remain or are lost, a killed run, commits without fsync."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from agent.config.model import StoreSettings
from agent.delivery.store import Store, database_file
from agent.delivery.store.database_file import NAME

T_MS = 1_790_000_000_000
QUOTA = 3_000_000


def small(**changes: float) -> StoreSettings:
    return StoreSettings(commit_interval_s=0.01, quota_bytes=QUOTA, min_free_share=0.0, **changes)  # type: ignore[arg-type]


@contextlib.contextmanager
def without_fsync() -> Iterator[None]:
    """Commits of stores opened meanwhile do not wait for the disk: no power fails in a test, and an fsync for each
    commit would take most of its time."""

    def connect(path: Path | str) -> sqlite3.Connection:
        db = opened(path)
        db.execute("pragma synchronous = off")
        return db

    opened = database_file.connect
    with patch.object(database_file, "connect", connect):
        yield


def kill(store: Store) -> None:
    """Ends a store; its directory is afterwards as a kill of the process at this moment leaves it."""
    assert store.directory is not None
    copy = store.directory.with_name(f"{store.directory.name}-killed")
    copy.mkdir()
    for file in store.directory.iterdir():
        if file.is_file() and not file.name.startswith(NAME):
            shutil.copy(file, copy)
    with (
        contextlib.closing(sqlite3.connect(store.directory / NAME)) as source,
        contextlib.closing(sqlite3.connect(copy / NAME)) as target,
    ):
        source.backup(target)
    store.close()
    shutil.rmtree(store.directory)
    copy.rename(store.directory)


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
