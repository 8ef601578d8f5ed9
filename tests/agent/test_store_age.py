"""What is deleted by age is that old: no step of the clock, in either direction, makes anything older."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from testkit import HandClock

from agent.config import StoreSettings
from agent.messages import Message
from agent.store import Store
from agent.store.age import MARKS, Age
from agent.store.history import History

EVERY_S, HOUR_S, DAY_S, YEAR_S = 1800, 3600, 86_400, 365 * 86_400
LONGEST = 5 * DAY_S * (1 + 1 / MARKS) // EVERY_S + 2  # rows in the spool: five days, and the part between two marks
KEEP_S = (2.0 * HOUR_S, 5.0 * DAY_S, 30.0 * DAY_S)


class Plant:
    """A motor's row every half hour into a real store, housekeeping after each."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("agent.store.house.HOUSEKEEPING_S", 0.0)
        self.folder, self.clock = folder, HandClock()
        self.start()

    def start(self) -> None:
        settings = StoreSettings(commit_s=0.001, age_s=5.0 * DAY_S)
        self.store = Store(self.folder, self.clock, settings)
        with self.store._writer.db_lock:
            self.store._writer.db.execute("pragma synchronous = off")  # nobody cuts the power here
        self.store.drains(["mqtt"])
        self.history = History(self.store, KEEP_S)

    def restart(self, away_s: float = 0.0) -> None:
        self.history.stop()
        self.store.close()
        self.clock._utc_ns += round(away_s * 1e9)
        self.start()

    def measure(self, seconds: float) -> None:
        for _ in range(round(seconds / EVERY_S)):
            self.clock.move(EVERY_S)
            t_ms = self.clock.utc_ns() // 1_000_000
            message = Message("fan", "telemetry", t_ms, {"active_power_w": 1.0})
            self.history.show(message)
            self.store.append("fan", "telemetry", t_ms, lambda row_id: b"{}")
            self.flush()

    def flush(self) -> None:
        """And awaits the housekeeping behind it."""
        self.store.flush()
        self.store.flush()

    def step(self, seconds: float) -> None:
        self.clock._utc_ns += round(seconds * 1e9)

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
    """Three days of rows, kept for five: a clock that runs away for ten hours and comes back leaves all of them."""
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
    right = rows if jump_s > 0 else rows - 10 * HOUR_S // EVERY_S  # what is dated a year ago is history of then
    assert right - 3 <= plant.kept(60) <= rows, "of 1 min; the minutes at the steps are not over"
    plant.store.close()


def test_after_the_night_age_counts_as_before(plant: Plant) -> None:
    plant.measure(2 * DAY_S)
    plant.step(10 * YEAR_S)
    plant.measure(10 * HOUR_S)
    plant.step(-10 * YEAR_S)
    plant.measure(6 * DAY_S)
    plant.measure(HOUR_S)
    wrong = 10 * HOUR_S // EVERY_S  # dated in the future: kept
    assert 5 * DAY_S // EVERY_S - 1 <= plant.spooled() - wrong <= LONGEST
    assert 5 * DAY_S // EVERY_S - 2 <= plant.kept(60) - wrong <= 5 * DAY_S // EVERY_S + 2
    plant.store.close()


def test_a_first_run_that_begins_in_1970_or_in_2099(plant: Plant) -> None:
    """A new file, an hour by a wrong clock, then the right one: what is measured from then on is kept as long as it is
    owed."""
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


def test_a_gateway_that_was_off_for_a_month_deletes_what_is_older_once_that_has_stood(plant: Plant) -> None:
    plant.measure(DAY_S)
    plant.restart(away_s=30 * DAY_S)
    plant.measure(20 * HOUR_S)
    assert plant.spooled() == (DAY_S + 20 * HOUR_S) // EVERY_S, "a jump that has not stood for a day deletes nothing"
    plant.measure(30 * DAY_S)
    assert 5 * DAY_S // EVERY_S - 1 <= plant.spooled() <= LONGEST
    plant.store.close()


def test_a_state_file_of_before_begins_with_what_its_last_run_reached(plant: Plant) -> None:
    plant.measure(DAY_S)
    plant.history.stop()
    plant.store.forget_note("age", "reached")
    plant.store._writer.boot = None  # nothing is noted at its end, as by an earlier version
    plant.restart(away_s=73 * YEAR_S)
    plant.measure(HOUR_S)
    assert plant.spooled() == (DAY_S + HOUR_S) // EVERY_S
    plant.store.close()


def test_age_follows_the_clock_that_runs_as_time_passes() -> None:
    age = Age(1_000_000, 0.0)
    for second in range(1, 100_000, 30):
        drift_ms = round(second * 0.05)  # 50 ppm
        assert age.now_ms(1_000_000 + 1000 * second + drift_ms, second) == 1_000_000 + 1000 * second + drift_ms


def test_what_was_confirmed_is_caught_up_with_at_the_pace_of_time() -> None:
    """By hand: ten days ahead; a day of standing, then a second for each second."""
    age, day_ms = Age(0, 0.0), DAY_S * 1000
    found = [age.now_ms(10 * day_ms + hour * 3_600_000, hour * 3600) for hour in range(1, 24 * 12 + 1)]
    assert found[23] <= day_ms + 2 * 3_600_000
    assert found[24 * 6 - 1] == pytest.approx(11 * day_ms, abs=2 * 3_600_000)
    assert found[-1] == 22 * day_ms
    assert all(0 <= b - a <= 2 * 3_600_000 for a, b in itertools.pairwise(found))
