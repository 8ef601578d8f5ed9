"""Home Assistant: each motor, each shared meter and the gateway as a device with entities (MQTT device discovery).

The values come over the JSON topics. Entities are created for the metrics that an asset has published. The dialect
uses a separate connection, because it subscribes to the birth message of Home Assistant.
"""

from __future__ import annotations

import json
import logging
import math
import threading
from importlib import metadata
from typing import Any

from agent.config.model import Config
from agent.config.topology import Asset
from agent.core.messages import Message
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
    """`on_published` and `reconfigure` may be called from any thread; the rest runs in the thread of the link."""

    def __init__(self, config: Config, assets: tuple[Asset, ...], root: str, store: Store) -> None:
        settings, broker = config.dialects.homeassistant, config.mqtt
        assert settings is not None
        assert broker is not None
        site = config.site
        self.link = MqttConnection("homeassistant", broker, f"magwatt-{site.id}-{site.gateway}-homeassistant", self)
        self._prefix, self._root, self._store = settings.prefix, root, store
        self._ids = EntityIds(site.id, site.gateway)
        self._origin = {"o": {"name": "magwatt", "sw": metadata.version("magwatt")}}
        self._lock = threading.Lock()
        self._assets = {asset.name: asset for asset in assets}
        self._names: dict[str, dict[str, dict[str, None]]] = {}  # asset → kind → metrics published, in order
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

    def reconfigure(self, config: Config, assets: tuple[Asset, ...]) -> None:
        with self._lock:
            new = {asset.name: asset for asset in assets}
            for name in self._assets.keys() - new.keys():
                self._topics_to_delete.add(self._topic(name))
                self._names.pop(name, None)
            self._due |= dict.fromkeys(name for name, asset in new.items() if self._assets.get(name) != asset)
            self._topics_to_delete -= {self._topic(name) for name in new}
            self._assets = new
        self.link.update_settings(config.mqtt)
        self.link.wake()

    # Called by the link. There is no will, and discovery messages stay: the topic `status` of the
    # JSON dialect shows whether the gateway is online.

    def on_connected(self, properties: Any) -> None:
        self.link.subscribe([f"{self._prefix}/status"])
        self._republish_all(0.0)

    def send_due(self, now_s: float) -> float:
        with self._lock:
            if self._republish_after_s is not None:
                self._due = dict.fromkeys((GATEWAY, *self._assets))
                self._due_s, self._republish_after_s = now_s + self._republish_after_s, None
            elif math.isinf(self._due_s):
                self._due_s = now_s + SETTLE_S
            if now_s < self._due_s:
                return min(IDLE_S, self._due_s - now_s)
            if (wait_s := self._birth_limiter.wait_s(now_s)) > 0:
                return wait_s
            if (discovery := self._next()) is None:
                return IDLE_S
        topic, body = discovery
        message = json.dumps(self._origin | body, ensure_ascii=False, separators=(",", ":")) if body else ""
        payload = message.encode()
        mid = self.link.publish(topic, payload, retain=True)
        self._birth_limiter.spend(now_s, len(payload) + len(topic))
        if body:
            self._save_names(topic)
        else:
            self._removing[mid] = topic
        return 0.0

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

    def _next(self) -> tuple[str, dict[str, Any] | None] | None:
        """Topic and content of the next discovery message, removals (None) first. Called under the lock."""
        if self._topics_to_delete:
            return self._topics_to_delete.pop(), None
        while self._due:
            name = GATEWAY if GATEWAY in self._due else next(iter(self._due))
            del self._due[name]
            names = self._names.get(name, {})
            if name == GATEWAY:
                return self._topic(name), gateway_device(self._ids, self._root, names)
            if name in self._assets and names:
                return self._topic(name), asset_device(self._assets[name], self._ids, self._root, names)
        return None

    def _topics(self) -> set[str]:
        return {self._topic(name) for name in (GATEWAY, *self._assets)}

    def _topic(self, asset: str) -> str:
        return f"{self._prefix}/device/{self._ids.of(asset) if asset else self._ids.gateway}/config"

    # Stored over restarts: published names, because some are published only every ten minutes, and topics to delete.

    def _load_names(self) -> None:
        try:
            for name, kinds in self._store.entries(f"{ENTRY_KIND} names").items():
                if name in self._assets or name == GATEWAY:
                    self._names[name] = {kind: dict.fromkeys(published) for kind, published in kinds.items()}
        except (AttributeError, TypeError) as error:
            log.warning("homeassistant: the stored names of entities cannot be read: %s", error)

    def _save_names(self, topic: str) -> None:
        """Waits for the disk."""
        with self._lock:
            names = {
                name: {kind: list(published) for kind, published in kinds.items()}
                for name, kinds in self._names.items()
                if self._topic(name) == topic
            }
        try:
            self._store.save_entry(f"{ENTRY_KIND} topics", topic, "", {})
            for name, kinds in names.items():
                self._store.save_entry(f"{ENTRY_KIND} names", name, "", kinds)
        except StoreError as error:
            log.warning("homeassistant: names of entities not saved: %s", error)
