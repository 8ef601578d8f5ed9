"""Invalid contents of the state directory: each command reports them in one line, and recording continues."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support import metered_retrofit
from support.basics import HandClock
from support.savings import save_event

from agent.cli import main
from agent.config.loader import load_config
from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.savings.ledger import checkpoints, signing_key
from agent.savings.ledger import reasons as codes
from agent.savings.ledger.recorder import LedgerRecorder
from agent.savings.ledger.signing_key import load_or_make
from agent.savings.ledger.verify import verify
from agent.savings.reasons import ADJUSTMENT_ENERGY, BASELINE_UNREADABLE, DRAFT_UNREADABLE, MAINTENANCE
from agent.savings.records import repository
from agent.savings.records.model import QUARTER_MS, Interval, NonRoutineEvent


class Teller:
    def publish_retained(self, *_: object, **__: object) -> None:
        return None


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    metered_retrofit.retrofit(tmp_path, days=2)
    return tmp_path


def command(plant: Path, *words: str) -> Result:
    """Runs a command, which must end with an exit code and without a traceback."""
    done = CliRunner().invoke(main, [*words, "--config", str(plant / "plant.toml")])
    assert isinstance(done.exception, type(None) | SystemExit), repr(done.exception)
    return done


def report(plant: Path) -> Result:
    return command(plant, "report", "--month", "2024-10", "--output", str(plant / "r.html"))


def edited(plant: Path, statement: str, *values: object) -> None:
    db = sqlite3.connect(plant / "state" / "magwatt.sqlite")
    assert db.execute(statement, values).rowcount
    db.commit()
    db.close()


def add_event(plant: Path) -> None:
    store, begin_ms = Store(plant / "state", HandClock()), metered_retrofit.utc_ms("2024-10-01 00:00")
    save_event(
        store, NonRoutineEvent(0, "fan", "maintenance", begin_ms, begin_ms + QUARTER_MS, MAINTENANCE(), 5.0, "exclude")
    )
    store.close()


def books_at(plant: Path, moment: str) -> tuple[LedgerRecorder, Store]:
    clock = HandClock(metered_retrofit.utc_ms(moment) / 1000)
    store, config = Store(plant / "state", clock), load_config(plant / "plant.toml")[0]
    return LedgerRecorder(store, lambda: config, Teller(), clock), store


@pytest.mark.parametrize("body", ["{broken", "[]", '{"asset": "fan"}', '{"asset": "fan", "number": "x"}'])
def test_an_event_that_cannot_be_read_is_named(plant: Path, body: str) -> None:
    add_event(plant)
    edited(plant, "update note set body = ? where kind = 'savings-event'", body)
    for done in (command(plant, "ledger", "verify"), report(plant)):
        assert done.exit_code != 0
        assert "fan/1" in done.output


def test_a_removed_event_with_a_decision_is_detected(plant: Path) -> None:
    """Without the event its energy would no longer be excluded."""
    add_event(plant)
    words = ("adjustment", "decide", "fan", "1", "--exclude", "--by", "Li Wei", "--reason", "welding")
    assert command(plant, *words).exit_code == 0
    assert command(plant, "ledger", "verify").exit_code == 0
    edited(plant, "delete from note where kind = 'savings-event'")
    done = command(plant, "ledger", "verify", "--json")
    assert done.exit_code == 1
    [problem] = json.loads(done.output)["problems"]
    assert problem["code"] == codes.DECIDED_EVENT_REMOVED
    assert (problem["data"]["number"], problem["data"]["asset"]) == (1, "fan")


@pytest.mark.parametrize("start_ms", [10**18, -(10**17)])
def test_an_interval_of_an_impossible_time_does_not_stop_verify(plant: Path, start_ms: int) -> None:
    edited(plant, "insert into interval values ('fan', ?, '{}')", start_ms)
    assert command(plant, "ledger", "verify").exit_code in (0, 1)


@pytest.mark.parametrize("body", ["{broken", "[]", '{"asset": "fan"}'])
def test_a_baseline_that_cannot_be_read_does_not_stop_recording(plant: Path, body: str) -> None:
    edited(plant, "update note set body = ? where kind = 'baseline' and name = 'fan'", body)
    assert command(plant, "ledger", "verify").exit_code == 1
    report(plant)
    [motor] = json.loads((plant / "r.json").read_text(encoding="utf-8"))["motors"]
    assert motor["notes"][0]["code"] == BASELINE_UNREADABLE
    assert command(plant, "baseline", "show", "fan").exit_code == 2
    books, store = books_at(plant, "2024-10-03 05:00")
    repository.save_interval(
        store, Interval("fan", metered_retrofit.utc_ms("2024-10-03 01:00"), 1.0), record=books.record
    )
    store.flush()
    store.close()
    db = open_read_only(plant / "state" / "magwatt.sqlite")
    assert verify(db).unrecorded == {}
    db.close()


def test_a_draft_that_cannot_be_read_is_named(plant: Path) -> None:
    store = Store(plant / "state", HandClock())
    store.save_entry("baseline-draft", "fan", "", {"x": 1})
    store.do(lambda db: db.execute("delete from note where kind = 'baseline'").rowcount)
    store.close()
    for words in (("show", "fan"), ("freeze", "fan", "--by", "Li Wei")):
        before_error = str(DRAFT_UNREADABLE(error="\0")).partition("\0")[0]
        assert before_error in command(plant, "baseline", *words).output


@pytest.mark.parametrize("kwh", ["nan", "inf"])
def test_an_adjustment_must_be_a_number(plant: Path, kwh: str) -> None:
    add_event(plant)
    done = command(plant, "adjustment", "decide", "fan", "1", "--adjust", kwh, "--by", "Li Wei", "--reason", "so")
    assert done.exit_code == 2
    assert str(ADJUSTMENT_ENERGY()) in done.output


def test_a_page_that_would_be_overwritten_is_rejected(plant: Path) -> None:
    done = command(plant, "report", "--month", "2024-10", "--output", str(plant / "r.csv"))
    assert done.exit_code == 2
    assert "r.csv" in done.output
    assert not (plant / "r.csv").exists()


def test_a_corrupt_file_is_reported_by_verify_and_report(plant: Path) -> None:
    path = plant / "state" / "magwatt.sqlite"
    db = sqlite3.connect(path)
    db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    data = bytearray(path.read_bytes())
    for at in range(10 * 4096, len(data) - 4096, 3 * 4096):
        data[at : at + 2000] = b"\x55" * 2000
    path.write_bytes(data)
    for done in (command(plant, "ledger", "verify"), report(plant)):
        assert done.exit_code == 2
        assert str(plant / "state") in done.output


def test_a_checkpoint_is_appended_to_a_file_with_other_bytes(plant: Path) -> None:
    config = plant / "plant.toml"
    config.write_text(
        config.read_text(encoding="utf-8") + '[ledger]\ncheckpoint_file = "roots.jsonl"\n', encoding="utf-8"
    )
    (plant / "roots.jsonl").write_bytes(b"\xff\xfe\x00torn")
    books, store = books_at(plant, "2024-10-05 05:00")
    books.update()
    store.close()
    db = open_read_only(plant / "state" / "magwatt.sqlite")
    newest = checkpoints.newest(db)
    db.close()
    assert newest is not None
    first, last = (plant / "roots.jsonl").read_bytes().splitlines()
    assert (first, json.loads(last)["hash"]) == (b"\xff\xfe\x00torn", newest.hash)


def test_a_kill_while_the_key_is_created_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Kill(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Kill

    monkeypatch.setattr(signing_key.json, "dump", killed)
    with pytest.raises(Kill):
        load_or_make(tmp_path)
    monkeypatch.undo()
    key = load_or_make(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [signing_key.FILE]
    assert load_or_make(tmp_path) == key


def test_a_key_is_created_on_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rejected(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(signing_key.os, "link", rejected)
    assert load_or_make(tmp_path) == load_or_make(tmp_path)
