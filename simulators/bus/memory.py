"""The same devices without a wire: a plant day in seconds on a virtual clock."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from drivers.errors import DeviceRefused, LinkTimeout
from drivers.framing import Request
from drivers.reading import Clock
from simulators.bus.functions import IDENTITY
from simulators.bus.nameplate import Nameplate
from simulators.devices.device import Refused, SimulatedDevice


class MemoryLink:
    """A drivers.reading.Link. An unknown unit is silence, and costs the whole time-out as on a real line.

    nameplates: as in TcpBus.
    """

    def __init__(
        self, devices: Sequence[SimulatedDevice], clock: Clock, wire_s: float = 0.005,
        nameplates: Mapping[int, Nameplate] | None = None,
    ) -> None:  # fmt: skip
        self._devices = {device.unit: device for device in devices}
        self._nameplates = nameplates or {}
        self._clock, self._wire_s = clock, wire_s

    @property
    def answered_s(self) -> float:
        return self._wire_s

    async def read_block(
        self, request: Request, timeout_s: float, gap_s: float = 0.0, *,
        spare: int = 0, tries: int = 1, patience_s: float | None = None, silence_tries: int | None = None,
    ) -> bytes:  # fmt: skip
        """As drivers.bus.ModbusLink; there is nothing to retry."""
        unit, function, address, count = request
        if function in IDENTITY and unit in self._devices:
            asked = bytes((function,)) if function == 0x11 else struct.pack(">BBH", function, 0x0E, address)
            told = self._nameplates.get(unit, Nameplate()).answer(asked)
            if told[0] & 0x80:
                raise DeviceRefused(told[1], f"unit {unit}, function {function}")
            return told[1:]
        return struct.pack(f">{count}H", *await self.read_registers(unit, function, address, count, timeout_s))

    async def read_registers(self, unit: int, function: int, address: int, count: int, timeout_s: float) -> list[int]:
        device = self._devices.get(unit)
        if device is None:
            await self._clock.sleep(timeout_s)
            raise LinkTimeout(f"unit {unit}: no answer in {timeout_s:g} s")
        await self._clock.sleep(self._wire_s)
        try:
            return device.read(function, address, count)
        except Refused as refusal:
            raise DeviceRefused(refusal.code, f"unit {unit}, function {function}, address {address}") from refusal

    async def close(self) -> None:
        """Nothing is open."""
