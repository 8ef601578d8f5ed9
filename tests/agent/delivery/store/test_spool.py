"""The spool: order and lifetime of rows, and counters that are committed with their row."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.basics import HandClock, wait_until

from agent.config.model import StoreSettings
from agent.delivery.reasons import ROW_TOO_LARGE
from agent.delivery.store import SinkCursor, Store, StoredRow, StoreError
from agent.delivery.store.database_file import NAME
from agent.delivery.store.reasons import (
    NO_SPACE_LEFT,
    ROWS_THINNED,
    STATE_DIR_IN_USE,
    loaded,
    stored,
)
from drivers.reasons import UNKNOWN

pytestmark = pytest.mark.usefixtures("fresh_for_long")

ROOT = Path(__file__).parents[4]
FAST = StoreSettings(commit_interval_s=0.01)
TOO_LARGE = ROW_TOO_LARGE(limit_bytes=20_000)


def put(store: Store, count: int, kind: str = "telemetry", t_ms: int = 1_790_000_000_000) -> list[StoredRow]:
    return [store.append("m", kind, t_ms + n, lambda row_id: b'{"id":"%s"}' % row_id.encode()) for n in range(count)]


def take_all(drain: SinkCursor) -> list[int]:
    taken = []
    while rows := drain.fetch_live(7) or drain.fetch_backlog(7):
        taken += [row.n for row in rows]
    return taken


def pending_rows(store: Store) -> int:
    return int(store.figures()["spool_rows"])


def test_counters_are_in_the_file_before_a_sink_sees_a_row_that_shows_them(tmp_path: Path, clock: HandClock) -> None:
    """Rows without counters between them keep their place."""
    store = Store(tmp_path, clock, FAST)
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    seen: list[bytes] = []
    ahead = []

    def look() -> None:
        with closing(sqlite3.connect(tmp_path / NAME)) as other:  # it sees only what is committed
            rows = drain.fetch_live(1000)
            committed = dict(other.execute("select name, value from counters")).get("wh", 0)
            ahead.extend(row.payload for row in rows if int(row.payload) > committed)
            seen.extend(row.payload for row in rows)

    drain.wake = look
    for n in range(1, 101):
        store.append("m", "telemetry", n, lambda _, n=n: b"%d" % n, {"wh": n} if n % 3 == 1 else None)  # type: ignore[misc]
        if n % 5 == 0:
            time.sleep(0.004)
    store.flush()
    assert seen == [b"%d" % n for n in range(1, 101)]
    assert all(int(payload) % 3 != 1 for payload in ahead)
    store.close()


def test_a_row_that_is_confirmed_in_time_is_never_written(tmp_path: Path, clock: HandClock) -> None:
    """Another one is in the file within the commit interval. (Many intervals on a busy machine.)"""
    store = Store(tmp_path, clock, StoreSettings(commit_interval_s=0.4))
    drains = store.sink_cursors(["mqtt", "file"])
    first, second, third = put(store, 3)
    assert [row.n for drain in drains.values() for row in drain.fetch_live(9)] == 2 * [first.n, second.n, third.n]
    drains["mqtt"].confirm([first.n, second.n])
    drains["file"].confirm([first.n])
    wait_until(lambda: store.rows("select n from spool") == [(second.n,), (third.n,)], 2, "they are written")
    assert store.figures()["rows_in_memory"] == 0
    drains["file"].confirm([second.n, third.n])
    store.flush()
    assert store.rows("select n from spool") == [(third.n,)]
    store.close()


def test_an_announcement_that_is_confirmed_before_it_is_written_counts(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock, StoreSettings(commit_interval_s=10.0))
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    store.record_gap("telemetry", TOO_LARGE, 5, 10, 20)
    (gap,) = store.fetch_gaps()
    store.append(None, "event", 1, lambda _: b"{}", announces_gap=gap.g)
    drain.confirm([row.n for row in drain.fetch_live(9)])
    assert store.figures()["rows_in_memory"] == 0
    store.flush()
    assert store.fetch_gaps() == []
    store.close()


def test_a_row_that_is_rejected_before_it_is_written_is_set_aside(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock, StoreSettings(commit_interval_s=10.0))
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    first, second = put(store, 2)
    drain.fetch_live(9)
    drain.reject(second.n, TOO_LARGE)
    store.flush()
    assert store.rows("select n, payload from aside") == [(second.n, second.payload)]
    assert store.rows("select n from spool") == [(first.n,)]
    assert [gap.rows for gap in store.fetch_gaps()] == [1]
    store.close()


def test_rows_are_deleted_when_every_sink_has_confirmed_them(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock, FAST)
    drains = store.sink_cursors(["mqtt", "file"])
    rows = put(store, 10)
    store.flush()
    assert take_all(drains["mqtt"]) == take_all(drains["file"]) == [row.n for row in rows]
    drains["mqtt"].confirm([row.n for row in rows])
    store.flush()
    assert pending_rows(store) == 10, "the file has confirmed nothing"
    drains["file"].confirm([row.n for row in rows[:4]])
    store.flush()
    assert pending_rows(store) == 6
    store.close()
    again = Store(tmp_path, clock, FAST)
    drains = again.sink_cursors(["file", "mqtt"])
    assert take_all(drains["mqtt"]) == []
    assert take_all(drains["file"]) == [row.n for row in rows[4:]]
    again.close()


def test_a_sink_that_was_disabled_keeps_no_rows(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock, FAST)
    drains = store.sink_cursors(["mqtt", "file"])
    rows = put(store, 10)
    drains["mqtt"].confirm([row.n for row in rows[:3]])
    store.close()
    again = Store(tmp_path, clock, FAST)
    drain = again.sink_cursors(["mqtt"])["mqtt"]
    assert pending_rows(again) == 7
    assert take_all(drain) == [row.n for row in rows[3:]]
    again.close()


def test_returned_rows_are_read_again_in_order_and_once(tmp_path: Path, clock: HandClock) -> None:
    """Any sequence of takes, confirmations and lost connections ends with each row confirmed once, oldest first."""
    chance = random.Random(3)
    store = Store(tmp_path, clock, FAST)
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    confirmed: list[int] = []
    in_hand: list[int] = []
    made: list[int] = []
    for _ in range(300):
        step = chance.random()
        if step < 0.3:
            made += [row.n for row in put(store, chance.randrange(5))]
        elif step < 0.4:
            store.flush()
        elif step < 0.6:
            in_hand += [row.n for row in drain.fetch_live(chance.randrange(10))]
        elif step < 0.8:
            taken = [row.n for row in drain.fetch_backlog(chance.randrange(10))]
            assert taken == sorted(taken)
            in_hand += taken
        elif step < 0.95:
            count = chance.randrange(len(in_hand) + 1)
            drain.confirm(in_hand[:count])
            confirmed += in_hand[:count]
            del in_hand[:count]
        else:
            drain.return_unconfirmed()
            in_hand.clear()
            store.flush()
    drain.return_unconfirmed()
    store.flush()
    confirmed += take_all(drain)
    assert sorted(confirmed) == made, "each once"
    store.close()


def test_rows_that_are_not_fresh_are_backlog(tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path, clock, FAST)
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    old = put(store, 5)
    store.flush()
    real, later_ns = time.monotonic_ns, 3601 * 1_000_000_000
    monkeypatch.setattr("time.monotonic_ns", lambda: real() + later_ns)
    new = put(store, 3)
    store.flush()
    assert [row.n for row in drain.fetch_live(10)] == [row.n for row in new]
    assert [row.n for row in drain.fetch_backlog(10)] == [row.n for row in old]
    assert not drain.fetch_backlog(10)
    store.close()


class Unreadable(sqlite3.Connection):
    """A connection to a file that cannot be read while `broken` is set."""

    broken = False

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if self.broken and sql.lstrip().startswith("select"):
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(sql, *values)


def test_a_backlog_that_cannot_be_read_for_a_moment_is_read_later(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.delivery.store.cursor.FRESH_S", -1.0)
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Unreadable))
    store = Store(tmp_path, clock, FAST)
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    rows = put(store, 50)
    store.flush()
    assert drain.fetch_live(100) == []
    monkeypatch.setattr(Unreadable, "broken", True)
    assert drain.fetch_backlog(100) == []
    monkeypatch.setattr(Unreadable, "broken", False)
    assert drain.has_backlog
    assert [row.n for row in drain.fetch_backlog(100)] == [row.n for row in rows]
    store.close()


def test_a_rejected_row_is_set_aside_and_counted(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock, FAST)
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    rows = put(store, 3, "event")
    store.flush()
    take_all(drain)
    drain.reject(rows[1].n, TOO_LARGE)
    store.flush()
    assert pending_rows(store) == 2
    (gap,) = store.fetch_gaps()
    assert (gap.kind, gap.reason, gap.rows, gap.from_ms) == ("event", TOO_LARGE, 1, rows[1].t_ms)
    assert store.do(lambda db: db.execute("select n, reason, payload from aside").fetchall()) == [
        (rows[1].n, stored(TOO_LARGE), rows[1].payload)
    ]
    drain.return_unconfirmed()
    assert take_all(drain) == [rows[0].n, rows[2].n]
    store.close()


def test_a_gap_is_announced_until_the_announcement_is_committed(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock, FAST)
    store.sink_cursors(["mqtt"])
    store.record_gap("telemetry", TOO_LARGE, 5, 10, 20)
    store.record_gap("telemetry", ROW_TOO_LARGE(limit_bytes=20_000), 2, 5, 30)
    (gap,) = store.fetch_gaps()
    assert (gap.rows, gap.from_ms, gap.to_ms) == (7, 5, 30), "rows with equal reasons are one gap until it is announced"
    store.record_gap("telemetry", TOO_LARGE, 1, 40, 40)
    first, second = store.fetch_gaps()
    assert (first.g, first.rows, second.rows) == (gap.g, 7, 1), (
        "announced again with its number; later rows are another gap"
    )
    store.append(None, "event", 1, lambda _: b"{}", announces_gap=first.g)
    store.append(None, "event", 1, lambda _: b"{}", announces_gap=second.g)
    store.flush()
    assert store.fetch_gaps() == []
    assert store.figures()["rows_dropped"] == 8
    store.close()


def test_gaps_of_different_reasons_are_not_merged(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock, FAST)
    for reason in (NO_SPACE_LEFT(), ROWS_THINNED(), TOO_LARGE, ROW_TOO_LARGE(limit_bytes=30_000)):
        store.record_gap("telemetry", reason, 1, 10, 20)
        store.record_gap("telemetry", reason, 1, 10, 20)
    found = {gap.reason: gap.rows for gap in store.fetch_gaps()}
    assert found == {NO_SPACE_LEFT(): 2, ROWS_THINNED(): 2, TOO_LARGE: 2, ROW_TOO_LARGE(limit_bytes=30_000): 2}
    store.close()


def test_a_gap_of_a_file_without_codes_is_read_as_unknown(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock, FAST)
    for text in ("quota reached", '"text"', '{"code": "of_a_later_version", "data": {}}', stored(TOO_LARGE)):
        row = "telemetry", text, 1, 10, 20
        store.do(lambda db, row=row: db.execute(
            "insert into gaps (kind, reason, rows, from_ms, to_ms) values (?, ?, ?, ?, ?)", row).rowcount)  # fmt: skip
    found = [gap.reason for gap in store.fetch_gaps()]
    assert [reason.code for reason in found] == [UNKNOWN, UNKNOWN, UNKNOWN, ROW_TOO_LARGE]
    assert found[0].data["name"] == "quota reached"
    assert found[2].data["name"] == "of_a_later_version"
    assert loaded(stored(TOO_LARGE)) == TOO_LARGE
    store.close()


def test_times_of_unsent_rows_are_moved_and_nothing_else(tmp_path: Path, clock: HandClock) -> None:
    """The snapshot starts before the run: its time is that of an earlier run."""
    store = Store(tmp_path, clock, FAST)
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    start_ms, values = store.now_ms, {"active_power_w": 1000, "snapshot_start_ms": store.now_ms - 1}
    t_ms = start_ms + 1000
    body = {"s": "magwatt.event/1", "t": t_ms, "id": "x", "v": {"event_start_ms": start_ms + 900, **values}}
    for _ in range(3):
        store.append("m", "event", t_ms, lambda _: msgspec.json.encode(body))
    assert store.correct_unsent_timestamps(store.run_id, 3_600_000, after=1) == 2
    assert store.correct_unsent_timestamps(store.run_id + 1, 5) == 0
    rows = [*drain.fetch_live(9), *drain.fetch_backlog(9)]
    found = [msgspec.json.decode(row.payload) for row in rows]
    moved = {**body, "t": t_ms + 3_600_000, "v": {"event_start_ms": start_ms + 3_600_900, **values}}
    assert found == [body, moved, moved]
    assert [row.t_ms for row in rows] == [t_ms, t_ms + 3_600_000, t_ms + 3_600_000]
    store.close()


COUNTING = """
import sys, time
from pathlib import Path
from agent.core.clock import SystemClock
from agent.config.model import StoreSettings
from agent.delivery.store import Store
store = Store(Path(sys.argv[1]), SystemClock(), StoreSettings(commit_interval_s=0.02))
drain = store.sink_cursors(["mqtt"])["mqtt"]
sent = open(sys.argv[1] + ".sent", "ab", buffering=0)
drain.wake = lambda: sent.write(b"".join(row.payload + b" " for row in drain.fetch_live(1000)))
n = store.counters().get("wh", 0)
first = n + 1
while True:
    n += 1
    store.append("m", "telemetry", time.time_ns() // 10**6, lambda _: b"%d" % n, {"wh": n, "other": 2 * n})
    if n == first:
        store.flush()
        print("ready", flush=True)
    if n % 50 == 0:
        store.flush()
"""


@contextmanager
def counting(folder: Path) -> Iterator[int]:
    """The process id after its first commit; the process is killed at the end."""
    command = [sys.executable, "-c", COUNTING, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process.pid
        finally:
            process.kill()


def inside(path: Path) -> tuple[int, int, int, list[tuple[str]]]:
    """Counter, other counter, last row, result of SQLite's integrity check."""
    with closing(sqlite3.connect(path)) as db:
        counters = dict(db.execute("select name, value from counters").fetchall())
        last = db.execute("select payload from spool order by n desc limit 1").fetchone()
        verdict = db.execute("pragma integrity_check").fetchall()
    return counters.get("wh", 0), counters.get("other", 0), int(last[0]) if last else 0, verdict


def test_a_counter_is_never_less_than_a_row_that_was_sent(tmp_path: Path) -> None:
    """kill -9 at random moments: the counter in the file is at least what a sink has seen, and what its rows show."""
    chance = random.Random(5)
    before = 0
    for _ in range(4):
        with counting(tmp_path / "state"):
            time.sleep(chance.uniform(0.02, 0.2))
        counter, other, last, verdict = inside(tmp_path / "state" / NAME)
        assert verdict == [("ok",)]
        assert counter >= last
        assert counter >= max(map(int, (tmp_path / "state.sent").read_bytes().split()))
        assert other == 2 * counter
        assert counter > before
        before = counter


def test_copies_taken_at_random_moments_are_valid(tmp_path: Path) -> None:
    """The state after a power cut: the process is suspended and its files are copied, with a partial frame at the end
    of the WAL. Everything that was committed is in the copy."""
    chance = random.Random(11)
    copies = [tmp_path / f"copy-{number}" for number in range(8)]
    with counting(tmp_path / "state") as pid:
        for copy in copies:
            time.sleep(chance.uniform(0.01, 0.08))
            copy.mkdir()
            os.kill(pid, signal.SIGSTOP)
            wait_until(lambda: stands(pid), 2, "it stands")
            for name in (NAME, f"{NAME}-wal"):
                shutil.copyfile(tmp_path / "state" / name, copy / name)
            os.kill(pid, signal.SIGCONT)
    seen = 0
    for copy in copies:
        with (copy / f"{NAME}-wal").open("ab") as log:
            log.write(chance.randbytes(chance.randrange(5000)))
        counter, other, last, verdict = inside(copy / NAME)
        assert verdict == [("ok",)]
        assert counter >= last
        assert other == 2 * counter
        assert counter >= seen, "nothing that was there is gone"
        seen = counter
        store = Store(copy, HandClock())
        assert store.run_id
        assert [gap.rows for gap in store.fetch_gaps()] == [None], "an interrupted run leaves a gap"
        store.close()
    assert seen > 50


def stands(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


def test_a_clean_end_leaves_no_gap_and_a_second_agent_is_rejected(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock, FAST)
    boot = store.run_id
    other = Store(tmp_path, clock)
    with pytest.raises(StoreError) as error:
        _ = other.run_id
    assert (error.value.reason.code, error.value.reason.data["pid"]) == (STATE_DIR_IN_USE, os.getpid())
    other.save_entry("a", "b", "", 1)
    assert store.entry("a", "b", "") == 1, "commands may write while an agent runs"
    other.close()
    store.close()
    again = Store(tmp_path, clock)
    assert again.run_id == boot + 1
    assert again.fetch_gaps() == []
    again.close()
