"""Topics, ids and retained texts: what the agent says about itself and its motors, whatever carries it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from agent import VERSION
from agent.config import Config
from agent.messages import Message, encode, encode_plain
from agent.sinks import DurableSink, LiveSink
from agent.store import Store
from agent.topology import Asset
from drivers.reading import Clock


class Carrier(Protocol):
    """Takes everything at once, past the spool: for runs on virtual time."""

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool: ...


class Publisher:
    """Gives each message its id and a place in the spool, and hands changed texts to all sinks. Thread-safe.

    `sinks` and `live` are set before the first message.
    """

    def __init__(self, config: Config, assets: tuple[Asset, ...], store: Store, clock: Clock) -> None:
        self.root = config.site.root
        self.carrier: Carrier | None = None
        self.sinks: list[DurableSink] = []
        self.live: list[LiveSink] = []
        self.on_renew: list[Callable[[Config, tuple[Asset, ...]], None]] = []  # sinks that must know all motors
        self._config, self._assets, self._store, self._clock = config, assets, store, clock
        self._names: dict[str, dict[str, dict[str, None]]] = {}  # asset → kind → metrics seen, in that order
        self._states: dict[str, bytes] = {}
        self._since: dict[str, tuple[str, int]] = {}  # asset → its state, and since when

    def publish(self, message: Message, settles: int | None = None) -> None:
        """settles: the gap that this message announces."""
        if message.asset:
            self._learn(message.asset, message)
        row = self._store.append(
            message.asset, message.kind, message.t_ms, lambda row_id: encode(message, row_id), message.counters, settles
        )
        if self.carrier is not None:
            self.carrier.publish(row.topic(self.root), row.payload)
        for sink in self.live:
            sink.show(message)

    def tell_event(self, kind: str, text: str) -> None:
        """Something that operators should know, of the gateway itself."""
        self.publish(
            Message(None, "event", self._clock.utc_ns() // 1_000_000, {"event_kind": kind, "event_text": text})
        )

    def announce_gaps(self) -> int:
        """One event for each gap that nobody was told of yet; how many. Waits for the disk. Raises StoreError."""
        gaps = self._store.take_gaps()
        for gap in gaps:
            values = {
                "event_kind": "data_gap",
                "event_start_ms": gap.from_ms,
                "event_rows": gap.rows,
                "gap_message_type": gap.kind,
                "event_text": gap.reason,
                "event_number": gap.g,
            }
            self.publish(Message(None, "event", gap.to_ms, values), settles=gap.g)
        return len(gaps)

    def tell_state(self, asset: str, word: str, reason: str) -> None:
        """A state lasts while its word does: another reason changes no `since`. Nothing is kept of who is no asset any
        longer, such as a motor on hold that was taken out of the configuration."""
        if all(item.name != asset for item in self._assets):
            return
        now_ms = self._clock.utc_ns() // 1_000_000
        before, since_ms = self._since.get(asset, ("", 0))
        if word != before:
            since_ms = now_ms
        self._since[asset] = (word, since_ms)
        payload = encode_plain("state", now_ms, {"state": word, "reason": reason, "since": since_ms})
        topic = f"{self.root}/{asset}/state"
        self._states[topic] = payload
        self._tell(topic, payload)

    def tell_text(self, asset: str, kind: str, body: Mapping[str, Any], *, keep: bool = False) -> None:
        """A retained text of an asset, which replaces the one before. keep: a broker that was away gets it too."""
        now_ms = self._clock.utc_ns() // 1_000_000
        topic, payload = f"{self.root}/{asset}/{kind}", encode_plain(kind, now_ms, body)
        if keep:
            self._states[topic] = payload
        self._tell(topic, payload)

    def _tell(self, topic: str, payload: bytes) -> None:
        if self.carrier is not None:
            self.carrier.publish(topic, payload, retain=True)
        for sink in self.sinks:
            sink.tell(topic, payload)

    def renew(self, config: Config, assets: tuple[Asset, ...]) -> None:
        """Goes on with another configuration: info and meta are told again, who is gone is taken off the broker."""
        gone = {asset.name for asset in self._assets} - {asset.name for asset in assets}
        self._config, self._assets = config, assets
        for name in gone:
            self._names.pop(name, None)
            self._states.pop(f"{self.root}/{name}/state", None)
            self._since.pop(name, None)
        for name in gone:
            for kind in ("meta", "state", "explain"):
                self._tell(f"{self.root}/{name}/{kind}", b"")
        for renewed in self.on_renew:
            renewed(config, assets)
        for topic, payload in self.greeting():
            self._tell(topic, payload)

    def greeting(self) -> list[tuple[str, bytes]]:
        """Everything retained, for a broker that may know nothing."""
        now_ms = self._clock.utc_ns() // 1_000_000
        texts = [(f"{self.root}/info", encode_plain("info", now_ms, self._info()))]
        texts += [(f"{self.root}/{asset.name}/meta", self._meta(asset, now_ms)) for asset in self._assets]
        return texts + list(self._states.copy().items())

    def _learn(self, asset: str, message: Message) -> None:
        """Meta lists what is really published; a new name sends it again. Of who is no asset any more there is none."""
        known = self._names.get(asset, {}).get(message.kind, {})
        if message.values.keys() <= known.keys():
            return
        found = next((item for item in self._assets if item.name == asset), None)
        if found is not None:  # another dict each time: `_meta` may be reading the one before
            self._names.setdefault(asset, {})[message.kind] = known | dict.fromkeys(message.values)
            self._tell(f"{self.root}/{asset}/meta", self._meta(found, message.t_ms))

    def _info(self) -> dict[str, Any]:
        return {
            "site": self._config.site.id,
            "gateway": self._config.site.gateway,
            "version": VERSION,
            "config": self._config.hash,
            "boot": self._store.boot,
            "simulated": self._config.site.simulated,
            "assets": [asset.name for asset in self._assets],
        }

    def _meta(self, asset: Asset, now_ms: int) -> bytes:
        metrics = {
            kind: {
                row.name: {"unit": row.unit, "about": row.about, "kind": row.kind}
                for row in map(asset.metrics(kind).get, names)
                if row is not None  # a signal that was taken out of the configuration
            }
            for kind, names in self._names.get(asset.name, {}).copy().items()
        }
        body: dict[str, Any] = {"name": asset.title, "metrics": metrics}
        if motor := asset.motor:
            body["motor"] = {
                "kind": motor.kind,
                "rated_power_kw": motor.kw,
                "rated_speed_rpm": motor.rpm,
                "poles": motor.poles,
                "rated_voltage_v": motor.volts,
                "waveform_measuring_point": motor.waveform.measuring_point if motor.waveform else None,
                "efficiency_class": motor.efficiency_class,
            }
        if meter := asset.meter:
            body["meter"] = {
                "name": meter.name,
                "profile": meter.profile,
                "measuring_point": meter.measuring_point,
                "wiring": meter.wiring,
                "class": meter.accuracy_class,
                "ct_class": meter.ct_class,
                "serial_number": meter.serial_number,
            }
        if drive := asset.drive:
            body["drive"] = {"name": drive.name, "profile": drive.profile, "comm_loss": drive.comm_loss}
        if asset.shared:
            body["allocated"] = {
                "rule": asset.rule,
                "branches": [branch.name for branch in asset.branches],
                "share_of_drive": round(asset.drive_share, 6),
            }
        return encode_plain("meta", now_ms, body)
