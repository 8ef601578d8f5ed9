"""The minutes in a lake are those of the measured values, and each day is complete."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.basics import HandClock
from support.lake import parts, rows

from agent.core.messages import Message
from agent.delivery.files.lake.minutes import export_minutes
from agent.delivery.files.lake.parts import Origin
from agent.delivery.store import Store
from agent.delivery.store.history import History
from drivers.reading import Quality

ORIGIN = Origin("mill-2", "gw-07", "1.2.3")
DAY_MS = 86_400_000
DAY = 1_789_948_800_000  # 2026-09-21 00:00 UTC


def value_at(n: int) -> float:
    return round(40_000 + 500 * math.sin(n), 1)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """The last three minutes of a day and the first two of the next, a value every 10 s; one minute has a bad one."""
    store = Store(tmp_path / "state", HandClock(DAY / 1000))
    history = History(store, (0.0, 1e9, 1e9))
    for n in range(30):
        t_ms = DAY + DAY_MS - 180_000 + 10_000 * n
        flags = {"active_power_w": Quality.NO_REPLY if n == 7 else Quality.PQ_EVENT if n == 8 else Quality.GOOD}
        history.on_published(Message("pump-1", "telemetry", t_ms, {"active_power_w": value_at(n)}, flags=flags))
    history.stop()
    store.close()
    with closing(sqlite3.connect(tmp_path / "state" / "magwatt.sqlite")) as db:
        yield db


def test_statistics_of_each_minute_of_a_complete_day(state: sqlite3.Connection, tmp_path: Path) -> None:
    assert export_minutes(state, tmp_path / "lake", ORIGIN, 0, DAY + DAY_MS) == DAY + DAY_MS
    found = rows(tmp_path / "lake", "minute")
    assert [row["t"].timestamp() * 1000 - DAY for row in found] == [DAY_MS - 180_000 + 60_000 * n for n in range(3)]
    for number, row in enumerate(found):
        values = [value_at(n) for n in range(6 * number, 6 * number + 6) if n != 7]
        assert row["active_power_w_n"] == len(values)
        assert row["active_power_w"] == pytest.approx(sum(values) / len(values), rel=1e-6)  # 7 digits of the history
        assert (row["active_power_w_min"], row["active_power_w_max"]) == pytest.approx(
            (min(values), max(values)), rel=1e-6
        )
    assert [row["flags"] for row in found] == [None, "PQ_EVENT", None]


def test_the_next_day_has_a_file_of_its_own(state: sqlite3.Connection, tmp_path: Path) -> None:
    done = export_minutes(state, tmp_path / "lake", ORIGIN, 0, DAY + DAY_MS)
    export_minutes(state, tmp_path / "lake", ORIGIN, done, DAY + 2 * DAY_MS)
    assert [path.split("/")[-1] for path in parts(tmp_path / "lake")] == [
        "part-2026-09-21.parquet", "part-2026-09-22.parquet"
    ]  # fmt: skip
    assert len(rows(tmp_path / "lake", "minute")) == 5


def test_a_day_that_is_exported_again_has_the_same_file(state: sqlite3.Connection, tmp_path: Path) -> None:
    export_minutes(state, tmp_path / "lake", ORIGIN, 0, DAY + DAY_MS)
    [path] = parts(tmp_path / "lake")
    first = (tmp_path / "lake" / path).read_bytes()
    export_minutes(state, tmp_path / "lake", ORIGIN, DAY, DAY + DAY_MS)
    assert parts(tmp_path / "lake") == [path]
    assert (tmp_path / "lake" / path).read_bytes() == first
