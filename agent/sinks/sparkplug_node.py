"""The Sparkplug edge node as a state machine: what is born, with which sequence number, and what each message holds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from typing import Any

from agent.config import Config
from agent.health import row_name
from agent.metrics import Metric, by_name
from agent.sinks.shapes import expected
from agent.sinks.sparkplug_book import Book, Said, keep, news, write_birth, write_data
from agent.sinks.sparkplug_types import BOOLEAN, DOUBLE, INT64, STRING, Payload
from agent.topology import Asset
from drivers.reading import Clock

NAMESPACE = "spBv1.0"
Send = Callable[[str, bytes], None]


class Node:
    """send(topic, payload): QoS 0, not retained, in the order of the calls."""

    def __init__(
        self, group: str, node: str, config: Config, assets: tuple[Asset, ...], clock: Clock, send: Send
    ) -> None:
        self.born = False
        self._group, self._node, self._clock, self._send = group, node, clock, send
        self._seq = self._bd_seq = 0
        self._aliases = itertools.count(1)
        self._own = Book(self._aliases, _own_row)
        keep([self._own.state("Properties/agent", f"magwatt {metadata.version('magwatt')}", 0)])
        self._own.expect("event", ((row.name, row) for row in by_name("event").values()))
        self._assets: dict[str, Asset] = {}
        self._books: dict[str, Book] = {}
        self._alive: set[str] = set()  # as their state says
        self._born: set[str] = set()
        self.renew(config, assets)

    def topic(self, kind: str, device: str | None = None) -> str:
        return "/".join([NAMESPACE, self._group, kind, self._node, *([device] if device else [])])

    def to_be_born(self, device: str) -> bool:
        return device in self._alive and device not in self._born

    def living(self) -> list[str]:
        """In the order of the configuration."""
        return [name for name in self._books if name in self._alive]

    def renew(self, config: Config, assets: tuple[Asset, ...]) -> None:
        """Other motors: who is gone dies; who changed is born anew, with all that it may say now."""
        self._own.expect("health", _own_health(config))
        wanted = {asset.name: asset for asset in assets}
        for name in [name for name in self._books if name not in wanted]:
            self._alive.discard(name)
            self._die(name)
            del self._books[name]
        for name, asset in wanted.items():
            if self._assets.get(name) != asset:
                self._books[name] = self._new_book(asset)
                if name in self._born:
                    self.device_birth(name)
        self._assets = wanted

    def _new_book(self, asset: Asset) -> Book:
        book = Book(self._aliases, lambda kind, name: asset.metrics(kind).get(name))
        for kind, metrics in expected(asset).items():
            book.expect(kind, ((row.name, row) for row in metrics))
        nameplate: dict[str, Any] = {"Properties/name": asset.title}
        if asset.motor:
            motor = asset.motor
            nameplate |= {
                "Properties/kind": motor.kind,
                "Properties/rated_power_kw": motor.kw,
                "Properties/rated_speed_rpm": motor.rpm,
                "Properties/rated_voltage_v": motor.volts,
            }
        for name, value in nameplate.items():
            keep([book.state(name, value, 0, DOUBLE if isinstance(value, float) else STRING)])
        for name in ("state", "state_reason"):
            book.state(name, None, 0)
        return book

    def birth(self, bd_seq: int) -> int:
        """NBIRTH; every device is to be born after it. Returns its size in bytes."""
        self._seq, self._bd_seq, self.born = 0, bd_seq, True
        self._born.clear()
        payload = self._payload()
        payload.metrics.add(name="bdSeq", timestamp=payload.timestamp, datatype=INT64, long_value=bd_seq)
        payload.metrics.add(
            name="Node Control/Rebirth", timestamp=payload.timestamp, datatype=BOOLEAN, boolean_value=False
        )
        write_birth(payload, self._own)
        return self._say("NBIRTH", None, payload)

    def device_birth(self, device: str) -> int:
        self._born.add(device)
        payload = self._payload()
        write_birth(payload, self._books[device])
        return self._say("DBIRTH", device, payload)

    def death(self, bd_seq: int) -> bytes:
        """Of the will and of a clean end: bdSeq only, without a sequence number."""
        payload = Payload(timestamp=self._now_ms())
        payload.metrics.add(name="bdSeq", timestamp=payload.timestamp, datatype=INT64, long_value=bd_seq)
        data: bytes = payload.SerializeToString()
        return data

    def end_session(self) -> None:
        self.born = False
        self._born.clear()

    def tell(self, asset: str | None, text: bytes) -> None:
        """A retained text of the JSON dialect: the state of an asset, or the node's own info."""
        body = json.loads(text) if text else {}
        if asset is None:
            for key in ("config", "boot", "simulated"):
                keep([self._own.state(f"Properties/{key}", body.get(key), int(body["t"]))])
            return
        if asset not in self._books or "state" not in body:
            return
        book, t_ms = self._books[asset], int(body["t"])
        reason = "; ".join(item["text"] for item in body.get("reason", []))
        said = [book.state("state", body["state"], t_ms), book.state("state_reason", reason, t_ms)]
        keep(said)
        if body["state"] == "offline":
            self._alive.discard(asset)
            self._die(asset)
            return
        revives = asset not in self._alive
        self._alive.add(asset)
        if not self.born:
            return
        if revives:
            self.device_birth(asset)
        else:
            self._data(asset, news(said), t_ms, historical=False)

    def row(self, asset: str | None, kind: str, body: Mapping[str, Any], historical: bool) -> int:
        """One message of the agent. Returns the bytes of a birth that it needed."""
        if asset is not None and asset not in self._books:
            return 0  # of a motor that was taken out of the configuration: nobody can be told any more
        book = self._own if asset is None else self._books[asset]
        said, unheard_of = book.read(kind, body)
        keep(said)
        size = 0
        if asset is None and unheard_of:  # its birth renews everything
            living = [name for name in self._books if name in self._born]
            size = self.birth(self._bd_seq) + sum(map(self.device_birth, living))
        if asset is not None and (unheard_of or asset not in self._born):
            if not historical and asset not in self._alive:
                return 0  # its DDEATH has said it all
            size = self.device_birth(asset)
        if historical:
            self._data(asset, said, int(body["t"]), historical)
        elif size == 0:
            self._data(asset, news(said), int(body["t"]), historical)
        return size

    def bury(self) -> None:
        """No history is left to be told: who was born only for that dies again."""
        for name in self._born - self._alive:
            self._die(name)

    def _die(self, device: str) -> None:
        if device in self._born:
            self._born.discard(device)
            self._say("DDEATH", device, self._payload())

    def _data(self, device: str | None, said: list[Said], t_ms: int, historical: bool) -> None:
        if said:
            payload = self._payload(t_ms)
            write_data(payload, said, historical)
            self._say("DDATA" if device else "NDATA", device, payload)

    def _payload(self, t_ms: int | None = None) -> Any:
        return Payload(timestamp=self._now_ms() if t_ms is None else t_ms)

    def _say(self, kind: str, device: str | None, payload: Any) -> int:
        payload.seq, self._seq = self._seq, (self._seq + 1) % 256
        data = payload.SerializeToString()
        self._send(self.topic(kind, device), data)
        return len(data)

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000


def _own_row(kind: str, name: str) -> Metric | None:
    return by_name(kind).get(row_name(name) if kind == "health" else name)


def _own_health(config: Config) -> Iterator[tuple[str, Metric]]:
    """The rows of `health`, those of buses once for each."""
    for row in by_name("health").values():
        names = [row.name.replace("*", bus) for bus in config.buses] if "*" in row.name else [row.name]
        yield from ((name, row) for name in names)
