"""Our devices in the clothes that pymodbus' servers want.

Nothing is awaited in an action: pymodbus keeps one pending request per connection, and a second one that arrives
during an await would take over the first one's transaction number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.simulator import DataType, SimData, SimDevice

from simulators.bus.functions import IDENTITY, READING, allowed
from simulators.bus.nameplate import Nameplate
from simulators.devices.device import Refused, SimulatedDevice


def sim_device(device: SimulatedDevice) -> SimDevice:
    """Registers are rendered when they are read, so one answer is of one instant."""
    return _answering(device.unit, device.read)


def silent_gateway() -> SimDevice:
    """Stands for every other unit: a gateway's answer 0x0B, the device behind it does not talk."""

    def nobody(_function: int, _address: int, _count: int) -> list[int]:
        raise Refused(ExcCodes.GATEWAY_NO_RESPONSE)

    return _answering(0, nobody)


def _answering(unit: int, read: Callable[[int, int, int], list[int]]) -> SimDevice:
    """read: (function, address, count) → words; raises Refused."""

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
            registers[address - start : address - start + count] = read(function, address, count)
        except Refused as refusal:
            return ExcCodes(refusal.code)
        return None

    return SimDevice(unit, _memory(), action=action)


class Refusal(ModbusPDU):
    """Stands in for a request that does more than read: whatever it was, the answer is exception 1."""

    async def datastore_update(self, _context: Any, _device_id: int) -> ModbusPDU:
        return ExceptionResponse(self.function_code, ExcCodes.ILLEGAL_FUNCTION)


class Told(ModbusPDU):
    """A request for the nameplate, which answers itself: pymodbus knows one for all units only."""

    def __init__(self, pdu: ModbusPDU, answer: bytes) -> None:
        super().__init__(pdu.dev_id, pdu.transaction_id)
        self.function_code, self._answer = answer[0], answer[1:]

    async def datastore_update(self, _context: Any, _device_id: int) -> ModbusPDU:
        return self

    def encode(self) -> bytes:
        return self._answer


def only_reading(nameplates: Mapping[int, Nameplate], sending: bool, pdu: ModbusPDU) -> ModbusPDU:
    """For pymodbus' trace_pdu: refuses every function that does not only read, lets nameplates tell of themselves.

    nameplates: of every unit there is; others are silent behind the gateway.
    """
    if sending:
        return pdu
    if pdu.function_code in IDENTITY:
        told = nameplates.get(pdu.dev_id)
        asked = bytes((pdu.function_code,)) + pdu.encode()
        return Told(pdu, told.answer(asked) if told else bytes((pdu.function_code | 0x80, 0x0B)))
    if pdu.function_code in READING:
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
