"""Simulated devices on pymodbus' servers: the trace hook computes each response directly from the device.

Registers are encoded when they are read, so one response shows one instant and no register memory is prepared: 247
units start in milliseconds. The hook does not await: pymodbus keeps one pending request for each connection, and a
second request that arrives during an await would take the transaction identifier of the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymodbus.pdu import ModbusPDU
from pymodbus.simulator import DataType, SimData, SimDevice

from simulators.bus.functions import READING, allowed
from simulators.bus.responder import response
from simulators.devices.device import ILLEGAL_FUNCTION, NO_RESPONSE, SimulatedDevice
from simulators.devices.nameplate import Nameplate


class RawResponse(ModbusPDU):
    """A request that carries its own response. `answer`: the response bytes from the function code on."""

    def __init__(self, pdu: ModbusPDU, answer: bytes) -> None:
        super().__init__(pdu.dev_id, pdu.transaction_id)
        self.function_code, self._answer = answer[0], answer[1:]

    async def datastore_update(self, _context: Any, _device_id: int) -> ModbusPDU:
        return self

    def encode(self) -> bytes:
        return self._answer


def answering(
    devices: Mapping[int, SimulatedDevice], nameplates: Mapping[int, Nameplate], sending: bool, pdu: ModbusPDU
) -> ModbusPDU:
    """Return the PDU with its response; for pymodbus' trace_pdu.

    Unknown units do not respond, as on the far side of a gateway. Functions that do more than read get an exception
    response.
    """
    if sending:
        return pdu
    function, device = pdu.function_code, devices.get(pdu.dev_id)
    if function in READING and (device is None or device.silent):
        return RawResponse(pdu, bytes((function | 0x80, NO_RESPONSE)))
    if device is None or function not in READING:
        return RawResponse(pdu, bytes((function | 0x80, ILLEGAL_FUNCTION)))
    plate = nameplates.get(pdu.dev_id, Nameplate())
    return RawResponse(pdu, response(device, plate, bytes((function,)) + pdu.encode()))


def record(sending: bool, data: bytes) -> bytes:
    """Log the function of a request; for trace_packet on TCP.

    trace_pdu does not suffice: a frame that pymodbus cannot decode never becomes a PDU.
    """
    if not sending and len(data) >= 8:
        allowed(data[7], "tcp bus")
    return data


def placeholder() -> SimDevice:
    """Return a device for pymodbus, which requires one; its registers are never read."""
    bits, registers = SimData(0, values=[False] * 16, datatype=DataType.BITS), SimData(0, datatype=DataType.REGISTERS)
    return SimDevice(0, ([bits], [bits], [registers], [registers]))
