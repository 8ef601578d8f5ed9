"""A Sparkplug node connected to a real broker through a proxy that records every packet."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from support import sparkplug_rules
from support.basics import Mosquitto, wait_until
from support.dialects import Bench, configured
from support.sparkplug import Packet, Proxy, command, read

from agent.delivery.sparkplug.sink import SparkplugSink

NODE = ("mill-2", "gw-07")


class World:
    """A node connected through the proxy, a broker, and a client that acts as the host application."""

    def __init__(self, folder: Path, mosquitto: Mosquitto, tables: str = "[sparkplug]") -> None:
        self.folder, self.tables = folder, tables
        self.mosquitto = mosquitto
        self.proxy = Proxy(mosquitto.port)
        self.host = paho.Client(CallbackAPIVersion.VERSION2)
        self.received: list[tuple[str, bytes]] = []
        self.host.on_message = lambda _client, _data, m: self.received.append((m.topic, m.payload))
        self.host.on_connect = lambda client, *_: client.subscribe("spBv1.0/#", qos=1)
        self.host.connect("127.0.0.1", mosquitto.port)
        self.host.loop_start()
        self.bench: Bench | None = None
        self.sink: SparkplugSink | None = None

    def start(self) -> Bench:
        config = configured(self.folder, f"mqtt://127.0.0.1:{self.proxy.port}", self.tables)
        bench = self.bench = Bench(config, self.folder / "state")
        sink = self.sink = SparkplugSink(config, bench.assets, bench.publisher.root, bench.publisher.retained_messages,
                                         bench.store, bench.clock)  # fmt: skip
        bench.publisher.sinks = [sink]
        sink.start(bench.store.sink_cursors([sink.name])[sink.name])
        return bench

    def stop(self) -> None:
        if self.bench and self.sink:
            self.bench.store.flush()
            self.sink.stop()
            self.bench.close()
            self.bench = self.sink = None

    def end(self) -> None:
        self.stop()
        self.host.disconnect()
        self.host.loop_stop()
        self.proxy.stop()

    def check(self) -> Counter[str]:
        host = "scada" if "primary_host" in self.tables else None
        return sparkplug_rules.check(self.proxy.sparkplug(), *NODE, host)

    def sent_of(self, what: str) -> list[Packet]:
        return self.proxy.sent_of(what)

    def settled(self, seconds: float = 10) -> None:
        """Wait until every row is sent and confirmed by a marker."""
        assert self.bench is not None
        self.bench.store.flush()
        store = self.bench.store
        wait_until(lambda: store.figures()["spool_rows"] == 0, seconds, "told and confirmed")

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self.host.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5)

    def rebirth(self) -> None:
        self.publish("spBv1.0/mill-2/NCMD/gw-07", command("Node Control/Rebirth"))

    def state(self, online: bool, at_ms: int) -> None:
        self.publish("spBv1.0/STATE/scada", json.dumps({"online": online, "timestamp": at_ms}).encode(), retain=True)

    def ids(self) -> dict[str, bool]:
        """id of each row that was sent, also in births → whether it was sent only as historical."""
        found: dict[str, bool] = {}
        for connection in self.proxy.sparkplug():
            names: dict[int, str] = {}
            for packet in list(connection):
                if packet.swallowed or packet.what not in ("NBIRTH", "DBIRTH", "NDATA", "DDATA"):
                    continue
                for metric in read(packet.payload)["metrics"]:
                    if "name" in metric and "alias" in metric:
                        names[metric["alias"]] = metric["name"]
                    if names.get(metric.get("alias", -1)) == "id" and "string_value" in metric:
                        late = bool(metric.get("is_historical"))
                        found[metric["string_value"]] = late and found.get(metric["string_value"], True)
        return found


def born(world: World, count: int = 1) -> None:
    wait_until(lambda: len(world.sent_of("NBIRTH")) >= count, 10, f"{count} NBIRTH")


def online(world: World, *assets: str) -> None:
    assert world.bench is not None
    for asset in assets or ("pump-1", "fan-2"):
        world.bench.publisher.publish_state(asset, "online", [])


def metrics(packet: Packet) -> dict[str, dict[str, Any]]:
    return {metric["name"]: metric for metric in read(packet.payload)["metrics"]}
