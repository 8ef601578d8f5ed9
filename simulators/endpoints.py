"""Addresses of a running simulated plant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of a plant; an empty string where the plant has no such endpoint.

    modbus_tcp: "127.0.0.1:port" of the Modbus TCP server.
    s7_tcp: "127.0.0.1:port" of the PLC.
    rtu_port: device path of the Modbus RTU bus.
    ews_port: device path of the waveform stream.
    ews_tcp: "127.0.0.1:port" of the waveform stream.
    more: name → address of the other buses of plants with several of a kind.
    """

    modbus_tcp: str = ""
    s7_tcp: str = ""
    rtu_port: str = ""
    ews_port: str = ""
    ews_tcp: str = ""
    more: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, addresses: Mapping[str, str]) -> Endpoints:
        """Assign each address to the field of its name, or to `more` if there is no such field."""
        own = {item.name for item in fields(cls)} - {"more"}
        return cls(
            **{name: where for name, where in addresses.items() if name in own},
            more={name: where for name, where in addresses.items() if name not in own},
        )

    def __str__(self) -> str:
        named = ("Modbus TCP", self.modbus_tcp), ("S7", self.s7_tcp), ("RTU", self.rtu_port), ("EWS/1", self.ews_port)
        known = [*named, *self.more.items()]
        return ", ".join(f"{what} {where}" for what, where in known if where)


class Outlet(Protocol):
    """One bus of a plant. `start` returns its address and raises OSError if it cannot be opened; `stop` never fails."""

    async def start(self) -> str: ...

    async def stop(self) -> None: ...
