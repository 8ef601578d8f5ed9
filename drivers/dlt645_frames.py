"""Frames of DL/T 645-2007: complete ones in received bytes, and the three requests that this product sends.

    FE FE FE FE | 68 | A0 … A5 | 68 | C | L | data, each byte + 33H | CS | 16

Source: DL/T 645-2007, 5 to 7; published frames in tests/drivers/test_dlt645_frames.py. No other control code than
those of CONTROLS can be sent: they read; none of them writes a value, switches a relay or sets the clock.
"""

from __future__ import annotations

from typing import NamedTuple

READ_DATA, READ_FOLLOWING, READ_ADDRESS = CONTROLS = (0x11, 0x12, 0x13)
PREAMBLE = b"\xfe" * 4  # sent before each request; before a response any number of them may arrive
WILDCARD = -1  # address to which every meter responds: only for a line with one meter
ADDRESS_DIGITS = 12
FROM_METER, REJECTED, FOLLOWED, FUNCTION = 0x80, 0x40, 0x20, 0x1F  # bits of the control code
_START, _END, _OFFSET = 0x68, 0x16, 0x33


class MeterFrame(NamedTuple):
    """A complete frame.

    end: offset after its last byte.
    unit: the 12 digits of the address as a number; a wildcard (see `wildcard`); -2 for bytes that are neither.
    control: control code. data: its data, without the offset of 33H.
    """

    end: int
    unit: int
    control: int
    data: bytes


def meter_request(unit: int, control: int, data: bytes) -> bytes:
    """The frame of a request, with preamble. Raises ValueError for any control code that does not read."""
    if control not in CONTROLS:
        raise ValueError(f"control code {control:02X}H does not read")
    body = bytes(
        (_START, *address_bytes(unit), _START, control, len(data), *((byte + _OFFSET) & 0xFF for byte in data))
    )
    return PREAMBLE + body + bytes((sum(body) & 0xFF, _END))


def frame_at(buffer: bytes | bytearray, at: int) -> MeterFrame | int:
    """The complete frame whose first 68H is at this offset; 0 if there is none; otherwise the number of missing bytes.

    Data may contain 68H: the caller continues one byte after an offset without a frame.
    """
    if at + 10 > len(buffer):
        return at + 12 - len(buffer) if at + 7 >= len(buffer) or buffer[at + 7] == _START else 0
    if buffer[at] != _START or buffer[at + 7] != _START:
        return 0
    end = at + 12 + buffer[at + 9]
    if end > len(buffer):
        return end - len(buffer)
    if buffer[end - 1] != _END or sum(buffer[at : end - 2]) & 0xFF != buffer[end - 2]:
        return 0
    data = bytes((byte - _OFFSET) & 0xFF for byte in buffer[at + 10 : end - 2])
    return MeterFrame(end, unit_of(bytes(buffer[at + 1 : at + 7])), buffer[at + 8], data)


def frames_in(data: bytes) -> list[tuple[int, MeterFrame]]:
    """The complete frames in `data` with the offsets of their starts, without overlap."""
    found, at = [], 0
    while (at := data.find(_START, at)) >= 0:
        frame = frame_at(data, at)
        if isinstance(frame, MeterFrame):
            found.append((at, frame))
            at = frame.end
        else:
            at += 1
    return found


def wildcard(low: str) -> int:
    """The address to which every meter responds whose last digits are these, an even number of them; for 11H only.

    WILDCARD without digits. Source: DL/T 645-2007, 5.2.4 [M].
    """
    return -int(f"1{low}")


def is_addressed(unit: int, by: int) -> bool:
    """Whether a meter with the address `unit` responds to a request to `by`, an address or a wildcard."""
    first, low = str(-by)[0], str(-by)[1:]
    return unit == by or (unit >= 0 > by and first == "1" and address_text(unit).endswith(low))


def address_bytes(unit: int) -> bytes:
    """The address as it is sent: two decimal digits a byte, the lowest first."""
    return bytes.fromhex(address_text(unit))[::-1]


def unit_of(sent: bytes) -> int:
    """The address in these bytes; see MeterFrame.unit."""
    digits = sent[::-1].hex()
    low = digits.lstrip("a")
    if digits.isdecimal():
        return int(digits)
    is_wildcard = len(low) % 2 == 0 and (low.isdecimal() or not low)
    return wildcard(low) if is_wildcard else -2


def address_text(unit: int) -> str:
    """The address as on the label of the meter: 12 digits, AA for two digits of a wildcard."""
    return f"{unit:0{ADDRESS_DIGITS}d}" if unit >= 0 else f"{-unit}"[1:].rjust(ADDRESS_DIGITS, "A")
