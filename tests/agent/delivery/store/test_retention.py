"""Deletion by age: a step of the clock, in either direction, neither deletes nor keeps anything."""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
from pathlib import Path

import pytest
from support.basics import HandClock
from support.store import kill, without_fsync

from agent.config.model import StoreSettings
from agent.core.messages import Message
from agent.delivery.store.database_file import NAME
from agent.delivery.store.history import History
from agent.delivery.store.reasons import AGENT_KILLED
from agent.delivery.store.retention import ClockOffsetSpan, RetentionClock, load

EVERY_S, HOUR_S, DAY_S, YEAR_S = 1800, 3600, 86_400, 365 * 86_400
LONGEST = 5 * DAY_S * (1 + 1 / 32) // EVERY_S + 2  # rows in the spool: five days, and at most 1/32 more
KEEP_S = (2.0 * HOUR_S, 5.0 * DAY_S, 30.0 * DAY_S)


class Plant:
    """A motor's row every half hour into a real store, housekeeping after each."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("agent.delivery.store.housekeeping.HOUSEKEEPING_S", 0.0)
        self.folder, self.clock = folder, HandClock()
        self.start()

    def start(self) -> None:
        settings = StoreSettings(commit_interval_s=0.001, spool_retention_s=5.0 * DAY_S)
        self.store = without_fsync(self.folder, self.clock, settings)
        self.store.sink_cursors(["mqtt"])
        self.history = History(self.store, KEEP_S)

    def restart(self, away_s: float = 0.0) -> None:
        self.history.stop()
        self.store.close()
        self.clock.step(away_s)
        self.start()

    def kill(self, note: object, away_s: float) -> None:
        """A kill and a later start.

        note: replaces the stored age. None: there is none.
        """
        self.history.stop()
        self.flush()
        kill(self.store)
        with contextlib.closing(sqlite3.connect(self.folder / NAME)) as db:
            if note is None:
                db.execute("delete from note where kind = 'age'")
            else:
                db.execute("update note set body = ? where kind = 'age'", (json.dumps(note),))
            db.commit()
        self.clock.step(away_s)
        self.start()

    def measure(self, seconds: float) -> None:
        for _ in range(round(seconds / EVERY_S)):
            self.clock.move(EVERY_S)
            t_ms = self.clock.utc_ns() // 1_000_000
            message = Message("fan", "telemetry", t_ms, {"active_power_w": 1.0})
            self.history.on_published(message)
            self.store.append("fan", "telemetry", t_ms, lambda row_id: b"{}")
            self.flush()

    def flush(self) -> None:
        """Also waits for the housekeeping after the commit."""
        self.store.flush()
        self.store.flush()

    def step(self, seconds: float) -> None:
        self.clock.step(seconds)

    def kept(self, step_s: int) -> int:
        self.flush()
        return int(self.store.rows("select count(*) from history where step_s = ?", (step_s,))[0][0])

    def spooled(self) -> int:
        self.flush()
        return int(self.store.rows("select count(*) from spool")[0][0])


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plant:
    return Plant(tmp_path, monkeypatch)


@pytest.mark.parametrize("jump_s", [73 * YEAR_S, 10 * YEAR_S, 20 * DAY_S, -YEAR_S])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_wrong_clock_for_a_night_deletes_nothing(plant: Plant, jump_s: float, restarts: bool) -> None:
    """Three days of rows with a retention of five: a clock that is wrong for ten hours deletes none of them."""
    plant.measure(3 * DAY_S)
    plant.step(jump_s)
    if restarts:
        plant.restart()
    plant.measure(10 * HOUR_S)
    if restarts:
        plant.restart()
    plant.step(-jump_s)
    plant.measure(HOUR_S)
    rows = (3 * DAY_S + 11 * HOUR_S) // EVERY_S
    assert plant.spooled() == rows
    right = rows if jump_s > 0 else rows - 10 * HOUR_S // EVERY_S  # rows of a year ago
    assert right - 3 <= plant.kept(60) <= rows, "of 1 min; the minutes at the steps are not over"
    plant.store.close()


def test_after_a_wrong_clock_the_retention_is_the_same(plant: Plant) -> None:
    """Rows dated in the future are deleted at the same age as all others."""
    plant.measure(2 * DAY_S)
    plant.step(10 * YEAR_S)
    plant.measure(10 * HOUR_S)
    plant.step(-10 * YEAR_S)
    plant.measure(6 * DAY_S)
    plant.measure(HOUR_S)
    assert 5 * DAY_S // EVERY_S - 1 <= plant.spooled() <= LONGEST
    assert 5 * DAY_S // EVERY_S - 2 <= plant.kept(60) <= 5 * DAY_S // EVERY_S + 2
    plant.store.close()


def test_rows_dated_in_the_future_do_not_delay_the_deletion_of_later_rows(
    plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More rows than one step of the housekeeping examines."""
    monkeypatch.setattr("agent.delivery.store.quota.CHUNK", 10)
    plant.step(10 * YEAR_S)
    plant.measure(10 * HOUR_S)
    plant.step(-10 * YEAR_S)
    plant.measure(8 * DAY_S)
    assert 5 * DAY_S // EVERY_S - 1 <= plant.spooled() <= LONGEST
    plant.store.close()


def test_a_first_run_that_begins_in_1970_or_in_2099(plant: Plant) -> None:
    """A new file, an hour on a wrong clock, then the right one: later rows are kept for the retention time."""
    for jump_s in (73 * YEAR_S, -YEAR_S):
        plant.store.close()
        plant.folder = plant.folder / "next"
        plant.step(jump_s)
        plant.start()
        plant.measure(HOUR_S)
        plant.step(-jump_s)
        plant.measure(4 * DAY_S)
        assert plant.kept(60) >= 4 * DAY_S // EVERY_S - 2
        assert plant.spooled() >= 4 * DAY_S // EVERY_S
    plant.store.close()


@pytest.mark.parametrize("jump_s", [73 * YEAR_S, 330 * DAY_S, -YEAR_S])
def test_a_first_run_with_a_wrong_clock_keeps_no_more_than_the_retention(plant: Plant, jump_s: float) -> None:
    """No battery-backed clock: a time server corrects January to November after half a minute, or 2099 to 2026."""
    plant.store.close()
    plant.folder = plant.folder / "next"
    plant.step(-jump_s)
    plant.start()
    plant.measure(EVERY_S)
    plant.step(jump_s)
    plant.measure(7 * DAY_S)
    assert 5 * DAY_S // EVERY_S - 1 <= plant.spooled() <= LONGEST
    assert 5 * DAY_S // EVERY_S - 2 <= plant.kept(60) <= 5 * DAY_S // EVERY_S + 2
    assert 2 * HOUR_S // EVERY_S - 1 <= plant.kept(1) <= 2 * HOUR_S // EVERY_S + 2
    plant.store.close()


@pytest.mark.parametrize("away_s", [30 * DAY_S, 430 * DAY_S])
def test_a_gateway_that_was_off_for_long_keeps_as_much_as_others(plant: Plant, away_s: float) -> None:
    plant.measure(DAY_S)
    plant.restart(away_s=away_s)
    plant.measure(20 * HOUR_S)
    assert plant.spooled() == (DAY_S + 20 * HOUR_S) // EVERY_S, "the age did not increase meanwhile"
    plant.measure(7 * DAY_S)
    assert 5 * DAY_S // EVERY_S - 1 <= plant.spooled() <= LONGEST
    assert 5 * DAY_S // EVERY_S - 2 <= plant.kept(60) <= 5 * DAY_S // EVERY_S + 2
    plant.store.close()


def test_a_gateway_that_runs_by_day_only_keeps_as_much(plant: Plant) -> None:
    for _ in range(25):
        plant.measure(8 * HOUR_S)
        plant.restart(away_s=16 * HOUR_S)
    assert 5 * DAY_S // EVERY_S - 1 <= plant.spooled() <= LONGEST
    assert 5 * DAY_S // EVERY_S - 2 <= plant.kept(60) <= 5 * DAY_S // EVERY_S + 4
    plant.store.close()


@pytest.mark.parametrize("note", [None, {"ms": 1}, {"ran_ms": 1, "spans": [], "marks": []}, "torn"])
def test_a_state_file_without_an_age_starts_with_the_time_of_its_last_run(plant: Plant, note: object) -> None:
    plant.measure(DAY_S)
    plant.kill(note, away_s=73 * YEAR_S)
    plant.measure(HOUR_S)
    assert plant.spooled() == (DAY_S + HOUR_S) // EVERY_S
    assert plant.kept(60) >= (DAY_S + HOUR_S) // EVERY_S - 2
    plant.store.close()


def test_a_state_file_whose_last_run_was_in_2099_loses_nothing(plant: Plant) -> None:
    plant.measure(DAY_S)
    plant.step(73 * YEAR_S)
    plant.measure(HOUR_S)
    plant.kill(None, away_s=-73 * YEAR_S)
    plant.measure(HOUR_S)
    rows = (DAY_S + 2 * HOUR_S) // EVERY_S
    assert plant.spooled() == rows
    assert rows - 3 <= plant.kept(60) <= rows
    plant.store.close()


@pytest.mark.parametrize("when", ["in a run before", "in the same run"])
def test_a_kill_after_a_night_in_2099_leaves_a_gap_of_now(plant: Plant, when: str) -> None:
    """The gap does not start in 2099."""
    plant.measure(HOUR_S)
    plant.step(73 * YEAR_S)
    plant.measure(HOUR_S)
    if when == "in a run before":
        plant.restart(away_s=-73 * YEAR_S)
    else:
        plant.step(-73 * YEAR_S)
    plant.measure(HOUR_S)
    plant.history.stop()
    plant.flush()
    killed_ms = plant.clock.utc_ns() // 1_000_000
    kill(plant.store)
    plant.clock.move(60.0)
    plant.start()
    [gap] = [gap for gap in plant.store.fetch_gaps() if gap.reason == AGENT_KILLED()]
    assert (gap.from_ms, gap.to_ms) == (killed_ms, killed_ms + 60_000)
    plant.store.close()


def test_the_retained_range_by_hand() -> None:
    """An hour in 2026, two in 2099, half an hour in 2026 again."""
    right_ms, wrong_ms, hour_ms = 1_000 * DAY_S * 1000, 30_000 * DAY_S * 1000, HOUR_S * 1000
    age = RetentionClock(0, 0.0, [ClockOffsetSpan(0, right_ms, right_ms)])
    for minute in range(1, 211):
        in_order_ms = wrong_ms if 60 < minute <= 180 else right_ms
        age.advance(in_order_ms + minute * 60_000, 60.0 * minute)
    margin_ms = 1_200_000  # twice the interval of 10 min at which the running time is saved
    assert age.retained_range(600.0) == (right_ms + 3.5 * hour_ms - 600_000, right_ms + 3.5 * hour_ms + margin_ms)
    assert age.retained_range(2 * HOUR_S) == (right_ms + 181 * 60_000, wrong_ms + 181 * 60_000 + margin_ms)
    assert age.retained_range(3 * HOUR_S).first == right_ms + hour_ms / 2


@pytest.mark.parametrize("seed", range(20))
def test_no_retained_data_is_outside_the_retained_range(seed: int) -> None:
    """Compared with the age of each measurement, with steps in both directions, drift, power-off and restarts.
    There are three times as many steps as stored spans (64)."""
    chance = random.Random(seed)
    mono_s, utc_s, ran_s = 0.0, 2e9, 0.0
    age, taken = RetentionClock(0, 0.0, [ClockOffsetSpan(0, round(utc_s * 1000), round(utc_s * 1000))]), []
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.execute("create table note (kind, name, fingerprint, saved_ms, body, primary key (kind, name))")
        for _ in range(192):
            utc_s += chance.choice((0, 0, 30, 20 * DAY_S, -20 * DAY_S, 16 * HOUR_S, chance.uniform(-YEAR_S, YEAR_S)))
            if chance.random() < 0.3:
                age.save(db, mono_s, force=True)
                mono_s = chance.uniform(0, 1e6)
                age = load(db, round(utc_s * 1000), mono_s)
            for _ in range(chance.randrange(1, 30)):
                step_s = chance.uniform(60, 1800)
                mono_s, ran_s, utc_s = mono_s + step_s, ran_s + step_s, utc_s + step_s * (1 + 5e-5)
                age.advance(round(utc_s * 1000), mono_s)
                taken.append((ran_s, utc_s * 1000))
            for kept_s in (2 * HOUR_S, 2 * DAY_S):
                first, last = age.retained_range(kept_s)
                recent = [date for at_s, date in taken if at_s > ran_s - kept_s + 10]
                assert all(first - 1 <= date <= last for date in recent), "to the millisecond"


@pytest.mark.parametrize("retention_s", [HOUR_S, 5 * DAY_S, 90 * DAY_S])
def test_a_row_expires_after_the_retention_and_at_most_a_32nd_of_it_later(retention_s: int) -> None:
    """At each moment, every row older than 33/32 of the retention is expired, and no newer one."""
    step_s = retention_s // 200
    age = RetentionClock(0, 0.0, [ClockOffsetSpan(0, 0, 0)])
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.execute("create table spool (n integer primary key autoincrement)")
        for number in range(1, 601):  # one row per step: row n is measured at n steps
            db.execute("insert into spool values (null)")
            age.advance(1000 * step_s * number, float(step_s * number))
            expired = age.expired_up_to(db, float(retention_s))
            oldest_s, newest_expired_s = (number - expired - 1) * step_s, (number - expired) * step_s
            assert oldest_s <= retention_s * 33 / 32, "the oldest row that is kept"
            assert expired == 0 or newest_expired_s >= retention_s, "the newest row that is deleted"
