"""Deletion by age: a clock that is wrong for a night deletes at most a few days, and data are never kept for years."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest
from support.basics import HandClock
from support.store import kill

from agent.config.model import StoreSettings
from agent.core.messages import Message
from agent.delivery.store import Store
from agent.delivery.store.database_file import NAME
from agent.delivery.store.history import History
from agent.delivery.store.reasons import AGENT_KILLED

EVERY_S, HOUR_S, DAY_S, YEAR_S = 1800, 3600, 86_400, 365 * 86_400
FIVE_DAYS = 5 * DAY_S // EVERY_S  # rows
KEEP_S = (2.0 * HOUR_S, 5.0 * DAY_S, 30.0 * DAY_S)


class Plant:
    """A motor's row every half hour into a real store, housekeeping after each. Rows and history are kept 5 days."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("agent.delivery.store.housekeeping.HOUSEKEEPING_S", 0.0)
        self.folder, self.clock = folder, HandClock()
        self.start()

    def start(self) -> None:
        settings = StoreSettings(commit_interval_s=0.001, spool_retention_s=5.0 * DAY_S)
        self.store = Store(self.folder, self.clock, settings)
        self.store.sink_cursors(["mqtt"])
        self.history = History(self.store, KEEP_S)

    def restart(self, away_s: float = 0.0) -> None:
        self.history.stop()
        self.store.close()
        self.clock.step(away_s)
        self.start()

    def kill(self, away_s: float = 0.0) -> None:
        self.history.stop()
        self.flush()
        kill(self.store)
        self.clock.step(away_s)

    def forget_date(self) -> None:
        """Deletes the stored date from a state file that is not open."""
        with contextlib.closing(sqlite3.connect(self.folder / NAME)) as db:
            assert db.execute("delete from note where kind = 'retention'").rowcount == 1
            db.commit()

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
        """Rows of the history that are dated before now."""
        self.flush()
        query = "select count(*) from history where step_s = ? and t_ms <= ?"
        return int(self.store.rows(query, (step_s, self.clock.utc_ns() // 1_000_000))[0][0])

    def spooled(self) -> int:
        self.flush()
        return int(self.store.rows("select count(*) from spool")[0][0])


@pytest.fixture
def plant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plant:
    return Plant(tmp_path, monkeypatch)


def test_rows_and_history_are_kept_for_their_retention(plant: Plant) -> None:
    plant.measure(7 * DAY_S)
    assert plant.spooled() == pytest.approx(FIVE_DAYS, abs=2)
    assert plant.kept(60) == pytest.approx(FIVE_DAYS, abs=2)
    assert plant.kept(1) == pytest.approx(2 * HOUR_S // EVERY_S, abs=2)
    plant.store.close()


@pytest.mark.parametrize("jump_s", [73 * YEAR_S, YEAR_S, -YEAR_S])
@pytest.mark.parametrize("ending", ["runs on", "stops", "killed"])
def test_a_clock_that_is_wrong_for_six_hours_deletes_little(plant: Plant, jump_s: float, ending: str) -> None:
    """Ahead, the date advances ten times as fast: six hours delete the oldest two and a half days. Back: nothing."""
    plant.measure(5 * DAY_S)
    plant.step(jump_s)
    if ending == "stops":
        plant.restart()
    elif ending == "killed":
        plant.kill()
        plant.start()
    plant.measure(6 * HOUR_S)
    night = 6 * HOUR_S // EVERY_S
    fewest = FIVE_DAYS + night - (10 * night if jump_s > 0 else 0) - 2
    assert fewest <= plant.spooled() <= FIVE_DAYS + night
    plant.step(-jump_s)
    assert plant.kept(60) >= FIVE_DAYS - (10 * night if jump_s > 0 else 0) - 2
    plant.measure(HOUR_S)
    assert plant.spooled() >= fewest - 2
    plant.store.close()


@pytest.mark.parametrize("jump_s", [10 * YEAR_S, -YEAR_S])
def test_rows_of_a_wrong_clock_are_deleted_before_the_rows_measured_after_them(plant: Plant, jump_s: float) -> None:
    """Neither dates ahead nor dates of the past year keep or delete rows around them."""
    plant.measure(2 * DAY_S)
    plant.step(jump_s)
    plant.measure(5 * HOUR_S)
    plant.step(-jump_s)
    plant.measure(2 * DAY_S)
    assert plant.spooled() == (4 * DAY_S + 5 * HOUR_S) // EVERY_S
    plant.measure(42 * DAY_S if jump_s < 0 else 6 * DAY_S)  # ten times as fast over a year
    assert plant.spooled() == pytest.approx(FIVE_DAYS, abs=2)
    assert plant.kept(60) == pytest.approx(FIVE_DAYS, abs=2)
    plant.store.close()


@pytest.mark.parametrize("jump_s", [330 * DAY_S, -YEAR_S])
def test_a_first_run_with_a_wrong_clock_keeps_no_more_than_the_retention(plant: Plant, jump_s: float) -> None:
    """No battery-backed clock: a time server corrects January to November after a while."""
    plant.store.close()
    plant.folder = plant.folder / "next"
    plant.step(-jump_s)
    plant.start()
    plant.measure(EVERY_S)
    plant.step(jump_s)
    assert plant.store.correct_unsent_timestamps(plant.store.run_id, round(1000 * jump_s)) == 1
    plant.measure(7 * DAY_S)
    assert plant.spooled() == pytest.approx(FIVE_DAYS, abs=2)
    assert plant.kept(60) == pytest.approx(FIVE_DAYS, abs=2)
    assert plant.kept(1) == pytest.approx(2 * HOUR_S // EVERY_S, abs=2)
    plant.store.close()


def test_a_power_off_of_a_month_keeps_data_a_little_longer(plant: Plant) -> None:
    """The rows before it are deleted when the date is five days later, after half a day."""
    plant.measure(DAY_S)
    plant.restart(away_s=30 * DAY_S)
    plant.measure(9 * HOUR_S)
    assert plant.spooled() == (DAY_S + 9 * HOUR_S) // EVERY_S
    plant.measure(7 * HOUR_S)
    assert plant.spooled() == 16 * HOUR_S // EVERY_S
    plant.measure(6 * DAY_S)
    assert plant.spooled() == pytest.approx(FIVE_DAYS, abs=2)
    assert plant.kept(60) == pytest.approx(FIVE_DAYS, abs=2)
    plant.store.close()


def test_a_gateway_that_runs_by_day_only_keeps_five_days_of_the_calendar(plant: Plant) -> None:
    """A night of power-off is made up in less than two hours."""
    for _ in range(10):
        plant.measure(8 * HOUR_S)
        plant.restart(away_s=16 * HOUR_S)
    assert plant.spooled() == pytest.approx(5 * 8 * HOUR_S // EVERY_S, abs=2 + 8 * HOUR_S // EVERY_S)
    plant.store.close()


def test_a_state_file_without_a_date_starts_with_the_time_of_its_last_run(plant: Plant) -> None:
    """At the next start the clock is a year ahead: nothing is deleted immediately."""
    plant.measure(3 * DAY_S)
    plant.restart()
    plant.kill(away_s=YEAR_S)
    plant.forget_date()
    plant.start()
    plant.measure(HOUR_S)
    assert plant.spooled() == (3 * DAY_S + HOUR_S) // EVERY_S
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
