"""For the Sparkplug tests: a proxy that records MQTT packets, and a decoder that shares no code with the agent.

The fields come from a .proto text written after chapter 6 of the specification; protobuf is decoded here.
"""

from __future__ import annotations

import re
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

PROTO = """
message Payload { uint64 timestamp = 1; repeated Metric metrics = 2; uint64 seq = 3; string uuid = 4; bytes body = 5; }
message Metric {
  string name = 1; uint64 alias = 2; uint64 timestamp = 3; uint32 datatype = 4; bool is_historical = 5;
  bool is_transient = 6; bool is_null = 7; MetaData metadata = 8; PropertySet properties = 9; uint32 int_value = 10;
  uint64 long_value = 11; float float_value = 12; double double_value = 13; bool boolean_value = 14;
  string string_value = 15; bytes bytes_value = 16;
}
message MetaData { bool is_multi_part = 1; string content_type = 2; uint64 size = 3; }
message PropertySet { repeated string keys = 1; repeated PropertyValue values = 2; }
message PropertyValue {
  uint32 type = 1; bool is_null = 2; uint32 int_value = 3; uint64 long_value = 4; float float_value = 5;
  double double_value = 6; bool boolean_value = 7; string string_value = 8;
}
"""
FIELDS = {
    message: {
        int(number): (name, kind, bool(repeated))
        for repeated, kind, name, number in re.findall(r"(repeated )?(\w+) (\w+) = (\d+);", body)
    }
    for message, body in re.findall(r"message (\w+) \{(.*?)\}", PROTO, re.DOTALL)
}
TYPE_FIELD = {3: "int_value", 4: "long_value", 10: "double_value", 11: "boolean_value", 12: "string_value",
              31: "bytes_value"}  # fmt: skip


def read(data: bytes, message: str = "Payload") -> dict[str, Any]:
    """Every field that is present, by name. Raises ValueError on a field that the specification does not define."""
    found: dict[str, Any] = {name: [] for name, _, repeated in FIELDS[message].values() if repeated}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if number not in FIELDS[message]:
            raise ValueError(f"{message}: field {number}")
        name, kind, repeated = FIELDS[message][number]
        value: Any
        if wire == 0:
            value, at = _varint(data, at)
            value = bool(value) if kind == "bool" else value
        elif wire == 1:
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        elif wire == 5:
            value, at = struct.unpack_from("<f", data, at)[0], at + 4
        elif wire == 2:
            size, at = _varint(data, at)
            raw, at = data[at : at + size], at + size
            value = raw.decode() if kind == "string" else read(raw, kind) if kind in FIELDS else raw
        else:
            raise ValueError(f"wire type {wire}")
        if repeated:
            found[name].append(value)
        else:
            found[name] = value
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not data[at - 1] & 0x80:
            return value, at


def varint(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = value >> 7, value & 0x7F
        out.append(low | (0x80 if value else 0))
        if not value:
            return bytes(out)


def command(name: str, value: bool | str = True, alias: int | None = None) -> bytes:
    """An NCMD payload, encoded here."""
    raw = name.encode()
    metric = (b"\x0a" + varint(len(raw)) + raw if name else b"") + (b"\x10" + varint(alias) if alias else b"")
    if isinstance(value, bool):
        metric += b"\x20\x0b\x70" + (b"\x01" if value else b"\x00")
    else:
        text = value.encode()
        metric += b"\x20\x0c\x7a" + varint(len(text)) + text
    return b"\x08\x01\x12" + varint(len(metric)) + metric


def properties(metric: dict[str, Any]) -> dict[str, Any]:
    found = metric.get("properties", {"keys": [], "values": []})
    assert len(found["keys"]) == len(found["values"]), "payloads-propertyset-keys-array-size"
    assert all("type" in value for value in found["values"]), "payloads-propertyset-propertyvalue-type-req"
    return {
        key: value.get(TYPE_FIELD[value["type"]]) for key, value in zip(found["keys"], found["values"], strict=True)
    }


def value_of(metric: dict[str, Any], datatype: int) -> Any:
    raw = metric.get(TYPE_FIELD[datatype])
    if datatype == 4 and raw is not None:
        return raw - 2**64 if raw >= 2**63 else raw
    return list(struct.unpack(f"<{len(raw) // 8}d", raw)) if datatype == 31 and raw is not None else raw


@dataclass
class Packet:
    """One MQTT 3.1.1 control packet. kind: CONNECT, PUBLISH, SUBSCRIBE, DISCONNECT or another number.

    at_s, utc_ms: when it was at the proxy, monotonic and UTC.
    topics: filter → QoS of a SUBSCRIBE packet.
    received: by the client, from the broker.
    swallowed: it never reached its receiver.
    """

    at_s: float
    kind: str
    topic: str = ""
    payload: bytes = b""
    qos: int = 0
    retain: bool = False
    clean: bool = False
    level: int = 0
    topics: dict[str, int] = field(default_factory=dict)
    received: bool = False
    swallowed: bool = False
    utc_ms: int = 0

    @property
    def what(self) -> str:
        """NBIRTH, DDATA … of a Sparkplug publication; empty for others."""
        levels = self.topic.split("/")
        return levels[2] if self.kind == "PUBLISH" and levels[0] == "spBv1.0" else ""


class Connection(list[Packet]):
    """The packets that the client of one connection sent. received: those that it received."""

    def __init__(self) -> None:
        super().__init__()
        self.received: list[Packet] = []


def packets(stream: bytearray, at_s: float, older: bool = True) -> Iterator[Packet]:
    """Removes the complete packets from the stream. Packets of MQTT 5 (not older) are not decoded."""
    while len(stream) >= 2:
        try:
            size, start = _varint(stream, 1)
        except IndexError:
            return
        if len(stream) < start + size:
            return
        first, body = stream[0], bytes(stream[start : start + size])
        del stream[: start + size]
        five = not older or (first >> 4 == 1 and body[6] == 5)
        yield Packet(at_s, "CONNECT" if first >> 4 == 1 else "5", level=5) if five else _packet(first, body, at_s)


def _packet(first: int, body: bytes, at_s: float) -> Packet:
    kind = first >> 4
    if kind == 1:
        level, flags = body[6], body[7]
        _, at = _text(body, 10)
        topic, at = _text(body, at) if flags & 4 else ("", at)
        size = struct.unpack_from(">H", body, at)[0] if flags & 4 else 0
        return Packet(at_s, "CONNECT", topic, body[at + 2 : at + 2 + size], flags >> 3 & 3, bool(flags & 32),
                      bool(flags & 2), level)  # fmt: skip
    if kind == 3:
        qos = first >> 1 & 3
        topic, at = _text(body, 0)
        return Packet(at_s, "PUBLISH", topic, body[at + (2 if qos else 0) :], qos, bool(first & 1))
    if kind == 8:
        found, at = {}, 2
        while at < len(body):
            topic, at = _text(body, at)
            found[topic] = body[at]
            at += 1
        return Packet(at_s, "SUBSCRIBE", topics=found)
    return Packet(at_s, {14: "DISCONNECT", 12: "PINGREQ"}.get(kind, str(kind)))


def _text(body: bytes, at: int) -> tuple[str, int]:
    size = struct.unpack_from(">H", body, at)[0]
    return body[at + 2 : at + 2 + size].decode(), at + 2 + size


class Proxy:
    """A proxy in front of a broker that records the packets of clients. `swallow`: it discards them.

    broker_port: of new connections; the test may change it.
    """

    def __init__(self, broker_port: int) -> None:
        self.broker_port = broker_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.connections: list[Connection] = []
        self.swallow = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._ending, self._recording = threading.Event(), threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._ending.set()
        self._server.close()
        self.cut()

    def cut(self) -> None:
        with self._recording:
            for pair in self._pairs:
                for end in pair:
                    end.close()
            self._pairs.clear()

    def sparkplug(self) -> list[Connection]:
        """The packets of each connection with a will on NDEATH; other clients are left out."""
        return [found for found in list(self.connections) if found and "/NDEATH/" in found[0].topic]

    def sent_of(self, what: str) -> list[Packet]:
        return [packet for found in self.sparkplug() for packet in list(found) if packet.what == what]

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            found = Connection()
            self.connections.append(found)
            threading.Thread(target=self._serve, args=(client, found), daemon=True).start()

    def _serve(self, client: socket.socket, found: Connection) -> None:
        """A CONNECT packet is recorded even when the broker is unreachable."""
        first = bytearray()
        try:
            client.settimeout(2)
            first += client.recv(65536)
            broker = socket.create_connection(("127.0.0.1", self.broker_port), 2)
        except OSError:
            client.close()
            return
        finally:
            whole = bytes(first)
            found.extend(packets(first, self._time_after_earlier_packets()))
        self._pairs.append((client, broker))
        self._carry(client, broker, found, whole)

    def _time_after_earlier_packets(self) -> float:
        """The present time, once everything that arrived on other connections before is recorded: their threads may be
        late. At most a second later, because another client may send all the time."""
        until_s = time.monotonic() + 1
        while True:
            with self._recording:
                waiting = select.select([end for end, _ in self._pairs if end.fileno() >= 0], [], [], 0)[0]
                if not waiting or time.monotonic() > until_s:
                    return time.monotonic()
            time.sleep(0.001)

    def _carry(self, client: socket.socket, broker: socket.socket, found: Connection, first: bytes) -> None:
        streams = {client: bytearray(), broker: bytearray()}
        try:
            broker.sendall(first)
            while True:
                ready, _, _ = select.select([client, broker], [], [], 0.2)
                for end in ready:
                    with self._recording:
                        data = end.recv(65536)
                        streams[end] += data
                        for packet in packets(streams[end], time.monotonic(), not found or found[0].level != 5):
                            packet.swallowed, packet.received = self.swallow, end is broker
                            packet.utc_ms = time.time_ns() // 1_000_000
                            (found.received if packet.received else found).append(packet)
                    if not data:
                        return
                    if not self.swallow:
                        (broker if end is client else client).sendall(data)
        except (OSError, ValueError):
            return
        finally:
            with self._recording:
                client.close()
                broker.close()
