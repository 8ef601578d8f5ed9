"""A kill between any two commits leaves a valid ledger: the file is verified after each commit."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from support import metered_retrofit
from support.basics import HandClock
from support.metered_motor import START_S, Gateway, W
from support.metered_retrofit import PLANT
from support.savings import save_event
from support.store import kill

from agent.cli import main
from agent.config.loader import load_config
from agent.config.model import Config
from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.delivery.store.writer import Writer
from agent.savings.ledger import checkpoints
from agent.savings.ledger.chain import append_to
from agent.savings.ledger.interval_records import IntervalRecorder
from agent.savings.ledger.signing_key import load_or_make
from agent.savings.ledger.verify import verify
from agent.savings.reasons import MAINTENANCE
from agent.savings.records import repository
from agent.savings.records.model import QUARTER_MS, Interval, NonRoutineEvent


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "plant.toml").write_text(PLANT, encoding="utf-8")
    return load_config(tmp_path / "plant.toml")[0]


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """The problems of the state file after each commit."""
    found: list[str] = []
    path = tmp_path / "state" / "magwatt.sqlite"
    commits: dict[Writer, int] = {}

    def count(writer: Writer, number: int) -> None:
        """Called after each commit, in the thread that writes."""
        commits[writer] = number
        if number:
            db = open_read_only(path)
            found.extend(f"commit {number}: {problem}" for problem in verify(db).problems)
            db.close()

    monkeypatch.setattr(Writer, "commits", property(commits.__getitem__, count), raising=False)
    yield found
    assert sum(commits.values()) > 1, "commits were examined"


def test_a_meter_that_responds_again_after_its_intervals_were_recorded(
    tmp_path: Path, config: Config, killed: list[str]
) -> None:
    gateway = Gateway(tmp_path, config, HandClock(START_S))
    begin_wh = gateway.wh
    gateway.run(1.5)
    gateway.silent(5)
    gateway.run(0.5)
    assert gateway.energy_wh() == pytest.approx(gateway.wh - begin_wh, abs=W / 300)
    gateway.store.close()
    assert killed == []


def test_a_clock_that_is_set_to_recorded_hours(tmp_path: Path, config: Config, killed: list[str]) -> None:
    gateway = Gateway(tmp_path, config, HandClock(START_S))
    gateway.run(6)
    gateway.clock.step(-4 * 3600)
    gateway.run(1)
    gateway.store.close()
    assert killed == []
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    assert verify(db).amended >= 1
    db.close()


def test_a_clock_that_is_set_to_last_year(tmp_path: Path, config: Config, killed: list[str]) -> None:
    gateway = Gateway(tmp_path, config, HandClock(START_S))
    gateway.run(3)
    gateway.clock.step(-400 * 86_400)
    gateway.run(0.6)
    gateway.store.close()
    assert killed == []


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A retrofit with a frozen baseline, two days of October in the ledger."""
    metered_retrofit.retrofit(tmp_path, days=2)
    return tmp_path


def command(folder: Path, *words: str) -> None:
    done = CliRunner().invoke(main, [*words, "--config", str(folder / "plant.toml")])
    assert done.exit_code == 0, done.output


def test_drivers_added_to_recorded_hours(recorded: Path, killed: list[str]) -> None:
    rows = "\n".join(f"2024-10-01 {hour:02d}:00,{hour}" for hour in range(24))
    (recorded / "tonnes.csv").write_text(f"time,t\n{rows}", encoding="utf-8")
    command(recorded, "import", str(recorded / "tonnes.csv"), "--motor", "fan", "--time", "time", "--driver",
            "rolled=t:t")  # fmt: skip
    assert killed == []


def test_a_history_of_two_years_ago_is_never_half_recorded(recorded: Path, killed: list[str]) -> None:
    rows = [f"2022-01-{day:02d} {hour:02d}:{minute:02d},20"
            for day in range(1, 29) for hour in range(24) for minute in (0, 15, 30, 45)]  # fmt: skip
    (recorded / "old.csv").write_text("time,kWh\n" + "\n".join(rows), encoding="utf-8")
    command(recorded, "import", str(recorded / "old.csv"), "--motor", "fan", "--time", "time", "--energy", "kWh",
            "--unit", "kWh")  # fmt: skip
    assert killed == []


def test_a_decision_and_a_frozen_baseline(recorded: Path, killed: list[str]) -> None:
    store = Store(recorded / "state", HandClock())
    begin_ms = metered_retrofit.utc_ms("2024-10-01 00:00")
    save_event(
        store, NonRoutineEvent(0, "fan", "maintenance", begin_ms, begin_ms + QUARTER_MS, MAINTENANCE(), 1.0, "exclude")
    )
    store.close()
    words = ("--by", "Li Wei")
    command(recorded, "adjustment", "decide", "fan", "1", "--keep", *words, "--reason", "as ever")
    command(recorded, "baseline", "learn", "fan", "--to", "2024-09-14")
    command(recorded, "baseline", "freeze", "fan", "--replace", *words)
    assert killed == []


def test_intervals_that_a_full_disk_rejected_are_written_later(
    tmp_path: Path, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk for an hour: all intervals and the state of the register are written later, none twice."""
    gateway = Gateway(tmp_path, config, HandClock(START_S))
    begin_wh = gateway.wh
    gateway.run(0.6)
    insert = repository.insert_intervals

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(repository, "insert_intervals", full)
    for _ in range(6):
        with pytest.MonkeyPatch.context() as quiet:
            quiet.setattr(gateway.store, "flush", lambda: None)
            gateway.run(1 / 6)
    monkeypatch.setattr(repository, "insert_intervals", insert)
    gateway.run(0.6)
    assert gateway.energy_wh() == pytest.approx(gateway.wh - begin_wh, abs=W / 300)
    gateway.store.close()


def test_a_killed_gateway_continues_from_its_last_commit(tmp_path: Path, config: Config, killed: list[str]) -> None:
    """The file is copied while the agent runs, as a power failure leaves it; the copy counts nothing twice."""
    clock = HandClock(START_S)
    gateway = Gateway(tmp_path, config, clock)
    begin_wh = gateway.wh
    gateway.run(1.5)
    gateway.silent(4)
    gateway.run(0.2)
    gateway.store.flush()
    (tmp_path / "after").mkdir()
    shutil.copytree(tmp_path / "state", tmp_path / "after" / "state", ignore=shutil.ignore_patterns("reserve"))
    again = Gateway(tmp_path / "after", config, clock)
    again.wh = gateway.wh
    gateway.store.close()
    again.run(1.0)
    assert again.energy_wh() == pytest.approx(again.wh - begin_wh, abs=W / 300)
    again.store.close()
    db = open_read_only(tmp_path / "after" / "state" / "magwatt.sqlite")
    assert verify(db).problems == []
    db.close()


@pytest.mark.parametrize("register_every", [1, 5])
def test_a_kill_just_after_the_end_of_an_interval_loses_nothing(
    tmp_path: Path, config: Config, register_every: int
) -> None:
    """The state of the register and the intervals that depend on it are committed together."""
    gateway = Gateway(tmp_path, config, HandClock(START_S + 20))
    begin_wh = None
    for k in range(89):  # until 10 s after the end of the interval
        gateway.pass_by(1 / 360)
        gateway.read(W, gateway.wh if k % register_every == 0 else None)
        begin_wh = gateway.wh if begin_wh is None else begin_wh
    gateway.store.flush()
    kill(gateway.store)
    again = Gateway(tmp_path, config, gateway.clock)
    again.wh, gateway = gateway.wh, again
    gateway.run(0.2)
    assert gateway.energy_wh() == pytest.approx(gateway.wh - begin_wh, abs=1.0)
    gateway.store.close()


RECORDED_MS = 1000 * START_S // QUARTER_MS * QUARTER_MS


@pytest.fixture(scope="module")
def histories(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Days → a folder with the records of two motors for this number of days, once an hour, with daily checkpoints."""
    return {days: history(tmp_path_factory.mktemp("history"), days) for days in (10, 100)}


def history(folder: Path, days: int) -> Path:
    store, recorder = Store(folder, HandClock(START_S)), IntervalRecorder(load_or_make(folder), {})

    def job(db: sqlite3.Connection) -> None:
        for at_ms in range(RECORDED_MS, RECORDED_MS + days * 96 * QUARTER_MS, 4 * QUARTER_MS):
            items = [Interval(name, at_ms, 1.0) for name in ("fan", "pump")]
            append_to(db, recorder.key, at_ms, [("checkpoint", {})] if at_ms % (96 * QUARTER_MS) == 0 else [])
            recorder.record(db, at_ms + QUARTER_MS, items)
            repository.insert_intervals(db, repository.rows_of(items))

    store.do(job)
    store.close()
    return folder


@pytest.mark.parametrize("what", ["interval", "running interval", "newest checkpoint", "start"])
def test_recording_does_not_read_earlier_years(histories: dict[int, Path], tmp_path: Path, what: str) -> None:
    """Measured in steps of SQLite's virtual machine: ten times the history takes less than 1.5 times the steps."""

    def steps(days: int) -> int:
        folder = tmp_path / str(days)
        shutil.copytree(histories[days], folder)
        store, recorder = Store(folder, HandClock(START_S)), IntervalRecorder(load_or_make(folder), {})
        now_ms = RECORDED_MS + days * 96 * QUARTER_MS
        counted: list[int] = []

        def job(db: sqlite3.Connection) -> None:
            recorder.record(db, now_ms, [Interval("fan", now_ms, 1.0)])
            db.set_progress_handler(lambda: counted.append(1), 10)
            if what == "newest checkpoint":
                checkpoints.newest(db)
            elif what == "start":
                recorder.adopt(db, now_ms)
            else:
                end_ms = now_ms + (QUARTER_MS if what == "interval" else QUARTER_MS // 2)
                recorder.record(db, end_ms, [Interval("fan", now_ms, 2.0)])
            db.set_progress_handler(None, 10)

        store.do(job)
        store.close()
        return len(counted)

    assert steps(100) < 1.5 * steps(10) + 5
