"""Who could forge what, and what tells: the table of docs/ledger.md, row by row.

Each forger works on a copy of one ledger of two days. Found by the file alone, with the key or the checkpoints that the
customer kept, or by nothing: what cannot be found is pinned too, so that the page may say so.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import reportkit
from click.testing import CliRunner, Result
from testkit import HandClock

from agent.cli import main
from agent.savings import checkpoints, ledger
from agent.savings.hours import HOUR_MS, SETTLED_MS, Keeper
from agent.savings.keep import save_intervals
from agent.savings.ledger_key import ED25519, FILE, Key, load, load_or_make, new_key
from agent.savings.types import QUARTER_MS, Interval
from agent.savings.verify import Verdict, open_copy, verify
from agent.store import Store, StoreError
from agent.store.boots import claim_directory

pytest.importorskip("cryptography")

START_MS = 1_790_000_000_000 // HOUR_MS * HOUR_MS
FACTS = {"config": "c0ffee", "software": "0.1.0"}
GATEWAY = {"site": "mill-2", "gateway": "gw-07"}


def agent(
    folder: Path, first: int, last: int, facts: Mapping[str, str] = FACTS, where: Mapping[str, str] = GATEWAY,
    wh: float = 25_000.0,
) -> None:  # fmt: skip
    """Measures these hours and keeps its books; checkpoints go to a file beside the state directory."""
    store = Store(folder, HandClock())
    key = load_or_make(folder)
    keeper = Keeper(key, facts)
    store.do(keeper.watch)
    for hour in range(first, last):
        quarters = range(4 * hour, 4 * hour + 4)
        save_intervals(store, [Interval("pump", START_MS + k * QUARTER_MS, wh + k) for k in quarters])
        t_ms = START_MS + (hour + 1) * HOUR_MS + SETTLED_MS
        checkpoint = store.do(
            lambda db, t_ms=t_ms: checkpoints.append_daily_checkpoint(db, key, t_ms, "Asia/Shanghai", where)
        )
        if checkpoint:
            checkpoints.export(folder.with_suffix(".checkpoints"), checkpoint)
        store.do(lambda db, t_ms=t_ms: keeper.keep_up(db, t_ms))
    store.close()


def copied(folder: Path, to: Path) -> Path:
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("reserve"))
    return to


class Kept(NamedTuple):
    """What the customer has at home."""

    key: Key
    checkpoints: list[dict[str, Any]]


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Kept]:
    """Two days and a bit; `early` beside it is a copy of the whole directory after 30 hours."""
    top = tmp_path_factory.mktemp("plant")
    agent(top / "state", 0, 30)
    copied(top / "state", top / "early")
    agent(top / "state", 30, 50)
    key = load(top / "state" / FILE)
    return top, Kept(
        Key(key.kind, key.public), checkpoints.read((top / "state.checkpoints").read_text(encoding="utf-8"))
    )


@pytest.fixture
def top(days: tuple[Path, Kept], tmp_path: Path) -> Path:
    for name in ("state", "early"):
        copied(days[0] / name, tmp_path / name)
    return tmp_path


@pytest.fixture
def kept(days: tuple[Path, Kept]) -> Kept:
    return days[1]


def verdict(folder: Path, key: Key | None = None, elsewhere: list[dict[str, Any]] | None = None) -> Verdict:
    db = open_copy(folder / "magwatt.sqlite")
    try:
        return verify(db, key, elsewhere or [])
    finally:
        db.close()


def rewritten(folder: Path, seq: int, change: Callable[[dict[str, Any]], None], key: Key | None = None) -> None:
    """By somebody who has the gateway's key, or his own: from this record on everything is signed anew."""
    key = key or load(folder / FILE)
    with sqlite3.connect(folder / "magwatt.sqlite") as db:
        before = None
        for number, text in db.execute("select seq, body from ledger where seq >= ? order by seq", (seq,)).fetchall():
            body = json.loads(text)
            if number == seq:
                change(body)
            body["prev"] = before or body["prev"]
            del body["sig"]
            body["sig"] = key.sign(ledger.canonical(body).encode())
            new = ledger.canonical(body)
            before = ledger.digest(new)
            db.execute("update ledger set body = ?, hash = ? where seq = ?", (new, before, number))
    db.close()


def state_and_key_rolled_back(top: Path) -> None:
    copied(top / "early", top / "state")


def rolled_back_and_gone_on(top: Path) -> None:
    copied(top / "early", top / "state")
    agent(top / "state", 30, 60, wh=20_000.0)


def of_another_gateway(top: Path) -> None:
    shutil.rmtree(top / "state")
    agent(top / "state", 0, 50, where={"site": "mill-3", "gateway": "gw-08"})


def written_anew_under_the_gateways_fingerprint(top: Path) -> None:
    forged, said = new_key(ED25519), load(top / "state" / FILE).fingerprint
    rewritten(top / "state", 1, lambda body: body.update(key={**forged.said(), "fingerprint": said}), forged)
    (top / "state" / FILE).unlink()


def written_anew_with_a_key_of_ones_own(top: Path) -> None:
    forged = new_key(ED25519)
    rewritten(top / "state", 1, lambda body: body.update(key=forged.said()), forged)
    (top / "state" / FILE).unlink()


def copy_that_ran_elsewhere_put_back(top: Path) -> None:
    """Two agents with one key, each with a copy of its own: what one of them told is not in the other's."""
    agent(top / "early", 30, 60, wh=21_000.0)
    copied(top / "early", top / "state")


def two_agents_in_turns(top: Path) -> None:
    """Of one state directory, each while the other stands still."""
    for hour in range(50, 56):
        agent(top / "state", hour, hour + 1, {**FACTS, "config": "c0ffee" if hour % 2 else "decaf"})


def insider_record_alone(top: Path) -> None:
    rewritten(top / "state", 20, lambda body: body.update(energy_wh=1))


def insider_intervals_too(top: Path) -> None:
    """Measures something else and records it: no record was ever anything else."""
    agent(top / "state", 50, 52, wh=1.0)


def insider_old_plant(top: Path) -> None:
    rewritten(top / "state", 20, lambda body: body.update(adjusted_wh=999_999))


def changed_configuration(top: Path) -> None:
    agent(top / "state", 50, 53, {**FACTS, "config": "decaf"})


def changed_software(top: Path) -> None:
    agent(top / "state", 50, 53, {**FACTS, "software": "0.1.1"})


def software_that_says_it_is_the_old_one(top: Path) -> None:
    agent(top / "state", 50, 53)


class Row(NamedTuple):
    """How it is detected: by the file and the key in it, with the customer's key, with the customer's checkpoints; and
    what else is reported without being a fault: config, software, places."""

    forge: Callable[[Path], None]
    alone: str = ""
    with_key: str = ""
    with_checkpoints: str = ""
    told: tuple[str, ...] = ()


TABLE = [
    Row(state_and_key_rolled_back, with_checkpoints="set back to an older copy"),
    Row(rolled_back_and_gone_on, with_checkpoints="was written anew"),
    Row(of_another_gateway, with_key="begun with key", with_checkpoints="was signed by", told=("places",)),
    Row(written_anew_under_the_gateways_fingerprint, "its public half is that of key", "its public half is that of key",
        "its public half is that of key"),
    Row(written_anew_with_a_key_of_ones_own, with_key="begun with key", with_checkpoints="was signed by"),
    Row(copy_that_ran_elsewhere_put_back, with_checkpoints="was written anew"),
    Row(two_agents_in_turns, told=("config",)),
    Row(insider_record_alone, *3 * ["says energy_wh 1 of pump"]),
    Row(insider_intervals_too),
    Row(insider_old_plant, with_checkpoints="was written anew"),
    Row(changed_configuration, told=("config",)),
    Row(changed_software, told=("software",)),
    Row(software_that_says_it_is_the_old_one),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.forge.__name__)
def test_what_tells_of_a_forgery(row: Row, top: Path, kept: Kept) -> None:
    row.forge(top)
    said = {
        "alone": verdict(top / "state"),
        "with_key": verdict(top / "state", kept.key),
        "with_checkpoints": verdict(top / "state", None, kept.checkpoints),
    }
    for by, found in said.items():
        expected = getattr(row, by)
        assert found.content == (not expected), (by, found.problems)
        assert expected in " ".join(found.problems), (by, found.problems)
    found = said["alone"]
    changed = {what for what in FACTS if len([run for run in found.under if run.what == what]) > 1}
    assert changed | ({"places"} if {*found.places} - {("mill-2", "gw-07")} else set()) == set(row.told)


def test_versions_are_told_by_the_hour_as_they_changed(top: Path) -> None:
    two_agents_in_turns(top)
    found = [(run.version, (run.since_ms - START_MS) // HOUR_MS, run.hours)
             for run in verdict(top / "state").under if run.what == "config"]  # fmt: skip
    assert found == [("c0ffee", 0, 50), ("decaf", 50, 1), ("c0ffee", 51, 1), ("decaf", 52, 1), ("c0ffee", 53, 1),
                     ("decaf", 54, 1), ("c0ffee", 55, 1)]  # fmt: skip


def test_two_agents_at_the_same_time_are_refused(top: Path) -> None:
    held = claim_directory(top / "state" / "lock")
    with pytest.raises(StoreError, match="another agent"):
        claim_directory(top / "state" / "lock")
    held.close()


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
    return ledger.digest(ledger.canonical(checkpoints.record_body({**checkpoint, "sig": sig}) or {}))


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("with_key", [True, False])
def test_an_edited_checkpoint_is_invalid(name: str, which: int, with_key: bool, top: Path, kept: Kept) -> None:
    stored = [dict(checkpoint) for checkpoint in kept.checkpoints]
    EDITS[name](stored[which])
    found = verdict(top / "state", kept.key if with_key else None, stored)
    assert found.first_bad is None, found.problems
    [problem] = found.problems
    assert "is invalid: its hash or signature does not match its content" in problem
    assert not found.content


def test_an_unedited_checkpoint_is_valid_for_an_edited_ledger(top: Path, kept: Kept) -> None:
    """Also if the forger has the key and changed the checkpoint's own record."""
    rewritten(top / "state", kept.checkpoints[0]["seq"], lambda body: body.update(day="2001-01-01"))
    found = verdict(top / "state", kept.key, kept.checkpoints)
    assert found.first_bad is not None
    assert not any("is invalid" in line for line in found.problems)


def test_an_unsigned_checkpoint_is_compared_by_its_hash(top: Path, kept: Kept) -> None:
    number = kept.checkpoints[0]["seq"]
    assert verdict(top / "state", None, [{"seq": number, "hash": kept.checkpoints[0]["hash"]}]).content
    assert verdict(top / "state", None, [{"seq": number, "hash": "0" * 64}]).first_bad == 1


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    reportkit.retrofit(tmp_path, days=3)
    return tmp_path


def command(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def report(plant: Path, name: str) -> Path:
    out = plant / f"{name}.html"
    command("report", "--month", "2024-10", "--config", plant / "plant.toml", "--output", out)
    return out.with_suffix(".json")


def test_a_report_edited_beside_a_whole_ledger_is_told_by_making_it_again(plant: Path) -> None:
    """verify looks at the ledger, not at a report's figures."""
    handed_out = report(plant, "october")
    body = json.loads(handed_out.read_text(encoding="utf-8"))
    body["motors"][0]["saving"]["saved_wh"] *= 2
    edited = plant / "edited.json"
    edited.write_text(json.dumps(body), encoding="utf-8")
    checked = command("ledger", "verify", "--state", plant / "state", "--key", edited, "--checkpoint", edited)
    assert checked.exit_code == 0, checked.output
    again = json.loads(report(plant, "again").read_text(encoding="utf-8"))
    assert again["motors"][0]["saving"] == json.loads(handed_out.read_text(encoding="utf-8"))["motors"][0]["saving"]
    assert again["motors"][0]["saving"] != body["motors"][0]["saving"]


def test_a_report_whose_checkpoint_or_key_was_edited_is_told(plant: Path) -> None:
    body = json.loads(report(plant, "october").read_text(encoding="utf-8"))
    edited = plant / "edited.json"
    edited.write_text(json.dumps({**body, "ledger": {**body["ledger"], "hash": "0" * 64}}), encoding="utf-8")
    told = command("ledger", "verify", "--state", plant / "state", "--checkpoint", edited).output
    assert "was edited, not the ledger" in told
    assert told.rstrip().endswith("Verification failed.")
    forged = {**body["ledger_key"], "public": new_key(ED25519).public}
    edited.write_text(json.dumps({**body, "ledger_key": forged}), encoding="utf-8")
    refused = command("ledger", "verify", "--state", plant / "state", "--key", edited)
    assert refused.exit_code == 2
    assert "edited.json: not a ledger key" in refused.output
    edited.write_text(json.dumps({**body, "ledger_key": new_key(ED25519).said()}), encoding="utf-8")
    told = command("ledger", "verify", "--state", plant / "state", "--key", edited).output
    assert f"record 1: begun with key {body['ledger']['key']}, not with" in told


@pytest.mark.parametrize("own_key", [True, False])
def test_a_report_hands_out_the_key_that_verify_takes(own_key: bool, plant: Path) -> None:
    handed_out = report(plant, "october")
    if not own_key:
        forged = new_key(ED25519)
        rewritten(plant / "state", 1, lambda body: body.update(key=forged.said()), forged)
    (plant / "state" / FILE).unlink()
    by_record_1 = command("ledger", "verify", "--state", plant / "state")
    assert "which only record 1 names" in by_record_1.output
    assert "--key report.json" in by_record_1.output
    told = command("ledger", "verify", "--state", plant / "state", "--key", handed_out)
    assert told.exit_code == (0 if own_key else 1), told.output
    assert f"of {handed_out}" in told.output
    assert "only record 1" not in told.output


def test_checkpoints_from_elsewhere_vouch_for_the_key_that_record_1_names(top: Path, kept: Kept) -> None:
    assert verdict(top / "state").self_named
    assert not verdict(top / "state", None, kept.checkpoints).self_named
    assert not verdict(top / "state", None, [{name: kept.checkpoints[0][name] for name in ("seq", "hash")}]).self_named
    assert not verdict(top / "state", kept.key).self_named
    assert verdict(top / "state", None, [{"seq": 3, "hash": "0" * 64}]).self_named


def test_the_ledger_of_another_gateway_is_told_by_name(plant: Path) -> None:
    shutil.rmtree(plant / "state")
    agent(plant / "state", 0, 50, where={"site": "mill-3", "gateway": "gw-08"})
    said = command("ledger", "verify", "--config", plant / "plant.toml").output
    assert "The checkpoints name mill-3/gw-08, the configuration names mill-2/gw-07" in said


def test_a_record_amended_while_verify_reads_is_no_fault(top: Path, kept: Kept) -> None:
    """As a running agent does when a register tells a gap."""

    def meanwhile() -> Any:
        agent(top / "state", 49, 50, wh=30_000.0)
        yield from kept.checkpoints

    db = open_copy(top / "state" / "magwatt.sqlite")
    found = verify(db, kept.key, meanwhile())
    db.close()
    assert found.content, found.problems
