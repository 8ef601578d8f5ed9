"""A ledger of hours, written by an earlier version, stays verifiable, and this version continues its chain.

ledger_of_hours.sql: a state file with a baseline, a decision, a checkpoint and the records of four hours; the last five
intervals are not recorded.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.basics import HandClock
from support.metered_retrofit import PLANT

from agent.cli import main
from agent.config.loader import load_config
from agent.config.model import Config
from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.savings.ledger import chain, checkpoints
from agent.savings.ledger import reasons as codes
from agent.savings.ledger import recorder as bookkeeper
from agent.savings.ledger.recorder import LedgerRecorder
from agent.savings.ledger.signing_key import FILE, LedgerKey, load
from agent.savings.ledger.verification import VerificationResult, pending_reason
from agent.savings.ledger.verify import verify
from agent.savings.records.model import QUARTER_MS, Interval
from agent.savings.records.repository import save_interval

START_S = 1_789_995_600  # 2026-09-21 21:00 in Shanghai
START_MS = 1000 * START_S
HOUR_MS = 4 * QUARTER_MS
MEASURED = 21  # intervals
RECORDED = 16
KEY = {
    "kind": "ed25519", "public": "547ce7a025784d630d710b4b9fbb0fc6a7810dbae28a93ee639cc9d5a5fcccd4",
    "secret": "f5488554ecf6e5fa8ea45b0d70e3202a0e3a38d36942b722762176ca3a053032",
}  # fmt: skip


class Teller:
    def publish_retained(self, *_: object, **__: object) -> None:
        return None


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    (tmp_path / "plant.toml").write_text(PLANT, encoding="utf-8")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / FILE).write_text(json.dumps(KEY), encoding="ascii")
    with sqlite3.connect(tmp_path / "state" / "magwatt.sqlite") as db:
        db.executescript((Path(__file__).parent / "ledger_of_hours.sql").read_text(encoding="utf-8"))
    db.close()
    return tmp_path


@pytest.fixture
def config(plant: Path) -> Config:
    return load_config(plant / "plant.toml")[0]


def verdict(
    plant: Path, key: LedgerKey | None = None, external: list[dict[str, object]] | None = None
) -> VerificationResult:
    db = open_read_only(plant / "state" / "magwatt.sqlite")
    try:
        return verify(db, key or load(plant / "state" / FILE), external or [])
    finally:
        db.close()


def edited(plant: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(plant / "state" / "magwatt.sqlite") as db:
        assert db.execute(statement, values).rowcount
    db.close()


def records(plant: Path) -> list[chain.LedgerRecord]:
    db = open_read_only(plant / "state" / "magwatt.sqlite")
    found = list(chain.records(db))
    db.close()
    return found


def interval(k: int, wh: float = 25_000.0) -> Interval:
    return Interval("fan", START_MS + k * QUARTER_MS, wh, meter="mcc-12/22091734")


def written(plant: Path, config: Config, at_k: float, *items: Interval) -> None:
    """One run of the agent of this version, which writes intervals."""
    clock = HandClock(START_S + 900 * at_k)
    store = Store(plant / "state", clock)
    recorder = LedgerRecorder(store, lambda: config, Teller(), clock)
    for item in items:
        save_interval(store, item, record=recorder.record)
    recorder.update()
    store.close()


def report(plant: Path) -> dict[str, Any]:
    """The part of the report about the ledger."""
    done = CliRunner().invoke(main, ["report", "--month", "2026-09", "--config", str(plant / "plant.toml"),
                                     "--output", str(plant / "r.html")])  # fmt: skip
    assert done.exit_code in (0, 1), done.output
    [motor] = json.loads((plant / "r.json").read_text(encoding="utf-8"))["motors"]
    found: dict[str, Any] = motor["ledger"]
    return found


def test_it_is_valid_and_its_newest_intervals_are_not_recorded_yet(plant: Path) -> None:
    found = verdict(plant)
    assert found.ok, found.problems
    assert [item.kind for item in records(plant)].count("hour") == RECORDED / 4
    since_ms = START_MS + RECORDED * QUARTER_MS
    assert pending_reason(found.pending) == codes.RECORDS_PENDING(n=5, assets=("fan",), since_ms=since_ms)


def test_an_edited_interval_of_a_recorded_hour_is_reported(plant: Path) -> None:
    edited(plant, "update interval set body = replace(body, '25002.4', '15002.4') where start_ms = ?",
           START_MS + 2 * QUARTER_MS)  # fmt: skip
    [problem] = verdict(plant).problems
    assert (problem.code, problem.data["from_ms"]) == (codes.HOUR_INTERVALS_CHANGED, START_MS)


def test_an_interval_inserted_before_the_newest_record_is_reported(plant: Path) -> None:
    edited(plant, "insert into interval select asset, start_ms - 86400000, body from interval where start_ms = ?",
           START_MS)  # fmt: skip
    [problem] = verdict(plant).problems
    assert problem == codes.INTERVALS_NOT_RECORDED(n=1, asset="fan", first_ms=START_MS - 86_400_000)


def test_a_record_of_an_hour_that_was_signed_with_a_wrong_sum_differs_from_the_report(plant: Path) -> None:
    last = records(plant)[-1]
    body = {name: last.body[name] for name in last.body if name != "sig"} | {"energy_wh": 1}
    forged = chain.canonical(chain.signed(load(plant / "state" / FILE), body))
    edited(plant, "update ledger set body = ?, hash = ? where seq = ?", forged, chain.digest(forged), last.seq)
    assert report(plant)["differing"] == 1


def test_the_first_start_records_what_was_not_recorded_and_continues_the_chain(plant: Path, config: Config) -> None:
    before = records(plant)
    written(plant, config, MEASURED + 1, interval(MEASURED))
    after = records(plant)
    assert after[: len(before)] == before
    assert after[len(before)].body["prev"] == before[-1].hash
    added = [item.body for item in after[len(before) :]]
    assert [body["from_ms"] for body in added] == [START_MS + k * QUARTER_MS for k in range(RECORDED, MEASURED + 1)]
    assert ["late" in body for body in added] == 5 * [True] + [False]
    found = verdict(plant)
    assert found.ok, found.problems
    assert (found.late, found.pending) == (5, {})
    written(plant, config, MEASURED + 2, interval(MEASURED + 1))
    assert len(records(plant)) == len(after) + 1


def test_a_command_before_the_first_start_records_it_too(plant: Path, config: Config) -> None:
    store = Store(plant / "state", HandClock())
    now_ms = START_MS + (MEASURED + 200) * QUARTER_MS
    bookkeeper.record(store, config, now_ms, "decision", lambda _: {"event": {"asset": "fan", "number": 7}})
    store.close()
    assert not verdict(plant).unrecorded
    written(plant, config, MEASURED + 201, interval(MEASURED + 200))
    found = verdict(plant)
    assert (found.unrecorded, found.pending, found.late) == ({}, {}, 5)


def test_its_checkpoints_confirm_the_continued_chain(plant: Path, config: Config) -> None:
    old = [checkpoints.checkpoint_message(item) for item in records(plant) if item.kind == "checkpoint"]
    written(plant, config, MEASURED + 1, interval(MEASURED))
    assert verdict(plant, None, old).ok
    shutil.copy(plant / "state" / "magwatt.sqlite", plant / "copy.sqlite")
    edited(plant, "delete from ledger where seq >= ?", old[0]["seq"])
    assert codes.CHECKPOINT_NOT_IN_LEDGER in {problem.code for problem in verdict(plant, None, old).problems}


def test_an_interval_replaced_in_a_recorded_hour_gives_all_its_intervals_records(plant: Path, config: Config) -> None:
    before = len(records(plant))
    written(plant, config, MEASURED, interval(1, 30_000.0))
    added = [item.body for item in records(plant)[before:] if "replaces" in item.body]
    assert sorted(body["from_ms"] for body in added) == [START_MS + k * QUARTER_MS for k in range(4)]
    found = verdict(plant)
    assert found.ok, found.problems
    written(plant, config, MEASURED + 1, interval(1, 31_000.0), interval(2, 32_000.0))
    found = verdict(plant)
    assert found.ok, found.problems
    edited(plant, "update interval set body = replace(body, '25003.4', '15003.4') where start_ms = ?",
           START_MS + 3 * QUARTER_MS)  # fmt: skip
    assert [problem.code for problem in verdict(plant).problems] == [codes.INTERVAL_CHANGED]


def test_an_edited_interval_is_not_recorded_when_another_one_of_its_hour_is_replaced(
    plant: Path, config: Config
) -> None:  # fmt: skip
    edited(plant, "update interval set body = replace(body, '25002.4', '15002.4') where start_ms = ?",
           START_MS + 2 * QUARTER_MS)  # fmt: skip
    written(plant, config, MEASURED, interval(1, 30_000.0))
    [problem] = verdict(plant).problems
    assert (problem.code, problem.data["from_ms"]) == (codes.HOUR_INTERVALS_CHANGED, START_MS)


def test_a_report_sums_hours_and_intervals(plant: Path, config: Config) -> None:
    written(plant, config, MEASURED + 1, interval(1, 30_000.0), interval(MEASURED))
    found = report(plant)
    assert found["intervals"] == MEASURED + 1
    assert found["recorded_wh"] == found["reported_wh"] > 20_000 * MEASURED
    assert (found["differing"], found["unrecorded"], found["ok"]) == (0, 0, True)
