"""Rejected requests of each device in the store, so that they are not repeated after a restart."""

from __future__ import annotations

from typing import Any

from agent.acquisition.device_fingerprint import fingerprint_of
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
            body = store.entry(KIND, polled.device.name, _fingerprint(bus, polled), FORGET_S)
            if body is not None:
                _load(bus, polled, body)
            self._saved[polled.device.name] = _body(bus, polled)

    def save(self) -> None:
        """Stores rejections that changed. Raises StoreError."""
        for bus, polled in self._devices:
            name, body = polled.device.name, _body(bus, polled)
            if body != self._saved[name]:
                self._store.save_entry(KIND, name, _fingerprint(bus, polled), body)
                self._saved[name] = body


def _fingerprint(bus: BusPoller, polled: PolledDevice) -> str:
    return fingerprint_of(bus.link.wire.where, polled.device.unit, polled.device.profile)


def _body(bus: BusPoller, polled: PolledDevice) -> dict[str, Any]:
    unsupported, unit = polled.device.unsupported, polled.device.unit
    no_overread = sorted([function, address] for where, function, address in bus.link.no_overread if where == unit)
    rejected_blocks = sorted(map(list, unsupported.rejected_blocks))
    return {"split": rejected_blocks, "absent": sorted(unsupported.registers), "tight": no_overread}


def _load(bus: BusPoller, polled: PolledDevice, body: dict[str, Any]) -> None:
    unsupported = polled.device.unsupported
    unsupported.rejected_blocks |= {(function, address, count) for function, address, count in body["split"]}
    unsupported.registers |= set(body["absent"])
    bus.link.no_overread |= {(polled.device.unit, function, address) for function, address in body["tight"]}
