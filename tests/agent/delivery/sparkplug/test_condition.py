"""Alarms and condition in Sparkplug: state, decisions of the operator and index of each, with their quality."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import paho.mqtt.client as paho
import pytest
from support.alarm_messages import DEMAGNETIZED, alarm, condition, fault
from support.dialects import Bench, configured
from support.sparkplug import read

from agent.delivery.sparkplug.edge_node import EdgeNode
from agent.delivery.sparkplug.sink import SparkplugSink

ROOT = "magwatt/v1/mill-2/gw-07"
FIELDS = {"string_value", "long_value", "double_value", "boolean_value"}


class Host:
    """A host application: the node, and what it has sent, by name of the metric."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(configured(folder, "mqtt://127.0.0.1:1", "[sparkplug]"), folder / "state")
        self.kinds: list[str] = []
        self.births_of: list[tuple[str, str]] = []
        self.values: dict[str, Any] = {}
        self.properties: dict[str, dict[str, Any]] = {}
        self._names: dict[int, str] = {}
        self.node = EdgeNode("mill-2", "gw-07", self.bench.config, self.bench.assets, self.bench.clock, self._receive)
        self.node.birth(0)
        self.node.update_retained("pump-1", json.dumps({"t": 1, "state": "online", "reason": [], "since": 1}).encode())
        self.births()

    def births(self) -> None:
        while self.node.birth_due:
            self.node.next_birth(0)

    def alarm(self, record: dict[str, Any], asset: str | None = "pump-1") -> None:
        self.node.update_alarm(asset, record["code"], json.dumps(record).encode())
        self.births()

    def _receive(self, topic: str, payload: bytes) -> None:
        kind = topic.split("/")[2]
        self.kinds.append(kind)
        self.births_of.append((kind, topic.split("/")[-1]))
        for metric in read(payload)["metrics"]:
            if "name" in metric and "alias" in metric:
                self._names[metric["alias"]] = metric["name"]
            name = self._names.get(metric.get("alias", -1), metric.get("name"))
            self.values[name] = next((metric[field] for field in FIELDS & metric.keys()), None)
            found = metric.get("properties") or {"keys": [], "values": []}
            self.properties[name] = {
                key: next(value[field] for field in ("int_value", "string_value") if field in value)
                for key, value in zip(found["keys"], found["values"], strict=True)
            }

    def condition(self, code: str) -> dict[str, Any]:
        """The metrics below Condition/CODE."""
        start = f"Condition/{code}/"
        return {name.removeprefix(start): value for name, value in self.values.items() if str(name).startswith(start)}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    yield host
    host.bench.close()


def test_an_alarm_has_its_metrics_in_the_birth_and_then_only_what_changed(host: Host) -> None:
    host.alarm(alarm("stall", "UNACK", "high"))
    assert host.kinds[-1] == "DBIRTH"
    assert host.condition("stall") == {
        "State": 1, "Active": True, "Acked": False, "Shelved": False, "Priority": 3, "Index": 0.3, "U95": 0.1
    }  # fmt: skip
    assert host.properties["Condition/stall/Index"]["engUnit"] == "A"
    host.alarm(alarm("stall", "ACKED", "high", seq=8))
    assert (host.condition("stall")["State"], host.condition("stall")["Acked"]) == (2, True)
    host.values.clear()
    host.alarm(alarm("stall", "SHLVD", "high", active=True, seq=9))
    assert (host.kinds[-1], host.values) == ("DDATA", {"Condition/stall/State": 4, "Condition/stall/Shelved": True})


@pytest.mark.parametrize(
    ("state", "number", "acked", "shelved"),
    [("NORM", 0, True, False), ("UNACK", 1, False, False), ("ACKED", 2, True, False), ("RTNUN", 3, False, False),
     ("SHLVD", 4, True, True), ("DSUPR", 5, True, False), ("OOSRV", 6, True, False)],
)  # fmt: skip
def test_states_are_numbers(host: Host, state: str, number: int, acked: bool, shelved: bool) -> None:
    """Acked as in OPC UA Part 9: false only while an acknowledgement is missing."""
    host.alarm(alarm("stall", state, "safety"))
    found = host.condition("stall")
    assert (found["State"], found["Acked"], found["Shelved"], found["Priority"]) == (number, acked, shelved, 4)


def test_an_alarm_without_data_is_stale_until_there_are_data(host: Host) -> None:
    host.alarm(alarm("stall", "ACKED"))
    assert "Quality" not in host.properties["Condition/stall/State"]
    host.alarm(alarm("stall", "ACKED", quality="uncertain", active=None))
    assert host.properties["Condition/stall/State"]["Quality"] == 500, "Sparkplug B 3.0, 6.4.8: stale"
    assert (host.condition("stall")["State"], host.condition("stall")["Active"]) == (2, None)
    host.alarm(alarm("stall", "ACKED"))
    assert host.properties["Condition/stall/State"]["Quality"] == 192


def test_the_index_of_a_fault_comes_from_the_condition(host: Host) -> None:
    host.node.update_condition("pump-1", json.dumps(DEMAGNETIZED).encode())
    host.births()
    assert host.condition("demagnetization") == {"Index": -9.2, "U95": 2.4}
    assert host.condition("eccentricity") == {}, "there never was an index"
    host.alarm(alarm("demagnetization", "UNACK", value=-7.0, u95=None))
    assert host.condition("demagnetization")["Index"] == -9.2
    lost = condition("unknown", demagnetization=fault("not_observable"))
    host.node.update_condition("pump-1", json.dumps(lost).encode())
    assert host.condition("demagnetization")["Index"] is None


def test_an_alarm_of_the_gateway_belongs_to_the_node(host: Host) -> None:
    host.alarm(alarm("disk", "UNACK", "low"), asset=None)
    assert host.kinds[-2:] == ["NBIRTH", "DBIRTH"], "a birth of the node makes those of its devices due"
    assert host.condition("disk")["Priority"] == 1
    host.alarm(alarm("disk", "RTNUN", "low"), asset=None)
    assert host.kinds[-1] == "NDATA"


def test_alarms_of_an_offline_device_are_in_its_next_birth(host: Host) -> None:
    offline = {"t": 2, "state": "offline", "reason": [], "since": 2}
    host.node.update_retained("pump-1", json.dumps(offline).encode())
    host.alarm(alarm("stall"))
    assert host.kinds[-2:] == ["DDEATH", "NBIRTH"], "the node shows it; the device stays dead"
    host.node.update_retained("pump-1", json.dumps(offline | {"t": 3, "state": "online"}).encode())
    host.births()
    assert host.condition("stall")["State"] == 1


def test_the_sink_finds_alarms_by_their_topics(tmp_path: Path) -> None:
    bench = Bench(configured(tmp_path, "mqtt://127.0.0.1:1", "[sparkplug]"), tmp_path / "state")
    sink = SparkplugSink(bench.config, bench.assets, ROOT, bench.publisher.retained_messages, bench.store, bench.clock)
    client = Client()
    sink.link.client = cast(paho.Client, client)
    bench.publisher.publish_retained("pump-1", "alarm", alarm("stall"), name="stall", keep=True)
    bench.publisher.publish_retained("pump-1", "condition", DEMAGNETIZED, keep=True)
    bench.publisher.publish_retained(None, "alarm", alarm("disk"), name="disk", keep=True)
    bench.publisher.publish_state("pump-1", "online", [])
    for topic, payload in bench.publisher.retained_messages():
        sink.apply_retained(topic, payload)
    while sink.node.birth_due:
        sink.node.next_birth(0)
    births = {topic.split("/")[2]: {metric["name"] for metric in read(payload)["metrics"]}
              for topic, payload in client.sent}  # fmt: skip
    assert "Condition/disk/State" in births["NBIRTH"]
    assert {"Condition/stall/State", "Condition/demagnetization/Index"} <= births["DBIRTH"]
    sink.link.wake()
    bench.close()


class Client:
    """Of MQTT; keeps what it was given to send."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    def publish(self, topic: str, payload: bytes, *_: Any) -> Any:
        self.sent.append((topic, payload))
        return SimpleNamespace(mid=len(self.sent))


OFFLINE = json.dumps({"t": 2, "state": "offline", "reason": [], "since": 2}).encode()
ONLINE = json.dumps({"t": 3, "state": "online", "reason": [], "since": 3}).encode()


def test_an_alarm_of_a_dead_device_is_a_metric_of_the_node(host: Host) -> None:
    """Sparkplug 3.0, 6.4.20: after DDEATH no DDATA; a metric must be in the NBIRTH before it is in NDATA."""
    host.node.update_retained("pump-1", OFFLINE)
    silent = alarm("no_reply", "UNACK", part="vfd-1")
    host.kinds.clear()
    host.births_of.clear()
    host.node.update_alarm("pump-1", "no_reply-vfd-1", json.dumps(silent).encode())
    assert host.kinds == [], "not in the birth"
    host.births()
    assert host.kinds[0] == "NBIRTH"
    assert ("DBIRTH", "pump-1") not in host.births_of
    assert host.condition("pump-1/no_reply-vfd-1") == {
        "State": 1, "Active": True, "Acked": False, "Shelved": False, "Priority": 3
    }  # fmt: skip
    host.kinds.clear()
    host.node.update_alarm("pump-1", "no_reply-vfd-1", json.dumps(silent | {"state": "ACKED", "seq": 9}).encode())
    assert host.kinds == ["NDATA"]
    host.node.update_retained("pump-1", ONLINE)
    host.births()
    host.node.update_alarm("pump-1", "no_reply-vfd-1", json.dumps(silent | {"state": "NORM", "seq": 10}).encode())
    found = host.condition("no_reply-vfd-1"), host.condition("pump-1/no_reply-vfd-1")
    assert [one["State"] for one in found] == [0, 0], "both places agree"


def test_an_alarm_that_rose_before_the_death_is_shown_by_the_node(host: Host) -> None:
    host.alarm(alarm("live_terminals", "UNACK", "safety"))
    host.alarm(alarm("stall", "NORM", "high"))
    assert not host.condition("pump-1/live_terminals")
    host.node.update_retained("pump-1", OFFLINE)
    host.births()
    assert host.condition("pump-1/live_terminals")["State"] == 1
    assert not host.condition("pump-1/stall"), "nothing to say"


def test_many_devices_that_die_together_cause_one_birth(host: Host) -> None:
    host.node.update_retained("pump-1", OFFLINE)
    host.kinds.clear()
    for code in ("no_reply", "no_value", "live_terminals"):
        for state in ("UNACK", "ACKED"):  # the second is no NDATA of a metric without a birth
            host.node.update_alarm("pump-1", code, json.dumps(alarm(code, state)).encode())
        assert host.node.birth_incomplete
    host.births()
    assert host.kinds.count("NBIRTH") == 1
    assert "NDATA" not in host.kinds
    assert not host.node.birth_incomplete


def test_the_sink_combines_the_births_of_devices_that_die_together(tmp_path: Path) -> None:
    bench = Bench(configured(tmp_path, "mqtt://127.0.0.1:1", "[sparkplug]"), tmp_path / "state")
    sink = SparkplugSink(bench.config, bench.assets, ROOT, bench.publisher.retained_messages, bench.store, bench.clock)
    client = Client()
    sink.link.start = lambda: None  # type: ignore[method-assign]
    sink.link.client, sink.link.connected = cast(paho.Client, client), True
    sink.start(bench.store.sink_cursors(["sparkplug"])["sparkplug"])
    sink.send_due(0.0)
    sink.update_retained(f"{ROOT}/pump-1/state", OFFLINE)
    for code in ("no_reply", "no_value", "live_terminals"):
        sink.update_retained(f"{ROOT}/pump-1/alarm/{code}", json.dumps(alarm(code)).encode())
    client.sent.clear()
    for second in range(60):  # births are limited in rate
        sink.send_due(1.0 + second)
    kinds = [topic.split("/")[2] for topic, _ in client.sent if topic.startswith("spBv1.0")]
    assert kinds.count("NBIRTH") == 1
    assert "NDATA" not in kinds
    bench.close()
