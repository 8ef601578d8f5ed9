"""Results of self-checks in the store: which quantities of a device failed, and which were confirmed."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from agent.acquisition.scheduler import BusPoller, PolledDevice
from agent.acquisition.unsupported_registers import fingerprint
from agent.config.model import Config
from agent.delivery.store import Store
from drivers.reasons import Reason

log = logging.getLogger(__name__)

KIND = "selfcheck"


class SelfcheckResult(Struct, frozen=True):
    """The stored result for one device.

    failed: quantities to be published with Quality.UNVERIFIED.
    verified: quantities of confidence `from_memory` that a relation confirmed.
    findings: likely causes, in English for the log.
    """

    failed: tuple[str, ...]
    verified: tuple[str, ...]
    findings: tuple[str, ...]


def save_check(
    store: Store, config: Config, bus: BusPoller, polled: PolledDevice, at_ms: int, *, failed: Iterable[str],
    verified: Iterable[str], findings: Iterable[Reason],
) -> None:  # fmt: skip
    """Stores the result of a self-check for one device, with the fields of SelfcheckResult. Raises StoreError."""
    body = {
        "at_ms": at_ms,
        "failed": list(failed),
        "verified": list(verified),
        "findings": [reason.as_object() | {"text": str(reason)} for reason in findings],
    }
    store.save_entry(KIND, polled.device.name, _key(config, bus, polled), body)


def load_check(store: Store, config: Config, bus: BusPoller, polled: PolledDevice) -> SelfcheckResult | None:
    """The stored result for a device; None if it was not checked since its connection, map or configuration changed."""
    body: dict[str, Any] | None = store.entry(KIND, polled.device.name, _key(config, bus, polled))
    if body is None:
        return None
    findings = tuple(item.get("text", item["code"]) for item in body["findings"])
    return SelfcheckResult(tuple(body["failed"]), tuple(body["verified"]), findings)


def apply_checks(store: Store, config: Config, buses: list[BusPoller]) -> None:
    """Apply the stored results to the devices; log the findings and the devices without a result."""
    unchecked = []
    for bus in buses:
        for polled in bus.devices:
            if polled.device.name not in {*config.meters, *config.drives}:
                continue  # the self-check does not cover signals
            found = load_check(store, config, bus, polled)
            if found is None:
                unchecked.append(polled.device.name)
                continue
            polled.device.apply_selfcheck(found.verified, found.failed)
            for text in found.findings:
                log.warning("%s (self-check; failed quantities are published as UNVERIFIED)", text)
    if unchecked:
        log.info("no self-check of %s yet; run `magwatt commission %s`", ", ".join(unchecked), config.path)


def _key(config: Config, bus: BusPoller, polled: PolledDevice) -> str:
    """Identity of the device and of its configuration: another ratio or class requires another check."""
    name = polled.device.name
    item = config.meters.get(name) or config.drives.get(name)
    return hashlib.sha256(f"{fingerprint(bus, polled)} {item}".encode()).hexdigest()[:16]
