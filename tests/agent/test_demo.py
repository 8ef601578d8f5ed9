"""What the demo leaves on somebody else's broker: nothing of its own, and everything of theirs."""

from __future__ import annotations

from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from testkit import Mosquitto, wait_until

from agent.config_load import parse_broker
from agent.demo import _forget_retained
from agent.sinks.homeassistant_entities import Ids

OURS = {"magwatt/v1/demo/gw-01/pump-1/meta", f"homeassistant/device/{Ids('demo', 'gw-01').of('pump-1')}/config"}
THEIRS = {"homeassistant/device/demo_lamp/config", "homeassistant/device/magwatt_mill_gw-demo/config"}


def test_only_what_the_demo_retained_is_taken_off_a_broker(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    try:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        for topic in OURS | THEIRS:
            client.publish(topic, b"{}", qos=1, retain=True).wait_for_publish(5)
        _forget_retained(parse_broker(f"mqtt://127.0.0.1:{broker.port}"))
        came = set[str]()
        client.on_message = lambda _client, _data, message: came.add(message.topic)
        client.subscribe("#", qos=1)
        wait_until(lambda: came >= THEIRS, 5, "retained texts come")
        assert came == THEIRS
        client.disconnect()
        client.loop_stop()
    finally:
        broker.stop()
