"""Where a served plant can be reached."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses as "127.0.0.1:port", ports as device paths."""

    modbus_tcp: str
    rtu_port: str
    ews_port: str
    ews_tcp: str
