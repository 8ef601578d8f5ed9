"""Writing the ledger: a record for each version of an interval, one chain across kills and processes, one signed
checkpoint a day.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from support.basics import HandClock
from support.metered_retrofit import ZONE, appended, record
from support.savings import save_intervals

from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.savings.ledger import chain, checkpoints
from agent.savings.ledger import reasons as codes
from agent.savings.ledger.interval_records import IntervalRecorder
from agent.savings.ledger.signing_key import ED25519, FILE, HMAC, LedgerKey, load, load_or_make, new_key
from agent.savings.ledger.verification import VerificationResult
from agent.savings.ledger.verify import verify
from agent.savings.records.model import QUARTER_MS, Interval
from drivers.reasons import InvalidValue

START_MS = 1_790_000_000_000 // QUARTER_MS * QUARTER_MS


def quarter(k: int, wh: float | None = 25_000.4, asset: str = "pump", **more: object) -> Interval:
    register = (1_000_000 + 25_000 * k, 1_025_000 + 25_000 * k)
    return Interval(asset, START_MS + k * QUARTER_MS, wh, meter="mcc-12/22091734", register_wh=register, **more)  # type: ignore[arg-type]


def written(
    store: Store, recorder: IntervalRecorder, *items: Interval, at_k: float | None = None
) -> list[chain.LedgerRecord]:
    """Writes intervals, at_k intervals after the start; None: when they are over."""
    t_ms = items[-1].end_ms if at_k is None else START_MS + round(at_k * QUARTER_MS)
    return record(store, recorder, t_ms, items)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, HandClock())


def recorder_of(store: Store) -> IntervalRecorder:
    assert store.directory
    return IntervalRecorder(load_or_make(store.directory), {"config": "c0ffee", "software": "0.1.0"})


def verdict_of(folder: Path) -> VerificationResult:
    return verify(open_read_only(folder / "magwatt.sqlite"))


def test_an_interval_is_recorded_when_it_is_written(store: Store, tmp_path: Path) -> None:
    _, found = written(store, recorder_of(store), quarter(0, 25_000.4, auxiliary_wh=75.2, flags=("bypass",)))
    [(text,)] = store.rows("select body from interval")
    expected = {"asset": "pump", "from_ms": START_MS, "length_s": 900, "energy_wh": 25_000, "covered_s": 900,
                "auxiliary_wh": 75, "flags": ["bypass"], "meter": "mcc-12/22091734", "config": "c0ffee",
                "register_wh": [1_000_000, 1_025_000], "software": "0.1.0",
                "interval": chain.digest(text)}  # fmt: skip
    assert found.kind == "interval"
    assert {name: found.body[name] for name in found.body if name in expected} == expected
    assert "replaces" not in found.body
    store.close()
    assert verdict_of(tmp_path).ok


def test_the_first_record_declares_the_key(store: Store) -> None:
    first, _ = written(store, recorder_of(store), quarter(0))
    assert store.directory
    assert first.kind == "key"
    assert first.body["key"]["fingerprint"] == load(store.directory / FILE).fingerprint
    assert "secret" not in json.dumps(first.body)
    store.close()


def test_unknown_energy_is_recorded_as_unknown(store: Store, tmp_path: Path) -> None:
    *_, found = written(store, recorder_of(store), quarter(0, None))
    assert found.body["energy_wh"] is None
    store.close()
    assert verdict_of(tmp_path).ok


def test_an_unchanged_interval_gets_no_second_record(store: Store) -> None:
    recorder = recorder_of(store)
    written(store, recorder, quarter(0))
    assert written(store, recorder, quarter(0), at_k=2) == []
    store.close()


def test_a_later_version_replaces_the_record_and_both_stay(store: Store, tmp_path: Path) -> None:
    """The meter register fills a gap, or the clock passes the interval a second time."""
    recorder = recorder_of(store)
    *_, first = written(store, recorder, quarter(0))
    [second] = written(store, recorder, quarter(0, 50_000.0, flags=("clock_step",)), at_k=40)
    assert second.body["replaces"] == first.body["interval"]
    store.close()
    found = verdict_of(tmp_path)
    assert (found.ok, found.records, found.amended, found.late) == (True, 3, 1, 0)


def test_a_running_interval_has_a_provisional_record_and_one_record_when_it_is_over(
    store: Store, tmp_path: Path
) -> None:  # fmt: skip
    recorder = recorder_of(store)
    for minute in range(1, 15):
        written(store, recorder, quarter(0, 1_000.0 * minute, coverage=minute / 15), at_k=minute / 15)
        assert verdict_of(tmp_path).ok
    [last] = written(store, recorder, quarter(0))
    assert "replaces" not in last.body
    assert store.rows("select * from note") == []
    store.close()
    found = verdict_of(tmp_path)
    assert (found.ok, found.records, found.amended) == (True, 2, 0)


def test_a_killed_run_leaves_a_provisional_record_that_the_next_run_continues_or_records(
    store: Store, tmp_path: Path
) -> None:  # fmt: skip
    written(store, recorder_of(store), quarter(0, 5_000.0, coverage=0.3), at_k=0.3)
    written(store, recorder_of(store), quarter(0, 9_000.0, coverage=0.6), at_k=0.6)
    [left] = written(store, recorder_of(store), quarter(2, 1_000.0, coverage=0.1), at_k=2.1)
    assert (left.body["from_ms"], left.body["energy_wh"], left.body.get("replaces")) == (START_MS, 9_000, None)
    store.close()
    assert verdict_of(tmp_path).ok


def test_an_interval_that_runs_a_second_time_replaces_its_record_once(store: Store, tmp_path: Path) -> None:
    recorder = recorder_of(store)
    *_, first = written(store, recorder, quarter(0))
    for minute in (1, 2, 3):
        written(store, recorder, quarter(0, 25_000.0 + 1_000 * minute), at_k=minute / 15)
        assert verdict_of(tmp_path).ok
    [second] = written(store, recorder, quarter(0, 40_000.0))
    assert second.body["replaces"] == first.body["interval"]
    store.close()
    assert verdict_of(tmp_path).ok


def test_a_restart_continues_the_same_chain(tmp_path: Path) -> None:
    for run in range(3):
        store = Store(tmp_path, HandClock())
        written(store, recorder_of(store), quarter(run))
        store.close()
    db = open_read_only(tmp_path / "magwatt.sqlite")
    assert [found.kind for found in chain.records(db)] == ["key", "interval", "interval", "interval"]
    assert verify(db).ok


def test_two_processes_append_to_one_chain(store: Store, tmp_path: Path) -> None:
    """A decision made on the command line while the agent runs."""
    recorder = recorder_of(store)
    written(store, recorder, quarter(0))
    other = Store(tmp_path, HandClock())
    appended(other, START_MS, [("decision", {"event": {"number": 1}})])
    other.close()
    written(store, recorder, quarter(4))
    store.close()
    db = open_read_only(tmp_path / "magwatt.sqlite")
    assert [found.kind for found in chain.records(db)] == ["key", "interval", "decision", "interval"]
    assert verify(db).ok


def test_intervals_written_by_other_means_are_reported(store: Store, tmp_path: Path) -> None:
    recorder = recorder_of(store)
    for k in range(8):
        written(store, recorder, quarter(k))
    assert verdict_of(tmp_path).ok
    save_intervals(store, [quarter(-3), quarter(8)])
    found = verdict_of(tmp_path)
    assert {asset: list(starts) for asset, starts in found.unrecorded.items()} == {
        "pump": [START_MS - 3 * QUARTER_MS, START_MS + 8 * QUARTER_MS]
    }
    assert not found.ok
    store.close()


def test_an_edited_interval_stays_reported_when_the_agent_writes_it_again(store: Store, tmp_path: Path) -> None:
    recorder = recorder_of(store)
    *_, first = written(store, recorder, quarter(0))
    with sqlite3.connect(tmp_path / "magwatt.sqlite") as outside:
        outside.execute("update interval set body = replace(body, '25000.4', '15000.4')")
    assert verdict_of(tmp_path).problems == [codes.INTERVAL_CHANGED(seq=first.seq, asset="pump", from_ms=START_MS)]
    [second] = written(store, recorder, quarter(0, 40_000.0), at_k=9)
    problem = codes.VERSION_NOT_RECORDED(seq=second.seq, asset="pump", from_ms=START_MS)
    assert verdict_of(tmp_path).problems == [problem]
    store.close()


def test_a_removed_interval_stays_reported_when_the_agent_writes_it_again(store: Store, tmp_path: Path) -> None:
    recorder = recorder_of(store)
    written(store, recorder, quarter(0))
    with sqlite3.connect(tmp_path / "magwatt.sqlite") as outside:
        outside.execute("delete from interval")
    [second] = written(store, recorder, quarter(0, 40_000.0), at_k=9)
    problem = codes.VERSION_NOT_RECORDED(seq=second.seq, asset="pump", from_ms=START_MS)
    assert verdict_of(tmp_path).problems == [problem]
    store.close()


@pytest.mark.parametrize(
    "forge",
    [
        "update interval set body = replace(body, '5000.0', '9000.0')",
        "delete from interval",
    ],
)  # fmt: skip
def test_an_edited_running_interval_is_reported_before_and_after_the_next_start(
    store: Store, tmp_path: Path, forge: str
) -> None:  # fmt: skip
    written(store, recorder_of(store), quarter(0, 5_000.0, coverage=0.3), at_k=0.3)
    with sqlite3.connect(tmp_path / "magwatt.sqlite") as outside:
        outside.execute(forge)
    assert codes.RUNNING_INTERVAL_CHANGED(asset="pump", from_ms=START_MS) in verdict_of(tmp_path).problems
    *_, last = written(store, recorder_of(store), quarter(0, 25_000.0))
    assert verdict_of(tmp_path).problems == [codes.VERSION_NOT_RECORDED(seq=last.seq, asset="pump", from_ms=START_MS)]
    store.close()


def test_a_provisional_record_that_was_forged_or_stored_before_is_not_accepted(store: Store, tmp_path: Path) -> None:
    """Not one of another key, and not one of this interval from before it was over, with the text of that time."""
    recorder = recorder_of(store)
    written(store, recorder, quarter(0, 5_000.0, coverage=0.3), at_k=0.3)
    rows = store.rows("select body from interval") + store.rows("select body from note")
    written(store, recorder, quarter(0))
    with sqlite3.connect(tmp_path / "magwatt.sqlite") as outside:
        outside.execute("update interval set body = ?", rows[0])
        outside.execute("insert into note values ('ledger-provisional', 'pump', '', 0, ?)", rows[1])
    assert verdict_of(tmp_path).problems == [codes.INTERVAL_CHANGED(seq=2, asset="pump", from_ms=START_MS)]
    forged = json.loads(rows[1][0]) | {"from_ms": START_MS + QUARTER_MS}
    with sqlite3.connect(tmp_path / "magwatt.sqlite") as outside:
        outside.execute("update interval set start_ms = ?", (START_MS + QUARTER_MS,))
        outside.execute("update note set body = ?", (chain.canonical(chain.signed(new_key(), forged)),))
    assert codes.INTERVALS_NOT_RECORDED(n=1, asset="pump", first_ms=START_MS + QUARTER_MS) in (
        verdict_of(tmp_path).problems
    )
    store.close()


def test_each_day_gets_one_signed_checkpoint_that_closes_it(store: Store, tmp_path: Path) -> None:
    recorder = recorder_of(store)
    for k in range(4 * 49):
        record(store, recorder, START_MS + (k + 1) * QUARTER_MS, [quarter(k)], ZONE)
    store.close()
    db = open_read_only(tmp_path / "magwatt.sqlite")
    made = list(chain.records(db, "checkpoint"))
    days = [checkpoint.body["day"] for checkpoint in made]
    assert days == sorted(set(days))
    assert len(days) == 2
    verdict = verify(db, checkpoints=[checkpoints.checkpoint_message(checkpoint) for checkpoint in made])
    assert verdict.ok
    assert (verdict.checkpoints, verdict.external_checkpoints) == (2, 2)


def test_exported_checkpoints_can_be_read(store: Store, tmp_path: Path) -> None:
    made = appended(store, START_MS, [("checkpoint", {"site": "a", "gateway": "b", "day": "2026-09-21", "last": 1,
                                                           "hash": "x", "key": "k"})])[-1]  # fmt: skip
    for _ in range(2):
        checkpoints.export(tmp_path / "roots.jsonl", made)
    found = checkpoints.read((tmp_path / "roots.jsonl").read_text(encoding="utf-8"))
    assert [checkpoint["hash"] for checkpoint in found] == [made.hash] * 2
    with pytest.raises(InvalidValue) as caught:
        checkpoints.read('{"seq": 1, "hash": "x"}\nnonsense')
    assert caught.value.reason == codes.CHECKPOINT_LINE_INVALID(line=2)
    with pytest.raises(InvalidValue) as caught:
        checkpoints.read("[" * 100_000)
    assert caught.value.reason == codes.CHECKPOINT_LINE_INVALID(line=1)
    for second in (
        '{"seq": 2}',
        '{"seq": 9223372036854775808, "hash": "x"}',
        r'{"seq": 2, "hash": "x", "day": "\ud800"}',
    ):
        with pytest.raises(InvalidValue) as caught:
            checkpoints.read('[{"seq": 1, "hash": "x"}, ' + second + "]")
        assert caught.value.reason == codes.CHECKPOINT_FIELDS_MISSING(number=2)
    store.close()


@pytest.mark.parametrize("kind", [ED25519, HMAC])
def test_a_signature_is_valid_for_one_text_and_one_key(kind: str) -> None:
    key, other = (new_key() if kind == ED25519 else LedgerKey(HMAC, "", bytes([n] * 32)) for n in (1, 2))
    signature = key.sign(b"text")
    assert key.verifies(b"text", signature)
    assert not key.verifies(b"texT", signature)
    assert not other.verifies(b"text", signature)
    assert key.fingerprint != other.fingerprint
    assert key.secret.hex() not in repr(key)
