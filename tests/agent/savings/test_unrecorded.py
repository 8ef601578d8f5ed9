"""Intervals without a record: those of a stopped agent are not a problem, inserted ones are.

Each manipulation is made on a copy of the same ledger; an external checkpoint detects one that is
signed with the gateway's key.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from reportkit import PLANT, appended
from testkit import HandClock

from agent.config import Config
from agent.config_load import load_config
from agent.savings import bookkeeper, checkpoints
from agent.savings import ledger_reasons as codes
from agent.savings.bookkeeper import Bookkeeper
from agent.savings.hours import HOUR_MS, MOST, SETTLED_MS, Keeper
from agent.savings.keep import save_intervals
from agent.savings.ledger import records
from agent.savings.ledger_key import load_or_make
from agent.savings.types import QUARTER_MS, Interval
from agent.savings.unrecorded import pending
from agent.savings.verify import Verdict, open_copy, verify
from agent.store import Store

START_MS = 1_790_000_000_000 // HOUR_MS * HOUR_MS
GAP = range(4 * 10, 4 * 15)  # intervals without measurement
STOP = 4 * 30 + 1  # number of the interval after which the agent stops


class Teller:
    def publish_retained(self, *_: object, **__: object) -> None:
        return None


def quarters(numbers: Sequence[int] | range, wh: float = 25_000.0) -> list[Interval]:
    return [Interval("fan", START_MS + k * QUARTER_MS, wh + k) for k in numbers]


def agent(folder: Path, config: Config, first: int, last: int, off_ms: int = 0) -> None:
    """Measures and records these intervals, then stops. off_ms: error of its clock."""
    clock = HandClock()
    store = Store(folder / "state", clock)
    keeper = Bookkeeper(store, lambda: config, Teller(), clock)
    for k in range(first, last):
        clock.move((START_MS + off_ms + (k + 1) * QUARTER_MS - clock.utc_ns() // 1_000_000) / 1000)
        if k not in GAP:
            save_intervals(store, [Interval("fan", START_MS + off_ms + k * QUARTER_MS, 25_000.0 + k)])
        keeper.keep()
    store.close()


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    file = tmp_path_factory.mktemp("plant") / "plant.toml"
    file.write_text(PLANT + '[ledger]\ncheckpoint_file = "roots.jsonl"\n', encoding="utf-8")
    return load_config(file)[0]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, config: Config) -> Path:
    folder = tmp_path_factory.mktemp("stopped")
    agent(folder, config, 0, STOP)
    return folder


@pytest.fixture
def plant(written: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "plant"
    shutil.copytree(written, folder, ignore=shutil.ignore_patterns("reserve"))
    return folder


def look(folder: Path, elsewhere: Sequence[dict[str, object]] = ()) -> Verdict:
    db = open_copy(folder / "state" / "magwatt.sqlite")
    try:
        return verify(db, load_or_make(folder / "state"), elsewhere)
    finally:
        db.close()


def decide(folder: Path, config: Config, at_k: float) -> None:
    """Records a decision as `magwatt adjustment decide` does. at_k: its time in intervals from START_MS."""
    store = Store(folder / "state", HandClock())
    event = {"asset": "fan", "number": 1}
    bookkeeper.record(store, config, START_MS + round(at_k * QUARTER_MS), "decision", {"event": event})
    store.close()


def insert(folder: Path, numbers: range) -> None:
    with sqlite3.connect(folder / "state" / "magwatt.sqlite") as db:
        rows = [("fan", item.start_ms, msgspec.json.encode(item).decode()) for item in quarters(numbers)]
        db.executemany("insert into interval values (?, ?, ?)", rows)
    db.close()


def cut(folder: Path, after: int) -> None:
    with sqlite3.connect(folder / "state" / "magwatt.sqlite") as db:
        assert db.execute("delete from ledger where seq > ?", (after,)).rowcount
    db.close()


def waits(found: Verdict) -> int:
    return sum(map(len, found.unrecorded.waiting.values()))


def test_intervals_measured_before_a_stop_are_not_recorded_yet(plant: Path) -> None:
    found = look(plant)
    assert found.ok, found.problems
    assert waits(found) == 5, "the hour that was not settled, and the one that was not over"
    since_ms = START_MS + (STOP - 5) * QUARTER_MS
    assert pending(found.unrecorded.waiting) == codes.RECORDS_PENDING(n=5, assets=("fan",), since_ms=since_ms)


def test_more_than_a_running_agent_leaves_is_reported_as_overdue() -> None:
    eight = [k * 900_000 for k in range(8)]
    assert pending({}) is None
    assert pending({"fan": eight, "pump": eight}) == codes.RECORDS_PENDING(n=16, assets=("fan", "pump"), since_ms=0)
    for waiting in ({"fan": [*eight, 8 * 900_000]}, {"fan": [0], "pump": [*eight, 8 * 900_000]}):
        found = pending(waiting)
        assert found is not None
        assert found.code == codes.RECORDS_OVERDUE


@pytest.mark.parametrize("later_k", [2, 8, 4 * 24 * 30])
def test_a_decision_after_a_stop_is_not_a_problem(plant: Path, config: Config, later_k: int) -> None:
    decide(plant, config, STOP + later_k)
    found = look(plant)
    assert found.ok, found.problems
    assert waits(found) == (1 if later_k == 2 else 0), "hours that are over are recorded first"
    agent(plant, config, STOP + later_k, STOP + later_k + 12)
    assert look(plant).ok


def test_a_decision_of_an_earlier_version_is_not_a_problem(plant: Path) -> None:
    """That version recorded no hours before the decision and had no hours_to_ms."""
    store = Store(plant / "state", HandClock())
    appended(store, START_MS + 40 * HOUR_MS, [("decision", {"event": {"asset": "fan", "number": 1}})])
    store.close()
    found = look(plant)
    assert found.ok, found.problems
    assert waits(found) == 5


def test_intervals_inserted_into_a_gap_are_reported(plant: Path, config: Config) -> None:
    insert(plant, GAP[2:6])
    found = look(plant)
    first_ms = START_MS + GAP[2] * QUARTER_MS
    assert found.problems == [codes.INTERVALS_NOT_RECORDED(n=4, asset="fan", first_ms=first_ms)]
    assert not found.ok


def test_intervals_inserted_before_a_decision_are_reported(plant: Path, config: Config) -> None:
    """According to the record of the decision, nothing was measured between the last hour and the decision."""
    decide(plant, config, STOP + 40)
    insert(plant, range(STOP + 8, STOP + 12))
    assert list(look(plant).unrecorded.stray["fan"]) == [item.start_ms for item in quarters(range(STOP + 8, STOP + 12))]


def test_intervals_inserted_at_the_end_count_as_not_recorded(plant: Path, config: Config) -> None:
    """They look like measured ones. When the agent runs again, they are recorded and counted as late."""
    insert(plant, range(STOP + 4, STOP + 16))
    found = look(plant)
    assert found.ok
    assert waits(found) == 5 + 12
    assert found.late == 0
    agent(plant, config, STOP + 60, STOP + 64)
    assert look(plant).late == 2 + 4, "the two hours of the stop, and the four inserted ones"


def test_inserted_intervals_are_not_recorded_by_the_next_command(plant: Path, config: Config) -> None:
    """Neither an import nor a decision a month later records what another process inserted."""
    agent(plant, config, 4 * 24 * 40, 4 * 24 * 40 + 8)
    insert(plant, GAP[:4])
    store = Store(plant / "state", HandClock())
    store.do(Keeper.watch)
    history = [Interval("fan", item.start_ms, 1.0, source="imported") for item in quarters(range(-400, -392))]
    save_intervals(store, history)
    bookkeeper.record(store, config, START_MS + 41 * 24 * HOUR_MS, "import", {"asset": "fan"})
    store.close()
    found = look(plant)
    assert list(found.unrecorded.stray["fan"]) == [item.start_ms for item in quarters(GAP[:4])]
    hours = records(open_copy(plant / "state" / "magwatt.sqlite"), "hour")
    assert sum(record.body["source"] == ["imported"] for record in hours) == 2


def test_a_truncation_before_a_decision_is_detected_by_a_checkpoint(plant: Path, config: Config) -> None:
    """The hours are recorded again with the right key and counted as late; a checkpoint detects the other chain."""
    db = open_copy(plant / "state" / "magwatt.sqlite")
    checkpoint = checkpoints.checkpoint_message(records(db, "checkpoint")[-1])
    db.close()
    assert look(plant, [checkpoint]).ok
    cut(plant, checkpoint["seq"] - 4)
    decide(plant, config, STOP + 40)
    alone = look(plant)
    assert alone.ok
    assert alone.late >= 6
    found = look(plant, [checkpoint])
    assert found.first_bad is not None
    assert found.first_bad <= checkpoint["seq"]
    assert found.problems[0].code == codes.CHECKPOINT_DIFFERS


def test_truncated_hours_count_as_not_recorded(plant: Path) -> None:
    hours = records(open_copy(plant / "state" / "magwatt.sqlite"), "hour")
    cut(plant, hours[-6].seq)
    assert waits(look(plant)) == 5 + 5 * 4


def test_many_hours_that_are_recorded_in_parts_are_not_a_problem(tmp_path: Path) -> None:
    store = Store(tmp_path / "state", HandClock())
    keeper = Keeper(load_or_make(tmp_path / "state"), {"config": "c0ffee", "software": "0.1.0"})
    store.do(Keeper.watch)
    save_intervals(store, quarters(range(0, 4 * (MOST + 300), 4)))
    now_ms = START_MS + (MOST + 301) * HOUR_MS + SETTLED_MS
    for waiting in (300, 0):
        store.do(lambda db: keeper.keep_up(db, now_ms))
        found = look(tmp_path)
        assert found.ok, found.problems
        assert waits(found) == waiting
    store.close()


def test_a_clock_set_to_an_earlier_time_is_not_a_problem(plant: Path, config: Config) -> None:
    """For eight hours, each hour ends twice."""
    for hours in (1, 3, 9):
        agent(plant, config, STOP + 4 * (hours - 1), STOP + 4 * hours, -8 * HOUR_MS)
        found = look(plant)
        assert found.ok, found.problems


def test_records_of_another_motor_do_not_hide_unreadable_intervals(plant: Path, config: Config) -> None:
    with sqlite3.connect(plant / "state" / "magwatt.sqlite") as db:
        rows = [("pump", item.start_ms, "{}") for item in quarters(range(8, 12))]
        db.executemany("insert into interval values (?, ?, ?)", rows)
    db.close()
    agent(plant, config, STOP, STOP + 8)
    first_ms = START_MS + 8 * QUARTER_MS
    assert look(plant).problems == [codes.INTERVALS_NOT_RECORDED(n=4, asset="pump", first_ms=first_ms)]
