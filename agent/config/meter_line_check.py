"""Checks of protocol and address of each device, and of meters of DL/T 645-2007: wiring, ratio, step of the energy."""

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
        if on is not None:
            _check_signal(f"signal.{name}", row, on, raw["signal"][name], report)


def _check_signal(
    where: str, row: Mapping[str, Any], bus: Bus, table: Mapping[str, Any], report: ConfigReport
) -> None:  # fmt: skip
    if bus.framing == "dlt645":
        report.problem(f"{where}.bus", codes.MODBUS_ON_METER_BUS(bus=bus.name), row["bus"])
        return
    protocol = "s7" if bus.framing == "s7" else "modbus"
    if _address_of(table) != protocol:
        report.problem(f"{where}.unit_id", _EXPECTED_ADDRESS[protocol](), table["unit_id"])
    elif protocol == "s7" and row["address"] % 2:
        report.problem(f"{where}.address", codes.SIGNAL_BYTE_ODD(), row["address"])


_EXPECTED_ADDRESS = {
    "modbus": codes.UNIT_ID_EXPECTED, "dlt645": codes.METER_ADDRESS_EXPECTED, "s7": codes.DATA_BLOCK_EXPECTED
}  # fmt: skip


def _address_of(table: Mapping[str, Any]) -> str:
    """The protocol to which the unit identifier belongs as it is written."""
    unit_id = table.get("unit_id")
    if isinstance(unit_id, str):
        return "s7" if unit_id.startswith("DB") else "dlt645"
    return "modbus"


def _check_device(
    where: str, item: Meter | Drive, bus: Bus, table: Mapping[str, Any], report: ConfigReport
) -> None:  # fmt: skip
    dialect = load_profile(item.profile).dialect
    protocol = dialect if dialect in ("dlt645", "s7") else "modbus"
    on_bus = bus.framing if bus.framing in ("dlt645", "s7") else "modbus"
    if protocol != on_bus:
        code = {"dlt645": codes.METER_BUS_FRAMING, "s7": codes.PLC_BUS_FRAMING}.get(
            protocol, codes.OTHER_ON_PLC_BUS if on_bus == "s7" else codes.MODBUS_ON_METER_BUS
        )
        report.problem(f"{where}.bus", code(bus=bus.name), item.bus)
    if _address_of(table) != protocol:
        report.problem(f"{where}.unit_id", _EXPECTED_ADDRESS[protocol](), table["unit_id"])
    if protocol == "dlt645" and isinstance(item, Meter):
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
