"""Changes of the ledger, intervals, baselines and decisions are detected; the first invalid record is named."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.basics import HandClock
from support.metered_retrofit import ZONE, appended, record
from support.savings import save_event

from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.savings.ledger import chain, checkpoints
from agent.savings.ledger import reasons as codes
from agent.savings.ledger.interval_records import IntervalRecorder
from agent.savings.ledger.signing_key import FILE, HMAC, LedgerKey, load, load_or_make, new_key
from agent.savings.ledger.verification import VerificationResult
from agent.savings.ledger.verify import verify
from agent.savings.reasons import MAINTENANCE
from agent.savings.records.model import QUARTER_MS, Interval, NonRoutineEvent
from agent.savings.records.non_routine_events import decided
from agent.savings.records.repository import event_json

START_MS = 1_790_000_000_000 // QUARTER_MS * QUARTER_MS
QUARTERS = 48 * 4
END_MS = START_MS + QUARTERS * QUARTER_MS


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 hours of two motors with a checkpoint after each day, and the checkpoints in an external file."""
    folder = tmp_path_factory.mktemp("ledger")
    store = Store(folder, HandClock())
    recorder = IntervalRecorder(load_or_make(folder), {"config": "c0ffee", "software": "0.1.0"})
    for k in range(QUARTERS):
        items = [Interval(asset, START_MS + k * QUARTER_MS, 25_000.4 + k) for asset in ("a", "pump")]
        record(store, recorder, items[0].end_ms, items, ZONE)
    for checkpoint in store.do(lambda db: list(chain.records(db, "checkpoint"))):
        checkpoints.export(folder / "roots.jsonl", checkpoint)
    store.close()
    return folder


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "copy"
    shutil.copytree(written, folder, ignore=shutil.ignore_patterns("reserve"))
    yield folder
    shutil.rmtree(folder)


def edited(folder: Path, edit: Callable[[sqlite3.Connection], object]) -> None:
    with sqlite3.connect(folder / "magwatt.sqlite") as db:
        edit(db)
    db.close()


def verdict_of(folder: Path, key: LedgerKey | None = None, with_checkpoints: bool = False) -> VerificationResult:
    db = open_read_only(folder / "magwatt.sqlite")
    try:
        found = checkpoints.read((folder / "roots.jsonl").read_text(encoding="utf-8")) if with_checkpoints else []
        return verify(db, key or load(folder / FILE), found)
    finally:
        db.close()


def rechained(db: sqlite3.Connection, seq: int, change: Callable[[dict[str, object]], None], key: LedgerKey) -> None:
    """Changes a record, and rewrites and signs everything after it with a key."""
    rows = db.execute("select seq, body from ledger where seq >= ? order by seq", (seq,)).fetchall()
    before = json.loads(rows[0][1])["prev"]
    for number, text in rows:
        body = json.loads(text)
        if number == seq:
            change(body)
        body["prev"] = before
        body.pop("sig")
        body["sig"] = key.sign(chain.canonical(body).encode())
        new = chain.canonical(body)
        before = chain.digest(new)
        db.execute("update ledger set body = ?, hash = ? where seq = ?", (new, before, number))


def lower_energy(body: dict[str, object]) -> None:
    body["energy_wh"] = 1


def test_an_unchanged_ledger_is_valid(copy: Path) -> None:
    found = verdict_of(copy, with_checkpoints=True)
    assert found.ok, found.problems
    assert found.records == 1 + 2 * QUARTERS + found.checkpoints
    assert found.checkpoints == found.external_checkpoints == 2


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_edited_character_is_named(copy: Path, data: st.DataObject) -> None:
    seq = data.draw(st.integers(1, 2 * QUARTERS))
    column = data.draw(st.sampled_from(["body", "hash"]))
    db = sqlite3.connect(copy / "magwatt.sqlite")
    [(text,)] = db.execute(f"select {column} from ledger where seq = ?", (seq,))
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="ascii", categories=["L", "N"]).filter(lambda letter: letter != text[place]))
    db.execute(f"update ledger set {column} = ? where seq = ?", (text[:place] + other + text[place + 1 :], seq))
    db.commit()
    assert verify(db, load(copy / FILE)).first_bad == seq
    db.execute(f"update ledger set {column} = ? where seq = ?", (text, seq))
    db.commit()
    assert verify(db, load(copy / FILE)).ok
    db.close()


@pytest.mark.parametrize("column", ["t_ms", "kind"])
def test_an_edited_column_is_named(copy: Path, column: str) -> None:
    edited(copy, lambda db: db.execute(f"update ledger set {column} = 'checkpoint' where seq = 17"))
    assert verdict_of(copy).first_bad == 17


@pytest.mark.parametrize("seq", [1, 2, 40])
def test_a_removed_record_is_named(copy: Path, seq: int) -> None:
    edited(copy, lambda db: db.execute("delete from ledger where seq = ?", (seq,)))
    found = verdict_of(copy)
    assert found.first_bad == seq
    assert found.problems[0] == codes.RECORD_MISSING(seq=seq)


def test_several_removed_records_are_named(copy: Path) -> None:
    edited(copy, lambda db: db.execute("delete from ledger where seq between 12 and 15"))
    assert verdict_of(copy).problems[0] == codes.RECORDS_MISSING(seq=12, last_seq=15)


def test_removed_and_renumbered(copy: Path) -> None:
    def edit(db: sqlite3.Connection) -> None:
        db.execute("delete from ledger where seq = 30")
        db.execute("update ledger set seq = seq - 1 where seq > 30")

    edited(copy, edit)
    assert verdict_of(copy).first_bad == 30


def test_exchanged_records_are_named(copy: Path) -> None:
    def edit(db: sqlite3.Connection) -> None:
        rows = dict(db.execute("select seq, body || '|' || hash from ledger where seq in (50, 51)").fetchall())
        for seq, other in ((50, 51), (51, 50)):
            body, _, hash_ = rows[other].rpartition("|")
            db.execute("update ledger set body = ?, hash = ? where seq = ?", (body, hash_, seq))

    edited(copy, edit)
    found = verdict_of(copy)
    assert found.first_bad == 50
    assert found.problems[0] == codes.RECORD_MOVED(seq=50, signed_seq="51", signed_kind="interval")


def test_a_chain_rewritten_without_the_key_is_named_at_its_first_record(copy: Path) -> None:
    edited(copy, lambda db: rechained(db, 33, lower_energy, new_key()))
    assert verdict_of(copy).first_bad == 33


def test_a_chain_rewritten_with_another_key_from_the_first_record(copy: Path) -> None:
    """The new chain is consistent; the gateway's key or a checkpoint detects it."""
    forged = new_key()
    edited(copy, lambda db: rechained(db, 1, lambda body: body.update(key=forged.declaration()), forged))
    assert verdict_of(copy, forged).first_bad is None
    assert verdict_of(copy).first_bad == 1
    db = open_read_only(copy / "magwatt.sqlite")
    found = verify(db, None, checkpoints.read((copy / "roots.jsonl").read_text(encoding="utf-8")))
    db.close()
    assert found.first_bad == 1


def test_a_chain_rewritten_with_the_gateways_key_is_detected_by_an_external_checkpoint(copy: Path) -> None:
    """The owner of the gateway can sign anything: the limit is the last checkpoint that still matches."""
    edited(copy, lambda db: rechained(db, 30, lambda body: body.update(adjusted_wh=1), load(copy / FILE)))
    assert verdict_of(copy).ok
    found = verdict_of(copy, with_checkpoints=True)
    first, second = checkpoints.read((copy / "roots.jsonl").read_text(encoding="utf-8"))
    assert found.first_bad is not None
    assert first["seq"] < found.first_bad <= 30 <= second["seq"]


def truncated(db: sqlite3.Connection) -> None:
    db.execute("delete from ledger where seq > 42")  # key, checkpoint, 20 intervals of both motors
    db.execute("delete from interval where start_ms >= ?", (START_MS + 20 * QUARTER_MS,))


def test_a_truncation_of_the_ledger_leaves_intervals_without_records(copy: Path) -> None:
    edited(copy, lambda db: db.execute("delete from ledger where seq > 42"))
    found = verdict_of(copy)
    assert found.problems == [
        codes.INTERVALS_NOT_RECORDED(n=QUARTERS - 20, asset=asset, first_ms=START_MS + 20 * QUARTER_MS)
        for asset in ("a", "pump")
    ]


def test_a_truncation_of_ledger_and_intervals_is_detected_by_an_external_checkpoint(copy: Path) -> None:
    edited(copy, truncated)
    assert verdict_of(copy).ok
    found = verdict_of(copy, with_checkpoints=True)
    assert found.first_bad == 43
    assert found.problems[-1].code == codes.CHECKPOINT_NOT_IN_LEDGER


def test_a_rollback_that_is_continued_is_detected_by_an_external_checkpoint(copy: Path) -> None:
    """The old copy is continued with the right key, past the number of the checkpoint."""
    key = load(copy / FILE)

    def edit(db: sqlite3.Connection) -> None:
        truncated(db)
        chain.append_to(db, key, START_MS, [("decision", {"event": k}) for k in range(400)])

    edited(copy, edit)
    assert verdict_of(copy).ok
    found = verdict_of(copy, with_checkpoints=True)
    assert found.first_bad is not None
    assert found.first_bad <= 43
    assert found.problems[0].code == codes.CHECKPOINT_DIFFERS


@pytest.mark.parametrize(
    "edit",
    [
        "update interval set body = replace(body, '25016.4', '15016.4')",
        "delete from interval where asset = 'pump' and start_ms = {start}",
        "update interval set start_ms = start_ms - 1 where asset = 'pump' and start_ms = {start}",
    ],
)
def test_a_changed_interval_invalidates_its_record(copy: Path, edit: str) -> None:
    start_ms = START_MS + 16 * QUARTER_MS
    edited(copy, lambda db: db.execute(edit.format(start=start_ms)))
    found = verdict_of(copy)
    db = open_read_only(copy / "magwatt.sqlite")
    records = [item.seq for item in chain.records(db, "interval") if item.body["from_ms"] == start_ms]
    db.close()
    assert found.first_bad in records
    assert found.problems[0].code == codes.INTERVAL_CHANGED
    assert found.problems[0].data["from_ms"] == start_ms


def test_a_changed_baseline_is_detected(copy: Path) -> None:
    store = Store(copy, HandClock())
    body = {"asset": "pump", "coefficients": [25_000.0], "hash": "5a1e"}
    [recorded] = appended(store, START_MS, [("baseline", {"baseline": body})])
    store.save_entry("baseline", "pump", "", body)
    assert verdict_of(copy).ok
    store.save_entry("baseline", "pump", "", {**body, "coefficients": [35_000.0]})
    found = verdict_of(copy)
    assert found.first_bad == recorded.seq
    assert found.problems == [codes.BASELINE_EDITED(seq=recorded.seq, asset="pump")]
    store.save_entry("baseline", "pump", "", {**body, "hash": "0ther"})
    assert verdict_of(copy).problems == [codes.BASELINE_NOT_RECORDED(asset="pump", hash="0ther")]
    store.close()


def test_a_removed_baseline_and_an_older_one_in_use_are_detected(copy: Path) -> None:
    store = Store(copy, HandClock())
    bodies = [{"asset": "pump", "coefficients": [wh], "hash": f"{wh:g}"} for wh in (25_000.0, 24_000.0)]
    records = appended(store, START_MS, [("baseline", {"baseline": body}) for body in bodies])
    store.save_entry("baseline", "pump", "", bodies[1])
    assert verdict_of(copy).ok
    store.save_entry("baseline", "pump", "", bodies[0])
    found = verdict_of(copy)
    assert found.first_bad == records[1].seq
    assert found.problems == [codes.BASELINE_ROLLED_BACK(seq=records[1].seq, asset="pump", hash="25000")]
    store.close()
    edited(copy, lambda db: db.execute("delete from note where kind = 'baseline'"))
    found = verdict_of(copy)
    assert found.first_bad == records[1].seq
    assert found.problems == [codes.BASELINE_REMOVED(seq=records[1].seq, asset="pump")]


def test_an_unrecorded_or_changed_decision_is_detected(copy: Path) -> None:
    store = Store(copy, HandClock())
    event = save_event(
        store, NonRoutineEvent(0, "pump", "maintenance", START_MS, START_MS + QUARTER_MS, MAINTENANCE(), 0.0, "exclude")
    )
    assert verdict_of(copy).ok
    decision = decided(event, "keep", "Li Wei", "was running", START_MS)
    save_event(store, decision)
    assert verdict_of(copy).problems == [codes.DECISION_NOT_RECORDED(number=event.number, asset="pump")]
    [recorded] = appended(store, START_MS, [("decision", {"event": event_json(decision)})])
    assert verdict_of(copy).ok
    save_event(store, replace(decision, decision="adjust", adjust_wh=1e6))
    edited_decision = codes.DECISION_EDITED(seq=recorded.seq, number=event.number, asset="pump")
    assert verdict_of(copy).problems == [edited_decision]
    save_event(store, replace(decision, energy_wh=17.0))  # the energy may still grow; a decision does not contain it
    assert verdict_of(copy).ok
    store.close()


def test_from_a_later_record_on(copy: Path) -> None:
    """As a report of a long ledger does: earlier records are not verified, except baselines."""
    store = Store(copy, HandClock())
    body = {"asset": "pump", "hash": "5a1e"}
    [baseline] = appended(store, START_MS, [("baseline", {"baseline": body})])
    store.save_entry("baseline", "pump", "", body)
    appended(store, START_MS, [("decision", {"event": {"asset": "pump", "number": k}}) for k in range(20)])
    store.close()
    later = baseline.seq + 15
    with open_read_only(copy / "magwatt.sqlite") as db:
        assert verify(db, first=later, since_ms=END_MS).ok
    edited(copy, lambda db: db.execute("update ledger set body = body || ' ' where seq = 30"))
    with open_read_only(copy / "magwatt.sqlite") as db:
        assert verify(db, first=later, since_ms=END_MS).ok
        assert verify(db).first_bad == 30
    edited(copy, lambda db: db.execute("update ledger set body = body || ' ' where seq = ?", (baseline.seq,)))
    with open_read_only(copy / "magwatt.sqlite") as db:
        assert verify(db, first=later, since_ms=END_MS).first_bad == baseline.seq
    edited(copy, lambda db: db.execute("delete from ledger where seq in (?, ?)", (baseline.seq, later + 2)))
    with open_read_only(copy / "magwatt.sqlite") as db:
        found = verify(db, first=later, since_ms=END_MS)
    assert found.first_bad == baseline.seq  # detected at the decision after it
    assert codes.RECORD_MISSING(seq=later + 2) in found.problems


def test_hmac_without_its_secret_does_not_pass(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"kind": HMAC, "secret": "11" * 32}), encoding="ascii")
    store = Store(tmp_path, HandClock())
    appended(store, START_MS, [("decision", {"event": 1})])
    store.close()
    db = open_read_only(tmp_path / "magwatt.sqlite")
    assert verify(db, load(tmp_path / FILE)).ok
    found = verify(db)
    assert not found.ok
    assert found.first_bad is None
    assert found.unchecked == [codes.HMAC_SECRET_NEEDED()]
    db.close()


def test_a_read_only_copy_is_verified_too(copy: Path) -> None:
    (copy / "magwatt.sqlite").chmod(0o444)
    assert verdict_of(copy).ok


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("hour", {"quarters": 3}),
        ("hour", {"quarters": ["x"]}),
        ("hour", {"quarters": [0, 1 << 70]}),
        ("hour", {"from_ms": 1 << 70}),
        ("hour", {"asset": None}),
        ("interval", {"from_ms": "x"}),
        ("interval", {"from_ms": None}),
        ("interval", {"from_ms": 1 << 70}),
        ("interval", {"length_s": "x"}),
        ("decision", {"event": {"asset": "pump", "number": "x"}}),
        ("decision", {"event": {"asset": "pump", "number": None}}),
    ],
)
def test_a_signed_record_with_an_invalid_field_is_a_problem_of_this_record(
    copy: Path, kind: str, fields: dict[str, Any]
) -> None:
    store = Store(copy, HandClock())
    [record] = appended(store, START_MS, [(kind, {"asset": "pump", "from_ms": START_MS - QUARTER_MS, **fields})])
    appended(store, START_MS, [("decision", {"event": {"asset": "pump", "number": 1}})])
    store.close()
    found = verdict_of(copy)
    assert (found.first_bad, [problem.code for problem in found.problems]) == (
        record.seq,
        [codes.RECORD_FIELDS_INVALID],
    )
    assert found.records > record.seq


def test_a_provisional_record_with_an_invalid_field_is_ignored(copy: Path) -> None:
    store = Store(copy, HandClock())
    body = {"kind": "ledger-provisional", "asset": "pump", "from_ms": 1 << 70, "interval": "0"}
    store.save_entry("ledger-provisional", "pump", "", chain.signed(load(copy / FILE), body))
    store.close()
    assert verdict_of(copy).ok
