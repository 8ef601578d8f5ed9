"""The same devices without a wire: a plant day in seconds on a virtual clock."""

from __future__ import annotations

import struct
from collections.abc import Callable, Container, Mapping, Sequence

from drivers.errors import DeviceRefused, LinkTimeout
from drivers.framing import Request
from drivers.reading import Clock
from drivers.wire import Wire
from simulators.bus.functions import IDENTITY
from simulators.bus.nameplate import Nameplate
from simulators.devices.device import Refused, SimulatedDevice


class MemoryLink:
    """A drivers.reading.Link. An unknown unit is silence, and costs the whole time-out as on a real line.

    nameplates: as in TcpBus. wire: what it stands for; its characters take their time. before_read: called before each
    answer, for plants that move on only when somebody looks. silent: units that say nothing now; may change.
    """

    def __init__(
        self, devices: Sequence[SimulatedDevice], clock: Clock, wire_s: float = 0.005,
        nameplates: Mapping[int, Nameplate] | None = None, wire: Wire | None = None,
        before_read: Callable[[], None] | None = None, silent: Container[int] = (),
    ) -> None:  # fmt: skip
        self.wire = wire or Wire("memory", "127.0.0.1", 502)
        self.late = self.damaged = 0
        self.tight: set[tuple[int, int, int]] = set()
        self._before_read, self._silent = before_read, silent
        self._character_s = self.wire.character_s if self.wire.is_rtu else 0.0
        self.answered_s = wire_s
        self._devices = {device.unit: device for device in devices}
        self._nameplates = nameplates or {}
        self._clock, self._wire_s = clock, wire_s

    async def read_block(
        self, request: Request, timeout_s: float, gap_s: float = 0.0, *,
        spare: int = 0, tries: int = 1, patience_s: float | None = None, silence_tries: int | None = None,
    ) -> bytes:  # fmt: skip
        """As drivers.bus.ModbusLink; there is nothing to retry."""
        unit, function, address, count = request
        if function in IDENTITY and unit in self._devices and not self._devices[unit].silent:
            asked = bytes((function,)) if function == 0x11 else struct.pack(">BBH", function, 0x0E, address)
            told = self._nameplates.get(unit, Nameplate()).answer(asked)
            if told[0] & 0x80:
                raise DeviceRefused(told[1], f"unit {unit}, function {function}")
            return told[1:]
        device = self._devices.get(unit)
        if device is None or device.silent or unit in self._silent:
            await self._clock.sleep(timeout_s)
            raise LinkTimeout(f"unit {unit}: no answer in {timeout_s:g} s")
        self.answered_s = self._wire_s + self._character_s * (13 + 2 * count)
        await self._clock.sleep(self.answered_s)
        if self._before_read is not None:
            self._before_read()
        try:
            return device.answer(function, address, count)
        except Refused as refusal:
            raise DeviceRefused(refusal.code, f"unit {unit}, function {function}, address {address}") from refusal

    async def read_registers(self, unit: int, function: int, address: int, count: int, timeout_s: float) -> list[int]:
        found = await self.read_block(Request(unit, function, address, count), timeout_s)
        return list(struct.unpack(f">{count}H", found))

    async def close(self) -> None:
        """Nothing is open."""
