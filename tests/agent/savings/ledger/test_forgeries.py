"""Which check detects which manipulation: the table of docs/how-to/ledger.md, row by row.

Each manipulation is made on a copy of one ledger of two days. It is detected by the file alone, with the key or the
checkpoints that the customer stored, or not at all; undetected ones are tested, too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result
from support import metered_retrofit
from support.basics import HandClock

from agent.cli import main
from agent.delivery.store import Store
from agent.delivery.store.lock import LockHolder, StateInUse, StateLock
from agent.delivery.store.read_only import open_read_only
from agent.savings.ledger import chain, checkpoints
from agent.savings.ledger import reasons as codes
from agent.savings.ledger.interval_records import HOUR_MS, IntervalRecorder
from agent.savings.ledger.signing_key import FILE, LedgerKey, load, load_or_make, new_key
from agent.savings.ledger.verification import VerificationResult
from agent.savings.ledger.verify import verify
from agent.savings.records.model import QUARTER_MS, Interval
from drivers.reasons import Code, reason_of

START_MS = 1_790_000_000_000 // HOUR_MS * HOUR_MS
FACTS = {"config": "c0ffee", "software": "0.1.0"}
GATEWAY = {"site": "mill-2", "gateway": "gw-07"}


def agent(
    folder: Path, first: int, last: int, facts: Mapping[str, str] = FACTS, where: Mapping[str, str] = GATEWAY,
    wh: float = 25_000.0,
) -> None:  # fmt: skip
    """Measures and records these hours; checkpoints are exported to a file next to the state directory."""
    store = Store(folder, HandClock())
    key = load_or_make(folder)
    recorder = IntervalRecorder(key, facts)
    for k in range(4 * first, 4 * last):
        item = Interval("pump", START_MS + k * QUARTER_MS, wh + k)
        checkpoint = store.do(
            lambda db, t_ms=item.end_ms: checkpoints.append_daily_checkpoint(db, key, t_ms, "Asia/Shanghai", where)
        )
        if checkpoint:
            checkpoints.export(folder.with_suffix(".checkpoints"), checkpoint)
        metered_retrofit.record(store, recorder, item.end_ms, [item])
    store.close()


def copied(folder: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("reserve"))
    return to


class Kept(NamedTuple):
    """Key and checkpoints that the customer stored."""

    key: LedgerKey
    checkpoints: list[dict[str, Any]]


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Kept]:
    """50 hours; `early` is a copy of the complete directory after 30 hours."""
    top = tmp_path_factory.mktemp("plant")
    agent(top / "state", 0, 30)
    copied(top / "state", top / "early")
    agent(top / "state", 30, 50)
    key = load(top / "state" / FILE)
    return top, Kept(
        LedgerKey(key.kind, key.public), checkpoints.read((top / "state.checkpoints").read_text(encoding="utf-8"))
    )


@pytest.fixture
def top(days: tuple[Path, Kept], tmp_path: Path) -> Path:
    for name in ("state", "early"):
        copied(days[0] / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def kept(days: tuple[Path, Kept]) -> Kept:
    return days[1]


def verdict(
    folder: Path, key: LedgerKey | None = None, elsewhere: list[dict[str, Any]] | None = None
) -> VerificationResult:
    db = open_read_only(folder / "magwatt.sqlite")
    try:
        return verify(db, key, elsewhere or [])
    finally:
        db.close()


def rewritten(folder: Path, seq: int, change: Callable[[dict[str, Any]], None], key: LedgerKey | None = None) -> None:
    """Changes a record, then rewrites and signs it and all later ones with the gateway's key or another one."""
    key = key or load(folder / FILE)
    with sqlite3.connect(folder / "magwatt.sqlite") as db:
        before = None
        for number, text in db.execute("select seq, body from ledger where seq >= ? order by seq", (seq,)).fetchall():
            body = json.loads(text)
            if number == seq:
                change(body)
            body["prev"] = before or body["prev"]
            del body["sig"]
            body["sig"] = key.sign(chain.canonical(body).encode())
            new = chain.canonical(body)
            before = chain.digest(new)
            db.execute("update ledger set body = ?, hash = ? where seq = ?", (new, before, number))
    db.close()


def state_and_key_rolled_back(top: Path) -> None:
    copied(top / "early", top / "state")


def rolled_back_and_continued(top: Path) -> None:
    copied(top / "early", top / "state")
    agent(top / "state", 30, 60, wh=20_000.0)


def truncated_edited_and_continued(top: Path) -> None:
    """The agent records all intervals after the end of the chain when it starts."""
    with sqlite3.connect(top / "state" / "magwatt.sqlite") as db:
        db.execute("delete from ledger where seq > 50")
        edit = """update interval set body = replace(body, '"energy_wh":25', '"energy_wh":35') where start_ms > ?"""
        assert db.execute(edit, (START_MS + 50 * QUARTER_MS,)).rowcount > 100
    db.close()
    store = Store(top / "state", HandClock())
    recorder = IntervalRecorder(load(top / "state" / FILE), FACTS)
    assert len(store.do(lambda db: recorder.adopt(db, START_MS + 51 * HOUR_MS))) > 100
    store.close()


def of_another_gateway(top: Path) -> None:
    shutil.rmtree(top / "state")
    agent(top / "state", 0, 50, where={"site": "mill-3", "gateway": "gw-08"})


def rewritten_with_the_gateways_fingerprint(top: Path) -> None:
    forged, fingerprint = new_key(), load(top / "state" / FILE).fingerprint
    rewritten(
        top / "state", 1, lambda body: body.update(key={**forged.declaration(), "fingerprint": fingerprint}), forged
    )
    (top / "state" / FILE).unlink()


def rewritten_with_another_key(top: Path) -> None:
    forged = new_key()
    rewritten(top / "state", 1, lambda body: body.update(key=forged.declaration()), forged)
    (top / "state" / FILE).unlink()


def copy_of_another_gateway_moved_back(top: Path) -> None:
    """Two agents with one key and two copies: a checkpoint of one of them is not in the other copy."""
    agent(top / "early", 30, 60, wh=21_000.0)
    copied(top / "early", top / "state")


def two_agents_in_turns(top: Path) -> None:
    """Two agents use one state directory alternately, each while the other one is stopped."""
    for hour in range(50, 56):
        agent(top / "state", hour, hour + 1, {**FACTS, "config": "c0ffee" if hour % 2 else "decaf"})


def insider_changes_a_sum(top: Path) -> None:
    rewritten(top / "state", 20, lambda body: body.update(energy_wh=1))


def insider_changes_intervals_too(top: Path) -> None:
    """The agent records false energies in two further hours; no record is changed afterwards."""
    agent(top / "state", 50, 52, wh=1.0)


def insider_changes_the_adjusted_baseline(top: Path) -> None:
    rewritten(top / "state", 20, lambda body: body.update(adjusted_wh=999_999))


def changed_configuration(top: Path) -> None:
    agent(top / "state", 50, 53, {**FACTS, "config": "decaf"})


def changed_software(top: Path) -> None:
    agent(top / "state", 50, 53, {**FACTS, "software": "0.1.1"})


def edited_software_with_the_same_version(top: Path) -> None:
    agent(top / "state", 50, 53)


class Row(NamedTuple):
    """One manipulation, and the code of the problem that reveals it; None: it is not detected.

    alone: by the file and the key in it.
    with_key: with the customer's key.
    with_checkpoints: with the customer's checkpoints.
    notable: what is reported without being a problem: config, software, gateways, late.
    """

    forge: Callable[[Path], None]
    alone: Code | None = None
    with_key: Code | None = None
    with_checkpoints: Code | None = None
    notable: tuple[str, ...] = ()


TABLE = [
    Row(state_and_key_rolled_back, with_checkpoints=codes.CHECKPOINT_NOT_IN_LEDGER),
    Row(rolled_back_and_continued, with_checkpoints=codes.CHECKPOINT_DIFFERS),
    Row(truncated_edited_and_continued, with_checkpoints=codes.CHECKPOINT_DIFFERS, notable=("late",)),
    Row(of_another_gateway, with_key=codes.KEY_UNEXPECTED, with_checkpoints=codes.CHECKPOINT_OF_OTHER_KEY,
        notable=("gateways",)),
    Row(rewritten_with_the_gateways_fingerprint, *3 * [codes.KEY_RECORD_INVALID]),
    Row(rewritten_with_another_key, with_key=codes.KEY_UNEXPECTED, with_checkpoints=codes.CHECKPOINT_OF_OTHER_KEY),
    Row(copy_of_another_gateway_moved_back, with_checkpoints=codes.CHECKPOINT_DIFFERS),
    Row(two_agents_in_turns, notable=("config",)),
    Row(insider_changes_a_sum, *3 * [codes.RECORD_FIELD_WRONG]),
    Row(insider_changes_intervals_too),
    Row(insider_changes_the_adjusted_baseline, with_checkpoints=codes.CHECKPOINT_DIFFERS),
    Row(changed_configuration, notable=("config",)),
    Row(changed_software, notable=("software",)),
    Row(edited_software_with_the_same_version),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.forge.__name__)
def test_how_a_manipulation_is_detected(row: Row, top: Path, kept: Kept) -> None:
    row.forge(top)
    verdicts = {
        "alone": verdict(top / "state"),
        "with_key": verdict(top / "state", kept.key),
        "with_checkpoints": verdict(top / "state", None, kept.checkpoints),
    }
    for by, found in verdicts.items():
        expected = getattr(row, by)
        assert found.ok == (expected is None), (by, found.problems)
        assert expected is None or expected in {reason.code for reason in found.problems}, (by, found.problems)
    found = verdicts["alone"]
    changed = {what for what in FACTS if len([span for span in found.recorded_under if span.what == what]) > 1}
    if {*found.gateways} - {("mill-2", "gw-07")}:
        changed.add("gateways")
    if found.late:
        changed.add("late")
    assert changed == set(row.notable)


def test_a_wrong_sum_is_reported_with_both_values(top: Path) -> None:
    insider_changes_a_sum(top)
    [problem] = verdict(top / "state").problems
    first = (problem.data["from_ms"] - START_MS) // QUARTER_MS
    computed = 25_000 + first
    assert problem == codes.RECORD_FIELD_WRONG(
        seq=20, field="energy_wh", asset="pump", from_ms=problem.data["from_ms"], recorded="1", computed=str(computed)
    )


def test_versions_are_reported_as_they_changed(top: Path) -> None:
    two_agents_in_turns(top)
    found = [(span.version, (span.since_ms - START_MS) // HOUR_MS, span.intervals)
             for span in verdict(top / "state").recorded_under if span.what == "config"]  # fmt: skip
    assert found == [("c0ffee", 0, 200), ("decaf", 50, 4), ("c0ffee", 51, 4), ("decaf", 52, 4), ("c0ffee", 53, 4),
                     ("decaf", 54, 4), ("c0ffee", 55, 4)]  # fmt: skip


def test_two_agents_at_the_same_time_are_rejected(top: Path) -> None:
    with StateLock(top / "state", "run", START_MS), pytest.raises(StateInUse) as error:
        StateLock(top / "state", "run", START_MS)
    assert error.value.reason == LockHolder(os.getpid(), START_MS, "run").reason(top / "state")


# Edits of a stored checkpoint. The ledger is unchanged and must not be reported.
EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "hash": lambda checkpoint: checkpoint.update(hash="0" * 64),
    "number": lambda checkpoint: checkpoint.update(seq=checkpoint["seq"] - 3),
    "number past the end": lambda checkpoint: checkpoint.update(seq=4000),
    "key": lambda checkpoint: checkpoint.update(key="0123456789abcdef"),
    "day": lambda checkpoint: checkpoint.update(day="2001-01-01"),
    "gateway": lambda checkpoint: checkpoint.update(gateway="gw-99"),
    "time": lambda checkpoint: checkpoint.update(at=checkpoint["at"] + 1),
    "signature": lambda checkpoint: checkpoint.update(sig="ab" * 64),
    "hash and signature": lambda checkpoint: checkpoint.update(sig="ab" * 64, hash=hashed(checkpoint, "ab" * 64)),
    "missing field": lambda checkpoint: checkpoint.pop("prev"),
}


def hashed(checkpoint: Mapping[str, Any], sig: str) -> str:
    return chain.digest(chain.canonical(checkpoints.record_body({**checkpoint, "sig": sig}) or {}))


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("with_key", [True, False])
def test_an_edited_checkpoint_is_invalid(name: str, which: int, with_key: bool, top: Path, kept: Kept) -> None:
    stored = [dict(checkpoint) for checkpoint in kept.checkpoints]
    EDITS[name](stored[which])
    found = verdict(top / "state", kept.key if with_key else None, stored)
    assert found.first_bad is None, found.problems
    [problem] = found.problems
    assert problem.code == codes.CHECKPOINT_INVALID
    assert not found.ok


def test_an_unedited_checkpoint_is_valid_for_an_edited_ledger(top: Path, kept: Kept) -> None:
    """Also if the forger has the key and changed the checkpoint's own record."""
    rewritten(top / "state", kept.checkpoints[0]["seq"], lambda body: body.update(day="2001-01-01"))
    found = verdict(top / "state", kept.key, kept.checkpoints)
    assert found.first_bad is not None
    assert codes.CHECKPOINT_INVALID not in {reason.code for reason in found.problems}


def test_an_unsigned_checkpoint_is_compared_by_its_hash(top: Path, kept: Kept) -> None:
    number = kept.checkpoints[0]["seq"]
    assert verdict(top / "state", None, [{"seq": number, "hash": kept.checkpoints[0]["hash"]}]).ok
    assert verdict(top / "state", None, [{"seq": number, "hash": "0" * 64}]).first_bad == 1


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    metered_retrofit.retrofit(tmp_path, days=3)
    return tmp_path


def command(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def verified(plant: Path, *words: str | Path) -> dict[str, Any]:
    """The JSON of `ledger verify`, its problems as reasons."""
    result = command("ledger", "verify", "--state", plant / "state", "--json", *words)
    found: dict[str, Any] = json.loads(result.output)
    assert result.exit_code == (0 if found["ok"] else 1)
    return {**found, "problems": [reason_of(problem) for problem in found["problems"]]}


def report(plant: Path, name: str) -> Path:
    out = plant / f"{name}.html"
    command("report", "--month", "2024-10", "--config", plant / "plant.toml", "--output", out)
    return out.with_suffix(".json")


def test_edited_figures_of_a_report_are_detected_by_a_new_report(plant: Path) -> None:
    """verify checks the ledger, not the figures of a report."""
    original = report(plant, "october")
    body = json.loads(original.read_text(encoding="utf-8"))
    body["motors"][0]["saving"]["saved_wh"] *= 2
    edited = plant / "edited.json"
    edited.write_text(json.dumps(body), encoding="utf-8")
    checked = command("ledger", "verify", "--state", plant / "state", "--key", edited, "--checkpoint", edited)
    assert checked.exit_code == 0, checked.output
    again = json.loads(report(plant, "again").read_text(encoding="utf-8"))
    assert again["motors"][0]["saving"] == json.loads(original.read_text(encoding="utf-8"))["motors"][0]["saving"]
    assert again["motors"][0]["saving"] != body["motors"][0]["saving"]


def test_a_report_whose_checkpoint_or_key_was_edited_is_detected(plant: Path) -> None:
    body = json.loads(report(plant, "october").read_text(encoding="utf-8"))
    edited = plant / "edited.json"
    edited.write_text(json.dumps({**body, "ledger": {**body["ledger"], "hash": "0" * 64}}), encoding="utf-8")
    day = body["ledger"]["day"]
    assert verified(plant, "--checkpoint", edited)["problems"] == [codes.CHECKPOINT_INVALID(checkpoint=day)]
    forged = {**body["ledger_key"], "public": new_key().public}
    edited.write_text(json.dumps({**body, "ledger_key": forged}), encoding="utf-8")
    rejected = command("ledger", "verify", "--state", plant / "state", "--key", edited)
    assert rejected.exit_code == 2
    assert rejected.output.strip() == str(codes.KEY_FILE_INVALID(path=str(edited)))
    other = new_key()
    edited.write_text(json.dumps({**body, "ledger_key": other.declaration()}), encoding="utf-8")
    unexpected = codes.KEY_UNEXPECTED(seq=1, fingerprint=body["ledger"]["key"], expected=other.fingerprint)
    assert unexpected in verified(plant, "--key", edited)["problems"]


@pytest.mark.parametrize("own_key", [True, False])
def test_verify_accepts_the_key_of_a_report(own_key: bool, plant: Path) -> None:
    original = report(plant, "october")
    if not own_key:
        forged = new_key()
        rewritten(plant / "state", 1, lambda body: body.update(key=forged.declaration()), forged)
    (plant / "state" / FILE).unlink()
    without_key = verified(plant)
    assert (without_key["self_named"], without_key["key_file"]) == (True, None)
    assert "--key report.json" in command("ledger", "verify", "--state", plant / "state").output
    with_key = verified(plant, "--key", original)
    assert with_key["ok"] == own_key, with_key
    assert (with_key["self_named"], with_key["key_file"]) == (False, str(original))
    assert "--key report.json" not in command("ledger", "verify", "--state", plant / "state", "--key", original).output


def test_external_checkpoints_confirm_the_key_that_record_1_declares(top: Path, kept: Kept) -> None:
    assert verdict(top / "state").self_named
    assert not verdict(top / "state", None, kept.checkpoints).self_named
    assert not verdict(top / "state", None, [{name: kept.checkpoints[0][name] for name in ("seq", "hash")}]).self_named
    assert not verdict(top / "state", kept.key).self_named
    assert verdict(top / "state", None, [{"seq": 3, "hash": "0" * 64}]).self_named


def test_the_ledger_of_another_gateway_is_reported_with_its_name(plant: Path) -> None:
    shutil.rmtree(plant / "state")
    agent(plant / "state", 0, 50, where={"site": "mill-3", "gateway": "gw-08"})
    found = command("ledger", "verify", "--config", plant / "plant.toml").output
    assert re.search(r"mill-3/gw-08\D+mill-2/gw-07", found)


def test_a_record_amended_while_verify_reads_is_not_a_problem(top: Path, kept: Kept) -> None:
    """As a running agent does when the meter register closes a gap."""

    def meanwhile() -> Any:
        agent(top / "state", 49, 50, wh=30_000.0)
        yield from kept.checkpoints

    db = open_read_only(top / "state" / "magwatt.sqlite")
    found = verify(db, kept.key, meanwhile())
    db.close()
    assert found.ok, found.problems
