"""Our devices in the clothes that pymodbus' servers want.

Nothing is awaited in an action: pymodbus keeps one pending request per connection, and a second one that arrives
during an await would take over the first one's transaction number.
"""

from __future__ import annotations

from pymodbus.constants import ExcCodes
from pymodbus.simulator import DataType, SimData, SimDevice

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


_Memory = tuple[list[SimData], list[SimData], list[SimData], list[SimData]]


def _memory() -> _Memory:
    """Room for every register, so that the action decides what answers. pymodbus wants all four kinds."""
    bits, registers = (
        SimData(0, values=[False] * 16, datatype=DataType.BITS),
        SimData(0, count=65536, datatype=DataType.REGISTERS),
    )
    return [bits], [bits], [registers], [registers]
