"""Response of a simulated device to a request, without transport."""

from __future__ import annotations

import struct

from simulators.bus.functions import IDENTITY
from simulators.devices.device import ILLEGAL_FUNCTION, ILLEGAL_VALUE, Refused, SimulatedDevice
from simulators.devices.nameplate import Nameplate


def response(device: SimulatedDevice, nameplate: Nameplate, pdu: bytes) -> bytes:
    """Return the PDU of the response to a request PDU: an exception response unless it is a valid read."""
    function = pdu[0]
    if function in IDENTITY:
        return nameplate.answer(pdu)
    if function not in (3, 4):
        return bytes((function | 0x80, ILLEGAL_FUNCTION))
    if len(pdu) != 5:
        return bytes((function | 0x80, ILLEGAL_VALUE))
    address, count = struct.unpack(">HH", pdu[1:])
    try:
        data = device.answer(function, address, count)
    except Refused as refusal:
        return bytes((function | 0x80, refusal.code))
    return bytes((function, len(data))) + data
