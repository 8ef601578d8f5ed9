"""One question to one unit: is anybody there? And what to make of the answer. Reads a register or two, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from drivers.bus import ModbusLink
from drivers.errors import DeviceRefused, FrameError, LinkTimeout
from drivers.framing import Request, crc16, rtu_request

SILENT_BEHIND_GATEWAY = (0x0A, 0x0B)


class Heard(Enum):
    HERE = "here"  # registers, or a Modbus exception: somebody understood
    NOBODY = "nobody"
    NOISE = "noise"  # bytes that are no frame
    FOREIGN = "foreign"  # whole frames with a right checksum that are no Modbus answer


@dataclass(frozen=True, slots=True)
class Reply:
    heard: Heard
    exception: int = 0
    took_s: float = 0.0
    raw: bytes = b""  # what came and is no answer
    late: bool = False  # meanwhile a unit that was asked earlier answered
    echo: bool = False  # our own request came back

    @property
    def text(self) -> str:
        return "registers" if not self.exception else f"exception 0x{self.exception:02X}"


async def ask(link: ModbusLink, unit: int, function: int, patience_s: float, registers: int = 1) -> Reply:
    """Raises LinkBusy and LinkClosed; anything else is a reply.

    registers: who asks a second time asks for another number, since the first answer may still come.
    """
    request = Request(unit, function, 0, registers)
    late_before = link.late
    try:
        await link.read_block(request, patience_s, patience_s=patience_s)
        return Reply(Heard.HERE, took_s=link.answered_s, late=link.late > late_before)
    except DeviceRefused as error:
        heard = Heard.NOBODY if error.code in SILENT_BEHIND_GATEWAY else Heard.HERE
        return Reply(heard, error.code, link.answered_s, late=link.late > late_before)
    except (FrameError, LinkTimeout):
        if not link.wire.is_rtu:
            return Reply(Heard.NOBODY, late=link.late > late_before)
        raw, sent = link.unexplained, rtu_request(request)
        rest = raw.replace(sent, b"")
        heard = Heard.FOREIGN if has_frame(rest, unit, function) else Heard.NOISE if rest else Heard.NOBODY
        return Reply(heard, raw=rest, late=link.late > late_before, echo=rest != raw)


def has_frame(data: bytes, unit: int, function: int) -> bool:
    """Whether a frame of that unit and function with a right checksum is in there, of whatever length."""
    for at in range(len(data) - 4):
        if data[at] == unit and data[at + 1] & 0x7F == function:
            for end in range(at + 5, len(data) + 1):
                if not crc16(data[at:end]):
                    return True
    return False
