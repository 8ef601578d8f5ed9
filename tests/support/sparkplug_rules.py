"""The normative statements of Sparkplug 3.0 on edge nodes and their devices, checked on recorded packets.

Names are the identifiers of the specification without "tck-id-". `check` evaluates the statements of EDGE_NODE on what
a node sent and received; NOT_CHECKED lists the others with the reason. Statements on hosts, brokers and commands are
left out. The rules named "field practice" are not part of the specification.
"""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any

from support.sparkplug import TYPE_FIELD, Connection, Packet, properties, read

REACT_S = 2.0  # for "immediately": the packets of other threads and processes of a busy machine
TRANSIT_MS = 3000  # from the time in a payload to its packet at the proxy
YEAR_2020_MS = 1_577_836_800_000
REFRESH_MS = 60_000  # docs/how-to/dialects.md: an unchanged value is repeated after one minute
VALUES = set(TYPE_FIELD.values()) | {"float_value"}
BASIC_TYPES, METRIC_TYPES = range(1, 15), {*range(1, 16), 17, 18, *range(22, 35)}  # 6.4.16; no data set, no template
WITHOUT_ALIAS = ("bdSeq", "Node Control/Rebirth")

WILL = "message-flow-edge-node-birth-publish-will-message"
NBIRTH = "message-flow-edge-node-birth-publish-nbirth"
DBIRTH = "message-flow-device-birth-publish-dbirth"
PHID = "message-flow-edge-node-birth-publish-phid"
REBIRTH = "operational-behavior-data-commands-rebirth"
HOST_OFFLINE = "operational-behavior-edge-node-termination-host-offline"
SERVERS = "operational-behavior-primary-application-state-with-multiple-servers"
PRACTICE = "field practice"

OF_EACH = {  # statements on seq, timestamp, QoS, retain and topic of each message type
    "NBIRTH": {
        "seq": ("topics-nbirth-seq-num", "payloads-nbirth-seq", "payloads-sequence-num-zero-nbirth",
                f"{NBIRTH}-payload-seq"),
        "time": ("topics-nbirth-timestamp", "payloads-nbirth-timestamp"),
        "qos": ("topics-nbirth-mqtt", "payloads-nbirth-qos", f"{NBIRTH}-qos"),
        "retain": ("topics-nbirth-mqtt", "payloads-nbirth-retain", f"{NBIRTH}-retained"),
        "topic": ("topics-nbirth-topic", f"{NBIRTH}-topic"),
    },
    "DBIRTH": {
        "seq": ("topics-dbirth-seq", "payloads-dbirth-seq", "payloads-dbirth-seq-inc", f"{DBIRTH}-payload-seq"),
        "time": ("topics-dbirth-timestamp", "payloads-dbirth-timestamp"),
        "qos": ("topics-dbirth-mqtt", "payloads-dbirth-qos", f"{DBIRTH}-qos"),
        "retain": ("topics-dbirth-mqtt", "payloads-dbirth-retain", f"{DBIRTH}-retained"),
        "topic": ("topics-dbirth-topic", f"{DBIRTH}-topic", f"{DBIRTH}-match-edge-node-topic"),
    },
    **{
        kind: {
            "seq": (f"topics-{low}-seq-num", f"payloads-{low}-seq", f"payloads-{low}-seq-inc",
                    *(("payloads-ddeath-seq-number",) if low == "ddeath" else ())),
            "time": (*((f"topics-{low}-timestamp",) if low != "ddeath" else ()), f"payloads-{low}-timestamp"),
            "qos": (f"topics-{low}-mqtt", *((f"payloads-{low}-qos",) if low != "ddeath" else ())),
            "retain": (f"topics-{low}-mqtt", *((f"payloads-{low}-retain",) if low != "ddeath" else ())),
            "topic": (f"topics-{low}-topic",),
        }
        for kind, low in (("NDATA", "ndata"), ("DDATA", "ddata"), ("DDEATH", "ddeath"))
    },
}  # fmt: skip

EDGE_NODE = {
    *(name for kind in OF_EACH.values() for names in kind.values() for name in names),
    "intro-group-id-string", "intro-group-id-chars", "intro-edge-node-id-string", "intro-edge-node-id-chars",
    "intro-device-id-string", "intro-device-id-chars", "principles-rbe-recommended",
    "principles-birth-certificates-order", "principles-persistence-clean-session-311", "topic-structure",
    "topic-structure-namespace-a", "topic-structure-namespace-valid-group-id",
    "topic-structure-namespace-valid-edge-node-id", "topic-structure-namespace-valid-device-id",
    "topic-structure-namespace-device-id-associated-message-types", "topics-nbirth-metric-reqs",
    "topics-nbirth-metrics", "topics-nbirth-bdseq-included", "topics-nbirth-bdseq-matching",
    "topics-nbirth-bdseq-increment", "topics-nbirth-rebirth-metric", "topics-ndata-payload", "topics-ndeath-topic",
    "topics-ndeath-payload", "topics-ndeath-seq", "topics-dbirth-metric-reqs", "topics-dbirth-metrics",
    "topics-ddata-payload", "case-sensitivity-sparkplug-ids", "case-sensitivity-metric-names",
    "message-flow-edge-node-ncmd-subscribe", "message-flow-edge-node-birth-publish-connect", WILL, f"{WILL}-topic",
    f"{WILL}-payload", f"{WILL}-payload-bdSeq", f"{WILL}-qos", f"{WILL}-will-retained", f"{PHID}-wait",
    f"{PHID}-wait-id", f"{PHID}-wait-online", f"{PHID}-wait-timestamp", f"{PHID}-offline", f"{NBIRTH}-payload",
    f"{NBIRTH}-payload-bdSeq", "operational-behavior-edge-node-intentional-disconnect-ndeath",
    "operational-behavior-edge-node-intentional-disconnect-packet", HOST_OFFLINE, f"{HOST_OFFLINE}-reconnect",
    f"{HOST_OFFLINE}-timestamp", "message-flow-device-birth-publish-nbirth-wait", f"{DBIRTH}-payload",
    "operational-behavior-device-ddeath", f"{SERVERS}-state-subs", f"{SERVERS}-single-server", f"{SERVERS}-walk",
    "operational-behavior-edge-node-birth-sequence-wait",
    *(f"operational-behavior-data-publish-{kind}{part}" for kind in ("nbirth", "dbirth")
      for part in ("", "-values", "-change", "-order")),
    *(f"{REBIRTH}-{part}" for part in ("name", "name-aliases", "datatype", "value", "action-1", "action-2",
                                       "action-3")),
    "payloads-timestamp-in-UTC", "payloads-sequence-num-always-included", "payloads-sequence-num-incrementing",
    "payloads-name-requirement", "payloads-alias-uniqueness", "payloads-alias-birth-requirement",
    "payloads-alias-data-cmd-requirement", "payloads-name-birth-data-requirement", "payloads-metric-timestamp-in-UTC",
    "payloads-metric-datatype-value-type", "payloads-metric-datatype-value", "payloads-metric-datatype-req",
    "payloads-metric-datatype-not-req", "payloads-propertyset-keys-array-size",
    "payloads-propertyset-values-array-size", "payloads-metric-propertyvalue-type-type",
    "payloads-metric-propertyvalue-type-value", "payloads-metric-propertyvalue-type-req",
    "payloads-propertyset-quality-value-type", "payloads-propertyset-quality-value-value", "payloads-nbirth-bdseq",
    "payloads-nbirth-bdseq-repeat", "payloads-nbirth-rebirth-req", "payloads-dbirth-order", "payloads-ndata-order",
    "payloads-ddata-order", "payloads-ndeath-seq", "payloads-ndeath-will-message", "payloads-ndeath-will-message-qos",
    "payloads-ndeath-will-message-retain", "payloads-ndeath-bdseq", "payloads-ndeath-will-message-publisher",
    "payloads-ndeath-will-message-publisher-disconnect-mqtt311",
}  # fmt: skip
ONE_NODE = "the packets of one node do not show whether another one has the same identifier"
NOT_CHECKED = {
    "intro-edge-node-id-uniqueness": ONE_NODE,
    "topic-structure-namespace-unique-edge-node-descriptor": ONE_NODE,
    "payloads-nbirth-edge-node-descriptor": ONE_NODE,
    "topic-structure-namespace-unique-device-id": "two devices with one identifier look like one device",
    "topic-structure-namespace-duplicate-device-id-across-edge-node": "a permission",
    "principles-persistence-clean-session-50": "the node uses MQTT 3.1.1",
    "payloads-ndeath-will-message-publisher-disconnect-mqtt50": "the node uses MQTT 3.1.1",
    "message-flow-device-dcmd-subscribe": "no device has outputs that can be written",
    "topics-nbirth-templates": "the node has no templates; their data type (19) is rejected",
    "payloads-dataset-*": "the node has no data sets; their data type (16) is rejected",
    "payloads-template-*": "the node has no templates; their data type (19) is rejected",
}


def check(connections: list[Connection], group: str, node: str, host: str | None = None) -> Counter[str]:
    """Asserts every statement over all connections of one node, in the order of their CONNECT packets.

    host: identifier of the primary host; None: without one.
    Returns how often each statement was evaluated.
    """
    report = Report()
    state = HostState()
    bd_seqs: list[int] = []
    sessions = [_Session(found, group, node, host, state, report) for found in connections]
    for before, session in zip([None, *sessions], sessions, strict=False):
        if before is not None:
            report.expect(before.ended_s <= session.found[0].at_s, f"{SERVERS}-single-server")
            if before.left_for_host_s is not None:
                soon = session.found[0].at_s - before.left_for_host_s <= REACT_S
                report.expect(soon, f"{HOST_OFFLINE}-reconnect")
        bd_seqs.append(session.check())
        if len(bd_seqs) > 1:
            report.expect(bd_seqs[-1] == (bd_seqs[-2] + 1) % 256, "topics-nbirth-bdseq-increment",
                          f"{WILL}-payload-bdSeq")  # fmt: skip
    assert not report.failed, "\n".join(f"{count} × {name}" for name, count in report.failed.items())
    return report.evaluated


class Report:
    """evaluated: statement → number of evaluations. failed: statement and what was found → number."""

    def __init__(self) -> None:
        self.evaluated, self.failed = Counter[str](), Counter[str]()

    def expect(self, holds: bool, *statements: str, found: object = "") -> bool:
        self.evaluated.update(statements)
        if not holds:
            self.failed.update(f"{name} {found}" for name in statements)
        return holds


class HostState:
    """STATE of the primary host as the node has received it, over all connections."""

    def __init__(self) -> None:
        self.newest_ms = -1

    def read(self, payload: bytes) -> tuple[bool, bool] | None:
        """online, and whether the message counts (its time is not before that of an earlier one); None: not valid."""
        try:
            body = json.loads(payload)
            online, at_ms = body["online"], body["timestamp"]
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        if type(online) is not bool or type(at_ms) is not int:
            return None
        counts = at_ms >= self.newest_ms
        self.newest_ms = max(self.newest_ms, at_ms)
        return online, counts


class _Session:
    """One connection. ended_s: time of its last packet. left_for_host_s: when it ended because the host is offline."""

    def __init__(
        self, found: Connection, group: str, node: str, host: str | None, state: HostState, report: Report
    ) -> None:
        self.found, self.group, self.node, self.host, self.state = found, group, node, host, state
        self.expect = report.expect
        self.ended_s, self.left_for_host_s = found[-1].at_s, None
        self.bd_seq = -1
        self.aliases: dict[str, dict[int, tuple[str, int]]] = {}  # device ("" for the node) → alias → name, data type
        self.sent: dict[int, tuple[Any, int]] = {}  # alias → live content sent last since the birth, time
        self.live_ms: dict[str, int] = {}  # name → time of its newest live value
        self.born: set[str] = set()
        self.due: set[str] = set()  # devices whose DBIRTH must follow NBIRTH before data
        self.dead: set[str] = set()
        self.seq: int | None = None
        self.subscribed: dict[str, int] = {}
        self.host_online = host is None
        self.host_offline_s: float | None = None  # when the node received that its host went offline
        self.rebirth_s: float | None = None  # when the node received a request that is not answered
        self.left = False  # NDEATH was sent

    def check(self) -> int:
        self._connect(self.found[0])
        for packet in self._in_order():
            if packet.received:
                self._receive(packet)
            elif packet.kind == "SUBSCRIBE":
                self.subscribed |= packet.topics
            elif packet.kind == "DISCONNECT":
                self._disconnect()
            elif packet.kind == "PUBLISH":
                self._publication(packet)
        if self.rebirth_s is not None and not self.left:
            self.expect(self.ended_s - self.rebirth_s < 5 + REACT_S, f"{REBIRTH}-action-2", found="no NBIRTH")
        return self.bd_seq

    def _in_order(self) -> Iterator[Packet]:
        """Packets of both directions; those that the proxy swallowed were not received."""
        received = [packet for packet in self.found.received if not packet.swallowed]
        return iter(sorted([*self.found[1:], *received], key=lambda packet: packet.at_s))

    def _connect(self, packet: Packet) -> None:
        self.expect((packet.kind, packet.level) == ("CONNECT", 4), "message-flow-edge-node-birth-publish-connect")
        self.expect(packet.clean, "principles-persistence-clean-session-311")
        self.expect(bool(packet.payload), WILL, "payloads-ndeath-will-message")
        self.expect(packet.topic == f"spBv1.0/{self.group}/NDEATH/{self.node}", f"{WILL}-topic", "topics-ndeath-topic")
        self.expect(packet.qos == 1, f"{WILL}-qos", "payloads-ndeath-will-message-qos")
        self.expect(not packet.retain, f"{WILL}-will-retained", "payloads-ndeath-will-message-retain")
        self.bd_seq = self._death(packet.payload, f"{WILL}-payload")
        self.expect(0 <= self.bd_seq <= 255, f"{WILL}-payload-bdSeq")

    def _death(self, data: bytes, *statements: str) -> int:
        body = self._read(data, *statements)
        self.expect("seq" not in body, "topics-ndeath-seq", "payloads-ndeath-seq")
        metrics = body["metrics"]
        found = [(metric.get("name"), metric.get("datatype"), metric.keys() & VALUES) for metric in metrics]
        if not self.expect(found == [("bdSeq", 4, {"long_value"})], "topics-ndeath-payload", found=found):
            return -1
        return int(metrics[0]["long_value"])

    def _read(self, data: bytes, *statements: str) -> dict[str, Any]:
        """The payload. Fails the statements that require Protocol Buffers."""
        try:
            body = read(data)
        except (ValueError, IndexError, struct.error) as error:
            self.expect(False, *statements, found=error)
            return {"metrics": []}
        self.expect(True, *statements)
        return body

    def _receive(self, packet: Packet) -> None:
        if packet.kind != "PUBLISH":
            return
        if packet.topic == f"spBv1.0/{self.group}/NCMD/{self.node}":
            if self.born and self.rebirth_s is None and _asks_for_births(packet.payload):
                self.rebirth_s = packet.at_s
        elif self.host is not None and packet.topic == f"spBv1.0/STATE/{self.host}":
            state = self.state.read(packet.payload)
            if state is not None and state[1]:
                if state[0]:
                    self.host_offline_s = None
                elif self.host_online:
                    self.host_offline_s = packet.at_s
                self.host_online = state[0]
            elif state is not None and not state[0] and self.born:
                later = [other for other in self.found if other.what and other.at_s > packet.at_s]
                ignored = not later or later[0].what != "NDEATH" or later[0].at_s - packet.at_s > 0.5
                self.expect(ignored, f"{HOST_OFFLINE}-timestamp")

    def _disconnect(self) -> None:
        self.expect(
            self.left or not self.born, "operational-behavior-edge-node-intentional-disconnect-ndeath",
            "payloads-ndeath-will-message-publisher", "payloads-ndeath-will-message-publisher-disconnect-mqtt311",
        )  # fmt: skip
        if self.left:
            self.expect(True, "operational-behavior-edge-node-intentional-disconnect-packet")

    def _publication(self, packet: Packet) -> None:
        born = bool(self.born) or packet.what == "NBIRTH"
        self.expect(born or self.left, "principles-birth-certificates-order", found=packet.topic)
        if not packet.what:
            return
        self.expect(not self.left, "operational-behavior-edge-node-intentional-disconnect-packet", found=packet.topic)
        self._topic(packet)
        if packet.what == "NDEATH":
            self.left = True
            self.expect(self._death(packet.payload) == self.bd_seq, "payloads-ndeath-bdseq")
            if self.host_offline_s is not None:
                soon = packet.at_s - self.host_offline_s <= REACT_S
                self.expect(soon, f"{PHID}-offline", HOST_OFFLINE, f"{SERVERS}-walk")
                self.left_for_host_s = packet.at_s
            return
        late = self.host_offline_s is not None and packet.at_s - self.host_offline_s > REACT_S
        self.expect(not late, f"{PHID}-offline", HOST_OFFLINE, found=packet.what)
        qos_1 = self.subscribed.get(f"spBv1.0/{self.group}/NCMD/{self.node}") == 1
        self.expect(qos_1, "message-flow-edge-node-ncmd-subscribe")
        self._message(packet)

    def _topic(self, packet: Packet) -> None:
        levels = packet.topic.split("/")
        kind = packet.what
        self.expect(levels[0] == "spBv1.0", "topic-structure-namespace-a")
        statements = "topic-structure", "topic-structure-namespace-device-id-associated-message-types"
        if not self.expect(len(levels) == (5 if kind.startswith("D") else 4), *statements, found=packet.topic):
            return
        for name, level, want in (("group", levels[1], self.group), ("edge-node", levels[3], self.node)):
            self.expect(level == want, "case-sensitivity-sparkplug-ids", *OF_EACH.get(kind, {}).get("topic", ()))
            self._identifier(name, level)
        if len(levels) == 5:
            self._identifier("device", levels[4])
            others = {other.casefold() for other in self.aliases if other != levels[4]}
            self.expect(levels[4].casefold() not in others, "case-sensitivity-sparkplug-ids")

    def _identifier(self, name: str, level: str) -> None:
        valid = bool(level) and not set(level) & set("+/#") and "\0" not in level
        self.expect(valid, f"intro-{name}-id-string", f"intro-{name}-id-chars",
                    f"topic-structure-namespace-valid-{name}-id", found=level)  # fmt: skip

    def _message(self, packet: Packet) -> None:
        kind = packet.what
        names = OF_EACH[kind]
        device = packet.topic.split("/")[4] if kind.startswith("D") else ""
        self.expect(packet.qos == 0, *names["qos"])
        self.expect(not packet.retain, *names["retain"])
        payload = {"NBIRTH": f"{NBIRTH}-payload", "DBIRTH": f"{DBIRTH}-payload"}.get(kind)
        body = self._read(packet.payload, *([payload] if payload else []))
        sent_ms = body.get("timestamp", 0)
        on_time = packet.utc_ms - TRANSIT_MS <= sent_ms <= packet.utc_ms
        self.expect(on_time, *names["time"], "payloads-timestamp-in-UTC", found=f"{packet.utc_ms - sent_ms} ms")
        self._sequence(kind, body.get("seq"))
        if kind == "NBIRTH":
            self._host_is_online()
            self.due = self.born - {""}
            self.rebirth_s = None
            self.born = set()
        elif kind.startswith("D"):
            wait = "" in self.born
            self.expect(wait, "message-flow-device-birth-publish-nbirth-wait", found=kind)
        if kind.endswith("BIRTH"):
            self._birth(device, body)
        elif kind == "DDEATH":
            self.expect(device in self.born, "operational-behavior-device-ddeath", found=device)
            self.born.discard(device)
            self.due.discard(device)
        else:
            self._data(kind, device, body, packet.at_s)

    def _host_is_online(self) -> None:
        if self.host is None:
            return
        listens = self.subscribed.get(f"spBv1.0/STATE/{self.host}") == 1
        self.expect(listens, f"{SERVERS}-state-subs", f"{PHID}-wait-id")
        online = self.host_online or self.host_offline_s is not None  # offline for less than REACT_S: see `late`
        self.expect(online, f"{PHID}-wait", f"{PHID}-wait-online", f"{PHID}-wait-timestamp",
                    "operational-behavior-edge-node-birth-sequence-wait")  # fmt: skip

    def _sequence(self, kind: str, seq: int | None) -> None:
        self.expect(seq is not None, "payloads-sequence-num-always-included", found=kind)
        if kind == "NBIRTH":
            self.expect(seq == 0, *OF_EACH[kind]["seq"])
        else:
            follows = self.seq is not None and seq == (self.seq + 1) % 256
            self.expect(follows, *OF_EACH[kind]["seq"], "payloads-sequence-num-incrementing", found=f"{self.seq} {seq}")
        self.seq = seq

    def _birth(self, device: str, body: dict[str, Any]) -> None:
        self.born.add(device)
        self.due.discard(device)
        kind = "dbirth" if device else "nbirth"
        known = self.aliases[device] = {}
        others = {alias for name, aliases in self.aliases.items() if name != device for alias in aliases}
        names = [metric.get("name", "") for metric in body["metrics"]]
        self.expect(len(names) == len(set(names)) and all(names), "payloads-name-requirement")
        self.expect(len({name.casefold() for name in names}) == len(names), "case-sensitivity-metric-names")
        for metric in body["metrics"]:
            name, datatype = metric.get("name", ""), metric.get("datatype", -1)
            self.expect("datatype" in metric, "payloads-metric-datatype-req", f"topics-{kind}-metrics", found=name)
            self.expect(0 <= datatype < 2**32, "payloads-metric-datatype-value-type", found=name)
            self.expect(datatype in METRIC_TYPES, "payloads-metric-datatype-value", found=datatype)
            self._metric(device, metric, name, datatype, body.get("timestamp", 0))
            held = self._holds(metric, datatype)
            self.expect(held, f"operational-behavior-data-publish-{kind}-values", f"topics-{kind}-metrics", found=name)
            if name in WITHOUT_ALIAS:
                self.expect("alias" not in metric, f"{REBIRTH}-name-aliases", found=name)
                continue
            alias = metric.get("alias")
            if self.expect(alias is not None, "payloads-alias-birth-requirement", found=name):
                self.expect(alias not in known and alias not in others, "payloads-alias-uniqueness", found=name)
                known[alias] = name, datatype
                self.sent.pop(alias, None)
            is_number = datatype in range(1, 11) or datatype in range(22, 32)
            self.expect("engUnit" in _properties(metric) or not is_number, f"{PRACTICE}: engUnit", found=name)
        self._in_time_order(kind, body)
        if not device:
            self._own_metrics(body)

    def _own_metrics(self, body: dict[str, Any]) -> None:
        own = {metric.get("name"): metric for metric in body["metrics"]}
        bd_seq, rebirth = own.get("bdSeq", {}), own.get("Node Control/Rebirth", {})
        self.expect(bool(bd_seq), "topics-nbirth-bdseq-included", "payloads-nbirth-bdseq")
        same = (bd_seq.get("datatype"), bd_seq.get("long_value")) == (4, self.bd_seq)
        self.expect(same, "topics-nbirth-bdseq-matching", "payloads-nbirth-bdseq-repeat", f"{NBIRTH}-payload-bdSeq",
                    f"{REBIRTH}-action-3")  # fmt: skip
        self.expect(bool(rebirth), f"{REBIRTH}-name", "payloads-nbirth-rebirth-req")
        self.expect(rebirth.get("datatype") == 11, f"{REBIRTH}-datatype", "topics-nbirth-rebirth-metric")
        self.expect(rebirth.get("boolean_value") is False, f"{REBIRTH}-value", "topics-nbirth-rebirth-metric")

    def _data(self, kind: str, device: str, body: dict[str, Any], at_s: float) -> None:
        birth = "dbirth" if device else "nbirth"
        self.expect(device in self.born, "operational-behavior-device-ddeath", f"payloads-{kind.lower()}-order",
                    found=device)  # fmt: skip
        self.expect(not self.due, "payloads-dbirth-order", f"payloads-{kind.lower()}-order", f"{REBIRTH}-action-2",
                    found=self.due)  # fmt: skip
        stopped = self.rebirth_s is None or at_s - self.rebirth_s <= REACT_S
        self.expect(stopped, f"{REBIRTH}-action-1", found=kind)
        self.expect(bool(body["metrics"]), f"topics-{kind.lower()}-payload")
        known = self.aliases.get(device, {})
        for metric in body["metrics"]:
            self.expect("name" not in metric, "payloads-alias-data-cmd-requirement", found=metric.get("name"))
            self.expect("datatype" not in metric, "payloads-metric-datatype-not-req")
            alias = metric.get("alias")
            if not self.expect(alias in known, f"topics-{birth}-metric-reqs", f"topics-{kind.lower()}-payload",
                               f"operational-behavior-data-publish-{birth}", found=alias):  # fmt: skip
                continue
            name, datatype = known[alias]
            self._metric(device, metric, name, datatype, body.get("timestamp", 0))
            self.expect(self._holds(metric, datatype), "payloads-name-requirement", found=f"{name}: no value")
            if not metric.get("is_historical"):
                self._by_exception(birth, name, alias, metric)
        self._in_time_order(birth, body)

    def _by_exception(self, birth: str, name: str, alias: int, metric: dict[str, Any]) -> None:
        at_ms = metric.get("timestamp", 0)
        content = [metric.get(field) for field in sorted(VALUES)], _properties(metric)
        before = self.sent.get(alias)
        changed = before is None or before[0] != content or at_ms - before[1] >= REFRESH_MS
        self.expect(
            changed, "principles-rbe-recommended", f"operational-behavior-data-publish-{birth}-change", found=name
        )
        self.sent[alias] = content, at_ms

    def _metric(self, device: str, metric: dict[str, Any], name: str, datatype: int, sent_ms: int) -> None:
        self.expect("timestamp" in metric, "payloads-name-birth-data-requirement", found=name)
        at_ms = metric.get("timestamp", 0)
        self.expect(YEAR_2020_MS < at_ms <= sent_ms, "payloads-metric-timestamp-in-UTC", found=f"{name} {at_ms}")
        if not metric.get("is_historical") and not name.startswith("event/"):  # an event has the time of its end
            full = f"{device}/{name}"
            forward = at_ms >= self.live_ms.get(full, 0)
            self.expect(forward, f"{PRACTICE}: live time does not go backwards", found=name)
            self.live_ms[full] = at_ms
        found = metric.get("properties", {"keys": [], "values": []})
        keys, values = found["keys"], found["values"]
        self.expect(len(keys) == len(values), "payloads-propertyset-keys-array-size",
                    "payloads-propertyset-values-array-size")  # fmt: skip
        for key, value in zip(keys, values, strict=False):
            kind = value.get("type", -1)
            self.expect("type" in value, "payloads-metric-propertyvalue-type-req", found=key)
            self.expect(0 <= kind < 2**32, "payloads-metric-propertyvalue-type-type", found=key)
            self.expect(kind in BASIC_TYPES, "payloads-metric-propertyvalue-type-value", found=key)
            self.expect(bool(value.keys() & VALUES), f"{PRACTICE}: property with a value", found=key)
            if key == "Quality":
                self.expect(kind == 3, "payloads-propertyset-quality-value-type")
                known = value.get("int_value") in (0, 192, 500)
                self.expect(known, "payloads-propertyset-quality-value-value", found=value)

    def _in_time_order(self, kind: str, body: dict[str, Any]) -> None:
        times = [metric.get("timestamp", 0) for metric in body["metrics"] if not metric.get("is_historical")]
        self.expect(times == sorted(times), f"operational-behavior-data-publish-{kind}-order")

    @staticmethod
    def _holds(metric: dict[str, Any], datatype: int) -> bool:
        """Exactly one value of the field of its type, or null and no value."""
        return bool(VALUES & metric.keys() == (set() if metric.get("is_null") else {TYPE_FIELD.get(datatype, "")}))


def _properties(metric: dict[str, Any]) -> dict[str, Any]:
    try:
        return properties(metric)
    except (AssertionError, KeyError):
        return {}


def _asks_for_births(data: bytes) -> bool:
    try:
        metrics = read(data)["metrics"]
    except (ValueError, IndexError, struct.error):
        return False
    return any(item.get("name") == "Node Control/Rebirth" and item.get("boolean_value") for item in metrics)
