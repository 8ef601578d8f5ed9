"""The place of a device in a PLC: data block and first byte, in one number where other buses have unit identifiers."""

from __future__ import annotations

import re
from typing import NamedTuple

BLOCK_MAX, BYTE_MAX = 65535, 65534
_BASE = 1 << 48  # above each unit identifier, and above each address of DL/T 645 (12 decimal digits)
_TEXT = re.compile(r"DB([1-9]\d{0,4})(?:\.DBB(\d{1,5}))?")


class Part(NamedTuple):
    """Bytes of a data block. place: for messages."""

    block: int
    first_byte: int
    n_bytes: int
    place: str


def unit_of(block: int, first_byte: int = 0) -> int:
    """The number of a place. first_byte: of the structure of the device, even."""
    return _BASE | block << 16 | first_byte


def place_of(unit: int) -> tuple[int, int]:
    """Data block and first byte."""
    return unit >> 16 & 0xFFFF, unit & 0xFFFF


def unit_of_text(text: str) -> int | None:
    """The number of "DB100" or "DB100.DBB32"; None for another text, or an odd first byte."""
    found = _TEXT.fullmatch(text)
    if found is None or int(found[1]) > BLOCK_MAX:
        return None
    first_byte = int(found[2] or 0)
    return None if first_byte % 2 or first_byte > BYTE_MAX else unit_of(int(found[1]), first_byte)


def is_place(unit: int) -> bool:
    return unit >= _BASE


def place_text(unit: int, byte: int = 0) -> str:
    """Byte `byte` of the structure as STEP 7 writes it, for example "DB100.DBB32"."""
    block, first_byte = place_of(unit)
    return f"DB{block}.DBB{first_byte + byte}"


def unit_text(unit: int) -> str:
    """A unit identifier for a message; that of a PLC as in the configuration."""
    return place_text(unit) if is_place(unit) else str(unit)
