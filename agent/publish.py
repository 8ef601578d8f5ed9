"""Topics, ids and retained texts: what the agent says about itself and its motors, whatever carries it."""

from __future__ import annotations

import threading
from importlib import metadata
from typing import Any, Protocol

from agent.config import Config
from agent.messages import Message, encode, encode_plain
from agent.store import Store
from agent.topology import Asset
from drivers.reading import Clock


class Carrier(Protocol):
    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool: ...


class Publisher:
    """Gives each message its topic and id. Thread-safe: the computing thread and the MQTT thread both come here."""

    def __init__(self, config: Config, assets: tuple[Asset, ...], store: Store, clock: Clock) -> None:
        site = config.site
        self.root = f"{site.topic_prefix or f'magwatt/v1/{site.id}'}/{site.gateway}"
        self.carrier: Carrier | None = None
        self._config, self._assets, self._store, self._clock = config, assets, store, clock
        self._names: dict[str, dict[str, list[str]]] = {}  # asset → kind → metrics seen
        self._states: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def publish(self, message: Message) -> None:
        with self._lock:
            message_id = self._store.next_id()
        topic = f"{self.root}/{message.asset}/{message.kind}" if message.asset else f"{self.root}/{message.kind}"
        if message.asset:
            self._learn(message.asset, message)
        if self.carrier is not None:
            self.carrier.publish(topic, encode(message, message_id))

    def tell_state(self, asset: str, word: str, reason: str) -> None:
        now_ms = self._clock.utc_ns() // 1_000_000
        payload = encode_plain("state", now_ms, {"state": word, "reason": reason, "since": now_ms})
        self._states[f"{self.root}/{asset}/state"] = payload
        if self.carrier is not None:
            self.carrier.publish(f"{self.root}/{asset}/state", payload, retain=True)

    def greeting(self) -> list[tuple[str, bytes]]:
        """Everything retained, for a broker that may know nothing."""
        now_ms = self._clock.utc_ns() // 1_000_000
        texts = [(f"{self.root}/info", encode_plain("info", now_ms, self._info()))]
        texts += [(f"{self.root}/{asset.name}/meta", self._meta(asset, now_ms)) for asset in self._assets]
        return texts + list(self._states.items())

    def _learn(self, asset: str, message: Message) -> None:
        """Meta lists what is really published; a new name sends it again."""
        known = self._names.setdefault(asset, {}).setdefault(message.kind, [])
        new = [name for name in message.values if name not in known]
        if new:
            known += new
            if self.carrier is not None:
                found = next(item for item in self._assets if item.name == asset)
                self.carrier.publish(f"{self.root}/{asset}/meta", self._meta(found, message.t_ms), retain=True)

    def _info(self) -> dict[str, Any]:
        return {
            "site": self._config.site.id,
            "gateway": self._config.site.gateway,
            "version": metadata.version("magwatt"),
            "config": self._config.hash,
            "boot": self._store.boot,
            "simulated": self._config.site.simulated,
            "assets": [asset.name for asset in self._assets],
        }

    def _meta(self, asset: Asset, now_ms: int) -> bytes:
        metrics = {
            kind: {
                row.name: {"unit": row.unit, "about": row.about, "kind": row.kind}
                for row in map(asset.metrics(kind).__getitem__, names)
            }
            for kind, names in self._names.get(asset.name, {}).items()
        }
        body: dict[str, Any] = {"name": asset.title, "metrics": metrics}
        if motor := asset.motor:
            body["motor"] = {
                "kind": motor.kind,
                "rated_power_kw": motor.kw,
                "rated_speed_rpm": motor.rpm,
                "poles": motor.poles,
                "rated_voltage_v": motor.volts,
                "waveform_at": motor.waveform.at if motor.waveform else None,
                "efficiency_class": motor.efficiency_class,
            }
        if meter := asset.meter:
            body["meter"] = {
                "name": meter.name,
                "profile": meter.profile,
                "at": meter.at,
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
