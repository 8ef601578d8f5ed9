"""What happened and what needs action: events from a state file, findings from messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.basics import HandClock
from support.dialects import configured
from support.savings import save_event
from support.store import without_fsync

from agent.alarms.reasons import ALARM_ACKNOWLEDGED, ALARM_RAISED
from agent.config.model import Config, StoreSettings
from agent.config.topology import assets
from agent.core.messages import Message, encode, encode_plain, event
from agent.core.state_reasons import DEVICE_NOT_RESPONDING, IN_MAINTENANCE
from agent.core.text import Catalogue, as_object
from agent.delivery.live_socket.follower import SocketFollower
from agent.delivery.store import Store
from agent.delivery.store.event_history import EventHistory
from agent.savings.reasons import MAINTENANCE
from agent.savings.records.model import NonRoutineEvent
from agent.web.base.context import Web
from agent.web.base.state_file import STATE_FILE_ABSENT
from agent.web.gateway.health_reasons import RETAINED_DROPPED, WAVEFORM_LOST
from agent.web.plant.events import Events, events_of, waveform_of
from agent.web.plant.findings import GATEWAY_OFFLINE
from drivers.reading import Quality

NOW_MS = 1_790_000_000_000
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
ROOT = "magwatt/v1/mill-2/gw-07"
ENGLISH, CHINESE = Catalogue("en"), Catalogue("zh_CN")
DIP = {"event_kind": "dip", "event_start_ms": NOW_MS - HOUR_MS, "event_duration_s": 0.4134, "event_phases": [1, 3],
       "event_extreme_v": 166.59, "event_reference_v": 232.68, "event_extreme_pct": 71.597,
       "snapshot_start_ms": NOW_MS - HOUR_MS - 100, "snapshot_rate_hz": 2048.0,
       "snapshot_u_l1_v": [1.0, 2.0, None], "snapshot_i_l3_a": [3.0, 4.0, 5.0]}  # fmt: skip


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("events")
    with without_fsync():
        store = Store(folder / "state", HandClock(NOW_MS / 1000), StoreSettings(commit_interval_s=0.01))
    history = EventHistory(store)
    history.on_published(Message("pump-1", "event", NOW_MS - HOUR_MS + 413, DIP, quality=Quality.SIMULATED))
    history.on_published(
        Message("pump-1", "event", NOW_MS - 40 * DAY_MS, DIP | {"event_start_ms": NOW_MS - 40 * DAY_MS})
    )
    history.on_published(event(None, NOW_MS - 2 * HOUR_MS, "clock_step", [DEVICE_NOT_RESPONDING(device="x")]))
    history.on_published(event("pump-1", NOW_MS - 5 * HOUR_MS, "maintenance", [], {"event_state": "begin"}))
    history.on_published(event("pump-1", NOW_MS - 5 * HOUR_MS, "nre_maintenance", [], {"event_state": "begin"}))
    silent, held = as_object(DEVICE_NOT_RESPONDING(device="dp-1")), as_object(IN_MAINTENANCE(note="bearing"))
    for asset, state, hours, reason in (
        ("fan-2", "offline", 800, [silent]), ("fan-2", "online", 10, []),
        ("pump-1", "online", 20, []), ("pump-1", "maintenance", 5, [held]), ("pump-1", "online", 4, []),
        ("pump-1", "offline", 3, [silent]), ("pump-1", "online", 2, []), ("pump-1", "stale", 1, []),
    ):  # fmt: skip
        since_ms = NOW_MS - hours * HOUR_MS
        body = {"state": state, "reason": reason, "since": since_ms}
        history.on_message(f"{ROOT}/{asset}/state", encode_plain("state", since_ms, body), True)
    for kind, hours in (("maintenance", 5), ("load_shift", 1000)):
        span_ms = NOW_MS - hours * HOUR_MS, NOW_MS - (hours - 1) * HOUR_MS
        save_event(store, NonRoutineEvent(0, "pump-1", kind, *span_ms, MAINTENANCE(), 5000.0, "exclude"))
    store.close()
    return replace(configured(folder, "mqtt://127.0.0.1:1"), state_dir=folder / "state")


def page(config: Config | None) -> Web:
    return Web(SocketFollower([]), config, lambda: NOW_MS, assets(config) if config else ())


def found(config: Config, days: int = 30, motor: str | None = None, catalogue: Catalogue = ENGLISH) -> Events:
    return events_of(page(config), days, motor, catalogue)


def test_events_states_and_decisions_are_one_list_newest_first(config: Config) -> None:
    listed = [
        (it.motor, it.kind, (NOW_MS - it.start_ms) // HOUR_MS, it.duration_s, it.open) for it in found(config).events
    ]
    assert sorted(listed, key=str) == sorted([
        ("pump-1", "dip", 1, 0.4134, False), ("pump-1", "stale", 1, None, True),
        (None, "clock_step", 2, None, False), ("pump-1", "offline", 3, 3600.0, False),
        ("pump-1", "maintenance", 5, 3600.0, False), ("pump-1", "nre_maintenance", 5, 3600.0, False),
        ("fan-2", "offline", 800, 790 * 3600.0, False),
    ], key=str)  # fmt: skip
    hours = [item[2] for item in listed]
    assert hours == sorted(hours)
    priorities = {(it.motor, it.kind): it.priority for it in found(config).events}
    assert priorities["pump-1", "offline"] == "safety", "a magnet motor makes voltage"
    assert priorities["pump-1", "maintenance"] == "maintenance"
    assert [it.kind for it in found(config, 1).events if it.motor == "fan-2"] == ["offline"], "it ended on that day"
    assert {it.motor for it in found(config, motor="fan-2").events} == {"fan-2"}
    assert len([it for it in found(config, 400).events if it.kind == "dip"]) == 2
    assert [it.number for it in found(config, 60).events if it.kind == "nre_load_shift"] == [2]


def test_a_motor_without_values_gave_no_reply_whether_stale_or_offline(config: Config) -> None:
    """In words, with the device; why, and addresses, are in the detail."""
    for catalogue in (ENGLISH, CHINESE):
        by_kind = {it.kind: it for it in found(config, catalogue=catalogue).events if it.motor == "pump-1"}
        assert by_kind["stale"].text == catalogue.translate("no reply")
        assert by_kind["offline"].text == catalogue("no reply of {devices}", devices="dp-1")
        assert by_kind["offline"].detail == catalogue.reason(DEVICE_NOT_RESPONDING(device="dp-1"))


def test_a_dip_has_its_figures_its_text_and_its_waveform(config: Config) -> None:
    (dip,) = (it for it in found(config).events if it.kind == "dip")
    assert (dip.pct, dip.u, dip.reference, dip.phases) == (71.597, 166.59, 232.68, [1, 3])
    assert (dip.has_waveform, dip.simulated) == (True, True)
    assert dip.t == "2026-09-21T13:13:20.000Z"  # 1 h before 1.79e9 s
    for figure in ("72 %", "0.41 s", "L1 L3"):
        assert figure in dip.text
    (chinese,) = (it for it in found(config, catalogue=CHINESE).events if it.kind == "dip")
    assert CHINESE.translate("voltage dip") in chinese.text
    wave = waveform_of(page(config), "pump-1", dip.t_ms)
    assert wave is not None
    assert (wave.start_ms, wave.rate_hz) == (NOW_MS - HOUR_MS - 100, 2048.0)
    assert wave.u == [[1.0, 2.0, None], [], []]
    assert wave.i == [[], [], [3.0, pytest.approx(4.0, abs=2e-4), 5.0]]  # 16 bits, 5 digits
    assert waveform_of(page(config), "pump-1", dip.t_ms + 1) is None


def test_without_a_state_file_the_findings_remain(config: Config, tmp_path: Path) -> None:
    answer = found(replace(config, state_dir=tmp_path))
    assert answer.events == []
    assert answer.why is not None
    assert answer.why.code == STATE_FILE_ABSENT
    assert answer.findings


def receive(web: Web, topic: str, kind: str, body: dict[str, Any]) -> None:
    web.follower.receive(f"{ROOT}/{topic}{kind}" if topic else f"{ROOT}/{kind}", encode_plain(kind, NOW_MS, body))


def test_findings_name_what_needs_a_person_worst_first(config: Config) -> None:
    web = page(config)
    web.follower.receive(f"{ROOT}/status", b"online")
    silent = {"state": "offline", "reason": [as_object(DEVICE_NOT_RESPONDING(device="dp-2"))], "since": NOW_MS - 1000}
    receive(web, "fan-2/", "state", silent)
    running = Message("pump-1", "telemetry", NOW_MS, {"active_power_w": 5.0, "meter_wiring": "ok"})
    web.follower.receive(f"{ROOT}/pump-1/telemetry", encode(running, "1"))
    unconfirmed = {"code": "x_of_a_later_version", "data": {}, "text": "3 registers of dp-1 are disabled"}
    receive(web, "pump-1/", "explain", {"disabled_registers": [unconfirmed]})
    receive(web, "", "health", {"v": {"spool_hours_left": 10.0, "waveform_samples_lost": 7, "bus_south_offline": 1,
                                      "retained_dropped": 1, "registers_disabled": 3}})  # fmt: skip
    listed = [(it.motor, it.priority, it.code) for it in events_of(web, 30, None, ENGLISH).findings]
    assert listed[0] == ("fan-2", "safety", "no_reply")
    assert listed[1:3] == [(None, "low", RETAINED_DROPPED), (None, "low", WAVEFORM_LOST)]
    assert ("pump-1", "low", "registers_disabled") in listed
    assert {code for motor, _, code in listed if motor is None} == {RETAINED_DROPPED, WAVEFORM_LOST}
    (registers,) = (it for it in events_of(web, 30, "pump-1", ENGLISH).findings if it.code == "registers_disabled")
    assert registers.detail == unconfirmed["text"]
    web.follower.receive(f"{ROOT}/status", b"offline")
    assert (None, "high", GATEWAY_OFFLINE) in [
        (it.motor, it.priority, it.code) for it in events_of(web, 30, None, CHINESE).findings
    ]


def test_a_change_of_an_alarm_is_an_event_in_the_language_of_the_reader(config: Config, tmp_path: Path) -> None:
    with without_fsync():
        store = Store(tmp_path, HandClock(NOW_MS / 1000), StoreSettings(commit_interval_s=0.01))
    history, title = EventHistory(store), "a phase is lost"
    for number, reason in enumerate((ALARM_RAISED(title=title), ALARM_ACKNOWLEDGED(title=title, by="Li"))):
        values = {"alarm": "phase_loss", "alarm_priority": "high", "alarm_announced": 1 - number}
        history.on_published(event("pump-1", NOW_MS - 9 + number, "alarm", [reason], values))
    store.close()
    for catalogue in (ENGLISH, CHINESE):
        listed = found(replace(config, state_dir=tmp_path), catalogue=catalogue).events
        assert [(it.kind, it.priority) for it in listed] == [("alarm", "normal"), ("alarm", "high")]
        assert [it.text for it in listed] == [
            catalogue.reason(ALARM_ACKNOWLEDGED(title=title, by="Li")), catalogue.reason(ALARM_RAISED(title=title))
        ]  # fmt: skip
