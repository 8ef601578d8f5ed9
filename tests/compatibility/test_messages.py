"""Topics and keys of messages, as docs/reference/mqtt.md describes them and as version 1.0.0 sent them."""

from __future__ import annotations

import json
from pathlib import Path

from support.dialects import Bench, configured

from agent.analysis.efficiency.reasons import METER_WIRING
from agent.core.messages import Message, encode
from agent.core.state_reasons import DEVICE_NOT_RESPONDING
from agent.delivery.store.row import StoredRow
from drivers.reading import Quality

ROOT = "magwatt/v1/mill-2/gw-07"


def test_the_keys_of_a_message() -> None:
    reason = METER_WIRING(fault="x")
    message = Message(
        "pump-1", "telemetry", 1_790_000_000_123,
        {"active_power_w": -18200, "motor_efficiency_pct": 93.1, "efficiency_unavailable_reason": "meter_wiring"},
        {"motor_efficiency_pct": 0.7}, {"motor_efficiency_pct": "M1"}, {"active_power_w": Quality.STALE},
        Quality.SIMULATED, reasons={"efficiency_unavailable_reason": (reason,)},
    )  # fmt: skip
    assert json.loads(encode(message, "7-184467")) == {
        "s": "magwatt.telemetry/1", "t": 1_790_000_000_123, "id": "7-184467", "q": "uncertain",
        "v": {"active_power_w": -18200, "motor_efficiency_pct": 93.1, "motor_efficiency_pct_u": 0.7,
              "efficiency_unavailable_reason": "meter_wiring"},
        "m": {"motor_efficiency_pct": "M1"},
        "f": {"active_power_w": ["STALE"], "*": ["SIMULATED"]},
        "r": {"efficiency_unavailable_reason": [
            {"code": "meter_wiring", "data": {"fault": "x"}, "text": str(reason)}
        ]},
    }  # fmt: skip


def test_the_topics_and_what_is_retained(tmp_path: Path) -> None:
    bench = Bench(configured(tmp_path, "mqtt://127.0.0.1:1883"), tmp_path / "state")
    sent: list[tuple[str, bool]] = []
    bench.publisher.on_message = lambda topic, payload, retain: sent.append((topic, retain))
    bench.row(active_power_w=1.0)
    bench.row(None, "event", event_kind="clock_step")
    bench.publisher.publish_state("pump-1", "offline", [DEVICE_NOT_RESPONDING(device="mcc-1")])
    bench.publisher.publish_retained("pump-1", "alarm", {}, name="stall")
    bench.publisher.publish_retained(None, "alarms", {})
    bench.close()
    assert sent == [
        (f"{ROOT}/pump-1/meta", True), (f"{ROOT}/pump-1/telemetry", False), (f"{ROOT}/event", False),
        (f"{ROOT}/pump-1/state", True), (f"{ROOT}/pump-1/alarm/stall", True), (f"{ROOT}/alarms", True),
    ]  # fmt: skip
    greeting = {topic: json.loads(payload) for topic, payload in bench.publisher.retained_messages()}
    info, meta, state = (greeting[f"{ROOT}/{name}"] for name in ("info", "pump-1/meta", "pump-1/state"))
    assert info.keys() >= {"s", "t", "site", "gateway", "version", "config", "boot", "simulated", "assets"}
    assert state.keys() >= {"s", "t", "state", "reason", "since"}
    assert meta.keys() >= {"s", "t", "name", "metrics", "motor", "meter"}
    assert meta["metrics"]["telemetry"]["active_power_w"].keys() >= {"unit", "about", "kind"}


def test_late_rows_have_topics_of_their_own() -> None:
    assert StoredRow(1, "1-1", 0, "pump-1", "pq3s", b"").topic(ROOT, backfill=True) == f"{ROOT}/pump-1/backfill/pq3s"
    assert StoredRow(1, "1-1", 0, None, "event", b"").topic(ROOT, backfill=True) == f"{ROOT}/backfill/event"
