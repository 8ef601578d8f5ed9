"""Writing the ledger: hours from intervals, one chain across kills and processes, one signed checkpoint a day."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import pytest
from support.basics import HandClock
from support.metered_retrofit import appended

from agent.delivery.store import Store
from agent.savings.ledger import chain, checkpoints
from agent.savings.ledger import reasons as codes
from agent.savings.ledger.interval_records import HOUR_MS, MOST, SETTLED_MS, HourlyRecorder
from agent.savings.ledger.signing_key import ED25519, FILE, HMAC, LedgerKeyError, load, load_or_make, new_key
from agent.savings.ledger.verify import open_copy, verify
from agent.savings.records.model import QUARTER_MS, Interval
from agent.savings.records.repository import save_interval, save_intervals
from drivers.reasons import InvalidValue

START_MS = 1_790_000_000_000 // HOUR_MS * HOUR_MS


def quarter(k: int, wh: float | None = 25_000.4, asset: str = "pump", **more: object) -> Interval:
    register = (1_000_000 + 25_000 * k, 1_025_000 + 25_000 * k)
    return Interval(asset, START_MS + k * QUARTER_MS, wh, meter="mcc-12/22091734", register_wh=register, **more)  # type: ignore[arg-type]


def keep(store: Store, keeper: HourlyRecorder, hours: float) -> list[chain.LedgerRecord]:
    found: list[chain.LedgerRecord] = store.do(
        lambda db: keeper.keep_up(db, START_MS + round(hours * HOUR_MS) + SETTLED_MS)
    )
    return found


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, HandClock())


def keeper_of(store: Store) -> HourlyRecorder:
    assert store.directory
    keeper = HourlyRecorder(load_or_make(store.directory), {"config": "c0ffee", "software": "0.1.0"})
    store.do(keeper.watch)
    return keeper


def test_an_hour_is_recorded_once_it_is_over(store: Store) -> None:
    keeper = keeper_of(store)
    for k in range(6):
        save_interval(store, quarter(k))
    assert [record.kind for record in keep(store, keeper, 0.9)] == []
    [_, hour] = [record for record in keep(store, keeper, 1.0)]
    assert (hour.kind, hour.body["energy_wh"], hour.body["quarters"]) == ("hour", 100_002, [0, 1, 2, 3])
    assert hour.body["register_wh"] == [1_000_000, 1_100_000]
    assert (hour.body["config"], hour.body["software"], hour.body["covered_s"]) == ("c0ffee", "0.1.0", 3600)
    assert keep(store, keeper, 1.0) == []
    store.close()


def test_the_first_record_declares_the_key(store: Store) -> None:
    keeper = keeper_of(store)
    save_interval(store, quarter(0))
    first, _ = keep(store, keeper, 1.0)
    assert store.directory
    assert first.kind == "key"
    assert first.body["key"]["fingerprint"] == load(store.directory / FILE).fingerprint
    assert "secret" not in json.dumps(first.body)
    store.close()


def test_unknown_energy_is_counted_not_filled(store: Store) -> None:
    keeper = keeper_of(store)
    for k, wh in enumerate((None, 10.0, None, 20.0)):
        save_interval(store, quarter(k, wh))
    hour = keep(store, keeper, 1.0)[-1].body
    assert (hour["energy_wh"], hour["unknown"], hour["shaft_wh"]) == (30, 2, None)
    store.close()


def test_a_late_interval_amends_its_hour_and_both_records_stay(store: Store, tmp_path: Path) -> None:
    keeper = keeper_of(store)
    for k in (0, 1, 2):
        save_interval(store, quarter(k))
    first = keep(store, keeper, 1.0)[-1]
    save_interval(store, quarter(3))
    amended = keep(store, keeper, 1.5)[-1]
    assert amended.body["replaces"] == first.seq
    assert amended.body["quarters"] == [0, 1, 2, 3]
    store.close()
    verdict = verify(open_copy(tmp_path / "magwatt.sqlite"))
    assert verdict.content
    assert verdict.amended == 1


def test_an_hour_that_the_agent_itself_wrote_again_is_amended(store: Store, tmp_path: Path) -> None:
    """After a correction by −8 hours the clock passes recorded hours a second time: their intervals are merged."""
    keeper = keeper_of(store)
    for k in range(4):
        save_interval(store, quarter(k))
    keep(store, keeper, 1.0)
    save_interval(store, quarter(2, 50_000.0, flags=("clock_step",)))
    assert keep(store, keeper, 9.0)[-1].body["flags"] == ["clock_step"]
    store.close()
    assert verify(open_copy(tmp_path / "magwatt.sqlite")).content


def test_an_hour_edited_by_another_process_is_not_recorded_again(store: Store, tmp_path: Path) -> None:
    keeper = keeper_of(store)
    for k in range(4):
        save_interval(store, quarter(k))
    hour = keep(store, keeper, 1.0)[-1]
    with sqlite3.connect(tmp_path / "magwatt.sqlite") as outside:
        outside.execute(
            "update interval set body = replace(body, '25000.4', '15000.4') where start_ms = ?", (START_MS,)
        )
    assert keep(store, keeper, 9.0) == []
    store.close()
    assert verify(open_copy(tmp_path / "magwatt.sqlite")).first_bad == hour.seq


def test_a_restart_continues_the_same_chain(tmp_path: Path) -> None:
    """A second process reads what was recorded, and records nothing twice."""
    for run in range(3):
        store = Store(tmp_path, HandClock())
        keeper = keeper_of(store)
        for k in range(4 * run, 4 * run + 4):
            save_interval(store, quarter(k))
        keep(store, keeper, run + 1.0)
        store.close()
    db = open_copy(tmp_path / "magwatt.sqlite")
    assert [record.kind for record in chain.records(db)] == ["key", "hour", "hour", "hour"]
    assert verify(db).content


def test_a_long_history_is_recorded_in_parts_none_twice(store: Store, tmp_path: Path) -> None:
    keeper = keeper_of(store)
    save_intervals(store, [quarter(k) for k in range(0, 4 * (MOST + 500), 4)])
    parts = []
    while written := keep(store, keeper, MOST + 501.0):
        parts.append(len(written))
    store.close()
    assert parts == [1 + MOST, 500]
    verdict = verify(open_copy(tmp_path / "magwatt.sqlite"))
    assert verdict.content
    assert verdict.amended == 0


def test_two_processes_append_to_one_chain(store: Store, tmp_path: Path) -> None:
    """A decision made on the command line while the agent runs."""
    keeper = keeper_of(store)
    save_interval(store, quarter(0))
    keep(store, keeper, 1.0)
    other = Store(tmp_path, HandClock())
    appended(other, START_MS, [("decision", {"event": {"number": 1}})])
    other.close()
    save_interval(store, quarter(4))
    keep(store, keeper, 2.0)
    store.close()
    db = open_copy(tmp_path / "magwatt.sqlite")
    assert [record.kind for record in chain.records(db)] == ["key", "hour", "decision", "hour"]
    assert verify(db).content


def test_intervals_inserted_by_another_process_are_reported(store: Store, tmp_path: Path) -> None:
    keeper = keeper_of(store)
    for k in range(4 * 8):
        save_interval(store, quarter(k))
    keep(store, keeper, 8.0)
    store.close()
    assert verify(open_copy(tmp_path / "magwatt.sqlite")).content
    other = Store(tmp_path, HandClock())
    save_interval(other, quarter(-3))
    save_interval(other, quarter(4 * 8))  # this one may still be recorded
    other.close()
    verdict = verify(open_copy(tmp_path / "magwatt.sqlite"))
    assert {asset: list(starts) for asset, starts in verdict.unrecorded.stray.items()} == {
        "pump": [START_MS - 3 * QUARTER_MS]
    }
    assert not verdict.content


def test_each_day_gets_one_signed_checkpoint_that_closes_it(store: Store, tmp_path: Path) -> None:
    keeper = keeper_of(store)
    save_intervals(store, [quarter(k) for k in range(4 * 49)])
    key, where = load_or_make(tmp_path), {"site": "mill-2", "gateway": "gw-07"}
    made = []
    for hour in range(1, 50):
        t_ms = START_MS + hour * HOUR_MS + SETTLED_MS
        checkpoint = store.do(
            lambda db, t_ms=t_ms: checkpoints.append_daily_checkpoint(db, key, t_ms, "Asia/Shanghai", where)
        )
        made += [checkpoint] if checkpoint else []
        keep(store, keeper, float(hour))
    store.close()
    days = [checkpoint.body["day"] for checkpoint in made]
    assert days == sorted(set(days))
    assert len(days) == 2
    db = open_copy(tmp_path / "magwatt.sqlite")
    verdict = verify(db, checkpoints=[checkpoints.checkpoint_message(checkpoint) for checkpoint in made])
    assert verdict.content
    assert (verdict.checkpoints, verdict.external_checkpoints) == (2, 2)


def test_exported_checkpoints_can_be_read(store: Store, tmp_path: Path) -> None:
    record = appended(store, START_MS, [("checkpoint", {"site": "a", "gateway": "b", "day": "2026-09-21", "last": 1,
                                                           "hash": "x", "key": "k"})])[-1]  # fmt: skip
    for _ in range(2):
        checkpoints.export(tmp_path / "roots.jsonl", record)
    found = checkpoints.read((tmp_path / "roots.jsonl").read_text(encoding="utf-8"))
    assert [checkpoint["hash"] for checkpoint in found] == [record.hash] * 2
    with pytest.raises(InvalidValue) as caught:
        checkpoints.read('{"seq": 1, "hash": "x"}\nnonsense')
    assert caught.value.reason == codes.CHECKPOINT_LINE_INVALID(line=2)
    with pytest.raises(InvalidValue) as caught:
        checkpoints.read('[{"seq": 1, "hash": "x"}, {"seq": 2}]')
    assert caught.value.reason == codes.CHECKPOINT_FIELDS_MISSING(number=2)
    store.close()


@pytest.mark.parametrize("kind", [ED25519, HMAC])
def test_a_signature_is_valid_for_one_text_and_one_key(kind: str) -> None:
    if kind == ED25519:
        pytest.importorskip("cryptography")
    key, other = new_key(kind), new_key(kind)
    signature = key.sign(b"text")
    assert key.verifies(b"text", signature)
    assert not key.verifies(b"texT", signature)
    assert not other.verifies(b"text", signature)
    assert key.fingerprint != other.fingerprint
    assert key.secret.hex() not in repr(key)


def test_without_the_extra_the_key_is_hmac_and_an_ed25519_ledger_does_not_pass(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    pytest.importorskip("cryptography")
    appended(store, START_MS, [("decision", {"event": {}})], new_key(ED25519))
    store.close()
    for name in ("cryptography.hazmat.primitives.asymmetric.ed25519", "cryptography.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)
    assert new_key().kind == HMAC
    with pytest.raises(LedgerKeyError) as caught:
        new_key(ED25519)
    assert caught.value.reason == codes.ED25519_UNAVAILABLE()
    verdict = verify(open_copy(tmp_path / "magwatt.sqlite"))
    assert not verdict.content
    assert verdict.first_bad is None
    assert verdict.unchecked == [codes.ED25519_UNAVAILABLE()]


def test_the_key_file_is_private_and_created_once(tmp_path: Path) -> None:
    key = load_or_make(tmp_path)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert load_or_make(tmp_path) == key


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"kind": "rot13", "secret": "00"}', '{"kind": "ed25519"}'])
def test_an_invalid_key_file_is_rejected_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="ascii")
    with pytest.raises(LedgerKeyError) as caught:
        load_or_make(tmp_path)
    assert caught.value.reason == codes.KEY_FILE_INVALID(path=str(tmp_path / FILE))


def test_nan_is_rejected() -> None:
    with pytest.raises(ValueError, match="JSON"):
        chain.canonical({"energy_wh": float("nan")})
