"""Flipped bytes in the state file: no corrupt row is delivered, each is part of an announced gap."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from support.basics import HandClock
from support.store import T_MS, small

from agent.delivery.store import Store
from agent.delivery.store.database_file import NAME
from agent.delivery.store.reasons import ROW_CORRUPT

ROWS = 300


def message(row_id: str, n: int) -> bytes:
    return msgspec.json.encode({"id": row_id, "v": {"active_power_w": n}})


def stored_rows(directory: Path, clock: HandClock) -> dict[str, tuple[int, bytes]]:
    """Id → time and payload of the rows that wait in the file of a run that ended."""
    store = Store(directory, clock, small())
    store.sink_cursors(["mqtt"])
    rows = [store.append("m", "telemetry", T_MS + 1000 * n, lambda row_id, n=n: message(row_id, n))  # type: ignore[misc]
            for n in range(ROWS)]  # fmt: skip
    store.flush()
    store.close()
    return {row.id: (row.t_ms, row.payload) for row in rows}


def delivered(store: Store, sinks: int = 1) -> dict[str, tuple[int, bytes]]:
    came = {}
    for drain in store.sink_cursors([f"sink-{n}" for n in range(sinks)] if sinks > 1 else ["mqtt"]).values():
        while rows := drain.fetch_backlog(50):
            assert all((row.asset, row.kind) == ("m", "telemetry") for row in rows)
            came |= {row.id: (row.t_ms, row.payload) for row in rows}
            drain.confirm([row.n for row in rows])
    store.flush()
    return came


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bytes_are_never_delivered_and_each_row_is_counted(
    tmp_path: Path, clock: HandClock, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Bytes inside rows only: SQLite finds damage of its structure itself."""
    chance = random.Random(seed)
    made = stored_rows(tmp_path, clock)
    content = bytearray((tmp_path / NAME).read_bytes())
    for row_id in chance.sample(sorted(made), 20):
        at = content.index(made[row_id][1])
        content[at + chance.randrange(-5, len(made[row_id][1]))] ^= 1 << chance.randrange(8)
    (tmp_path / NAME).write_bytes(content)
    store = Store(tmp_path, clock, small())
    came = delivered(store)
    assert came.items() <= made.items()
    gaps = [gap for gap in store.fetch_gaps() if gap.reason == ROW_CORRUPT()]
    assert sum(gap.rows or 0 for gap in gaps) == len(made) - len(came) > 0
    lost_ms = [t_ms for row_id, (t_ms, _) in made.items() if row_id not in came]
    assert min(gap.from_ms for gap in gaps) <= min(lost_ms)
    assert max(gap.to_ms for gap in gaps) >= max(lost_ms)
    assert store.figures()["spool_rows"] == 0
    assert "corrupt" in caplog.text
    store.close()


@pytest.mark.parametrize(
    "change", ["t_ms = t_ms + 1", "kind = 'event'", "asset = 'x'", "asset = cast(x'ff' as text)", "seq = seq + 1000",
               "payload = 5", "t_ms = 1 << 60"],
)  # fmt: skip
def test_each_column_is_covered(tmp_path: Path, clock: HandClock, change: str) -> None:
    made = stored_rows(tmp_path, clock)
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as db:
        db.execute(f"update spool set {change} where t_ms in (?, ?, ?)", (T_MS, T_MS + 5000, T_MS + 299_000))
    store = Store(tmp_path, clock, small())
    came = delivered(store)
    assert came.items() <= made.items()
    assert len(came) == ROWS - 3
    gaps = store.fetch_gaps()
    assert sum(gap.rows or 0 for gap in gaps) == 3
    assert all(T_MS <= gap.from_ms <= gap.to_ms <= T_MS + 300_000 for gap in gaps)
    store.close()


def test_a_backlog_with_corrupt_rows_only_ends(tmp_path: Path, clock: HandClock) -> None:
    stored_rows(tmp_path, clock)
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as db:
        db.execute("update spool set payload = x'00' where t_ms < ?", (T_MS + 250_000,))
    store = Store(tmp_path, clock, small())
    assert len(delivered(store)) == 50, "rows after 250 corrupt ones are delivered"
    assert sum(gap.rows or 0 for gap in store.fetch_gaps()) == 250
    store.close()


def test_a_corrected_row_is_intact_and_a_damaged_one_stays_damaged(tmp_path: Path, clock: HandClock) -> None:
    store = Store(tmp_path, clock, small())
    drain = store.sink_cursors(["mqtt"])["mqtt"]
    t_ms = store.now_ms
    body = {"t": t_ms, "id": "x", "v": {}}
    for _ in range(2):
        store.append("m", "event", t_ms, lambda _: msgspec.json.encode(body))
    store.flush()
    store.do(lambda db: db.execute("update spool set payload = ? where n in (select max(n) from spool)",
                                   (msgspec.json.encode({**body, "id": "y"}),)).rowcount)  # fmt: skip
    store.correct_unsent_timestamps(store.run_id, 500)
    drain.reread()
    rows = drain.fetch_backlog(10)
    assert [(row.t_ms, msgspec.json.decode(row.payload)) for row in rows] == [(t_ms + 500, {**body, "t": t_ms + 500})]
    assert sum(gap.rows or 0 for gap in store.fetch_gaps()) == 1
    store.close()


def test_a_row_whose_record_lost_its_checksum_is_corrupt(tmp_path: Path, clock: HandClock) -> None:
    """A changed byte in a record header can move all columns by one; the last one, the checksum, then reads as null."""
    stored = stored_rows(tmp_path, clock)
    with closing(sqlite3.connect(tmp_path / NAME)) as db, db:
        db.execute("update spool set checks = null where n = (select min(n) from spool)")
    store = Store(tmp_path, clock, small())
    came = delivered(store)
    assert came == dict(list(stored.items())[1:])
    store.flush()
    assert [(gap.reason.code, gap.rows) for gap in store.fetch_gaps()] == [(ROW_CORRUPT, 1)]
    store.close()


@pytest.mark.parametrize("column", [b"owed", b"payload", b"seq"])
def test_a_file_with_a_changed_column_name_is_replaced(tmp_path: Path, clock: HandClock, column: bytes) -> None:
    stored = stored_rows(tmp_path, clock)
    file = tmp_path / NAME
    content = file.read_bytes()
    assert column in content[:8192]
    for changed in (b"\xac" + column[1:], b"x" + column[1:]):
        file.write_bytes(content.replace(column, changed, 1))
        store = Store(tmp_path, clock, small())
        assert store.corruption is not None
        assert set(delivered(store)) == set(stored)
        store.close()
