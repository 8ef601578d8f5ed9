"""The normative statements on edge nodes of Sparkplug 3.0, checked on the packets that a node sent.

In brackets: the identifiers of the specification without "tck-id-".
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from support.sparkplug import TYPE_FIELD, Packet, properties, read

IN_SEQUENCE = ("NBIRTH", "DBIRTH", "NDATA", "DDATA", "DDEATH")
VALUES = set(TYPE_FIELD.values()) | {"float_value"}


def check(connections: list[list[Packet]], group: str, node: str) -> None:
    """Asserts every statement over all connections of one node, in the order of their CONNECT packets."""
    numbers = [_Session(found, group, node).check() for found in connections]
    for before, after in pairwise(numbers):
        assert after == (before + 1) % 256, "payloads-name-birth-data / topics-nbirth-bdseq-increment"


class _Session:
    def __init__(self, found: list[Packet], group: str, node: str) -> None:
        self.found, self.group, self.node = list(found), group, node
        self.aliases: dict[str, dict[int, int]] = {}  # device ("" for the node) → alias → datatype
        self.born: set[str] = set()
        self.seq: int | None = None

    def check(self) -> int:
        connect = self.found[0]
        assert connect.kind == "CONNECT"
        assert connect.level == 4
        assert connect.clean, "principles-persistence-clean-session-311"
        assert connect.topic == f"spBv1.0/{self.group}/NDEATH/{self.node}", "message-flow-…-will-message-topic"
        assert connect.qos == 1, "message-flow-edge-node-birth-publish-will-message-qos"
        assert not connect.retain, "message-flow-edge-node-birth-publish-will-message-will-retained"
        bd_seq = self._death(connect.payload)
        listens: list[tuple[str, int]] = []
        for place, packet in enumerate(self.found[1:], 1):
            if packet.kind == "SUBSCRIBE":
                listens += packet.topics
            elif packet.what == "NDEATH":
                assert self._death(packet.payload) == bd_seq, "payloads-ndeath-bdseq"
                assert self.found[place + 1 :] == [] or self.found[place + 1].kind == "DISCONNECT", "…-intentional-…"
                self.born.clear()
            elif packet.what:
                assert (f"spBv1.0/{self.group}/NCMD/{self.node}", 1) in listens, "message-flow-edge-node-ncmd-subscribe"
                self._message(packet, bd_seq)
            elif packet.kind == "DISCONNECT":
                assert not self.born, "operational-behavior-edge-node-intentional-disconnect-ndeath"
        return bd_seq

    def _death(self, data: bytes) -> int:
        body = read(data)
        assert "seq" not in body, "topics-ndeath-seq"
        (metric,) = body["metrics"]
        assert (metric["name"], metric["datatype"]) == ("bdSeq", 4), "payloads-ndeath-bdseq"
        number = metric["long_value"]
        assert 0 <= number <= 255
        assert isinstance(number, int)
        return number

    def _message(self, packet: Packet, bd_seq: int) -> None:
        levels = packet.topic.split("/")
        assert levels[1] == self.group
        assert levels[3] == self.node
        device = levels[4] if len(levels) > 4 else ""
        assert (packet.what[0] == "D") == bool(device), "topic-structure-namespace-device-id"
        assert (packet.qos, packet.retain) == (0, False), "payloads-…-qos, …-retain"
        body = read(packet.payload)
        assert body["timestamp"] > 1_600_000_000_000, "payloads-timestamp-in-UTC"
        assert packet.what in IN_SEQUENCE
        if packet.what == "NBIRTH":
            assert body["seq"] == 0, "payloads-nbirth-seq"
            self.born, self.aliases = {""}, {}
        else:
            assert "" in self.born, "message-flow-device-birth-publish-nbirth-wait"
            assert self.seq is not None
            assert body["seq"] == (self.seq + 1) % 256, "payloads-sequence-num-incrementing"
        self.seq = body["seq"]
        if packet.what.endswith("BIRTH"):
            self._birth(device, body, bd_seq)
        elif packet.what == "DDEATH":
            assert device in self.born, "a device dies that was not born"
            self.born.discard(device)
        else:
            self._data(device, body)

    def _birth(self, device: str, body: dict[str, Any], bd_seq: int) -> None:
        self.born.add(device)
        others = {alias for name, known in self.aliases.items() if name != device for alias in known}
        known = self.aliases[device] = {}
        names = [metric["name"] for metric in body["metrics"]]
        assert len(names) == len(set(names)), "payloads-name-requirement"
        for metric in body["metrics"]:
            assert "timestamp" in metric, "payloads-name-birth-data-requirement"
            assert metric["datatype"] in TYPE_FIELD, "payloads-metric-datatype-req"
            self._value(metric, metric["datatype"])
            if metric["name"] in ("bdSeq", "Node Control/Rebirth"):
                assert "alias" not in metric, "operational-behavior-data-commands-rebirth-name-aliases"
                continue
            alias = metric["alias"]
            assert alias not in known, "payloads-alias-uniqueness"
            assert alias not in others, "payloads-alias-uniqueness"
            known[alias] = metric["datatype"]
        if not device:
            own = {metric["name"]: metric for metric in body["metrics"]}
            assert own["bdSeq"]["datatype"] == 4
            assert own["bdSeq"]["long_value"] == bd_seq, "topics-nbirth-bdseq-matching"
            rebirth = own["Node Control/Rebirth"]
            assert (rebirth["datatype"], rebirth["boolean_value"]) == (11, False), "topics-nbirth-rebirth-metric"

    def _data(self, device: str, body: dict[str, Any]) -> None:
        assert device in self.born, "topics-ddata / message-flow-device-birth-publish-dbirth"
        assert body["metrics"]
        times = []
        for metric in body["metrics"]:
            assert "name" not in metric, "payloads-alias-data-cmd-requirement"
            assert "datatype" not in metric, "payloads-metric-datatype-not-req"
            assert metric["alias"] in self.aliases[device], "only metrics of the birth"
            self._value(metric, self.aliases[device][metric["alias"]])
            if not metric.get("is_historical"):
                times.append(metric["timestamp"])
        assert times == sorted(times), "operational-behavior-data-publish-…-order"

    def _value(self, metric: dict[str, Any], datatype: int) -> None:
        held = VALUES & metric.keys()
        assert held == (set() if metric.get("is_null") else {TYPE_FIELD[datatype]}), metric
        found = properties(metric)
        if "Quality" in found:
            assert found["Quality"] in (0, 192, 500), "payloads-propertyset-quality-value-value"
