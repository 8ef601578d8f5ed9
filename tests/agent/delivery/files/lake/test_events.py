"""Non-routine events in a lake: a file when they change, with all of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from support.lake import ledger, parts, rows

from agent.delivery.files.lake.events import export_events
from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.records import Place

ORIGIN = Origin("mill-2", "gw-07", "1.2.3")


@pytest.fixture
def state() -> Iterator[sqlite3.Connection]:
    with closing(ledger([])) as db:
        db.execute("create table note (kind text, name text, fingerprint text, saved_ms integer, body text)")
        yield db


def save(db: sqlite3.Connection, name: str, body: str) -> None:
    db.execute("delete from note where name = ?", (name,))
    db.execute("insert into note values ('savings-event', ?, '', 0, ?)", (name, body))


def test_a_file_is_written_when_an_event_changes(state: sqlite3.Connection, tmp_path: Path) -> None:
    assert export_events(state, tmp_path, ORIGIN, Place(1), "") == ""
    assert parts(tmp_path) == [], "no event, no file"
    save(state, "fan/1", "{}")
    first = export_events(state, tmp_path, ORIGIN, Place(1), "")
    assert export_events(state, tmp_path, ORIGIN, Place(2), first) == first
    save(state, "fan/2", '{"x": 1}')
    second = export_events(state, tmp_path, ORIGIN, Place(3), first)
    assert second != first
    assert [path.rpartition("/")[2][:11] for path in parts(tmp_path)] == ["events-0-1-", "events-0-3-"]
    assert [row["name"] for row in rows(tmp_path, "nonroutine")] == ["fan/1", "fan/1", "fan/2"]


def test_nothing_is_written_before_the_first_record(state: sqlite3.Connection, tmp_path: Path) -> None:
    save(state, "fan/1", "{}")
    assert export_events(state, tmp_path, ORIGIN, Place(), "") == ""
    assert parts(tmp_path) == []


def test_that_all_events_were_removed_is_written(state: sqlite3.Connection, tmp_path: Path) -> None:
    save(state, "fan/1", "{}")
    first = export_events(state, tmp_path, ORIGIN, Place(1), "")
    state.execute("delete from note")
    export_events(state, tmp_path, ORIGIN, Place(2), first)
    assert [path.rpartition("/")[2][:11] for path in parts(tmp_path)] == ["events-0-1-", "events-0-2-"]
