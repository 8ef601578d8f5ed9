"""What was found, as TOML to paste into a configuration. What only a person can know stands there as a comment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from agent.config_keys import COMM_LOSS
from agent.discover.identified import Identified
from drivers.eavesdrop import Setting
from drivers.profiles import Profile

BY_ID = Path("/dev/serial/by-id")


class Place(Protocol):
    """Where the bus is; see agent.discover.scan.Target."""

    @property
    def serial(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def port_number(self) -> int: ...
    @property
    def rtu(self) -> bool: ...


def to_toml(place: Place, setting: Setting | None, devices: Sequence[Identified]) -> str:
    """A [bus.…] table and one table for each device; devices that nobody knows are named in a comment."""
    bus = "line" if place.serial else "gateway"
    lines = [f"[bus.{bus}]"]
    if place.serial:
        lines.append(f"serial = {json.dumps(stable_name(place.serial))}")
    else:
        lines.append(f"tcp = {json.dumps(f'{place.host}:{place.port_number}')}")
    if place.rtu:
        lines.append('framing = "rtu"')
    if setting is not None:
        lines.append(f'line = "{setting}"')
    lines.append('poll_interval = "1s"')
    for device in devices:
        lines += ["", *_device(bus, device)]
    return "\n".join(lines) + "\n"


def stable_name(port: str) -> str:
    """The name under /dev/serial/by-id, which stays when adapters change places; else the port itself."""
    real = Path(port).resolve()
    for link in sorted(BY_ID.glob("*")) if BY_ID.is_dir() else []:
        if link.resolve() == real:
            return str(link)
    return port


def _device(bus: str, device: Identified) -> list[str]:
    if not device.matches:
        told = f"; it calls itself '{device.told}'" if device.told else ""
        if any("function 03" in text for text in device.notes):
            return [f"# unit {device.unit}: not told{told}: scan or identify it again with --allow-fc03"]
        return [f"# unit {device.unit}: no known model{told}. docs/adding-a-device.md shows how to add one"]
    kinds = {match.profile.kind for match in device.matches}
    drive = device.matches[0].profile.kind == "vfd"
    head = [f"[{'drive' if drive else 'meter'}.{'drive' if drive else 'meter'}-{device.unit}]",
            f'bus = "{bus}"', f"unit_id = {device.unit}"]  # fmt: skip
    if device.sure:
        head.append(f'profile = "{device.matches[0].profile.id}"')
    else:
        several = len(device.matches) > 1
        which = "keep one of these lines, without its #" if several else "take the # away if it says so"
        if device.foreign:
            head.append(
                "# A model that is not in the library, near to these. docs/adding-a-device.md shows how to add it"
            )
        else:
            head.append(f"# Not sure: read the label and {which}")
        for match in device.matches:
            other = "   # a drive: write [drive.…] above" if match.profile.kind == "vfd" and not drive else ""
            head.append(f'# profile = "{match.profile.id}"{other}')
    if drive and kinds == {"vfd"}:
        return head + _drive(device.matches[0].profile)
    return [
        *head,
        'measuring_point = "feeder"   # what it measures: "drive-input", "motor" (a motor direct on line) or "feeder"',
        'class = "1"   # its accuracy class, as printed on it',
    ]


def watchdog(profile: Profile) -> str:
    """What is known of a drive's communication watchdog."""
    known = profile.comm_loss
    where = known.get("parameter", "parameter unknown")
    return where + "".join(
        f"; {key.replace('_', ' ')}: {known[key]}" for key in ("default", "reset_by") if known.get(key)
    )  # fmt: skip


def _drive(profile: Profile) -> list[str]:
    """It is not polled until a person has looked at what it does when its master falls silent."""
    return [
        "# Polling may arm, feed or mask its communication watchdog, which may stop the motor when polling ends.",
        f"# Look at it first ({watchdog(profile)}), then say what you found:",
        f'# comm_loss = "not used"   # or {", ".join(COMM_LOSS[1:])}',
    ]
