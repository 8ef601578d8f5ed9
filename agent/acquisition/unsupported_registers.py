"""Rejected requests of each device in the store, so that they are not repeated after a restart."""

from __future__ import annotations

import hashlib
from typing import Any

from agent.acquisition.scheduler import BusPoller, PolledDevice
from agent.delivery.store import Store

FORGET_S = 30 * 86400.0  # after this time all registers are requested again
KIND = "refused"


class UnsupportedRegisterStore:
    """Loads the stored rejections into the devices; `save` stores the changes."""

    def __init__(self, store: Store, buses: list[BusPoller]) -> None:
        self._store = store
        self._devices = [(bus, polled) for bus in buses for polled in bus.devices]
        self._saved: dict[str, Any] = {}
        for bus, polled in self._devices:
            body = store.entry(KIND, polled.device.name, fingerprint(bus, polled), FORGET_S)
            if body is not None:
                _recall(bus, polled, body)
            self._saved[polled.device.name] = _body(bus, polled)

    def save(self) -> None:
        """Stores rejections that changed. Raises StoreError."""
        for bus, polled in self._devices:
            name, body = polled.device.name, _body(bus, polled)
            if body != self._saved[name]:
                self._store.save_entry(KIND, name, fingerprint(bus, polled), body)
                self._saved[name] = body


def fingerprint(bus: BusPoller, polled: PolledDevice) -> str:
    """Identity of a device: its connection, unit identifier and map."""
    wire, device = bus.link.wire, polled.device
    where = wire.serial_port or f"{wire.host}:{wire.port_number}"
    return hashlib.sha256(f"{where} {device.unit} {device.profile}".encode()).hexdigest()[:16]


def _body(bus: BusPoller, polled: PolledDevice) -> dict[str, Any]:
    learnt, unit = polled.device.learnt, polled.device.unit
    tight = sorted([function, address] for where, function, address in bus.link.tight if where == unit)
    return {"split": sorted(map(list, learnt.split)), "absent": sorted(learnt.absent), "tight": tight}


def _recall(bus: BusPoller, polled: PolledDevice, body: dict[str, Any]) -> None:
    learnt = polled.device.learnt
    learnt.split |= {(function, address, count) for function, address, count in body["split"]}
    learnt.absent |= set(body["absent"])
    bus.link.tight |= {(polled.device.unit, function, address) for function, address in body["tight"]}
