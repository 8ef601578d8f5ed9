"""Events and changes of state kept in the state file: what is read equals what was published, within the limits."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.basics import HandClock
from support.store import without_fsync

from agent.config.model import StoreSettings
from agent.core.messages import Message, encode_plain, event
from agent.core.state_reasons import DEVICE_NOT_RESPONDING
from agent.core.text import as_object
from agent.delivery.store import Store
from agent.delivery.store.event_history import (
    EventHistory,
    last_state_before,
    read_events,
    read_waveform,
)
from drivers.reading import Quality

T_MS = 1_790_000_000_000
DAY_MS = 86_400_000


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Store:
    with without_fsync():
        return Store(tmp_path, clock, StoreSettings(commit_interval_s=0.01, defer_s=0.01))


def dip(t_ms: int, asset: str = "m", **more: Any) -> Message:
    values = {"event_kind": "dip", "event_start_ms": t_ms - 120, "event_duration_s": 0.12, "event_extreme_pct": 71.6}
    return Message(asset, "event", t_ms, {**values, **more})


def state(word: str, since_ms: int, *reasons: Any) -> bytes:
    return encode_plain("state", since_ms, {"state": word, "reason": list(map(as_object, reasons)), "since": since_ms})


def test_events_and_states_are_read_as_they_were_published(store: Store) -> None:
    history, silent = EventHistory(store), DEVICE_NOT_RESPONDING(device="mcc-1")
    history.on_published(Message("m", "telemetry", T_MS, {"active_power_w": 1.0}))
    history.on_published(dip(T_MS))
    history.on_published(event(None, T_MS, "clock_step", [silent], quality=Quality.CLOCK_UNSYNCHRONIZED))
    for word, t_ms, reasons in (("online", T_MS + 1, ()), ("offline", T_MS + 60_000, (silent,)),
                                ("offline", T_MS + 60_000, ()), ("online", T_MS + 90_000, ())):  # fmt: skip
        history.on_message("magwatt/v1/site/gw/m/state", state(word, t_ms, *reasons), True)
    history.on_message("magwatt/v1/site/gw/m/meta", b'{"state": "offline"}', True)
    history.on_published(dip(T_MS))  # the same time: both are kept
    store.flush()
    found = read_events(store.rows, T_MS, T_MS + DAY_MS)
    assert [(it.t_ms - T_MS, it.body["state"]) for it in found if it.kind == "state"] == [
        (1, "online"), (60_000, "offline"), (90_000, "online")
    ]  # fmt: skip
    assert [it.body["reason"] for it in found if it.body.get("state") == "offline"] == [[as_object(silent)]]
    gateway, *others = (it for it in found if it.kind == "event")
    assert gateway.asset == ""
    assert gateway.body["r"] == {"event_text": [as_object(silent)]}
    assert gateway.body["f"] == {"*": ["CLOCK_UNSYNCHRONIZED"]}
    assert [it.body["v"]["event_extreme_pct"] for it in others] == [71.6, 71.6]
    assert read_events(store.rows, T_MS + 1000, T_MS + 60_000) == []
    assert {it.asset for it in read_events(store.rows, T_MS, T_MS + DAY_MS, "m")} == {"m"}
    before = last_state_before(store.rows, "m", T_MS + 89_999)
    assert before is not None
    assert before.body["state"] == "offline"
    assert last_state_before(store.rows, "m", T_MS - 1) is None
    store.close()


def test_a_waveform_is_kept_to_16_bits_and_gaps_stay_gaps(store: Store) -> None:
    chance = random.Random(7)
    wave = [round(chance.uniform(-330, 330), 2) for _ in range(1024)]
    wave[5] = wave[900] = None  # type: ignore[call-overload]
    message = dip(T_MS, snapshot_start_ms=T_MS - 220, snapshot_rate_hz=2048.0, snapshot_u_l1_v=wave,
                  snapshot_i_l1_a=[0.0] * 1024)  # fmt: skip
    EventHistory(store).on_published(message)
    store.flush()
    (found,) = read_events(store.rows, T_MS, T_MS + 1)
    assert found.has_waveform
    assert not any(name.startswith("snapshot") for name in found.body["v"])
    back = read_waveform(store.rows, "m", T_MS)
    assert back is not None
    assert (back["snapshot_start_ms"], back["snapshot_rate_hz"]) == (T_MS - 220, 2048.0)
    assert back["snapshot_i_l1_a"] == [0.0] * 1024
    # half of a step of 330/32767, and the rounding of both to 5 digits
    for was, now in zip(wave, back["snapshot_u_l1_v"], strict=True):
        assert (was is None) == (now is None)
        assert was is None or abs(was - now) <= 330 / 32767 / 2 + 0.01
    assert read_waveform(store.rows, "m", T_MS + 1) is None
    store.close()


def test_the_history_of_events_is_bounded(store: Store, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    module = "agent.delivery.store.event_history"
    for name, value in {"EVENTS_MAX": 30, "WAVEFORMS_MAX": 4, "CLEAN_EVERY": 10}.items():
        monkeypatch.setattr(f"{module}.{name}", value)
    history = EventHistory(store)
    now_ms = store.now_ms
    history.on_published(dip(now_ms - 401 * DAY_MS, asset="other"))
    history.on_published(dip(now_ms, asset="other"))
    for number in range(101):
        history.on_published(dip(now_ms + number, snapshot_u_l1_v=[1.0, 2.0]))
    store.flush()
    found = read_events(store.rows, 0, 1 << 60, "m")
    assert [it.t_ms - now_ms for it in found] == list(range(71, 101))
    assert [it.t_ms - now_ms for it in found if it.has_waveform] == [97, 98, 99, 100]
    for number in range(10):
        history.on_published(dip(now_ms + number, asset="other"))
    store.flush()
    assert min(it.t_ms for it in read_events(store.rows, 0, 1 << 60, "other")) == now_ms
    store.close()


def test_software_that_reads_the_known_steps_does_not_see_events(store: Store, tmp_path: Path) -> None:
    """What the published version 6 asks for: rows of steps 1, 60 and 900 only, and its quota deletes rows of step 1."""
    EventHistory(store).on_published(dip(T_MS, snapshot_u_l1_v=[1.0]))
    store.flush()
    store.close()
    with closing(sqlite3.connect(tmp_path / "magwatt.sqlite")) as db:
        assert db.execute("pragma user_version").fetchone() == (6,)
        assert db.execute("select step_s from history where step_s in (1, 60, 900)").fetchall() == []
        assert sorted(db.execute("select step_s from history")) == [(-1,), (0,)]


def test_an_event_takes_few_bytes(store: Store, tmp_path: Path) -> None:
    """A dip takes 0.3 kB, its waveform of six channels with noise 12.5 kB at most."""
    chance = random.Random(3)
    channels: dict[str, Any] = {
        f"snapshot_{q}_l{n}_{q}": [chance.gauss(0, 230) for _ in range(1024)] for q in "ui" for n in (1, 2, 3)
    }
    message = dip(T_MS, event_phases=[1, 2, 3], event_extreme_v=166.6, event_reference_v=232.7, **channels)
    EventHistory(store).on_published(message)
    store.flush()
    sizes = dict(store.rows("select step_s, length(body) from history"))
    assert sizes[0] < 300
    assert sizes[-1] < 12_500
    store.close()
