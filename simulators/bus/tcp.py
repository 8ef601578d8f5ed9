"""A Modbus TCP server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from pymodbus.server import ModbusTcpServer

from simulators.bus.server import answering, placeholder, record
from simulators.devices.device import SimulatedDevice
from simulators.devices.nameplate import Nameplate
from simulators.reasons import TCP_PORT_NOT_OPENED, PortError


class TcpBus:
    """A Modbus TCP server; `await start()` returns "127.0.0.1:port", or raises PortError if the port is in use.

    devices: one for each unit identifier.
    port: port number; 0 takes any free port.
    nameplates: unit identifier → responses to functions 0x11 and 0x2B. None, or no entry: the unit rejects these
        functions, as most devices do.
    """

    def __init__(
        self, devices: Sequence[SimulatedDevice], port: int = 0, nameplates: Mapping[int, Nameplate] | None = None
    ) -> None:
        self._devices, self._port = devices, port
        self._nameplates = nameplates or {}
        self._server: ModbusTcpServer | None = None

    async def start(self) -> str:
        by_unit = {device.unit: device for device in self._devices}
        self._server = ModbusTcpServer(
            placeholder(),
            address=("127.0.0.1", self._port),
            trace_packet=record,
            trace_pdu=partial(answering, by_unit, self._nameplates),
        )
        try:
            await self._server.serve_forever(background=True)
        except RuntimeError:  # raised by pymodbus
            raise PortError(TCP_PORT_NOT_OPENED, port=self._port) from None
        listener = self._server.transport
        if not isinstance(listener, asyncio.Server):
            raise RuntimeError("pymodbus opened something that is not a TCP listener")
        host, port = listener.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            await asyncio.sleep(0)  # lets asyncio close the sockets
            self._server = None
