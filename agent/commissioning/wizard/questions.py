"""The statements of a commissioning that only an operator can confirm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent.commissioning.selfcheck.model import DeviceResult
from agent.commissioning.wizard import reasons as codes
from agent.commissioning.wizard.answers import Question
from agent.config.model import Config, Drive, Meter, Motor
from agent.config.topology import Asset, assets
from drivers.profiles import Profile, load_profile
from drivers.reasons import Reason


def nameplate(motor: Motor) -> dict[str, Any]:
    """The configured nameplate data of a motor: keys of `reasons.PLATE` → value; unknown ones are omitted."""
    data = {
        "kind": motor.kind,
        "power_kw": motor.kw,
        "speed_rpm": motor.rpm,
        "poles": motor.poles,
        "voltage_v": motor.volts,
        "current_a": motor.amps,
        "efficiency_class": motor.efficiency_class,
        "efficiency_pct": motor.efficiency_pct,
    }
    return {key: value for key, value in data.items() if value}


def statements(asset: Asset) -> Iterator[Question]:
    """What only an operator at the cabinet can confirm, without the comparison of values with displays.

    Nameplate, devices and wiring, in this order.
    """
    if asset.motor:
        yield Question(asset.name, "", codes.NAMEPLATE_MATCHES(entries=codes.plate_entries(nameplate(asset.motor))))
    if meter := asset.meter:
        yield from (Question(asset.name, meter.name, statement) for statement in _meter_statements(meter))
    if drive := asset.drive:
        model = load_profile(drive.profile).model
        matches = codes.DRIVE_MATCHES(drive=drive.name, model=model, unit_id=drive.unit_id)
        yield Question(asset.name, drive.name, matches)
        if drive.comm_loss:
            checked = codes.WATCHDOG_CHECKED(drive=drive.name, setting=drive.comm_loss)
            yield Question(asset.name, drive.name, checked)
    if meter := asset.meter:
        yield Question(asset.name, meter.name, codes.CTS_ON_THEIR_PHASE(meter=meter.name))


def all_questions(config: Config) -> Iterator[Question]:
    """Every question of a commissioning; those on values without the values."""
    for asset in assets(config):
        yield from statements(asset)
        yield Question(asset.name, "", codes.DISPLAY_MATCHES())
        devices: tuple[Meter | Drive | None, ...] = (asset.meter, asset.drive)
        for item in devices:
            if item is None:
                continue
            if names := tuple(row.name for row in load_profile(item.profile).registers if row.needs_confirmation):
                statement = codes.REGISTERS_MATCH_DISPLAY(device=item.name, values=names)
                yield Question(asset.name, item.name, statement)


def unconfirmed(profile: Profile, device: DeviceResult) -> list[str]:
    """Quantities with a value that are not read, or are flagged, until an operator confirms them."""
    return [
        row.name
        for row in profile.registers
        if row.needs_confirmation and (verdict := device.verdicts[row.name]).outcome == "unverified"
        and verdict.value is not None
    ]  # fmt: skip


def _meter_statements(meter: Meter) -> Iterator[Reason]:
    yield codes.METER_MATCHES(
        meter=meter.name, model=load_profile(meter.profile).model, unit_id=meter.unit_id, wiring=meter.wiring,
        place=codes.PLACES[meter.measuring_point](),
    )  # fmt: skip
    if meter.ct:
        by_meter = meter.ratio_applied_by == "meter"
        yield codes.CTS_MATCH(
            meter=meter.name, primary_a=meter.ct[0], secondary_a=meter.ct[1],
            accuracy=codes.CT_CLASS(accuracy_class=meter.ct_class) if meter.ct_class else codes.CT_CLASS_UNKNOWN(),
            applied_by=codes.RATIO_SET_IN_METER() if by_meter else codes.RATIO_APPLIED_BY_AGENT(),
        )  # fmt: skip
