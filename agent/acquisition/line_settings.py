"""The settings of a bus, for its master, from the configuration."""

from __future__ import annotations

from agent.config.model import Bus
from drivers.bus_settings import BusSettings


def bus_settings(bus: Bus) -> BusSettings:
    host, port = bus.tcp or ("", 0)
    baud, data_bits, parity, stop_bits = bus.line
    return BusSettings(
        name=bus.name,
        host=host,
        port_number=port,
        serial_port=bus.serial or "",
        baud=baud,
        data_bits=data_bits,
        parity=parity,
        stop_bits=stop_bits,
        rtu_framing=bus.framing == "rtu",
        dlt645=bus.framing == "dlt645",
        rack_slot=bus.rack_slot,
        listen_s=bus.listen_before_start_s,
        quiet_s=bus.resume_after_quiet_s,
        rs485=bus.rs485,
        listen_only=bus.listens,
    )
