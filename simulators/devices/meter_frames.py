"""Frames of DL/T 645-2007 as a meter receives and sends them. Independent of the code of the driver."""

from __future__ import annotations

from dataclasses import dataclass

READ, NEXT, WHO = 0x11, 0x12, 0x13
ANSWER, ERROR, MORE = 0x80, 0x40, 0x20
NO_SUCH_DATA = 0x02  # bit of the error byte
DATA_MAX = 200
EVERYONE = "AA" * 6


@dataclass(frozen=True, slots=True)
class MeterAsk:
    """A request.

    address: 12 digits, or with AA for digits that match all. control: control code. data: without the offset of 33H.
    """

    address: str
    control: int
    data: bytes

    @property
    def identifier(self) -> int:
        return int.from_bytes(self.data[:4], "little")


def meter_frame(address: str, control: int, data: bytes, preamble: int = 4) -> bytes:
    """A frame. preamble: number of bytes FEH before it."""
    pairs = bytes.fromhex(address)
    body = bytearray(b"\x68") + pairs[::-1] + b"\x68" + bytes((control, len(data)))
    body += bytes((value + 0x33) % 256 for value in data)
    body += bytes((sum(body) % 256, 0x16))
    return b"\xfe" * preamble + bytes(body)


def first_ask(received: bytearray) -> MeterAsk | None:
    """Remove and return the first complete request; None if there is none."""
    for at in range(len(received) - 11):
        if received[at] != 0x68 or received[at + 7] != 0x68 or received[at + 8] & ANSWER:
            continue
        end = at + 12 + received[at + 9]
        if end > len(received) or received[end - 1] != 0x16 or sum(received[at : end - 2]) % 256 != received[end - 2]:
            continue
        control = received[at + 8]
        address = bytes(received[at + 1 : at + 7])[::-1].hex().upper()
        data = bytes((value - 0x33) % 256 for value in received[at + 10 : end - 2])
        del received[:end]
        return MeterAsk(address, control, data)
    return None
