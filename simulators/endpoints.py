"""Where a served plant can be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses as "127.0.0.1:port", ports as device paths; empty where the plant has none.

    more: the wires of plants with several of a kind, by the plant's own names.
    """

    modbus_tcp: str = ""
    rtu_port: str = ""
    ews_port: str = ""
    ews_tcp: str = ""
    more: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, addresses: Mapping[str, str]) -> Endpoints:
        """Each address under its name, in a field where there is one."""
        own = {item.name for item in fields(cls)} - {"more"}
        return cls(
            **{name: where for name, where in addresses.items() if name in own},
            more={name: where for name, where in addresses.items() if name not in own},
        )

    def __str__(self) -> str:
        known = [("Modbus TCP", self.modbus_tcp), ("RTU", self.rtu_port), ("EWS/1", self.ews_port), *self.more.items()]
        return ", ".join(f"{what} {where}" for what, where in known if where)


class Outlet(Protocol):
    """One wire of a plant. `start` gives its address and raises OSError when it cannot be had; `stop` always works."""

    async def start(self) -> str: ...

    async def stop(self) -> None: ...
