"""Simulated devices without a transport: a day of plant operation in seconds on a virtual clock."""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Container, Coroutine, Sequence
from typing import Any, TypeVar

from drivers.bus_settings import BusSettings
from drivers.error_reasons import NO_RESPONSE
from drivers.errors import LinkTimeout, MeterRejection, ModbusExceptionResponse
from drivers.framing import Request
from drivers.reading import Clock
from simulators.devices.allowed_functions import IDENTITY
from simulators.devices.device import SimulatedDevice
from simulators.devices.energy_meter import EnergyMeter
from simulators.devices.meter_frames import NO_SUCH_DATA

T = TypeVar("T")


class MemoryLink:
    """A drivers.reading.Link to simulated devices in memory.

    An unknown unit identifier does not respond and takes the full time-out, as on a real line.

    devices: one for each unit identifier.
    clock: source of the time that responses take.
    processing_s: response time, seconds, without the transmission time of the characters.
    wire: the bus that this link represents; on a serial bus the characters take their transmission time. None: TCP.
    silent: unit identifiers that do not respond; the caller may change the container during the run.
    """

    def __init__(
        self, devices: Sequence[SimulatedDevice | EnergyMeter], clock: Clock, processing_s: float = 0.005,
        wire: BusSettings | None = None, silent: Container[int] = (),
    ) -> None:  # fmt: skip
        self.wire = wire or BusSettings("memory", "127.0.0.1", 502)
        self.late = self.damaged = self.failed = 0
        self.no_overread: set[tuple[int, int, int]] = set()
        self._silent = silent
        self.response_s = self.processing_s = processing_s
        self._devices = {device.unit: device for device in devices}
        self._clock = clock

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, *,
        edges: Sequence[int] = (), tries: int = 1, silence_tries: int | None = None,
        retry_after_s: float | None = None,
    ) -> bytes:  # fmt: skip
        """Read one block, as drivers.modbus_link.ModbusLink does, without attempts after the first."""
        unit, function, address, count = request
        device = self._devices.get(unit)
        if device is None or device.silent or unit in self._silent:
            await self._clock.sleep(timeout_s)
            raise LinkTimeout(NO_RESPONSE, unit_id=unit, address=address, timeout_s=timeout_s)
        if isinstance(device, EnergyMeter):
            data = device.read(address)
            self.response_s = self.processing_s + self.wire.character_s * (40 + 2 * count)
            await self._clock.sleep(self.response_s)
            if data is None:
                raise MeterRejection(NO_SUCH_DATA, device.address, f"{address:08X}")
            return data
        if function in IDENTITY:
            pdu = bytes((function,)) if function == 0x11 else struct.pack(">BBH", function, 0x0E, address)
        else:
            pdu = struct.pack(">BHH", function, address, count)
            self.response_s = self.processing_s + self.wire.character_s * (13 + 2 * count)
            await self._clock.sleep(self.response_s)
        response = device.respond(pdu)
        if response[0] & 0x80:
            raise ModbusExceptionResponse(response[1], unit, address)
        return response[1:] if function in IDENTITY else response[2:]

    def run(self, work: Coroutine[Any, Any, T]) -> Awaitable[T]:
        """Run a coroutine that waits for this link."""
        return work

    async def read_registers(self, unit: int, function: int, address: int, count: int, timeout_s: float) -> list[int]:
        found = await self.read_block(Request(unit, function, address, count), timeout_s)
        return list(struct.unpack(f">{count}H", found))

    async def close(self) -> None:
        """No resource is open."""
