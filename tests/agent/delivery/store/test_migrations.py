"""Files of earlier versions are migrated; a file of a later version is rejected and not changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from support.basics import HandClock

from agent.delivery.store import Store, StoreError
from agent.delivery.store.database_file import NAME
from agent.delivery.store.migrations import VERSION
from agent.delivery.store.reasons import STATE_DIR_UNUSABLE, STATE_FILE_TOO_NEW

# As version 1 made it, with what was in it after some weeks.
VERSION_1 = """
pragma journal_mode = wal;
create table boot (one integer primary key check (one = 1), count integer not null);
create table counter (name text primary key, value real not null) without rowid;
create table note (
    kind text, name text, fingerprint text not null, saved_ms integer not null, body text not null,
    primary key (kind, name)
) without rowid;
insert into boot values (1, 3600123);
insert into counter values ('energy_allocated/pump-1', 48213.3771), ('energy_allocated/pump-2', 0.0006);
insert into note values ('refused', 'mcc-1', 'abc', 1790000000000, '{"absent": [3]}');
"""


# Reverses the migration from version 4, with the tables and the waiting rows of that version.
TO_VERSION_4 = """
alter table spool drop column checks;
create table counters_4 (name text primary key, value integer not null) without rowid;
insert into counters_4 select name, value from counters;
drop view counters;
drop table counter_name;
drop table counter_value;
alter table counters_4 rename to counters;
pragma user_version = 4;
"""


def old_file(folder: Path, text: str = VERSION_1) -> Path:
    with closing(sqlite3.connect(folder / NAME, isolation_level=None)) as db:
        db.executescript(text)
    return folder / NAME


def test_version_1_keeps_its_counters_notes_and_numbers(tmp_path: Path, clock: HandClock) -> None:
    path = old_file(tmp_path)
    store = Store(tmp_path, clock)
    assert store.counters() == {"energy_allocated/pump-1": 48_213_377, "energy_allocated/pump-2": 1}
    assert store.entry("refused", "mcc-1", "abc") == {"absent": [3]}
    assert store.run_id == 3_600_124, "numbering continues"
    assert store.fetch_gaps() == [], "version 1 did not record how a run ended: no gap is noted"
    store.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("pragma user_version").fetchone() == (VERSION,)
        assert db.execute("pragma auto_vacuum").fetchone() == (2,)
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
        names = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
    assert not names & {"boot", "counter"}


def test_a_migrated_file_has_the_tables_of_a_new_one(tmp_path: Path, clock: HandClock) -> None:
    (tmp_path / "old").mkdir()
    old_file(tmp_path / "old")
    shapes = []
    for name in ("old", "new"):
        Store(tmp_path / name, clock).close()
        with closing(sqlite3.connect(tmp_path / name / NAME)) as db:
            tables = [table for (table,) in db.execute("select name from sqlite_master where type = 'table'")]
            shapes.append({table: db.execute(f"pragma table_info({table})").fetchall() for table in tables})
    assert shapes[0] == shapes[1]


def test_a_migration_that_fails_leaves_the_old_file(tmp_path: Path, clock: HandClock) -> None:
    path = old_file(tmp_path, VERSION_1 + "create table spool (in_the_way integer);")
    with pytest.raises(StoreError) as error:
        Store(tmp_path, clock)
    cause = error.value.reason.data["cause"]
    assert error.value.reason == STATE_DIR_UNUSABLE(directory=str(tmp_path), cause=cause)
    assert "spool" in cause, "the table that SQLite names"
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("select count from boot").fetchone() == (3_600_123,)
        assert db.execute("pragma user_version").fetchone() == (0,)


def test_a_later_version_is_rejected(tmp_path: Path, clock: HandClock) -> None:
    Store(tmp_path, clock).close()
    with closing(sqlite3.connect(tmp_path / NAME)) as db:
        db.execute(f"pragma user_version = {VERSION + 1}")
    with pytest.raises(StoreError) as error:
        Store(tmp_path, clock)
    cause = STATE_FILE_TOO_NEW(version=VERSION + 1, supported=VERSION)
    assert error.value.reason == STATE_DIR_UNUSABLE(directory=str(tmp_path), cause=cause)
    assert not list(tmp_path.glob("*corrupt*")), "the file is intact and is not renamed"


def test_version_2_gets_the_tables_of_savings_and_keeps_its_rows(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock)
    store.save_counters({"pump/import": 48_213_377})
    store.close()
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as db:
        db.executescript(TO_VERSION_4 + "drop table interval; drop table ledger; pragma user_version = 2")
    store = Store(tmp_path, clock)
    assert store.counters() == {"pump/import": 48_213_377}
    store.close()
    with closing(sqlite3.connect(tmp_path / NAME)) as db:
        assert db.execute("pragma user_version").fetchone() == (VERSION,)
        assert db.execute("select count(*) from interval, ledger").fetchone() == (0,)


def test_software_that_knows_no_records_of_intervals_cannot_open_the_file(tmp_path: Path, clock: HandClock) -> None:
    """Version 3 has the same tables, but its `ledger verify` would pass over the records that version 4 writes."""
    store = Store(tmp_path, clock)
    store.save_counters({"a": 1})
    store.close()
    with closing(sqlite3.connect(tmp_path / NAME)) as db:
        db.executescript(TO_VERSION_4 + "pragma user_version = 3")
    store = Store(tmp_path, clock)
    assert store.counters() == {"a": 1}
    store.close()
    with closing(sqlite3.connect(tmp_path / NAME)) as db:
        assert db.execute("pragma user_version").fetchone() == (VERSION,)


def test_waiting_rows_and_counters_of_version_4_are_kept_in_order(tmp_path: Path, clock: HandClock) -> None:
    """Its rows have small numbers and no checksum; they come before new rows."""
    store = Store(tmp_path, clock)
    store.sink_cursors(["mqtt"])
    made = [store.append("m", "telemetry", store.now_ms, str.encode, {"wh": n, "h": 2 * n}).id for n in range(5)]
    store.flush()
    store.close()
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as db:
        db.executescript(TO_VERSION_4 + "update spool set n = seq; vacuum")
    store = Store(tmp_path, clock)
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    assert store.counters() == {"wh": 4, "h": 8}
    made.append(store.append("m", "telemetry", store.now_ms, str.encode, {"wh": 9}).id)
    store.flush()
    rows = [*drain.fetch_backlog(100), *drain.fetch_live(100)]
    assert [row.id for row in rows] == made
    assert store.fetch_gaps() == []
    drain.confirm([row.n for row in rows])
    store.flush()
    assert store.figures()["spool_rows"] == 0
    assert store.counters() == {"wh": 9, "h": 8}
    store.close()


def test_waiting_rows_of_version_5_wait_for_the_same_sinks(tmp_path: Path, clock: HandClock) -> None:
    """Its rows have no copy of the sinks that have to confirm them."""
    store = Store(tmp_path, clock)
    cursors = store.sink_cursors(["files", "mqtt"])
    made = [store.append("m", "telemetry", store.now_ms, str.encode).id for _ in range(4)]
    store.flush()
    cursors["files"].confirm([row.n for row in cursors["files"].fetch_live(3)])
    store.flush()
    store.close()
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as db:
        db.executescript(
            "alter table spool rename column checks to crc; update spool set crc = crc & 4294967295; "
            "pragma user_version = 5"
        )
    store = Store(tmp_path, clock)
    cursors = store.sink_cursors(["files", "mqtt"])
    assert {name: [row.id for row in cursor.fetch_backlog(9)] for name, cursor in cursors.items()} == {
        "files": made[3:],
        "mqtt": made,
    }
    store.close()
