"""What commissioning self-checks found, kept in the store: which values of a device are doubted, which confirmed."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agent.config import Config
from agent.learnt import fingerprint
from agent.poll import BusPoller, Polled
from agent.store import Store

if TYPE_CHECKING:
    from agent.selfcheck import DeviceResult, Finding

log = logging.getLogger(__name__)

KIND = "selfcheck"


@dataclass(frozen=True, slots=True)
class Checked:
    """What is kept of one device's self-check."""

    at_ms: int
    failed: tuple[str, ...]
    verified: tuple[str, ...]
    findings: tuple[str, ...]


def save_check(
    store: Store, config: Config, bus: BusPoller, polled: Polled, at_ms: int, result: DeviceResult, said: list[Finding]
) -> None:
    """Raises StoreError."""
    body = {
        "at_ms": at_ms,
        "failed": list(result.failed),
        "verified": list(result.verified),
        "findings": [item.text for item in said],
    }
    store.save_note(KIND, polled.device.name, _key(config, bus, polled), body)


def load_check(store: Store, config: Config, bus: BusPoller, polled: Polled) -> Checked | None:
    """None when it was never checked, or its wire, map or configuration is another now."""
    body: dict[str, Any] | None = store.note(KIND, polled.device.name, _key(config, bus, polled))
    if body is None:
        return None
    return Checked(body["at_ms"], tuple(body["failed"]), tuple(body["verified"]), tuple(body["findings"]))


def apply_checks(store: Store, config: Config, buses: list[BusPoller]) -> None:
    """Tells every device what its self-check found, and the log which devices had none."""
    unchecked = []
    for bus in buses:
        for polled in bus.devices:
            if polled.device.name not in {*config.meters, *config.drives}:
                continue  # plain signals have nothing to be checked against
            found = load_check(store, config, bus, polled)
            if found is None:
                unchecked.append(polled.device.name)
                continue
            polled.device.trust(found.verified, found.failed)
            for text in found.findings:
                log.warning("%s (self-check; published as UNVERIFIED)", text)
    if unchecked:
        log.info("no self-check yet of %s: `magwatt commission %s`", ", ".join(unchecked), config.path)


def _key(config: Config, bus: BusPoller, polled: Polled) -> str:
    """The device, and what its configuration says: another ratio or class asks for another check."""
    name = polled.device.name
    item = config.meters.get(name) or config.drives.get(name)
    return hashlib.sha256(f"{fingerprint(bus, polled)} {item}".encode()).hexdigest()[:16]
