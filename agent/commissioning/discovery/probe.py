"""One request to one unit identifier and the evaluation of the response. Reads one or a few registers, nothing else."""

from __future__ import annotations

from enum import Enum

from msgspec import Struct

from drivers.errors import FrameError, LinkTimeout, ModbusExceptionResponse
from drivers.framing import Request
from drivers.modbus_link import ModbusLink
from drivers.rtu_framing import crc16, rtu_request

NO_TARGET = (0x0A, 0x0B)  # exception codes by which a gateway reports that the unit does not respond


class ProbeResult(Enum):
    """What was received.

    HERE: registers or an exception response.
    NOTHING: no bytes, or the gateway reports that the unit does not respond.
    NOISE: bytes that are not a frame.
    FOREIGN: frames with a valid checksum that are not a Modbus response.
    """

    HERE = "here"
    NOTHING = "nothing"
    NOISE = "noise"
    FOREIGN = "foreign"


class Reply(Struct, frozen=True):
    """Result of one request.

    outcome: what was received.
    exception: code of the exception response; 0: none.
    response_s: response time in seconds.
    raw: received bytes that are not a response.
    late: a unit that was queried earlier responded in the meantime.
    echo: the adapter returned the request.
    """

    outcome: ProbeResult
    exception: int = 0
    response_s: float = 0.0
    raw: bytes = b""
    late: bool = False
    echo: bool = False


async def probe(link: ModbusLink, unit: int, function: int, timeout_s: float, registers: int = 1) -> Reply:
    """Requests registers from address 0. Raises LinkBusy and LinkClosed; everything else is a result.

    timeout_s: longest waiting time.
    registers: count; a repetition must use another count, since the response to the first request may still arrive.
    """
    request = Request(unit, function, 0, registers)
    late_before = link.late
    try:
        await link.read_block(request, timeout_s)
        return Reply(ProbeResult.HERE, response_s=link.response_s, late=link.late > late_before)
    except ModbusExceptionResponse as error:
        outcome = ProbeResult.NOTHING if error.code in NO_TARGET else ProbeResult.HERE
        return Reply(outcome, error.code, link.response_s, late=link.late > late_before)
    except (FrameError, LinkTimeout):
        received = link.unmatched if link.wire.is_rtu else b""
        rest = received.replace(rtu_request(request), b"")
        outcome = ProbeResult.NOISE if rest else ProbeResult.NOTHING
        if has_frame(rest, unit, function):
            outcome = ProbeResult.FOREIGN
        return Reply(outcome, raw=rest, late=link.late > late_before, echo=rest != received)


def has_frame(data: bytes, unit: int, function: int) -> bool:
    """Whether the data contain a frame of that unit and function with a valid checksum, of any length."""
    return any(
        not crc16(data[at:end])
        for at in range(len(data) - 4)
        if data[at] == unit and data[at + 1] & 0x7F == function
        for end in range(at + 5, len(data) + 1)
    )
