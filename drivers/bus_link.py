"""The master of a bus by its protocol, or what only listens to it."""

from __future__ import annotations

from drivers.bus_listener import BusListener
from drivers.bus_settings import BusSettings
from drivers.dlt645_link import Dlt645Link
from drivers.modbus_link import ModbusLink
from drivers.reading import Clock
from drivers.s7_link import S7Link


def bus_link(wire: BusSettings, clock: Clock) -> ModbusLink | Dlt645Link | S7Link | BusListener:
    if wire.is_plc:
        return S7Link(wire)
    if wire.listen_only:
        return BusListener(wire, clock)
    return Dlt645Link(wire, clock) if wire.dlt645 else ModbusLink(wire, clock)
