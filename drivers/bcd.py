"""Packed decimal digits, as DL/T 645 sends values: two digits a byte."""

from __future__ import annotations

import struct
from collections.abc import Sequence


def number(bits: int, n_digits: int, signed: bool) -> int | None:
    """The number of packed digits; None: not available, since a digit is above 9 (DL/T 645: all bytes FFH).

    signed: the highest bit is the sign, 1 for reverse (DL/T 645-2007, notes of table A.3).
    """
    sign = bits >> (4 * n_digits - 1) & 1 if signed else 0
    text = f"{bits & ~(sign << (4 * n_digits - 1)):0{n_digits}x}"
    if not text.isdecimal() or len(text) > n_digits:
        return None
    return -int(text) if sign else int(text)


def digits(words: Sequence[int]) -> str | None:
    """The digits in these registers as a text; None: not available."""
    text = struct.pack(f">{len(words)}H", *words).hex()
    return text if text.isdecimal() else None
