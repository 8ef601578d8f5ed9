"""The devices that were found as TOML for a configuration, with comments on what the operator has to add."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from agent.acquisition.poll_interval import bus_time_s, proposed_interval_s
from agent.commissioning.discovery.match import Identified
from agent.commissioning.discovery.reasons import FUNCTION_03_NEEDED, WATCHDOG
from agent.commissioning.discovery.scan_result import Target
from agent.config.keys import COMM_LOSS
from agent.config.meter_line_check import WIRINGS
from agent.config.model import Bus, Drive, Meter
from agent.core.text import _
from drivers.dlt645_frames import address_text
from drivers.profiles import Profile
from drivers.serial_sniffer import SerialSetting

BY_ID = Path("/dev/serial/by-id")


def to_toml(target: Target, setting: SerialSetting | None, devices: Sequence[Identified]) -> str:
    """A [bus.NAME] table and one table for each device, which `check` accepts and whose load the bus carries.

    A device whose model is not certain is a comment, because its table would lack the profile.
    """
    name = "line" if target.serial else "gateway"
    bus = _bus(name, target, setting)
    heaviest = [heaviest_of(bus, device) for device in devices if device.matches]
    interval_s = target.period_s if target.listens else proposed_interval_s(bus, heaviest)
    lines = [*bus_lines(name, target, setting), f'poll_interval = "{interval_s:g}s"']
    for device in devices:
        lines += ["", *_device(name, device, target.listens)]
    return "\n".join(lines) + "\n"


def bus_lines(name: str, target: Target, setting: SerialSetting | None) -> list[str]:
    """The table of the bus without its poll interval."""
    key, port = ("serial", stable_name(target.serial)) if target.serial else ("tcp", str(target))
    lines = [f"[bus.{name}]", f"{key} = {json.dumps(port)}"]
    if target.rtu or target.dlt645:
        lines.append(f'framing = "{"dlt645" if target.dlt645 else "rtu"}"')
    if setting is not None:
        lines.append(f'line = "{setting}"')
    if target.listens:
        lines.append('mode = "listen"')
    return lines


def _bus(name: str, target: Target, setting: SerialSetting | None) -> Bus:
    line = setting or SerialSetting(19200)  # a converter whose settings are not known, or TCP without a line
    tcp = None if target.serial else (target.host, target.port_number)
    framing = "dlt645" if target.dlt645 else "rtu" if target.is_line else "tcp"
    return Bus(name, target.serial or None, (*line,), tcp, framing, 1.0, 0.0, None, None)


def stable_name(port: str) -> str:
    """The name in /dev/serial/by-id, which does not depend on the USB socket; the port itself if there is none."""
    links = (link for link in sorted(BY_ID.glob("*")) if link.resolve() == Path(port).resolve())
    return str(next(links, port))


def heaviest_of(bus: Bus, device: Identified) -> Meter | Drive:
    """The possible model whose polling needs most bus time, as a record; `device` has a match."""
    records = [record_of(bus.name, device.unit, match.profile) for match in device.matches]
    return max(records, key=lambda record: bus_time_s(bus, [record]))


def record_of(bus: str, unit: int, profile: Profile) -> Meter | Drive:
    """A meter or drive with what its load depends on."""
    if profile.kind == "vfd":
        return Drive(f"drive-{unit}", bus, unit, profile.id, None, None, None, None)
    return Meter(
        f"meter-{unit}", bus, unit, profile.id, "feeder", "3P4W", None, None, "meter", "1", None, None, None, ""
    )  # fmt: skip


def _device(bus: str, device: Identified, listens: bool) -> list[str]:
    if not device.matches:
        return _unknown(device)
    drive = device.matches[0].profile.kind == "vfd"
    table = "drive" if drive else "meter"
    lines = [f"[{table}.{table}-{device.unit}]", f'bus = "{bus}"', f"unit_id = {unit_in_toml(device)}"]
    remark = "   # " + _("a drive: change the table to [drive.NAME]")
    lines += [
        f'profile = "{match.profile.id}"{remark if match.profile.kind == "vfd" and not drive else ""}'
        for match in (device.matches[:1] if device.conclusive else device.matches)
    ]
    advice = []
    if all(match.profile.kind == "vfd" for match in device.matches):
        advice = [] if listens else _drive(device.matches[0].profile)
    else:
        place = _('or "drive-input", or "motor" (a motor without drive)')
        label = _("accuracy class on the label")
        lines += [
            f'measuring_point = "feeder"   # {place}',
            f'class = "1"   # {label}',
            *_wiring(device.matches[0].profile),
        ]
    if device.conclusive:
        return [*lines, *advice]
    return ["# " + _advice(device), *(f"# {line}" for line in lines), *advice]


def unit_in_toml(device: Identified) -> str:
    """The unit identifier, or the 12 digits of a meter of DL/T 645 as a string."""
    of_meter = device.matches and device.matches[0].profile.dialect == "dlt645"
    return json.dumps(address_text(device.unit)) if of_meter else str(device.unit)


def _wiring(profile: Profile) -> list[str]:
    """The wiring that the profile of a meter of DL/T 645 requires, and what its transformers require."""
    if profile.dialect != "dlt645":
        return []
    wiring = next((wiring for wiring, name in WIRINGS.items() if name == profile.id), None)
    secondary = _("with transformers also ct, vt and this line, because the meter shows values of the secondary side")
    return [*([f'wiring = "{wiring}"'] if wiring else []), f'# ratio_applied_by = "agent"   # {secondary}']


def _unknown(device: Identified) -> list[str]:
    fc03_needed = any(note.code == FUNCTION_03_NEEDED for note in device.notes)
    return [
        "# " + _("unit {unit_id:d}: {model}", unit_id=device.unit, model=device.summary),
        "# " + (_("Scan or identify it again with --allow-fc03.") if fc03_needed
                else _("docs/how-to/adding-a-device.md describes how to add a model.")),
    ]  # fmt: skip


def _advice(device: Identified) -> str:
    """How to choose the profile of a device whose model is not certain."""
    if device.only_similar:
        return _(
            "The model is not in the library; these are similar. "
            "docs/how-to/adding-a-device.md describes how to add a model."
        )
    if len(device.matches) > 1:
        return _("Not certain: compare the label, then uncomment this table with one of its profiles.")
    return _("Not certain: compare the label, then uncomment this table if it matches.")


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
