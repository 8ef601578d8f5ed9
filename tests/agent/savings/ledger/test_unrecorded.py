"""Intervals that no agent recorded are reported, also after the next start of the agent and the next command.

Those since the newest record are an exception at a start: the key may not have been able to sign them. They are
recorded and counted as late.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec
import pytest
from support.basics import HandClock
from support.metered_retrofit import PLANT

from agent.config.loader import load_config
from agent.config.model import Config
from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.savings.ledger import reasons as codes
from agent.savings.ledger import recorder as bookkeeper
from agent.savings.ledger.chain import records
from agent.savings.ledger.recorder import LedgerRecorder
from agent.savings.ledger.verification import VerificationResult
from agent.savings.ledger.verify import verify
from agent.savings.records.model import QUARTER_MS, Interval
from agent.savings.records.repository import save_interval

START_MS = 1_790_000_000_000 // QUARTER_MS * QUARTER_MS
GAP = range(4 * 10, 4 * 15)  # intervals without measurement
STOP = 4 * 30 + 1  # number of the interval after which the agent stops


class Teller:
    def publish_retained(self, *_: object, **__: object) -> None:
        return None


def interval(k: int) -> Interval:
    return Interval("fan", START_MS + k * QUARTER_MS, 25_000.0 + k)


def agent(folder: Path, config: Config, first: int, last: int) -> None:
    """Measures and records these intervals, then stops."""
    clock = HandClock()
    store = Store(folder / "state", clock)
    recorder = LedgerRecorder(store, lambda: config, Teller(), clock)
    for k in range(first, last):
        clock.move((interval(k).end_ms - clock.utc_ns() // 1_000_000) / 1000)
        if k not in GAP:
            save_interval(store, interval(k), record=recorder.record)
        recorder.update()
    store.close()


def insert(folder: Path, numbers: range, asset: str = "fan", text: str | None = None) -> None:
    with sqlite3.connect(folder / "state" / "magwatt.sqlite") as db:
        rows = [(asset, interval(k).start_ms, text or msgspec.json.encode(interval(k)).decode()) for k in numbers]
        db.executemany("insert into interval values (?, ?, ?)", rows)
    db.close()


def verdict(folder: Path) -> VerificationResult:
    db = open_read_only(folder / "state" / "magwatt.sqlite")
    try:
        return verify(db)
    finally:
        db.close()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "plant.toml").write_text(PLANT, encoding="utf-8")
    return load_config(tmp_path / "plant.toml")[0]


@pytest.fixture
def plant(tmp_path: Path, config: Config) -> Path:
    agent(tmp_path, config, 0, STOP)
    assert verdict(tmp_path).ok
    return tmp_path


@pytest.mark.parametrize("numbers", [GAP[2:6], range(-4, 0), range(STOP, STOP + 3)])
def test_inserted_intervals_are_reported(plant: Path, numbers: range) -> None:
    insert(plant, numbers)
    first_ms = interval(numbers[0]).start_ms
    assert verdict(plant).problems == [codes.INTERVALS_NOT_RECORDED(n=len(numbers), asset="fan", first_ms=first_ms)]


@pytest.mark.parametrize("last", [1, 2, STOP // 2])
def test_a_truncated_ledger_is_reported(plant: Path, last: int) -> None:
    """Also if no record of an interval is left: this is not a ledger of an earlier version."""
    with sqlite3.connect(plant / "state" / "magwatt.sqlite") as db:
        db.execute("delete from ledger where seq > ?", (last,))
    db.close()
    found = verdict(plant)
    assert [problem.code for problem in found.problems] == [codes.INTERVALS_NOT_RECORDED]
    assert not found.pending


def test_intervals_inserted_into_a_recorded_time_stay_reported(plant: Path, config: Config) -> None:
    """Neither the next start of the agent nor a decision or an import records them."""
    insert(plant, GAP[2:6])
    agent(plant, config, STOP + 8, STOP + 16)
    store = Store(plant / "state", HandClock())
    now_ms = interval(STOP + 40).start_ms
    bookkeeper.record(store, config, now_ms, "decision", lambda _: {"event": {"asset": "fan", "number": 1}})
    history = [Interval("fan", interval(k).start_ms, 1.0, source="imported") for k in range(-400, -392)]
    bookkeeper.record_import(store, config, now_ms, {"asset": "fan"}, history)
    store.close()
    assert list(verdict(plant).unrecorded["fan"]) == [interval(k).start_ms for k in GAP[2:6]]
    db = open_read_only(plant / "state" / "magwatt.sqlite")
    assert sum(record.body.get("source") == "imported" for record in records(db, "interval")) == 8
    db.close()


def test_intervals_inserted_after_the_newest_record_are_recorded_as_late_at_the_next_start(
    plant: Path, config: Config
) -> None:  # fmt: skip
    insert(plant, range(STOP + 1, STOP + 4))
    agent(plant, config, STOP + 60, STOP + 64)
    found = verdict(plant)
    assert (found.problems, found.late) == ([], 3)


def test_an_interval_that_cannot_be_read_is_reported(plant: Path, config: Config) -> None:
    insert(plant, range(STOP + 1, STOP + 2), "pump", "{}")
    agent(plant, config, STOP + 2, STOP + 8)
    assert verdict(plant).problems == [
        codes.INTERVALS_NOT_RECORDED(n=1, asset="pump", first_ms=interval(STOP + 1).start_ms)
    ]


def test_more_intervals_than_one_part_of_an_import_are_all_recorded(plant: Path, config: Config) -> None:
    store = Store(plant / "state", HandClock())
    history = [Interval("fan", interval(k).start_ms, 1.0, source="imported") for k in range(-5000, 0)]
    bookkeeper.record_import(store, config, interval(STOP).end_ms, {"asset": "fan"}, history)
    store.close()
    found = verdict(plant)
    assert found.ok, found.problems
    assert (found.late, found.amended) == (0, 0)
