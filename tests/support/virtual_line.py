"""A serial line on virtual time: requests and responses take their transmission time, absent units their timeout."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from drivers.bus_settings import BusSettings
from drivers.error_reasons import METER_NO_RESPONSE, NO_RESPONSE
from drivers.errors import LinkTimeout, MeterRejection, ModbusExceptionResponse
from drivers.framing import READ_DEVICE_ID, REPORT_SERVER_ID, Request
from drivers.reading import Clock
from simulators.clock import LoopClock, VirtualLoop
from simulators.devices.energy_meter import EnergyMeter

T = TypeVar("T")
REQUEST_BYTES = {REPORT_SERVER_ID: 4, READ_DEVICE_ID: 7}  # with unit identifier and checksum; register requests: 8


class VirtualLine:
    """The devices of a line, or meters of DL/T 645. It responds only at its own baud rate and parity.

    devices: SimulatedDevice or EnergyMeter → response time in seconds, without the transmission time.
    """

    def __init__(self, devices: Mapping[Any, float], baud: int = 19200, parity: str = "E") -> None:
        self.devices = {device.unit: (device, after_s) for device, after_s in devices.items()}
        self.baud, self.parity = baud, parity
        self.requests = 0

    def link(self, wire: BusSettings, clock: Clock) -> VirtualLink:
        return VirtualLink(self, wire, clock)


class VirtualLink:
    """A link to the line, like drivers.modbus_link.ModbusLink."""

    def __init__(self, line: VirtualLine, wire: BusSettings, clock: Clock) -> None:
        self.wire, self._line, self._clock = wire, line, clock
        self.late = self.damaged = 0
        self.response_s = 0.0
        self.unmatched = b""
        self.no_overread: set[tuple[int, int, int]] = set()

    async def read_block(
        self, request: Request, timeout_s: float, inter_request_delay_s: float = 0.0, **_more: Any
    ) -> bytes:  # fmt: skip
        line, wire = self._line, self.wire
        line.requests += 1
        await self._clock.sleep(max(inter_request_delay_s, wire.silence_s))
        device, after_s = line.devices.get(request.unit, (None, 0.0))
        if device is None or (wire.baud, wire.parity) != (line.baud, line.parity):
            await self._clock.sleep(timeout_s)
            raise LinkTimeout(NO_RESPONSE, unit_id=request.unit, address=request.address, timeout_s=timeout_s)
        if isinstance(device, EnergyMeter):
            return await self._data(device, request, after_s)
        response = device.respond(_pdu(request))
        # The port is read when the complete response can have arrived, also if it is a short exception response.
        characters = REQUEST_BYTES.get(request.function, 8) + max(len(response) + 3, 5 + 2 * request.registers)
        self.response_s = characters * wire.character_s + wire.silence_s + after_s
        await self._clock.sleep(self.response_s)
        if response[0] & 0x80:
            raise ModbusExceptionResponse(response[1], request.unit, request.address)
        return response[1 if request.function in REQUEST_BYTES else 2 :]

    async def read_addresses(self, timeout_s: float) -> list[int]:
        """As Dlt645Link.read_addresses."""
        line, wire = self._line, self.wire
        line.requests += 1
        meters = [device for device, _ in line.devices.values() if isinstance(device, EnergyMeter)]
        if len(meters) != 1 or (wire.baud, wire.parity) != (line.baud, line.parity):
            await self._clock.sleep(timeout_s)
            raise LinkTimeout(METER_NO_RESPONSE, meter="AA", identifier="", timeout_s=timeout_s)
        await self._clock.sleep(38 * wire.character_s)
        return [meters[0].unit]

    async def _data(self, meter: EnergyMeter, request: Request, after_s: float) -> bytes:
        self.response_s = 45 * self.wire.character_s + after_s
        await self._clock.sleep(self.response_s)
        data = meter.read(request.address)
        if data is None:
            raise MeterRejection(2, meter.address, f"{request.address:08X}")
        return data

    async def close(self) -> None:
        """No port is open."""


def listening(clock: Clock) -> Callable[..., Coroutine[Any, Any, None]]:
    """The listening of a scan on a quiet line."""

    async def listen(_target: object, options: Any, _progress: object, _stop: object) -> None:
        await clock.sleep(options.listen_s)

    return listen


def on_virtual_time(main: Callable[[LoopClock], Coroutine[Any, Any, T]]) -> T:
    """Runs a coroutine on virtual time; it gets the clock."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        return runner.run(main(LoopClock(loop)))


def _pdu(request: Request) -> bytes:
    if request.function == REPORT_SERVER_ID:
        return bytes((request.function,))
    if request.function == READ_DEVICE_ID:
        return struct.pack(">BBH", request.function, 0x0E, request.address)
    return struct.pack(">BHH", request.function, request.address, request.registers)
