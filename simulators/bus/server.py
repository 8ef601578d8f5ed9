"""Our devices behind pymodbus' servers: every request is answered while pymodbus looks at it, from the device itself.

So registers are rendered when they are read, one answer is of one instant, and no memory is laid out beforehand: 247
units are up in milliseconds. Nothing is awaited: pymodbus keeps one pending request per connection, and a second one
that arrives during an await would take over the first one's transaction number.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from pymodbus.pdu import ModbusPDU
from pymodbus.simulator import DataType, SimData, SimDevice

from simulators.bus.functions import IDENTITY, READING, allowed
from simulators.bus.nameplate import Nameplate
from simulators.devices.device import ILLEGAL_FUNCTION, NO_RESPONSE, Refused, SimulatedDevice


class Told(ModbusPDU):
    """A request that answers itself. answer: from the function's byte on."""

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
    """For pymodbus' trace_pdu. Other units are silent behind the gateway; what does more than read is refused."""
    if sending:
        return pdu
    function, device = pdu.function_code, devices.get(pdu.dev_id)
    if function not in READING:
        return Told(pdu, bytes((function | 0x80, ILLEGAL_FUNCTION)))
    if device is None or device.silent:
        return Told(pdu, bytes((function | 0x80, NO_RESPONSE)))
    if function in IDENTITY:
        return Told(pdu, nameplates.get(pdu.dev_id, Nameplate()).answer(bytes((function,)) + pdu.encode()))
    try:
        words = device.read(function, pdu.address, pdu.count)
    except Refused as refusal:
        return Told(pdu, bytes((function | 0x80, refusal.code)))
    return Told(pdu, struct.pack(f">BB{len(words)}H", function, 2 * len(words), *words))


def record(sending: bool, data: bytes) -> bytes:
    """For trace_packet on TCP. Not for trace_pdu: what pymodbus cannot decode never becomes a PDU."""
    if not sending and len(data) >= 8:
        allowed(data[7], "tcp bus")
    return data


def nobody() -> SimDevice:
    """pymodbus wants a device; none of its registers is ever looked at."""
    bits, registers = SimData(0, values=[False] * 16, datatype=DataType.BITS), SimData(0, datatype=DataType.REGISTERS)
    return SimDevice(0, ([bits], [bits], [registers], [registers]))
