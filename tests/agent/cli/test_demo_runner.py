"""The demo on the broker of a user: it deletes its retained messages and no others."""

from __future__ import annotations

from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, wait_until

from agent.cli.demo_runner import delete_retained
from agent.config.loader import parse_broker
from agent.delivery.homeassistant.entities import EntityIds

OWN = {"magwatt/v1/demo/gw-01/pump-1/meta", f"homeassistant/device/{EntityIds('demo', 'gw-01').of('pump-1')}/config"}
OTHERS = {"homeassistant/device/demo_lamp/config", "homeassistant/device/magwatt_mill_gw-demo/config"}


def test_only_retained_messages_of_the_demo_are_deleted(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    try:
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        for topic in OWN | OTHERS:
            client.publish(topic, b"{}", qos=1, retain=True).wait_for_publish(5)
        delete_retained(parse_broker(f"mqtt://127.0.0.1:{broker.port}"))
        received = set[str]()
        client.on_message = lambda _client, _data, message: received.add(message.topic)
        client.subscribe("#", qos=1)
        wait_until(lambda: received >= OTHERS, 5, "retained messages arrive")
        assert received == OTHERS
        client.disconnect()
        client.loop_stop()
    finally:
        broker.stop()
