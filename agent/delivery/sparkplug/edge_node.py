"""The Sparkplug edge node as a state machine: births, sequence numbers and the content of each message."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agent import VERSION
from agent.config.model import Config
from agent.config.topology import Asset
from agent.core.metrics import Metric, by_name
from agent.core.row_names import gateway_row
from agent.delivery.base.metric_types import expected_metrics
from agent.delivery.sparkplug.condition import alarm_updates, condition_updates, state_metric
from agent.delivery.sparkplug.metric_registry import (
    MetricRegistry,
    MetricUpdate,
    changed_values,
    store_newest,
    text_of_reasons,
    write_birth,
    write_data,
)
from agent.delivery.sparkplug.protobuf import BOOLEAN, INT64, Payload
from drivers.reading import Clock

NAMESPACE = "spBv1.0"
Send = Callable[[str, bytes], None]


class EdgeNode:
    """The node with its devices.

    send: publishes topic and payload with QoS 0, not retained, in the order of the calls.
    born: whether NBIRTH was sent in this session.
    """

    def __init__(
        self, group: str, node: str, config: Config, assets: tuple[Asset, ...], clock: Clock, send: Send
    ) -> None:
        self.born, self._birth_requested = False, False
        self._group, self._node, self._clock, self._send = group, node, clock, send
        self._seq = self._bd_seq = 0
        self._aliases = itertools.count(1)
        self._own = MetricRegistry(self._aliases, gateway_row, self._now_ms())
        self._own.set_constant("agent", f"magwatt {VERSION}")
        self._own.expect("event", ((row.name, row) for row in by_name("event").values()))
        self._assets: dict[str, Asset] = {}
        self._registries: dict[str, MetricRegistry] = {}
        self._online: set[str] = set()  # assets whose state is not offline
        self._offline: set[str] = set()  # those of which it is known to be
        self._alarms: dict[str, dict[str, Mapping[str, Any]]] = {}  # asset → last level of the topic → record
        self._birth_incomplete = False
        self._born: set[str] = set()
        self._indexed: dict[str, frozenset[str]] = {}  # asset → codes of its condition
        self.reconfigure(config, assets)

    def topic(self, kind: str, device: str | None = None) -> str:
        return "/".join([NAMESPACE, self._group, kind, self._node, *([device] if device else [])])

    @property
    def birth_due(self) -> bool:
        """Whether NBIRTH is due, or DBIRTH of a device that is not offline."""
        return not self.born or self._birth_requested or not self._online <= self._born

    @property
    def birth_incomplete(self) -> bool:
        """Whether the node has metrics that its last birth did not have."""
        return self._birth_incomplete

    def request_births(self) -> None:
        """NBIRTH is due again, in the same session; every DBIRTH follows."""
        self._birth_requested = True

    def next_birth(self, bd_seq: int) -> int:
        """Sends the birth that is due next, devices in the order of the configuration. Returns its size in bytes."""
        if not self.born or self._birth_requested:
            return self.birth(bd_seq)
        return self.device_birth(next(name for name in self._registries if name in self._online - self._born))

    def reconfigure(self, config: Config, assets: tuple[Asset, ...]) -> None:
        """Applies a changed configuration: DDEATH of removed devices, DBIRTH of changed ones with all their metrics."""
        self._own.expect("health", _own_health(config))
        before, self._assets = self._assets, {asset.name: asset for asset in assets}
        for name in [name for name in before if name not in self._assets]:
            self._online.discard(name)
            self._send_death(name)
            del self._registries[name]
            self._forget_alarms(name)
        for name, asset in self._assets.items():
            if before.get(name) != asset:
                self._registries[name] = self._new_registry(asset)
                if name in self._born:
                    self.device_birth(name)

    def _new_registry(self, asset: Asset) -> MetricRegistry:
        registry = MetricRegistry(self._aliases, lambda kind, name: asset.metrics(kind).get(name), self._now_ms())
        for kind, metrics in expected_metrics(asset).items():
            registry.expect(kind, ((row.name, row) for row in metrics))
        registry.set_constant("name", asset.title)
        if motor := asset.motor:
            registry.set_constant("kind", motor.kind)
            registry.set_constant("rated_power_kw", motor.kw, "kW")
            registry.set_constant("rated_speed_rpm", motor.rpm, "rpm")
            registry.set_constant("rated_voltage_v", motor.volts, "V")
        for name in ("state", "state_reason"):
            registry.state(name, None, registry.start_ms)
        return registry

    def birth(self, bd_seq: int) -> int:
        """Sends NBIRTH, after which every DBIRTH is due. Returns its size in bytes."""
        self._seq, self._bd_seq, self.born, self._birth_requested = 0, bd_seq, True, False
        self._birth_incomplete = False
        self._born.clear()
        payload = self._payload()
        write_birth(payload, self._own)
        payload.metrics.add(name="bdSeq", timestamp=payload.timestamp, datatype=INT64, long_value=bd_seq)
        payload.metrics.add(
            name="Node Control/Rebirth", timestamp=payload.timestamp, datatype=BOOLEAN, boolean_value=False
        )
        return self._publish("NBIRTH", None, payload)

    def device_birth(self, device: str) -> int:
        """Sends DBIRTH. Returns its size in bytes."""
        self._born.add(device)
        payload = self._payload()
        write_birth(payload, self._registries[device])
        return self._publish("DBIRTH", device, payload)

    def death(self, bd_seq: int) -> bytes:
        """Payload of NDEATH, for the will and for a clean end: bdSeq only, without a sequence number."""
        payload = Payload(timestamp=self._now_ms())
        payload.metrics.add(name="bdSeq", timestamp=payload.timestamp, datatype=INT64, long_value=bd_seq)
        return bytes(payload.SerializeToString())

    def end_session(self) -> None:
        """The connection has ended: births are due again."""
        self.born = False
        self._born.clear()

    def update_retained(self, asset: str | None, text: bytes) -> None:
        """Applies a retained message of the JSON dialect: the state of an asset, or the info of the gateway.

        Sends the death or the changed state of a device; its birth is due afterwards.
        """
        body = json.loads(text) if text else {}
        if asset is None:
            for key in ("config", "boot", "simulated"):
                store_newest([self._own.state(f"Properties/{key}", body.get(key), int(body["t"]))])
            return
        if asset not in self._registries or "state" not in body:
            return
        registry, t_ms = self._registries[asset], int(body["t"])
        reason = text_of_reasons(body.get("reason", ()))
        updates = [registry.state("state", body["state"], t_ms), registry.state("state_reason", reason, t_ms)]
        store_newest(updates)
        if body["state"] == "offline":
            self._online.discard(asset)
            self._offline.add(asset)
            self._send_death(asset)
            for name, record in self._alarms.get(asset, {}).items():
                if record.get("state") != "NORM":
                    self._show_at_node(asset, name, record)
            return
        self._online.add(asset)
        self._offline.discard(asset)
        if asset in self._born:
            self._data(asset, changed_values(updates), historical=False)

    def update_alarm(self, asset: str | None, name: str, text: bytes) -> None:
        """Applies the record of an alarm. name: last level of its topic. One that is deleted keeps its last values.

        After DDEATH a device can send nothing: the alarms of one that is offline are metrics of the node, too.
        """
        if not text or (registry := self._registry(asset)) is None:
            return
        record, known, indexed = json.loads(text), len(registry.metrics), self._indexed.get(asset or "", ())
        self._send_changes(asset, known, alarm_updates(registry, name, record, indexed))
        if asset is not None:
            self._alarms.setdefault(asset, {})[name] = record
            if asset in self._offline or state_metric(f"{asset}/{name}") in self._own.metrics:
                self._show_at_node(asset, name, record)

    def _show_at_node(self, asset: str, name: str, record: Mapping[str, Any]) -> None:
        own, known = f"{asset}/{name}", len(self._own.metrics)
        self._send_changes(None, known, alarm_updates(self._own, own, record, indexed=(own,)))

    def _forget_alarms(self, asset: str) -> None:
        """Of an asset that was removed from the configuration."""
        self._offline.discard(asset)
        shown = [state_metric(f"{asset}/{name}").removesuffix("State") for name in self._alarms.pop(asset, {})]
        gone = [metric for metric in self._own.metrics if metric.startswith(tuple(shown))]
        for metric in gone:
            del self._own.metrics[metric]
        if gone:
            self.request_births()

    def update_condition(self, asset: str, text: bytes) -> None:
        """Applies the condition of an asset."""
        if text and (registry := self._registry(asset)) is not None:
            known, message = len(registry.metrics), json.loads(text)
            self._indexed[asset] = frozenset(message.get("faults") or ())
            self._send_changes(asset, known, condition_updates(registry, message))

    def _registry(self, asset: str | None) -> MetricRegistry | None:
        """None: of an asset that was removed from the configuration."""
        return self._own if asset is None else self._registries.get(asset)

    def _send_changes(self, asset: str | None, known: int, updates: list[MetricUpdate]) -> None:
        """known: number of metrics before; a new one makes the birth due again."""
        store_newest(updates)
        registry, born = self._registry(asset), self.born if asset is None else asset in self._born
        if not born or registry is None:
            return
        if asset is None and (self._birth_incomplete or len(registry.metrics) != known):
            self._birth_incomplete = True
            self.request_births()
        elif len(registry.metrics) == known:
            self._data(asset, changed_values(updates), historical=False)
        else:
            self._born.discard(asset)

    def row(self, asset: str | None, kind: str, body: Mapping[str, Any], historical: bool) -> int:
        """Sends one message of the agent. Returns the size of the births that it required, bytes."""
        if asset is not None and asset not in self._registries:
            return 0  # of an asset that was removed from the configuration
        registry = self._own if asset is None else self._registries[asset]
        updates, undeclared = registry.read(kind, body)
        store_newest(updates, historical)
        size = 0
        if asset is None and undeclared:  # NBIRTH makes all DBIRTH messages due
            born = [name for name in self._registries if name in self._born]
            size = self.birth(self._bd_seq) + sum(map(self.device_birth, born))
        if asset is not None and (undeclared or asset not in self._born):
            if not historical and asset not in self._online:
                return 0  # the device is offline: DDEATH was sent
            size = self.device_birth(asset)
        if historical:
            self._data(asset, updates, historical)
        elif size == 0:
            self._data(asset, changed_values(updates), historical)
        return size

    def send_due_deaths(self) -> None:
        """No backlog is left: sends DDEATH of offline devices that were born to deliver it."""
        for name in self._born - self._online:
            self._send_death(name)

    def _send_death(self, device: str) -> None:
        if device in self._born:
            self._born.discard(device)
            self._publish("DDEATH", device, self._payload())

    def _data(self, device: str | None, updates: list[MetricUpdate], historical: bool) -> None:
        if updates:
            payload = self._payload()
            write_data(payload, updates, historical)
            self._publish("DDATA" if device else "NDATA", device, payload)

    def _payload(self) -> Any:
        """A message with the time of its sending; its metrics have their own times."""
        return Payload(timestamp=self._now_ms())

    def _publish(self, kind: str, device: str | None, payload: Any) -> int:
        payload.seq, self._seq = self._seq, (self._seq + 1) % 256
        data = payload.SerializeToString()
        self._send(self.topic(kind, device), data)
        return len(data)

    def _now_ms(self) -> int:
        return self._clock.utc_ns() // 1_000_000


def _own_health(config: Config) -> Iterator[tuple[str, Metric]]:
    """The metrics of `health`, those of buses once for each bus."""
    for row in by_name("health").values():
        names = [row.name.replace("*", bus) for bus in config.buses] if "*" in row.name else [row.name]
        yield from ((name, row) for name in names)
