"""Simulated devices as data blocks of a PLC: the S7 server of python-snap7, one data block for each device.

The blocks are written at each step of the plant, as a PLC does in each cycle of its program. The server only needs to
be read; it would accept writes to its own memory, which the next step replaces.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Sequence

from drivers.register_blocks import plan_blocks
from drivers.s7_place import place_of
from simulators.devices.device import Refused, SimulatedDevice
from simulators.reasons import TCP_PORT_NOT_OPENED, PortError


class PlcServer:
    """A PLC; `await start()` returns "127.0.0.1:port", or raises PortError if the port is in use.

    devices: one for each data block, with the number of drivers/s7_place.py as unit identifier.
    port: port number; 0 takes any free port.
    """

    def __init__(self, devices: Sequence[SimulatedDevice], port: int = 0) -> None:
        from snap7.server import Server
        from snap7.type import SrvArea

        logging.getLogger("snap7").setLevel(logging.CRITICAL)  # it reports each closed connection as an error
        self._devices, self._port = devices, port
        self._server, self._area = Server(log=False), SrvArea.DB
        self._blocks = {device.unit: bytearray(_size(device)) for device in devices}
        for device in devices:
            self._server.register_area(self._area, place_of(device.unit)[0], self._blocks[device.unit])
        self.update()

    def update(self) -> None:
        """Writes the present values into the data blocks, each block in one step."""
        for device in self._devices:
            number, first_byte = place_of(device.unit)
            data = bytearray(len(self._blocks[device.unit]))
            try:
                for block in plan_blocks(device.profile, device.profile.registers):
                    words = device.read(block.function, block.address, block.count)
                    struct.pack_into(f">{block.count}H", data, first_byte + 2 * block.address, *words)
            except Refused:  # the PLC has lost the device and keeps its last values
                continue
            self._server.lock_area(self._area, number)
            self._blocks[device.unit][:] = data
            self._server.unlock_area(self._area, number)

    async def start(self) -> str:
        from snap7.error import S7Error

        try:
            self._server.start_to("127.0.0.1", self._port)
        except S7Error:
            raise PortError(TCP_PORT_NOT_OPENED, port=self._port) from None
        listener = self._server.server_socket
        assert listener is not None
        host, port = listener.getsockname()
        return f"{host}:{port}"

    async def stop(self) -> None:
        await asyncio.to_thread(self._server.stop)


def _size(device: SimulatedDevice) -> int:
    end = max(row.address + row.words for row in device.profile.registers)
    return place_of(device.unit)[1] + 2 * end
