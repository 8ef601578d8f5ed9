"""The primary host of the demo, against the statements of Sparkplug 3.0 on host applications."""

from __future__ import annotations

import json
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from support.basics import Mosquitto, wait_until
from support.sparkplug import Packet, Proxy

from agent.cli.demo_host import DemoHost
from agent.config.loader import parse_broker

STATE = "spBv1.0/STATE/scada"
LIVE, HISTORICAL = b"\x12\x02\x10\x01", b"\x12\x04\x10\x01\x28\x01"  # one metric: alias 1, is_historical


def states_of(proxy: Proxy) -> list[Packet]:
    return [packet for found in proxy.connections for packet in found if packet.topic == STATE]


def test_the_host_goes_offline_once_and_counts_data(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    broker.start()
    proxy = Proxy(broker.port)
    lines: list[str] = []
    host = DemoHost(parse_broker(f"mqtt://127.0.0.1:{proxy.port}"), "scada", "demo", lines.append, (0.3, 0.4))
    node = paho.Client(CallbackAPIVersion.VERSION2)
    try:
        node.connect("127.0.0.1", broker.port)
        node.loop_start()
        host.start()
        wait_until(lambda: len(lines) == 2, 5, "offline and online again")
        wait_until(
            lambda: sum(packet.topic == STATE for found in proxy.connections for packet in found) == 5, 5, "STATE"
        )
        for payload in (LIVE, LIVE, HISTORICAL):
            node.publish("spBv1.0/demo/DDATA/gw-01/pump-1", payload)
        wait_until(lambda: (host.live, host.historical) == (2, 1), 5, "counted")
    finally:
        host.stop()
        node.disconnect()
        node.loop_stop()
        wait_until(lambda: all(found[-1].kind == "DISCONNECT" for found in proxy.connections), 5, "it leaves")
        proxy.stop()
        broker.stop()
    assert len(proxy.connections) == 2
    for found in proxy.connections:
        connect, subscription, birth, death, end = (packet for packet in found if not packet.kind.isdigit())
        assert (connect.topic, connect.qos, connect.retain, connect.clean) == (STATE, 1, True, True)
        assert subscription.topics == {"spBv1.0/demo/#": 1, STATE: 1}, "before the birth"
        states = [json.loads(packet.payload) for packet in (connect, birth, death)]
        assert [state["online"] for state in states] == [False, True, False]
        assert states[0]["timestamp"] == states[1]["timestamp"], "host-topic-phid-birth-payload-timestamp"
        assert states[2]["timestamp"] >= states[1]["timestamp"]
        assert all((packet.topic, packet.qos, packet.retain) == (STATE, 1, True) for packet in (birth, death))
        assert end.kind == "DISCONNECT"
