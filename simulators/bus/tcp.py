"""Simulated devices on a Modbus TCP server of pymodbus: the trace hook computes each response from the device.

Registers are encoded when they are read, so one response shows one instant and no register memory is prepared: 247
units start in milliseconds. The hook does not await: pymodbus keeps one pending request for each connection, and a
second request that arrives during an await would take the transaction identifier of the first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pymodbus.pdu import ModbusPDU
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from simulators.devices.allowed_functions import READING, allowed
from simulators.devices.device import ILLEGAL_FUNCTION, NO_RESPONSE, SimulatedDevice
from simulators.reasons import TCP_PORT_NOT_OPENED, PortError


class TcpBus:
    """A Modbus TCP server; `await start()` returns "127.0.0.1:port", or raises PortError if the port is in use.

    devices: one for each unit identifier.
    port: port number; 0 takes any free port.
    """

    def __init__(self, devices: Sequence[SimulatedDevice], port: int = 0) -> None:
        self._devices, self._port = devices, port
        self._server: ModbusTcpServer | None = None

    async def start(self) -> str:
        by_unit = {device.unit: device for device in self._devices}
        self._server = ModbusTcpServer(
            _placeholder(),
            address=("127.0.0.1", self._port),
            trace_packet=_log_request,
            trace_pdu=partial(_respond, by_unit),
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


class _RawResponse(ModbusPDU):
    """A request that carries its own response. `answer`: the response bytes from the function code on."""

    def __init__(self, pdu: ModbusPDU, answer: bytes) -> None:
        super().__init__(pdu.dev_id, pdu.transaction_id)
        self.function_code, self._answer = answer[0], answer[1:]

    async def datastore_update(self, _context: Any, _device_id: int) -> ModbusPDU:
        return self

    def encode(self) -> bytes:
        return self._answer


def _respond(devices: Mapping[int, SimulatedDevice], sending: bool, pdu: ModbusPDU) -> ModbusPDU:
    """Return the PDU with its response; for pymodbus' trace_pdu.

    Unknown units do not respond, as on the far side of a gateway. Functions that do more than read get an exception
    response.
    """
    if sending:
        return pdu
    function, device = pdu.function_code, devices.get(pdu.dev_id)
    if function in READING and (device is None or device.silent):
        return _RawResponse(pdu, bytes((function | 0x80, NO_RESPONSE)))
    if device is None or function not in READING:
        return _RawResponse(pdu, bytes((function | 0x80, ILLEGAL_FUNCTION)))
    return _RawResponse(pdu, device.respond(bytes((function,)) + pdu.encode()))


def _log_request(sending: bool, data: bytes) -> bytes:
    """Log the function of a request; for trace_packet on TCP.

    trace_pdu does not suffice: a frame that pymodbus cannot decode never becomes a PDU.
    """
    if not sending and len(data) >= 8:
        allowed(data[7], "tcp bus")
    return data


def _placeholder() -> SimDevice:
    """Return a device for pymodbus, which requires one; its registers are never read."""
    bits, registers = SimData(0, values=[False] * 16, datatype=DataType.BITS), SimData(0, datatype=DataType.REGISTERS)
    return SimDevice(0, ([bits], [bits], [registers], [registers]))
