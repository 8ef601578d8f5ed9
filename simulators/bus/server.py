"""Our devices in the clothes that pymodbus' servers want.

Nothing is awaited in an action: pymodbus keeps one pending request per connection, and a second one that arrives
during an await would take over the first one's transaction number.
"""

from __future__ import annotations

from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.simulator import DataType, SimData, SimDevice

from simulators.bus.functions import READING, allowed
from simulators.devices.device import Refused, SimulatedDevice


def sim_device(device: SimulatedDevice) -> SimDevice:
    """Registers are rendered when they are read, so one answer is of one instant."""

    async def action(
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        if written is not None:
            return ExcCodes.ILLEGAL_FUNCTION
        try:
            registers[address - start : address - start + count] = device.read(function, address, count)
        except Refused as refusal:
            return ExcCodes(refusal.code)
        return None

    return SimDevice(device.unit, _memory(), action=action)


def silent_gateway() -> SimDevice:
    """Stands for every other unit: a gateway's answer 0x0B, the device behind it does not talk."""

    async def action(
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        written: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        return ExcCodes.GATEWAY_NO_RESPONSE

    return SimDevice(0, _memory(), action=action)


class Refusal(ModbusPDU):
    """Stands in for a request that does more than read: whatever it was, the answer is exception 1."""

    async def datastore_update(self, _context: Any, _device_id: int) -> ModbusPDU:
        return ExceptionResponse(self.function_code, ExcCodes.ILLEGAL_FUNCTION)


def only_reading(sending: bool, pdu: ModbusPDU) -> ModbusPDU:
    """For pymodbus' trace_pdu: refuses every function that does not only read."""
    if sending or pdu.function_code in READING:
        return pdu
    refusal = Refusal(pdu.dev_id, pdu.transaction_id)
    refusal.function_code = pdu.function_code
    return refusal


def record(sending: bool, data: bytes) -> bytes:
    """For trace_packet on TCP. Not for trace_pdu: what pymodbus cannot decode never becomes a PDU."""
    if not sending and len(data) >= 8:
        allowed(data[7], "tcp bus")
    return data


_Memory = tuple[list[SimData], list[SimData], list[SimData], list[SimData]]


def _memory() -> _Memory:
    """Room for every register, so that the action decides what answers. pymodbus wants all four kinds."""
    bits, registers = (
        SimData(0, values=[False] * 16, datatype=DataType.BITS),
        SimData(0, count=65536, datatype=DataType.REGISTERS),
    )
    return [bits], [bits], [registers], [registers]
