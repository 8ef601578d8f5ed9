"""Home Assistant: each motor, each shared meter and the gateway as a device with entities (MQTT device discovery).

The values come over the JSON topics. Entities are created for the metrics that an asset has published. The dialect
uses a separate connection, because it subscribes to the birth message of Home Assistant. Of the alarms of an asset it
publishes a summary (condition.py).
"""

from __future__ import annotations

import json
import logging
import math
import threading
from typing import Any

from agent import VERSION
from agent.config.model import Config
from agent.config.topology import Asset
from agent.core.messages import Message
from agent.delivery.homeassistant.condition import SUMMARY, MotorAlarms
from agent.delivery.homeassistant.entities import EntityIds, asset_device, gateway_device
from agent.delivery.mqtt.backoff import DisconnectReason
from agent.delivery.mqtt.connection import MqttConnection, MqttHandler
from agent.delivery.mqtt.rate_limit import BirthRateLimiter
from agent.delivery.store import Store, StoreError
from drivers.reasons import Reason

log = logging.getLogger(__name__)

ENTRY_KIND = "homeassistant"
SETTLE_S = 3.0  # new names come in groups: one discovery message for all
JITTER_S = 5.0  # after the birth message of Home Assistant, which all gateways receive at the same time
IDLE_S = 0.5
GATEWAY = ""  # key in the tables of names


class HomeAssistantSink(MqttHandler):
    """`on_published`, `on_retained` and `reconfigure` may be called from any thread; the rest runs in the thread of the
    link."""

    def __init__(self, config: Config, assets: tuple[Asset, ...], root: str, store: Store) -> None:
        settings, broker = config.dialects.homeassistant, config.mqtt
        assert settings is not None
        assert broker is not None
        site = config.site
        self.link = MqttConnection("homeassistant", broker, f"magwatt-{site.id}-{site.gateway}-homeassistant", self)
        self._prefix, self._root, self._store = settings.prefix, root, store
        self._ids = EntityIds(site.id, site.gateway)
        self._origin = {"o": {"name": "magwatt", "sw": VERSION}}
        self._lock = threading.Lock()
        self._assets = {asset.name: asset for asset in assets}
        self._names: dict[str, dict[str, dict[str, None]]] = {}  # asset → kind → metrics published, in order
        self._alarms = MotorAlarms(root)
        self._summaries_due: dict[str, None] = {}  # assets
        self._load_names()
        self._due = dict.fromkeys((GATEWAY, *self._names))  # whose discovery message is to be sent, in this order
        self._due_s = 0.0
        self._republish_after_s: float | None = 0.0  # all discovery messages after this delay
        self._topics_to_delete = set(store.entries(f"{ENTRY_KIND} topics")) - self._topics()
        self._removing: dict[int, str] = {}  # packet → topic whose retained message it deletes
        self._birth_limiter = BirthRateLimiter()

    def start(self) -> None:
        self.link.start()

    def on_published(self, message: Message) -> None:
        asset = message.asset or GATEWAY
        with self._lock:
            known = self._names.setdefault(asset, {}).setdefault(message.kind, {})
            uncertain = [f"{name}_u" for name in message.uncertainties]
            new = [name for name in (*message.values, *uncertain) if name not in known]
            if not new or (asset and asset not in self._assets):
                return
            known.update(dict.fromkeys(new))
            self._due.setdefault(asset)
            self._due_s = math.inf  # set by the next `send_due`
        self.link.wake()

    def on_retained(self, topic: str, payload: bytes, retain: bool) -> None:
        """Receives each message of the agent, and takes the alarms and conditions of its motors."""
        if not retain:
            return
        with self._lock:
            if (changed := self._alarms.take(topic, payload)) is None or changed[0] not in self._assets:
                return
            asset, kind = changed
            known = self._names.setdefault(asset, {})
            if kind == "alarm":
                self._summaries_due[asset] = None
            if kind == "condition" or "alarm" not in known:
                known.setdefault(kind, {})
                self._due.setdefault(asset)
                self._due_s = math.inf
        self.link.wake()

    def reconfigure(self, config: Config, assets: tuple[Asset, ...]) -> None:
        with self._lock:
            new = {asset.name: asset for asset in assets}
            for name in self._assets.keys() - new.keys():
                self._topics_to_delete.add(self._topic(name))
                if "alarm" in self._names.pop(name, {}):
                    self._topics_to_delete.add(self._summary_topic(name))
                self._alarms.forget(name)
                self._summaries_due.pop(name, None)
            self._due |= dict.fromkeys(name for name, asset in new.items() if self._assets.get(name) != asset)
            self._assets = new
            self._topics_to_delete -= self._topics()
        self.link.update_settings(config.mqtt)
        self.link.wake()

    # Called by the link. There is no will, and discovery messages stay: the topic `status` of the
    # JSON dialect shows whether the gateway is online.

    def on_connected(self, properties: Any) -> None:
        self.link.subscribe([f"{self._prefix}/status"])
        self._republish_all(0.0)

    def send_due(self, now_s: float) -> float:
        with self._lock:
            self._set_times(now_s)
            if (wait_s := self._birth_limiter.wait_s(now_s)) > 0:
                return wait_s
            message = self._next_summary() or (self._next() if now_s >= self._due_s else None)
            if message is None:
                return min(IDLE_S, self._due_s - now_s) if now_s < self._due_s else IDLE_S
        topic, payload = message
        mid = self.link.publish(topic, payload, retain=True)
        self._birth_limiter.spend(now_s, len(payload) + len(topic))
        if not payload:
            self._removing[mid] = topic
        elif not topic.endswith(f"/{SUMMARY}"):
            self._save_names(topic)
        return 0.0

    def _set_times(self, now_s: float) -> None:
        """Everything is due after a request, and new entities together a moment after the first. Under the lock."""
        if self._republish_after_s is not None:
            self._due = dict.fromkeys((GATEWAY, *self._assets))
            self._due_s, self._republish_after_s = now_s + self._republish_after_s, None
            self._summaries_due = dict.fromkeys(name for name in self._assets if name in self._alarms)
        elif math.isinf(self._due_s):
            self._due_s = now_s + SETTLE_S

    def on_message(self, topic: str, payload: bytes, retained: bool) -> None:
        if payload == b"online":
            self._republish_all(self.link.chance.uniform(0, JITTER_S))

    def on_confirmed(self, mid: int, code: int) -> None:
        """A removal is repeated until it is confirmed; discovery messages are repeated with each connection."""
        topic = self._removing.pop(mid, None)
        if topic is not None and topic not in self._topics():
            try:
                self._store.delete_entry(f"{ENTRY_KIND} topics", topic)
            except StoreError as error:
                log.warning("homeassistant: names of entities not saved: %s", error)

    def on_disconnected(self, end: DisconnectReason, reason: Reason | None) -> None:
        with self._lock:
            self._topics_to_delete |= set(self._removing.values()) - self._topics()
            self._removing.clear()

    def _republish_all(self, delay_s: float) -> None:
        with self._lock:
            self._republish_after_s = delay_s

    def _next(self) -> tuple[str, bytes] | None:
        """The next discovery message, removals (without content) first. Called under the lock."""
        if self._topics_to_delete:
            return self._topics_to_delete.pop(), b""
        while self._due:
            name = GATEWAY if GATEWAY in self._due else next(iter(self._due))
            del self._due[name]
            names = self._names.get(name, {})
            if name == GATEWAY:
                return self._topic(name), self._encoded(gateway_device(self._ids, self._root, names))
            if name in self._assets and names:
                body = asset_device(self._assets[name], self._ids, self._root, names, self._alarms.indices.get(name))
                return self._topic(name), self._encoded(body)
        return None

    def _next_summary(self) -> tuple[str, bytes] | None:
        """The alarms of the next asset whose alarms have changed. Called under the lock."""
        for name in self._summaries_due:
            del self._summaries_due[name]
            return self._summary_topic(name), self._alarms.summary(name, self._store.now_ms)
        return None

    def _encoded(self, body: dict[str, Any]) -> bytes:
        return json.dumps(self._origin | body, ensure_ascii=False, separators=(",", ":")).encode()

    def _topics(self) -> set[str]:
        return {*map(self._topic, (GATEWAY, *self._assets)), *map(self._summary_topic, self._assets)}

    def _summary_topic(self, asset: str) -> str:
        return f"{self._root}/{asset}/{SUMMARY}"

    def _topic(self, asset: str) -> str:
        return f"{self._prefix}/device/{self._ids.of(asset) if asset else self._ids.gateway}/config"

    # Stored over restarts: published names, because some are published only every ten minutes, and topics to delete.

    def _load_names(self) -> None:
        try:
            for name, kinds in self._store.entries(f"{ENTRY_KIND} names").items():
                if name in self._assets or name == GATEWAY:
                    self._names[name] = {kind: dict.fromkeys(published) for kind, published in kinds.items()}
            for name, indices in self._store.entries(f"{ENTRY_KIND} indices").items():
                if name in self._assets:
                    self._alarms.indices[name] = dict(indices)
        except (AttributeError, TypeError) as error:
            log.warning("homeassistant: the stored names of entities cannot be read: %s", error)

    def _save_names(self, topic: str) -> None:
        """Of the asset with this discovery topic. Waits for the disk."""
        with self._lock:
            asset = next((name for name in self._names if self._topic(name) == topic), None)
            kinds = {kind: list(published) for kind, published in self._names.get(asset or GATEWAY, {}).items()}
            indices = self._alarms.indices.get(asset or GATEWAY, {})
        try:
            self._store.save_entry(f"{ENTRY_KIND} topics", topic, "", {})
            if asset is None:
                return
            self._store.save_entry(f"{ENTRY_KIND} names", asset, "", kinds)
            if indices:
                self._store.save_entry(f"{ENTRY_KIND} indices", asset, "", indices)
            if "alarm" in kinds:
                self._store.save_entry(f"{ENTRY_KIND} topics", self._summary_topic(asset), "", {})
        except StoreError as error:
            log.warning("homeassistant: names of entities not saved: %s", error)
