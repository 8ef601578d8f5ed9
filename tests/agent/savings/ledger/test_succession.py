"""An HMAC ledger of an earlier version continues with an Ed25519 key: nothing is rewritten, and the public key verifies
the complete ledger. The truth of the expected results: RFC 8032 signatures and SHA-256, by `hashlib` where possible.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from support.basics import HandClock
from support.metered_motor import START_S, Gateway
from support.metered_retrofit import PLANT

from agent.config.loader import load_config
from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.savings.ledger import chain, checkpoints
from agent.savings.ledger import reasons as codes
from agent.savings.ledger.signing_key import ED25519, FILE, HMAC, LedgerKey, LedgerKeyError, load, new_key
from agent.savings.ledger.succession import begin_signed, key_in_force
from agent.savings.ledger.verification import VerificationResult
from agent.savings.ledger.verify import verify
from drivers.reasons import CodedError

SECRET = "11" * 32


def ledger_of_hmac(folder: Path) -> Gateway:
    """The gateway after 40 min with an HMAC key, in the middle of an interval."""
    (folder / "plant.toml").write_text(PLANT, encoding="utf-8")
    (folder / "state").mkdir()
    (folder / "state" / FILE).write_text(json.dumps({"kind": HMAC, "secret": SECRET}), encoding="ascii")
    gateway = Gateway(folder, load_config(folder / "plant.toml")[0], HandClock(START_S))
    gateway.run(40 / 60)
    return gateway


def changed_by_command(gateway: Gateway) -> chain.LedgerRecord:
    """`magwatt ledger begin` while the agent runs."""
    with contextlib.closing(Store(gateway.store.directory, gateway.clock)) as other:
        record = begin_signed(other, gateway.clock.utc_ns() // 1_000_000)
    assert record is not None
    return record


def started_again(folder: Path, gateway: Gateway) -> Gateway:
    gateway.lane.close()
    gateway.store.close()
    again = Gateway(folder, load_config(folder / "plant.toml")[0], gateway.clock)
    again.wh = gateway.wh
    return again


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """State directory of a ledger whose key was changed while the agent ran, and number of the record of the key."""
    folder = tmp_path_factory.mktemp("changed")
    gateway = ledger_of_hmac(folder)
    before = gateway.store.rows("select seq, body from ledger order by seq")
    record = changed_by_command(gateway)
    gateway.run(2.5)  # over midnight
    gateway.lane.close()
    gateway.store.close()
    assert before
    with contextlib.closing(sqlite3.connect(folder / "state" / "magwatt.sqlite")) as db:
        assert db.execute("select seq, body from ledger order by seq").fetchall()[: len(before)] == before
    return folder / "state", record.seq


@pytest.fixture
def copy(changed: tuple[Path, int], tmp_path: Path) -> Path:
    return shutil.copytree(changed[0], tmp_path / "copy")


def verdict(state: Path, key: LedgerKey | None, outside: list[dict[str, object]] | None = None) -> VerificationResult:
    with contextlib.closing(open_read_only(state / "magwatt.sqlite")) as db:
        return verify(db, key, outside or [])


def public_key(state: Path) -> LedgerKey:
    """What a report gives to an auditor."""
    return LedgerKey(ED25519, load(state / FILE).public)


def edit(state: Path, statement: str, *values: object) -> None:
    with contextlib.closing(sqlite3.connect(state / "magwatt.sqlite")) as db, db:
        db.execute(statement, values)


def test_the_running_agent_changes_to_the_new_key_and_no_interval_lacks_a_record(changed: tuple[Path, int]) -> None:
    state, seq = changed
    found = verdict(state, load(state / FILE))
    assert found.ok, found.problems
    assert found.hmac_part is None  # the gateway has the secret of the old key and verified its signatures
    assert found.keys[-1] == load(state / FILE).fingerprint != found.keys[0]
    assert found.records > seq
    assert not found.late


def test_the_record_of_the_new_key_names_the_last_record_of_the_old_one(changed: tuple[Path, int]) -> None:
    state, seq = changed
    with contextlib.closing(sqlite3.connect(state / "magwatt.sqlite")) as db:
        [(last,)] = db.execute("select body from ledger where seq = ?", (seq - 1,)).fetchall()
        [(body,)] = db.execute("select body from ledger where seq = ?", (seq,)).fetchall()
    follows = json.loads(body)["follows"]
    assert (follows["last"], follows["hash"]) == (seq - 1, hashlib.sha256(last.encode()).hexdigest())


def test_an_auditor_with_the_public_key_verifies_all_records(changed: tuple[Path, int]) -> None:
    state, seq = changed
    found = verdict(state, public_key(state))
    assert found.ok, found.problems
    assert found.hmac_part == codes.HMAC_PART_CONFIRMED(last_seq=seq - 1, fingerprint=found.keys[0], seq=seq)


def test_an_auditor_detects_a_change_of_an_hmac_record(copy: Path, changed: tuple[Path, int]) -> None:
    """Also one by the holder of the HMAC secret, who signs it again and rewrites what follows up to the new key."""
    old, seq = LedgerKey(HMAC, "", bytes.fromhex(SECRET)), changed[1]
    with contextlib.closing(sqlite3.connect(copy / "magwatt.sqlite")) as db, db:
        before, rows = "", db.execute("select seq, body from ledger where seq < ? order by seq", (seq,)).fetchall()
        for number, text in rows:
            body = json.loads(text)
            if number > 1:
                body |= {"prev": before, **({"covered_s": 1} if number == 2 else {})}
            body.pop("sig")
            text = chain.canonical(chain.signed(old, body))
            before = chain.digest(text)
            db.execute("update ledger set body = ?, hash = ? where seq = ?", (text, before, number))
    assert verdict(copy, public_key(copy)).first_bad == 2  # its interval
    assert codes.RECORD_UNCHAINED(seq=seq) in verdict(copy, public_key(copy)).problems


def forged(copy: Path, seq: int, follow: Callable[[dict[str, object]], object]) -> LedgerKey:
    """The record of the new key, written by someone who has no key of the gateway. What follows is removed."""
    key = new_key()
    with contextlib.closing(sqlite3.connect(copy / "magwatt.sqlite")) as db, db:
        [(text,)] = db.execute("select body from ledger where seq = ?", (seq,)).fetchall()
        body = json.loads(text)
        body.pop("sig")
        follow(body["follows"])
        body["key"] = key.declaration()
        text = chain.canonical(chain.signed(key, body))
        db.execute("update ledger set body = ?, hash = ? where seq = ?", (text, chain.digest(text), seq))
        db.execute("delete from ledger where seq > ?", (seq,))
    return key


def test_a_key_that_the_old_one_did_not_sign_is_rejected(copy: Path, changed: tuple[Path, int]) -> None:
    own, seq = load(copy / FILE), changed[1]
    key = forged(copy, seq, lambda follows: None)
    assert codes.KEY_CHANGED(seq=seq, fingerprint=key.fingerprint) in verdict(copy, own).problems
    unexpected = codes.KEY_UNEXPECTED(
        seq=1, fingerprint=verdict(copy, None).keys[0], expected=public_key(copy).fingerprint
    )
    assert unexpected in verdict(copy, public_key(copy)).problems


@pytest.mark.parametrize("field", ["last", "hash", "fingerprint"])
def test_a_key_that_follows_another_record_is_rejected(field: str, copy: Path, changed: tuple[Path, int]) -> None:
    key = forged(copy, changed[1], lambda follows: follows.update({field: "0"}))
    assert codes.KEY_CHANGED(seq=changed[1], fingerprint=key.fingerprint) in verdict(copy, None).problems


def test_an_ed25519_key_has_no_successor(copy: Path, changed: tuple[Path, int]) -> None:
    with contextlib.closing(sqlite3.connect(copy / "magwatt.sqlite")) as db, db:
        [(seq, hash_)] = db.execute("select seq, hash from ledger order by seq desc limit 1").fetchall()
        follows = {"fingerprint": load(copy / FILE).fingerprint, "last": seq, "hash": hash_, "sig": ""}
        key = new_key()
        chain.append_to(db, key, 1, [("key", {"key": key.declaration(), "follows": follows})])
    wrong = codes.KEY_CHANGED(seq=seq + 1, fingerprint=key.fingerprint)
    assert verdict(copy, None).first_bad == seq + 1
    assert wrong in verdict(copy, None).problems


def test_only_a_checkpoint_after_the_change_confirms_the_new_key(changed: tuple[Path, int]) -> None:
    state, seq = changed
    with contextlib.closing(open_read_only(state / "magwatt.sqlite")) as db:
        newest = checkpoints.newest(db)
        [(hash_,)] = db.execute("select hash from ledger where seq = ?", (seq - 1,)).fetchall()
    assert newest is not None
    assert newest.seq > seq
    assert verdict(state, None, [{"seq": seq - 1, "hash": hash_}]).self_named
    after = verdict(state, None, [checkpoints.checkpoint_message(newest)])
    assert not after.self_named
    assert after.ok, after.problems


def test_a_kill_between_the_key_file_and_the_record_leaves_a_key_that_signs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = ledger_of_hmac(tmp_path)
    state = tmp_path / "state"
    with monkeypatch.context() as patch:
        patch.setattr("agent.savings.ledger.succession.append_to", _killed)
        with pytest.raises(CodedError):
            changed_by_command(gateway)
    assert load(state / FILE).kind == ED25519
    gateway.run(0.5)  # the running agent
    gateway = started_again(tmp_path, gateway)
    gateway.run(0.5)
    assert verdict(state, load(state / FILE).former).ok
    record = changed_by_command(gateway)
    gateway.run(0.5)
    gateway.lane.close()
    gateway.store.close()
    assert record.kind == "key"
    assert verdict(state, load(state / FILE)).ok


def _killed(*_: object) -> None:
    raise CodedError(codes.HMAC_LEDGER)


def test_a_ledger_without_records_takes_the_new_key(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"kind": HMAC, "secret": SECRET}), encoding="ascii")
    with contextlib.closing(Store(tmp_path, HandClock())) as store:
        assert begin_signed(store, 1) is None
        assert store.do(lambda db: key_in_force(db, load(tmp_path / FILE))).kind == ED25519


def test_what_cannot_be_changed_is_refused_and_stays(tmp_path: Path) -> None:
    gateway = ledger_of_hmac(tmp_path)
    path = tmp_path / "state" / FILE
    complete = path.read_bytes()
    path.write_text(json.dumps({"kind": HMAC, "secret": "22" * 32}), encoding="ascii")
    with pytest.raises(LedgerKeyError) as caught:
        begin_signed(gateway.store, 1)
    assert caught.value.reason.code == codes.KEY_NOT_OF_LEDGER
    assert load(path).kind == HMAC
    path.write_bytes(complete)
    changed_by_command(gateway)
    with pytest.raises(LedgerKeyError) as caught:
        begin_signed(gateway.store, 1)
    assert caught.value.reason.code == codes.LEDGER_SIGNED_ALREADY
    path.write_bytes(complete)  # an old backup of the key
    with pytest.raises(LedgerKeyError) as caught:
        gateway.store.do(lambda db: key_in_force(db, load(path)))
    assert caught.value.reason.code == codes.KEY_REPLACED
    gateway.store.close()
