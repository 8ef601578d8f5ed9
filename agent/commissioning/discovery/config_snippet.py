"""The devices that were found as TOML for a configuration, with comments on what the operator has to add."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from agent.commissioning.discovery.match import Identified
from agent.commissioning.discovery.reasons import FUNCTION_03_NEEDED, WATCHDOG
from agent.commissioning.discovery.scan_result import Target
from agent.config.keys import COMM_LOSS
from agent.core.text import _
from drivers.profiles import Profile
from drivers.serial_sniffer import SerialSetting

BY_ID = Path("/dev/serial/by-id")


def to_toml(target: Target, setting: SerialSetting | None, devices: Sequence[Identified]) -> str:
    """A [bus.NAME] table and one table for each device; a device of unknown model is a comment."""
    bus = "line" if target.serial else "gateway"
    key, port = ("serial", stable_name(target.serial)) if target.serial else ("tcp", str(target))
    lines = [f"[bus.{bus}]", f"{key} = {json.dumps(port)}"]
    if target.rtu:
        lines.append('framing = "rtu"')
    if setting is not None:
        lines.append(f'line = "{setting}"')
    lines.append('poll_interval = "1s"')
    for device in devices:
        lines += ["", *_device(bus, device)]
    return "\n".join(lines) + "\n"


def stable_name(port: str) -> str:
    """The name in /dev/serial/by-id, which does not depend on the USB socket; the port itself if there is none."""
    links = (link for link in sorted(BY_ID.glob("*")) if link.resolve() == Path(port).resolve())
    return str(next(links, port))


def _device(bus: str, device: Identified) -> list[str]:
    if not device.matches:
        return _unknown(device)
    drive = device.matches[0].profile.kind == "vfd"
    table = "drive" if drive else "meter"
    head = [f"[{table}.{table}-{device.unit}]", f'bus = "{bus}"', f"unit_id = {device.unit}"]  # fmt: skip
    if device.conclusive:
        head.append(f'profile = "{device.matches[0].profile.id}"')
    else:
        head.append("# " + _advice(device))
        for match in device.matches:
            remark = "   # " + _("a drive: change the table to [drive.NAME]")
            other = match.profile.kind == "vfd" and not drive
            head.append(f'# profile = "{match.profile.id}"{remark if other else ""}')
    if all(match.profile.kind == "vfd" for match in device.matches):
        return head + _drive(device.matches[0].profile)
    place = _('or "drive-input", or "motor" (a motor without drive)')
    label = _("accuracy class on the label")
    return [*head, f'measuring_point = "feeder"   # {place}', f'class = "1"   # {label}']


def _unknown(device: Identified) -> list[str]:
    fc03_needed = any(note.code == FUNCTION_03_NEEDED for note in device.notes)
    return [
        "# " + _("unit {unit_id:d}: {model}", unit_id=device.unit, model=device.summary),
        "# " + (_("Scan or identify it again with --allow-fc03.") if fc03_needed
                else _("docs/adding-a-device.md describes how to add a model.")),
    ]  # fmt: skip


def _advice(device: Identified) -> str:
    """How to choose the profile of a device whose model is not certain."""
    if device.only_similar:
        return _(
            "The model is not in the library; these are similar. docs/adding-a-device.md describes how to add a model."
        )
    if len(device.matches) > 1:
        return _("Not certain: compare the label and uncomment one of these lines.")
    return _("Not certain: compare the label and uncomment this line if it matches.")


def watchdog(profile: Profile) -> str:
    """What the profile contains on the communication watchdog of a drive."""
    known = profile.comm_loss
    parameter = known.get("parameter") or _("parameter unknown")
    remarks = [_(": ").join((_(WATCHDOG[key]), known[key])) for key in ("default", "reset_by") if known.get(key)]
    return _("; ").join([parameter, *remarks])


def _drive(profile: Profile) -> list[str]:
    """A drive is not polled until the reaction of its watchdog is stated."""
    comments = (
        _("Polling may activate or mask the communication watchdog, which may stop the motor when polling ends."),
        _("Check the watchdog ({watchdog}), then uncomment and correct this line:", watchdog=watchdog(profile)),
    )
    others = _("or {values}", values=COMM_LOSS[1:])
    return [*(f"# {line}" for line in comments), f'# comm_loss = "{COMM_LOSS[0]}"   # {others}']
