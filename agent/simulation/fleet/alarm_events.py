"""Alarms of simulated gateways as events."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.config.alarm_table import DEFINITIONS
from agent.config.model import Mqtt
from agent.core.messages import Message, encode
from agent.delivery.mqtt import tls

ALARM = next(row for row in DEFINITIONS.values() if row.priority == "high")
WAIT_S = 10.0


def publish_alarms(broker: Mqtt, site: str, motors: Sequence[tuple[str, str]], t_ms: int) -> None:
    """Raises one alarm of each motor (gateway, name). Raises OSError, TimeoutError."""
    client, connected = paho.Client(CallbackAPIVersion.VERSION2), threading.Event()
    client.on_connect = lambda *_: connected.set()
    tls.authenticate(client, broker)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        if not connected.wait(WAIT_S):
            raise TimeoutError(f"{broker.host}:{broker.port}")
        for number, (gateway, motor) in enumerate(motors, 1):
            values = {"event_kind": "alarm", "event_number": 1, "event_start_ms": t_ms, "alarm": ALARM.code,
                      "alarm_state": "UNACK", "alarm_state_before": "NORM", "alarm_change": "raised",
                      "alarm_priority": ALARM.priority, "alarm_announced": 1}  # fmt: skip
            payload = encode(Message(motor, "event", t_ms, values), f"{t_ms // 60_000}-{1_000_000 + number}")
            client.publish(f"magwatt/v1/{site}/{gateway}/{motor}/event", payload, qos=1).wait_for_publish(WAIT_S)
    finally:
        client.disconnect()
        client.loop_stop()
