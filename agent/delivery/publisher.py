"""Ids, topics and retained messages of the gateway and its motors, independent of the transport."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import agent.delivery.reasons  # noqa: F401 - declares the codes of gaps that sinks cause
from agent import VERSION
from agent.config.model import Config
from agent.config.topology import Asset
from agent.core.local_time import zone_of
from agent.core.messages import Message, encode, encode_plain, event
from agent.core.text import as_object
from agent.delivery.base.sink import DurableSink, LiveSink, Sink
from agent.delivery.store import Store
from drivers.reading import Clock
from drivers.reasons import Reason


class Publisher:
    """Appends messages to the spool, with their ids, and passes changed retained messages to all sinks. Thread-safe.

    on_message: receives topic, payload and the retain flag of every message immediately, without the spool: for runs on
        virtual time.
    sinks, live: set before the first message.
    followers: each receives the same; set before the first message, must not block.
    """

    def __init__(self, config: Config, assets: tuple[Asset, ...], store: Store, clock: Clock) -> None:
        self.root = config.site.root
        self.on_message: Callable[[str, bytes, bool], None] = lambda topic, payload, retain: None
        self.sinks: list[DurableSink] = []
        self.live: list[LiveSink] = []
        self.followers: list[Callable[[str, bytes, bool], None]] = []
        self._config, self._store, self._clock = config, store, clock
        self._assets = {asset.name: asset for asset in assets}
        self._names: dict[str, dict[str, dict[str, None]]] = {}  # asset → message type → published metrics, in order
        self._kept: dict[str, bytes] = {}  # topic → retained message that each new connection gets
        self._since: dict[str, tuple[str, int]] = {}  # asset → its state, and its start

    def publish(self, message: Message, announces_gap: int | None = None) -> None:
        """Appends a message. announces_gap: number of the gap that it announces; None: none."""
        if message.asset:
            self._add_metrics(message.asset, message)
        row = self._store.append(
            message.asset,
            message.kind,
            message.t_ms,
            lambda row_id: encode(message, row_id),
            message.counters,
            announces_gap,
        )
        topic = row.topic(self.root)
        self.on_message(topic, row.payload, False)
        for receive in self.followers:
            receive(topic, row.payload, False)
        for sink in self.live:
            sink.on_published(message)

    def publish_event(self, kind: str, reason: Reason) -> None:
        """Publishes an event of the gateway."""
        self.publish(event(None, self._clock.utc_ns() // 1_000_000, kind, [reason]))

    def announce_gaps(self) -> int:
        """Publishes one event for each unannounced gap; returns their number. Waits for the disk. Raises StoreError."""
        gaps = self._store.fetch_gaps()
        for gap in gaps:
            values = {
                "event_start_ms": gap.from_ms,
                "event_rows": gap.rows,
                "gap_message_type": gap.kind,
                "event_number": gap.g,
            }
            self.publish(event(None, gap.to_ms, "data_gap", [gap.reason], values), announces_gap=gap.g)
        return len(gaps)

    def publish_state(self, asset: str, word: str, reasons: Sequence[Reason]) -> None:
        """Publishes the state of an asset, retained. `since` changes only with the word, not with the reasons.

        A state of an asset that is not configured, such as a removed motor in maintenance, is ignored.
        """
        if asset not in self._assets:
            return
        now_ms = self._clock.utc_ns() // 1_000_000
        before, since_ms = self._since.get(asset, ("", 0))
        if word != before:
            since_ms = now_ms
        self._since[asset] = (word, since_ms)
        zone = zone_of(self._config.site.timezone)
        body = {"state": word, "reason": [as_object(reason, zone) for reason in reasons], "since": since_ms}
        self.publish_retained(asset, "state", body, keep=True)

    def publish_retained(
        self, asset: str | None, kind: str, body: Mapping[str, Any], *, name: str = "", keep: bool = False
    ) -> None:
        """Publishes a retained message of an asset. asset: None: of the gateway.

        name: last level of the topic below the kind, such as the code of an alarm.
        keep: it is sent again with each new connection.
        """
        topic = self._topic(asset, kind, name)
        payload = encode_plain(kind, self._clock.utc_ns() // 1_000_000, body)
        if keep:
            self._kept[topic] = payload
        self._send_retained(topic, payload)

    def delete_retained(self, asset: str | None, kind: str, name: str = "") -> None:
        """Deletes a retained message."""
        topic = self._topic(asset, kind, name)
        self._kept.pop(topic, None)
        self._send_retained(topic, b"")

    def _topic(self, asset: str | None, kind: str, name: str) -> str:
        return "/".join(filter(None, (self.root, asset, kind, name)))

    def _send_retained(self, topic: str, payload: bytes) -> None:
        self.on_message(topic, payload, True)
        for sink in self.sinks:
            sink.update_retained(topic, payload)
        for receive in self.followers:
            receive(topic, payload, True)

    def reconfigure(self, config: Config, assets: tuple[Asset, ...]) -> None:
        """Applies a changed configuration: publishes info and meta again, deletes the messages of removed assets."""
        before, self._config = self._assets, config
        self._assets = {asset.name: asset for asset in assets}
        for name in before.keys() - self._assets.keys():
            self._names.pop(name, None)
            self._since.pop(name, None)
            own = f"{self.root}/{name}/"
            kept = [topic for topic in self._kept if topic.startswith(own)]
            for topic in dict.fromkeys((*(own + kind for kind in ("meta", "state", "explain")), *kept)):
                self._kept.pop(topic, None)
                self._send_retained(topic, b"")
        sinks: list[Sink] = [*self.sinks, *self.live]
        for sink in sinks:
            sink.reconfigure(config, assets)
        for topic, payload in self.retained_messages():
            self._send_retained(topic, payload)

    def retained_messages(self) -> list[tuple[str, bytes]]:
        """All retained messages, for a new connection."""
        now_ms = self._clock.utc_ns() // 1_000_000
        texts = [(f"{self.root}/info", encode_plain("info", now_ms, self._info()))]
        texts += [(f"{self.root}/{asset.name}/meta", self._meta(asset, now_ms)) for asset in self._assets.values()]
        return texts + list(self._kept.copy().items())

    def _add_metrics(self, asset: str, message: Message) -> None:
        """Adds newly published metrics to `meta`, and publishes `meta` again. Removed assets are ignored."""
        known = self._names.get(asset, {}).get(message.kind, {})
        if asset in self._assets and not message.values.keys() <= known.keys():
            # A new dict each time: `_meta` may be reading the old one.
            self._names.setdefault(asset, {})[message.kind] = known | dict.fromkeys(message.values)
            self._send_retained(f"{self.root}/{asset}/meta", self._meta(self._assets[asset], message.t_ms))

    def _info(self) -> dict[str, Any]:
        return {
            "site": self._config.site.id,
            "gateway": self._config.site.gateway,
            "version": VERSION,
            "config": self._config.hash,
            "boot": self._store.run_id,
            "simulated": self._config.site.simulated,
            "assets": list(self._assets),
        }

    def _meta(self, asset: Asset, now_ms: int) -> bytes:
        metrics = {
            kind: {
                row.name: {"unit": row.unit, "about": row.about, "kind": row.kind}
                for row in map(asset.metrics(kind).get, names)
                if row is not None  # a signal that was removed from the configuration
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
                "vt_class": meter.vt_class,
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
