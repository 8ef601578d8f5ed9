"""Where a served plant can be reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses as "127.0.0.1:port", ports as device paths; empty where the plant has none."""

    modbus_tcp: str = ""
    rtu_port: str = ""
    ews_port: str = ""
    ews_tcp: str = ""

    def __str__(self) -> str:
        known = (("Modbus TCP", self.modbus_tcp), ("RTU", self.rtu_port), ("EWS/1", self.ews_port))
        return ", ".join(f"{what} {where}" for what, where in known if where)


class Outlet(Protocol):
    """One wire of a plant. `start` gives its address and raises OSError when it cannot be had; `stop` always works."""

    async def start(self) -> str: ...

    async def stop(self) -> None: ...
