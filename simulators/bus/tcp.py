"""A Modbus TCP port on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from pymodbus.server import ModbusTcpServer

from simulators.bus.nameplate import Nameplate
from simulators.bus.server import answering, nobody, record
from simulators.devices.device import SimulatedDevice


class TcpBus:
    """`await start()` gives "127.0.0.1:port"; port 0 takes any free one.

    nameplates: unit → what it says to functions 0x11 and 0x2B; others refuse them, as most devices do.
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
            nobody(),
            address=("127.0.0.1", self._port),
            trace_packet=record,
            trace_pdu=partial(answering, by_unit, self._nameplates),
        )
        await self._server.serve_forever(background=True)
        listener = self._server.transport
        if not isinstance(listener, asyncio.Server):
            raise RuntimeError("pymodbus opened something that is not a TCP listener")
        host, port = listener.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]
            await asyncio.sleep(0)  # lets asyncio close the sockets it was told to close
            self._server = None
