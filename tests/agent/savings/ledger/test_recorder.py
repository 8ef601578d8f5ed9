"""The agent records its ledger: intervals, checkpoints published and exported; an error is logged once."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.basics import HandClock
from support.metered_retrofit import PLANT

from agent.config.loader import load_config
from agent.config.model import Config
from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.savings.ledger import checkpoints
from agent.savings.ledger import reasons as codes
from agent.savings.ledger.chain import records
from agent.savings.ledger.recorder import LedgerRecorder, record_import
from agent.savings.ledger.signing_key import FILE, HMAC
from agent.savings.ledger.verify import verify
from agent.savings.records.model import QUARTER_MS, Interval
from agent.savings.records.repository import save_interval

START_S = 1_789_995_600  # 2026-09-21 21:00 in Shanghai


class Teller:
    def __init__(self) -> None:
        self.published: list[Mapping[str, Any]] = []

    def publish_retained(self, asset: str, kind: str, body: Mapping[str, Any], *, keep: bool = False) -> None:
        assert (asset, kind, keep) == ("ledger", "checkpoint", True)
        self.published.append(body)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "plant.toml").write_text(PLANT + '[ledger]\ncheckpoint_file = "elsewhere.jsonl"\n', encoding="utf-8")
    return load_config(tmp_path / "plant.toml")[0]


def live(store: Store, recorder: LedgerRecorder, clock: HandClock, hours: int, wh: float = 25_000.5) -> None:
    for _ in range(4 * hours):
        start_ms = clock.utc_ns() // 1_000_000
        clock.move(900)
        save_interval(store, Interval("fan", start_ms, wh), record=recorder.record)
        recorder.update()


def test_two_days_without_interruption(tmp_path: Path, config: Config) -> None:
    clock, teller = HandClock(START_S), Teller()
    store = Store(tmp_path / "state", clock)
    recorder = LedgerRecorder(store, lambda: config, teller, clock)
    live(store, recorder, clock, 48)
    store.close()
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    elsewhere = checkpoints.read((tmp_path / "elsewhere.jsonl").read_text(encoding="utf-8"))
    verdict = verify(db, checkpoints=elsewhere)
    assert verdict.ok, verdict.problems
    found = list(records(db, "interval"))
    assert [record.body["from_ms"] for record in found] == [1000 * START_S + k * QUARTER_MS for k in range(4 * 48)]
    assert {record.body["config"] for record in found} == {config.hash[:16]}
    assert len(elsewhere) == len(teller.published) == 2
    assert [checkpoint["hash"] for checkpoint in teller.published] == [checkpoint["hash"] for checkpoint in elsewhere]


def test_a_restart_publishes_the_checkpoint_again_and_exports_it_once(tmp_path: Path, config: Config) -> None:
    clock, teller = HandClock(START_S), Teller()
    for _ in range(3):
        store = Store(tmp_path / "state", clock)
        live(store, LedgerRecorder(store, lambda: config, teller, clock), clock, 4)
        store.close()
    assert len((tmp_path / "elsewhere.jsonl").read_text(encoding="utf-8").splitlines()) == 1
    assert len(teller.published) == 3


def test_a_new_configuration_is_in_the_next_record(tmp_path: Path, config: Config) -> None:
    clock, now = HandClock(START_S), [config]
    store = Store(tmp_path / "state", clock)
    recorder = LedgerRecorder(store, lambda: now[0], Teller(), clock)
    live(store, recorder, clock, 2)
    now[0] = replace(config, hash="another")
    live(store, recorder, clock, 2)
    store.close()
    found = records(open_read_only(tmp_path / "state" / "magwatt.sqlite"), "interval")
    assert [record.body["config"] for record in found] == 8 * [config.hash[:16]] + 8 * ["another"]


def test_an_error_is_logged_once_and_missed_intervals_are_recorded_later(
    tmp_path: Path, config: Config, caplog: pytest.LogCaptureFixture
) -> None:  # fmt: skip
    clock = HandClock(START_S)
    state = tmp_path / "state"
    state.mkdir()
    (state / FILE).write_text("broken", encoding="ascii")
    store = Store(state, clock)
    with caplog.at_level(logging.INFO):
        recorder = LedgerRecorder(store, lambda: config, Teller(), clock)
        live(store, recorder, clock, 2)
        (state / FILE).unlink()
        live(store, recorder, clock, 1)
    store.close()
    failed, resumed = [line for line in caplog.records if line.name == "agent.savings.ledger.recorder"]
    assert (failed.levelno, resumed.levelno) == (logging.ERROR, logging.INFO)
    assert str(codes.KEY_FILE_INVALID(path=str(state / FILE))) in failed.getMessage()
    db = open_read_only(state / "magwatt.sqlite")
    assert len(list(records(db, "interval"))) == 4 * 3
    found = verify(db)
    assert (found.ok, found.late) == (True, 4 * 2)


def test_without_a_state_directory_there_is_no_ledger(config: Config) -> None:
    clock = HandClock(START_S)
    store = Store(None, clock)
    recorder = LedgerRecorder(store, lambda: config, Teller(), clock)
    live(store, recorder, clock, 2)
    assert store.do(lambda db: list(records(db))) == []
    store.close()


def test_a_clock_set_to_eight_hours_earlier_leaves_the_ledger_valid(tmp_path: Path, config: Config) -> None:
    """The clock passes through recorded intervals a second time: they are merged and recorded again."""
    clock = HandClock(START_S)
    store = Store(tmp_path / "state", clock)
    recorder = LedgerRecorder(store, lambda: config, Teller(), clock)
    live(store, recorder, clock, 12)
    clock.step(-8 * 3600)
    live(store, recorder, clock, 8, 50_000.0)
    live(store, recorder, clock, 4)
    store.close()
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    verdict = verify(db)
    assert verdict.ok, verdict.problems
    assert verdict.amended == 4 * 8
    start_ms = 1000 * START_S + 20 * QUARTER_MS
    first, second = [record for record in records(db, "interval") if record.body["from_ms"] == start_ms]
    assert second.body["energy_wh"] == 50_000
    assert second.body["replaces"] == first.body["interval"]


def test_the_published_checkpoint_can_be_read_by_verify(tmp_path: Path, config: Config) -> None:
    clock, teller = HandClock(START_S), Teller()
    store = Store(tmp_path / "state", clock)
    live(store, LedgerRecorder(store, lambda: config, teller, clock), clock, 4)
    store.close()
    [checkpoint] = checkpoints.read(json.dumps({"s": "magwatt.checkpoint/1", "t": 1, **teller.published[0]}))
    assert checkpoint["day"] == "2026-09-21"


def test_a_key_that_cannot_sign_is_logged_once_and_intervals_are_recorded_when_it_can(
    tmp_path: Path, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    """The key file contains the public key only."""
    clock = HandClock(START_S)
    store = Store(tmp_path / "state", clock)
    live(store, LedgerRecorder(store, lambda: config, Teller(), clock), clock, 3)
    file = tmp_path / "state" / FILE
    complete = file.read_text(encoding="ascii")
    with caplog.at_level(logging.ERROR):
        file.write_text(json.dumps({**json.loads(complete), "secret": ""}), encoding="ascii")
        live(store, LedgerRecorder(store, lambda: config, Teller(), clock), clock, 3)
        start_ms = START_S * 1000 + 12 * QUARTER_MS
        db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
        unrecorded = codes.INTERVALS_NOT_RECORDED(n=12, asset="fan", first_ms=start_ms)
        assert verify(db).problems == [unrecorded]
        db.close()
    [record] = caplog.records
    assert str(codes.KEY_WITHOUT_PRIVATE_HALF(path=str(file))) in record.getMessage()
    file.write_text(complete, encoding="ascii")
    live(store, LedgerRecorder(store, lambda: config, Teller(), clock), clock, 2)
    store.close()
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    assert verify(db).ok
    assert len(list(records(db, "interval"))) == 4 * 8


def test_a_running_interval_that_is_committed_after_its_end_gets_one_record(tmp_path: Path, config: Config) -> None:
    clock = HandClock(START_S)
    store = Store(tmp_path / "state", clock)
    recorder = LedgerRecorder(store, lambda: config, Teller(), clock)
    start_ms = clock.utc_ns() // 1_000_000
    holding, held = threading.Event(), threading.Event()
    store.post(lambda _: (held.set(), holding.wait(10)))
    assert held.wait(10)
    clock.move(600)
    save_interval(store, Interval("fan", start_ms, 15_000.0, coverage=0.7), record=recorder.record)
    clock.move(300)
    save_interval(store, Interval("fan", start_ms, 25_000.0), record=recorder.record)
    holding.set()
    store.close()
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    [found] = records(db, "interval")
    assert found.body["energy_wh"] == 25_000
    assert verify(db).ok


def test_a_start_after_a_long_import_records_no_interval_twice(tmp_path: Path, config: Config) -> None:
    """The records of the newest measured intervals are then far from the end of the chain."""
    clock = HandClock(START_S)
    store = Store(tmp_path / "state", clock)
    live(store, LedgerRecorder(store, lambda: config, Teller(), clock), clock, 1)
    history = [Interval("fan", 1000 * START_S - k * QUARTER_MS, 20_000.0, source="imported") for k in range(1, 20_101)]
    record_import(store, config, clock.utc_ns() // 1_000_000, {"file": "old.csv"}, history)
    LedgerRecorder(store, lambda: config, Teller(), clock).update()
    store.close()
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    found = verify(db)
    db.close()
    assert found.ok, found.problems
    assert found.late == 0


def test_an_internal_error_is_logged_and_measuring_continues(
    tmp_path: Path, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    """The covered time of this interval overflows, in the transaction that writes it and again when it is adopted."""
    clock = HandClock(START_S)
    store = Store(tmp_path / "state", clock)
    recorder = LedgerRecorder(store, lambda: config, Teller(), clock)
    impossible = Interval("fan", 1000 * START_S, 25_000.0, coverage=1e308)
    save_interval(store, impossible, record=recorder.record)
    clock.move(900)
    recorder.update()
    recorder.update()
    live(store, recorder, clock, 1)
    [failed] = [line for line in caplog.records if line.getMessage().startswith("ledger recording failed")]
    assert failed.exc_info
    assert store.rows("select count(*) from interval") == [(5,)]
    store.do(lambda db: db.execute("delete from interval where start_ms = ?", (impossible.start_ms,)).rowcount)
    recorder.update()
    store.close()
    db = open_read_only(tmp_path / "state" / "magwatt.sqlite")
    assert len(list(records(db, "interval"))) == 4
    assert verify(db).ok


def test_a_checkpoint_file_that_cannot_be_written_is_named_and_the_checkpoint_is_published_once(
    tmp_path: Path, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "elsewhere.jsonl"
    file.mkdir()
    clock, teller = HandClock(START_S), Teller()
    store = Store(tmp_path / "state", clock)
    recorder = LedgerRecorder(store, lambda: config, teller, clock)
    live(store, recorder, clock, 6)
    [failed] = caplog.records
    assert failed.getMessage().startswith("writing of the checkpoint file failed")
    assert str(file) in failed.getMessage()
    assert len(teller.published) == 1
    file.rmdir()
    recorder.update()
    store.close()
    [line] = file.read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["hash"] == teller.published[0]["hash"]


def test_without_intervals_no_key_is_created(tmp_path: Path, config: Config) -> None:
    """A gateway without motors does not load the library of the signatures."""
    with contextlib.closing(Store(tmp_path / "state", HandClock(START_S))) as store:
        recorder = LedgerRecorder(store, lambda: config, Teller(), HandClock(START_S))
        recorder.update()
        assert not (tmp_path / "state" / FILE).exists()
        assert recorder.numbers() == {}
        save_interval(store, Interval("fan", START_S * 1000 - QUARTER_MS, 1.0), record=recorder.record)
        store.flush()
        assert (tmp_path / "state" / FILE).exists()
        assert recorder.numbers() == {"ledger_signed": 1}


def test_an_hmac_key_is_logged_once_and_shown_in_health(
    tmp_path: Path, config: Config, caplog: pytest.LogCaptureFixture
) -> None:
    clock = HandClock(START_S)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / FILE).write_text(json.dumps({"kind": HMAC, "secret": "11" * 32}), encoding="ascii")
    with contextlib.closing(Store(tmp_path / "state", clock)) as store:
        recorder = LedgerRecorder(store, lambda: config, Teller(), clock)
        live(store, recorder, clock, 1)
    assert [str(codes.HMAC_LEDGER())] == [item.getMessage() for item in caplog.records if item.levelname == "WARNING"]
    assert recorder.numbers() == {"ledger_signed": 0}
