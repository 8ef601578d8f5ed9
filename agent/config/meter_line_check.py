"""Checks of meters of DL/T 645-2007: their bus, address, wiring and ratio, and what their energy counter resolves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.config import reasons as codes
from agent.config.model import Bus, Config, Drive, Meter
from agent.config.schema import ConfigReport
from agent.config.topology import assets
from agent.config.transformer_ratio import energy_step_kwh
from drivers.profiles import load_profile

WIRINGS = {"3P3W": "generic/dlt645-three-wire", "1P2W": "generic/dlt645-single-phase"}
QUARTER_H = 0.25
STEP_SHARE = 0.1  # of the energy of a quarter of an hour at rated power, above which the counter cannot show it
STEPS_OF_A_GAP = 10  # steps that a counter must have made during a gap to fill it (agent/savings/tracking/intervals.py)


def check_meter_lines(config: Config, raw: Mapping[str, Any], report: ConfigReport) -> None:
    """raw: the tables of the file, for the address as it is written."""
    for kind, items in (("meter", config.meters), ("drive", config.drives)):
        for item in items.values():
            bus = config.buses.get(item.bus) if item is not None else None
            if item is not None and bus is not None:
                _check_device(f"{kind}.{item.name}", item, bus, raw[kind][item.name], report)
    for bus in config.buses.values():
        if bus is not None and bus.framing == "dlt645" and bus.line[1:3] != (8, "E"):
            report.note(f"bus.{bus.name}.line", codes.METER_PARITY_UNUSUAL())
    for name, row in config.signals.items():
        on = config.buses.get(row["bus"]) if row and row["topic"] is None else None
        if on is not None and on.framing == "dlt645":
            report.problem(f"signal.{name}.bus", codes.MODBUS_ON_METER_BUS(bus=on.name), row["bus"])


def _check_device(
    where: str, item: Meter | Drive, bus: Bus, table: Mapping[str, Any], report: ConfigReport
) -> None:  # fmt: skip
    is_meter_line = load_profile(item.profile).dialect == "dlt645"
    if is_meter_line != (bus.framing == "dlt645"):
        code = codes.METER_BUS_FRAMING if is_meter_line else codes.MODBUS_ON_METER_BUS
        report.problem(f"{where}.bus", code(bus=bus.name), item.bus)
    if is_meter_line == isinstance(table.get("unit_id"), int):
        report.problem(
            f"{where}.unit_id",
            codes.METER_ADDRESS_EXPECTED() if is_meter_line else codes.UNIT_ID_EXPECTED(),
            table["unit_id"],
        )
    if is_meter_line and isinstance(item, Meter):
        _check_values(where, item, report)


def _check_values(where: str, meter: Meter, report: ConfigReport) -> None:
    if (meter.ct or meter.vt) and meter.ratio_applied_by == "meter":
        report.problem(f"{where}.ratio_applied_by", codes.METER_RATIO_SECONDARY(), "meter")
    profile = WIRINGS.get(meter.wiring, "generic/dlt645-three-phase")
    if meter.profile.startswith("generic/dlt645-") and meter.profile != profile:
        report.problem(
            f"{where}.wiring", codes.METER_PROFILE_WIRING(wiring=meter.wiring, profile=profile), meter.wiring
        )


def note_energy_steps(config: Config, report: ConfigReport) -> None:
    """Meters whose energy counter is too coarse for the energy of a quarter of an hour."""
    for meter, rated_kw in _rated(config):
        step_kwh = energy_step_kwh(meter, "energy_import")
        if step_kwh > STEP_SHARE * rated_kw * QUARTER_H:
            report.note(
                f"meter.{meter.name}.profile",
                codes.ENERGY_STEP_COARSE(
                    step_kwh=step_kwh, quarter_kwh=rated_kw * QUARTER_H, hours=STEPS_OF_A_GAP * step_kwh / rated_kw
                ),
            )


def _rated(config: Config) -> Iterator[tuple[Meter, float]]:
    """Each meter of a motor, with the rated power of its motors in kW."""
    found: dict[str, float] = {}
    for asset in assets(config):
        if asset.motor is not None and asset.meter is not None:
            found[asset.meter.name] = found.get(asset.meter.name, 0.0) + asset.motor.kw
    return ((config.meters[name], kw) for name, kw in found.items())
