"""Results of self-checks in the state file: which quantities of a device failed, and which were confirmed.

agent/acquisition/pollers.py applies them, so that every command that polls or plans respects them.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable
from typing import Any

from msgspec import Struct

from agent.acquisition.device_fingerprint import fingerprint_of, where_of
from agent.config.model import Config, Drive, Meter
from agent.config.topology import polled_devices
from agent.delivery.store import Store, default_directory
from agent.delivery.store.stored_entries import stored_entries, unreadable
from drivers.profiles import load_profile
from drivers.reasons import Code, Reason, cause_of
from drivers.register_blocks import usable

log = logging.getLogger(__name__)

KIND = "selfcheck"

REGISTERS_DISABLED = Code(
    "registers_disabled",
    "{n:d} of {total:d} {total:register|registers} of {device} ({profile}) are disabled until `magwatt commission "
    "{device}` has confirmed them",
)
REGISTERS_NOT_CONFIRMED = Code(
    "registers_not_confirmed",
    "{n:d} of {total:d} {total:register|registers} of {device} ({profile}) are disabled: the last commissioning did "
    "not confirm them ({names}). Compare them with the display of the device in `magwatt commission {device}`",
)
REGISTERS_STATE_UNREADABLE = Code(
    "registers_state_unreadable",
    "{n:d} of {total:d} {total:register|registers} of {device} ({profile}) are disabled here, because the results of "
    "`magwatt commission` cannot be read from {directory}: {cause}. Run the command as the user of the service",
)


class SelfcheckResult(Struct, frozen=True):
    """The stored result for one device.

    failed: quantities to be published with Quality.UNVERIFIED.
    verified: quantities of confidence `from_memory` or with an uncertain scale that a relation confirmed.
    findings: likely causes, in English for the log.
    by_operator: such quantities that an operator compared with the display of the device.
    """

    failed: tuple[str, ...]
    verified: tuple[str, ...]
    findings: tuple[str, ...]
    by_operator: tuple[str, ...] = ()

    @property
    def confirmed(self) -> frozenset[str]:
        return frozenset((*self.verified, *self.by_operator))


def save_check(
    store: Store, config: Config, device: str, at_ms: int, *, failed: Iterable[str], verified: Iterable[str],
    findings: Iterable[Reason], by_operator: Iterable[str] = (),
) -> None:  # fmt: skip
    """Stores the result of a self-check for one device, with the fields of SelfcheckResult. Raises StoreError."""
    body = {
        "at_ms": at_ms,
        "failed": list(failed),
        "verified": list(verified),
        "by_operator": list(by_operator),
        "findings": [reason.as_object() | {"text": str(reason)} for reason in findings],
    }
    store.save_entry(KIND, device, _key(config, config.meters.get(device) or config.drives[device]), body)


def stored_checks(config: Config) -> dict[str, SelfcheckResult]:
    """Device → stored result, from the state file of the configuration.

    Without the devices that were not checked since their connection, map or configuration changed. Signals from
    registers are not covered by the self-check.
    """
    return {name: _result(body) for name, body in check_records(config).items()}


def check_records(config: Config) -> dict[str, dict[str, Any]]:
    """Device → what `save_check` stored: the fields of SelfcheckResult, with findings as objects, and `at_ms`."""
    keys = {item.name: _key(config, item) for item in _devices(config)}
    return stored_entries(config.state_dir or default_directory(), KIND, keys)


def disabled_registers(config: Config) -> dict[str, Reason]:
    """Device → how many of its registers are not read because nothing has confirmed them; without other devices."""
    checks, directory = stored_checks(config), config.state_dir or default_directory()
    error, found = unreadable(directory), dict[str, Reason]()
    for item in polled_devices(config):
        check = checks.get(item.name)
        profile = load_profile(item.profile)
        every = usable(profile, {row.name for row in profile.registers})
        enabled = {row.name for row in usable(profile, check.confirmed if check else ())}
        names = tuple(row.name for row in every if row.name not in enabled)
        data = {"device": item.name, "profile": profile.id, "n": len(names), "total": len(every)}
        if names and error:
            found[item.name] = REGISTERS_STATE_UNREADABLE(**data, directory=str(directory), cause=cause_of(error))
        elif names:
            found[item.name] = REGISTERS_NOT_CONFIRMED(**data, names=names) if check else REGISTERS_DISABLED(**data)
    return found


def log_checks(config: Config, devices: Collection[str]) -> None:
    """Logs what the stored results mean for these devices: findings, and registers that are not read."""
    checks, disabled = stored_checks(config), disabled_registers(config)
    for name in devices:
        for text in checks[name].findings if name in checks else ():
            log.warning("%s (self-check; failed quantities are published as UNVERIFIED)", text)
        if name in disabled:
            log.warning("%s", disabled[name])
    if unchecked := [item.name for item in polled_devices(config) if item.name in devices and item.name not in checks]:
        log.info("no self-check of %s yet; run `magwatt commission %s`", ", ".join(unchecked), config.path)


def _result(body: dict[str, Any]) -> SelfcheckResult:
    findings = tuple(item.get("text", item["code"]) for item in body["findings"])
    by_operator = tuple(body.get("by_operator", ()))  # missing in results of earlier versions
    return SelfcheckResult(tuple(body["failed"]), tuple(body["verified"]), findings, by_operator)


def _devices(config: Config) -> list[Meter | Drive]:
    return [*config.meters.values(), *config.drives.values()]


def _key(config: Config, item: Meter | Drive) -> str:
    """Identity of the device and of its configuration: another ratio or class requires another check."""
    where = where_of(config.buses[item.bus])
    fingerprint = fingerprint_of(where, item.unit_id, load_profile(item.profile))
    return hashlib.sha256(f"{fingerprint} {item}".encode()).hexdigest()[:16]
