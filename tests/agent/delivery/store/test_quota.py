"""No space: quota, retention, a full disk, no directory. Dropped rows are counted; measurement continues."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from support.basics import HandClock, wait_until
from support.store import QUOTA, T_MS, left, lost, measure, small

from agent.config.loader import load_config
from agent.config.model import StoreSettings
from agent.delivery.delivery import open_store
from agent.delivery.store import Store, StoredRow, quota
from agent.delivery.store.database_file import NAME
from agent.delivery.store.reasons import (
    DISK_FULL,
    DISK_READ_ONLY,
    IN_MEMORY_ONLY,
    MEMORY_BUFFER_FULL,
    NO_SPACE_LEFT,
    RETENTION_EXPIRED,
    ROWS_THINNED,
    STATE_DIR_FORBIDDEN,
    STATE_DIR_IS_FILE,
    STATE_DIR_UNUSABLE,
    STATE_FILE_TOO_NEW,
    STATE_FILE_UNWRITABLE,
    UNSAVED_AT_STOP,
)

pytestmark = pytest.mark.usefixtures("fresh_for_long")


def test_each_row_is_stored_or_counted_and_the_file_stays_within_its_quota(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock, small())
    store.sink_cursors(["mqtt"])
    made = measure(store, 4000)
    wait_until(lambda: store.figures()["spool_mb"] * 1e6 <= QUOTA, 10, "room is made")
    rows, gone = left(store), lost(store)
    assert sum(rows.values()) + sum(gone.values()) == made
    assert store.figures()["rows_dropped"] == sum(gone.values())
    assert store.figures()["spool_rows"] == sum(rows.values())
    assert os.path.getsize(tmp_path / NAME) < QUOTA * 1.3, "what is over while a group is written is little"
    store.close()


def test_the_least_important_and_oldest_rows_are_thinned_then_dropped_first(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock, small())
    store.sink_cursors(["mqtt"])
    measure(store, 1500)  # 2,525 rows of 1 kB: thinning spectra and the oldest seconds is enough
    wait_until(lambda: store.figures()["spool_mb"] * 1e6 <= QUOTA, 10, "room is made")
    gaps = store.fetch_gaps()
    assert {gap.reason for gap in gaps} == {ROWS_THINNED()}
    assert {gap.kind for gap in gaps} <= {"harmonics", "telemetry", "pq3s"}
    times = [t for (t,) in store.do(lambda db: db.execute(
        "select t_ms from spool where kind = 'telemetry' order by n").fetchall())]  # fmt: skip
    steps = [later - earlier for earlier, later in pairwise(times)]
    assert steps == sorted(steps, reverse=True), "the oldest are 10 s apart, the newest whole"
    assert {steps[0], steps[-1]} == {10_000, 1000}
    measure(store, 12_000, T_MS + 1_500_000)
    wait_until(lambda: store.figures()["spool_mb"] * 1e6 <= QUOTA, 10, "room is made")
    reasons = {(gap.kind, gap.reason) for gap in store.fetch_gaps()}
    assert ("harmonics", NO_SPACE_LEFT()) in reasons
    assert ("event", NO_SPACE_LEFT()) not in reasons
    assert left(store)["event"] == 225, "each event is still there"
    store.close()


def test_a_row_in_delivery_is_not_dropped(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock, small())
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    measure(store, 50)
    held = [row.n for row in (*drain.fetch_live(40), *drain.fetch_backlog(40))]
    assert len(held) >= 40
    measure(store, 5000)
    wait_until(lambda: store.figures()["spool_mb"] * 1e6 <= QUOTA, 10, "room is made")
    marks = ",".join("?" * len(held))
    there = store.do(lambda db: db.execute(f"select count(*) from spool where n in ({marks})", held).fetchone()[0])
    assert there == len(held), "counted as dropped although delivered would be wrong"
    store.close()


def test_expired_rows_are_deleted_and_counted(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.delivery.store.housekeeping.HOUSEKEEPING_S", 0.0)
    store = Store(tmp_path, clock, small(spool_retention_s=3600.0))
    store.sink_cursors(["mqtt"])
    measure(store, 10, clock.utc_ns() // 1_000_000)
    clock.move(150.0)
    store.flush()
    store.flush()  # the housekeeping after the first flush is done
    clock.move(3400.0)
    measure(store, 10, clock.utc_ns() // 1_000_000)
    clock.move(210.0)
    wait_until(lambda: left(store)["telemetry"] == 10, 5, "the old ones went")
    assert {gap.reason for gap in store.fetch_gaps()} == {RETENTION_EXPIRED()}
    store.close()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A separate file system of 24 MiB."""
    yield from mounted(tmp_path, "24m")


def mounted(tmp_path: Path, size: str) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting needs root; the quota tests show the same bookkeeping")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def tiniest_disk(tmp_path: Path) -> Iterator[Path]:
    """A separate file system of 3 MiB."""
    yield from mounted(tmp_path, "3m")


def fill(place: Path) -> Path:
    """Another program uses all free space."""
    hog = place / "hog"
    with hog.open("wb", buffering=0) as file:
        size = 1 << 16
        while size:
            try:
                file.write(b"x" * size)
            except OSError:
                size //= 2
    return hog


def test_a_disk_that_another_program_fills_still_drains_and_counts(tiny_disk: Path, clock: HandClock) -> None:
    store = Store(tiny_disk / "state", clock, StoreSettings(commit_interval_s=0.01, min_free_share=0.0))
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    made = measure(store, 600)
    assert (tiny_disk / "state" / "reserve").stat().st_size == 24 * 2**20 / 32
    hog = fill(tiny_disk)
    for second in range(3000):
        store.append("m", "telemetry", T_MS + 1000 * second, lambda _: b"x" * 1000)
        made += 1
        if second % 50 == 0:
            time.sleep(0.002)
    time.sleep(1.0)
    if store.unsaved_reason:
        assert store.unsaved_reason == STATE_FILE_UNWRITABLE(error=DISK_FULL(path=str(tiny_disk / "state")))
        assert store.figures()["rows_in_memory"] > 0, "rows that cannot be written are buffered in memory"
    came: set[int] = set()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        rows = [*drain.fetch_live(100), *drain.fetch_backlog(100)]
        drain.confirm([row.n for row in rows])
        came |= {row.n for row in rows}
        if not rows and store.figures()["spool_rows"] == 0:
            break
        time.sleep(0.002)
    assert len(came) + store.figures()["rows_dropped"] == made, "a full disk drains, and nothing is lost uncounted"
    hog.unlink()
    wait_until(lambda: not store.unsaved_reason, 5, "it heals")
    measure(store, 10)
    store.close()
    with closing(sqlite3.connect(tiny_disk / "state" / NAME)) as db:
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)


def test_rows_reach_a_small_disk_when_it_has_space_again(tiniest_disk: Path, clock: HandClock) -> None:
    store = Store(tiniest_disk / "state", clock, StoreSettings(commit_interval_s=0.01, min_free_share=0.0))
    store.sink_cursors(["mqtt"])
    measure(store, 3)
    assert store.figures()["rows_in_memory"] == 0
    hog = fill(tiniest_disk)
    for second in range(2000):
        store.append("m", "telemetry", T_MS + 1000 * second, lambda _: b"x" * 100)
    wait_until(lambda: store.figures()["rows_in_memory"] > 0, 5, "rows are buffered")
    hog.unlink()
    wait_until(lambda: store.figures()["rows_in_memory"] == 0, 5, "they are written")
    assert not store.unsaved_reason
    store.close()


def test_a_file_that_can_be_written_from_time_to_time_is_logged_once(
    tmp_path: Path, clock: HandClock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr("agent.delivery.store.writer.RETRY_S", 0.02)
    store = Store(tmp_path, clock, small())
    store.sink_cursors(["mqtt"])
    for n in range(3):
        with locked(store):
            store.append("m", "telemetry", T_MS + n, lambda _: b"x")
            wait_until(lambda: bool(store.unsaved_reason), 5, "it cannot be written")
        wait_until(lambda: not store.unsaved_reason, 5, "it is written")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    monkeypatch.setattr("agent.delivery.store.writer.SETTLED_S", 0.0)
    measure(store, 2)
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    store.close()


@pytest.mark.parametrize("end", ["closed", "killed"])
def test_a_start_on_a_full_disk_continues_with_the_existing_file(
    tiny_disk: Path, tmp_path: Path, clock: HandClock, end: str
) -> None:
    config_file = tmp_path / "plant.toml"
    config_file.write_text(CONFIG)
    config, _ = load_config(config_file)
    before = Store(tmp_path / "before", clock, small())
    before.sink_cursors(["mqtt"])
    made = measure(before, 60)
    before.save_counters({"wh": 5})
    before.flush()
    if end == "closed":
        before.close()
    shutil.copytree(tmp_path / "before", tiny_disk / "state")
    if end == "killed":
        before.close()
    hog = fill(tiny_disk)
    store = open_store(tiny_disk / "state", config, clock)
    assert store.directory == tiny_disk / "state"
    assert store.counters() == {"wh": 5}, "no counter begins anew"
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    while rows := drain.fetch_backlog(100):
        drain.confirm([row.n for row in rows])
        made -= len(rows)
    assert made == 0
    hog.unlink()
    store.append("m", "telemetry", T_MS, lambda _: b"x")
    wait_until(lambda: store.figures()["rows_in_memory"] == 0 and not store.unsaved_reason, 5, "it heals")
    store.close()


def test_the_file_does_not_grow_on_a_disk_below_its_free_space(tiny_disk: Path, clock: HandClock) -> None:
    store = Store(tiny_disk / "state", clock, StoreSettings(commit_interval_s=0.01, min_free_share=0.3))
    store.sink_cursors(["mqtt"])
    made = measure(store, 12_000, size=1000)
    found = os.statvfs(tiny_disk)
    assert found.f_bavail / found.f_blocks > 0.15, "the log beside the file takes its part"
    assert sum(left(store).values()) + sum(lost(store).values()) == made
    store.close()


@pytest.mark.parametrize(("free_gb", "short"), [(12.0, False), (3.9, True)])
def test_a_large_disk_need_not_keep_more_free_than_the_file_can_take(
    monkeypatch: pytest.MonkeyPatch, free_gb: float, short: bool
) -> None:
    """5 % of it are 50 GB: rows were dropped although 12 GB were free."""
    monkeypatch.setattr(quota, "free_bytes", lambda _: (int(free_gb * 1e9), 1_000_000_000_000))
    with closing(sqlite3.connect(":memory:")) as db:
        assert quota.Quota(Path("/"), 4_000_000_000, 0.05).exceeded(db) == short


@contextmanager
def locked(store: Store) -> Iterator[None]:
    """Another program locks the file: nothing can be written."""
    store.flush()
    store.do(lambda db: db.execute("pragma busy_timeout = 20").fetchone())
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("begin exclusive")
        yield
        other.execute("rollback")


def test_rows_that_wait_for_the_next_commit_are_not_called_unwritable(tmp_path: Path, clock: HandClock) -> None:
    """Else the alarm `store` is raised for a file in order."""
    store = Store(tmp_path, clock, StoreSettings(commit_interval_s=60.0))
    store.sink_cursors(["mqtt"])
    for n in range(3):
        store.append("m", "telemetry", T_MS + n, lambda _: b"x")
    figures = store.figures()
    assert (figures["spool_rows"], figures["rows_in_memory"]) == (3, 0)
    store.close()


@pytest.mark.parametrize("order", [1, -1])
def test_counters_of_rows_that_are_dropped_unwritten_are_kept(tmp_path: Path, clock: HandClock, order: int) -> None:
    store = Store(tmp_path, clock, small())
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    with locked(store):
        rows = [store.append("m", "telemetry", T_MS + n, lambda _: b"x", {"wh": 100 + n}) for n in range(4)]
        wait_until(lambda: store.figures()["rows_in_memory"] == 4, 5, "they are buffered")
        wait_until(lambda: store.unsaved_reason == STATE_FILE_UNWRITABLE(error="database is locked"), 5, "the cause")
        for left_in_memory, row in enumerate(rows[1:][::order]):  # the first is written later and resets nothing
            drain.confirm([row.n])
            wait_until(lambda n=3 - left_in_memory: store.figures()["rows_in_memory"] == n, 5, "it need not be written")
    wait_until(lambda: not (store.unsaved_reason or store.figures()["rows_in_memory"]), 5, "it heals")
    assert store.counters() == {"wh": 103}
    store.close()


def test_counters_of_rows_that_do_not_fit_in_memory_are_kept(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.delivery.store.writer.MEMORY_ROWS", 10)
    store = Store(tmp_path, clock, small())
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    fetched: list[StoredRow] = []
    with locked(store):
        store.append("m", "telemetry", T_MS, lambda _: b"x", {"wh": 100})
        for n in range(30):  # the motor stands: nothing more is counted
            store.append("m", "telemetry", T_MS + n, lambda _: b"x")
        wait_until(lambda: fetched.extend(drain.fetch_live(100)) or len(fetched) == 31, 5, "all are processed")
        wait_until(lambda: store.figures()["rows_in_memory"] == 10, 5, "more do not fit")
    wait_until(lambda: not (store.unsaved_reason or store.figures()["rows_in_memory"]), 5, "it heals")
    assert store.counters() == {"wh": 100}
    gaps = store.fetch_gaps()
    assert {gap.reason for gap in gaps} == {MEMORY_BUFFER_FULL()}
    assert sum(gap.rows or 0 for gap in gaps) == 21
    store.close()


def test_rows_that_cannot_be_written_before_the_end_are_a_gap(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full: no rows are written, but the run is closed."""
    with monkeypatch.context() as full:
        full.setattr("agent.delivery.store.database_file.free_bytes", lambda _directory: (0, 1))
        store = Store(tmp_path, clock, small())
        store.sink_cursors(["mqtt"])
        for n in range(3):
            store.append("m", "telemetry", T_MS + n, lambda _: b"x")
        store.flush()
        assert store.figures()["rows_in_memory"] == 3
        store.close()
    again = Store(tmp_path, clock, small())
    again.sink_cursors(["mqtt"])
    assert left(again)["telemetry"] == 0
    (gap,) = again.fetch_gaps()
    assert (gap.kind, gap.reason, gap.rows) == ("telemetry", UNSAVED_AT_STOP(), 3)
    again.close()


CONFIG = '[site]\nid = "a"\ngateway = "b"\n[store]\nstate_dir = "state"\n'


@pytest.mark.parametrize("trouble", ["a file is there", "of a later version", "read-only"])
def test_without_a_usable_directory_the_store_is_in_memory_and_states_the_cause(
    tmp_path: Path, clock: HandClock, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    config_file = tmp_path / "plant.toml"
    config_file.write_text(CONFIG)
    config, _ = load_config(config_file)
    place = tmp_path / "state"
    if trouble == "a file is there":
        place.write_text("x")
    elif trouble == "of a later version":
        Store(place, clock).close()
        with closing(sqlite3.connect(place / NAME)) as db:
            db.execute("pragma user_version = 99")
    else:
        place.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(place)], capture_output=True)
        if mounted.returncode:
            place.chmod(0o500)
    try:
        store = open_store(place, config, clock)
        assert store.directory is None
        (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
        assert str(place) in record.message
        assert store.unsaved_reason is not None
        assert store.unsaved_reason.code == IN_MEMORY_ONLY
        cause = store.unsaved_reason.data["cause"]
        assert (cause.code, cause.data["directory"]) == (STATE_DIR_UNUSABLE, str(place))
        codes = {"of a later version": [STATE_FILE_TOO_NEW], "a file is there": [STATE_DIR_IS_FILE]}
        codes["read-only"] = [DISK_READ_ONLY, STATE_DIR_FORBIDDEN]  # the latter where mounting is not permitted
        assert cause.data["cause"].code in codes[trouble]
        drain = store.sink_cursors(["mqtt"])["mqtt"]
        assert measure(store, 20) == sum(left(store).values())
        assert drain.fetch_live(1000)
        store.close()
    finally:
        if trouble == "read-only":
            subprocess.run(["umount", "-l", str(place)], capture_output=True)
            place.chmod(0o700)


def test_unused_space_is_returned_to_the_file_system(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an outage the file is large and nearly empty: each housekeeping returns 256 pages of 4 KiB."""
    store = Store(tmp_path, clock, StoreSettings(commit_interval_s=0.01))
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    for second in range(6000):
        store.append("m", "telemetry", T_MS + 1000 * second, lambda _: b"x" * 4000)
    store.flush()
    while rows := drain.fetch_live(500) or drain.fetch_backlog(500):
        drain.confirm([row.n for row in rows])
    store.close()
    before = os.path.getsize(tmp_path / NAME)
    monkeypatch.setattr("agent.delivery.store.housekeeping.HOUSEKEEPING_S", 0.0)
    again = Store(tmp_path, clock, StoreSettings(commit_interval_s=0.01))
    for _ in range(6):
        again.save_counters({"wh": 1})
        again.flush()
    again.close()
    assert before - os.path.getsize(tmp_path / NAME) >= 5 * 256 * 4096


def test_history_is_deleted_from_the_fine_and_old_end_before_rows_are_dropped(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a confirmed spool nothing but history fills the file: it is bounded, and what remains is the newest."""
    for name in ("HOUSEKEEPING_S", "CHECK_S"):
        monkeypatch.setattr(f"agent.delivery.store.housekeeping.{name}", 0.1)
    store = Store(tmp_path, clock, small())
    store.sink_cursors(["mqtt"])
    blob = os.urandom(2000)

    def fill(db: sqlite3.Connection) -> None:
        for step_s, count in ((1, 60), (60, 600), (900, 40)):
            rows = [(step_s, asset, 60_000 * max(1, step_s // 60) * number, blob)
                    for asset in ("a", "b") for number in range(count)]  # fmt: skip
            db.executemany("insert into history values (?, ?, ?, ?)", rows)
        db.execute(
            "insert into history values (-2, 'a', 7, '[]')"
        )  # names of columns: without them rows are unreadable

    store.do(fill)
    made = measure(store, 100)
    wait_until(lambda: store.figures()["spool_mb"] * 1e6 <= QUOTA, 10, "room is made")
    steps = "select step_s, asset, count(*), min(t_ms), max(t_ms) from history group by step_s, asset"
    found = {(step_s, asset): rest for step_s, asset, *rest in store.rows(steps)}
    assert not any(step_s == 1 for step_s, _ in found)
    assert found[-2, "a"] == [1, 7, 7]
    assert found[900, "a"] == found[900, "b"] == [40, 0, 39 * 900_000]
    count, oldest_ms, newest_ms = found[60, "a"]
    assert 0 < count < 600
    assert (oldest_ms, newest_ms) == (60_000 * (600 - count), 599 * 60_000)
    assert abs(found[60, "b"][0] - count) <= 1
    assert sum(left(store).values()) == made
    store.close()
