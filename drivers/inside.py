"""Says for a whole answer at once that every value surely lies inside its window.

A block of a hundred values is one long number. A few operations on that number test all its fields together, where a
hundred comparisons would take longer than decoding does. The test is one-sided: "surely inside" is always true, what it
does not pass is looked at value by value.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass


@dataclass(slots=True)
class Inside:
    """Fields are added once; `surely` is asked for each answer.

    words: length of the answer. little: the answer has its least significant byte first.
    """

    words: int
    little: bool = False
    _forbidden: int = 0  # bits that must be 0
    _kept: int = 0  # magnitudes that are compared
    _added: int = 0  # what carries a magnitude above its limit into its guard bit
    _guard: int = 0
    _low_guard: int = 0
    _low: int = 0
    _signed: int = 0  # bits that must equal their right neighbour
    _bias: int = 0
    _never: bool = False

    def add(self, at: int, kind: str, low: float, high: float) -> None:
        """A field: its first word, its type, the least and the largest raw value that may pass unseen."""
        width = 16 * {"16": 1, "32": 2, "64": 4}[kind[1:]]
        shift = 16 * at if self.little else 16 * (self.words - at) - width
        top = 1 << width - 1
        if kind[0] == "i" and low < 0:
            self._add_signed(width, shift, max(low, -top), min(high, top - 1))
            return
        if low < 0 and -low < high / 2:
            low = 0.0  # the larger side
        if high < max(low, 0):
            self._never = True
            return
        if kind[0] == "f":
            # Patterns of floats of one sign are ordered as whole numbers; NaN and infinity lie above all others.
            form = {"f32": (">f", ">I"), "f64": (">d", ">Q")}[kind]
            biggest = {"f32": 3.4028234e38, "f64": 1.7976931348623157e308}[kind]
            if low < 0:
                low, high, signed = 0.0, min(-low, high), True
            else:
                signed = False
            most, least = _most(form, min(high, biggest)), 0
            if low > 0:
                least = _most(form, min(low, biggest)) + 1  # the bound itself is looked at
        else:
            if kind[0] == "u" and low <= 0 and high >= 2 * top - 1:
                return  # every pattern is a value
            most, least = math.floor(min(high, top - 1)), math.ceil(max(low, 0))
            signed, self._never = False, self._never or least > most
        if not signed:
            self._forbidden |= top << shift
        self._kept |= top - 1 << shift
        self._added |= top - 1 - most << shift
        self._guard |= top << shift
        if least:
            self._low_guard |= top << shift
            self._low |= least << shift

    def _add_signed(self, width: int, shift: int, low: float, high: float) -> None:
        """In two's complement a number of few bits has its upper bits all alike; the lower ones are put above 0."""
        least, most = math.ceil(low), math.floor(high)
        if (least, most) == (-1 << width - 1, (1 << width - 1) - 1):
            return
        half = 1 << min((max(-least, most + 1, 1) - 1).bit_length(), width - 2)
        least, most = max(least, -half) + half, min(most, half - 1) + half
        self._never = self._never or least > most or most < 0
        self._signed |= (1 << width) - 2 * half << shift
        self._kept |= 2 * half - 1 << shift
        self._bias |= half << shift
        self._added |= max(2 * half - 1 - most, 0) << shift
        self._guard |= 2 * half << shift
        self._low_guard |= 2 * half << shift
        self._low |= min(least, 2 * half - 1) << shift

    def surely(self, data: bytes) -> bool:
        """Whether every value is inside; False says only that each must be looked at."""
        number = int.from_bytes(data, "little" if self.little else "big")
        if number & self._forbidden or self._never:
            return False
        kept = number & self._kept ^ self._bias
        if kept + self._added & self._guard:
            return False
        if self._low and ((kept | self._low_guard) - self._low & self._low_guard) != self._low_guard:
            return False
        return not (self._signed and (number ^ number << 1) & self._signed)


def _most(form: tuple[str, str], value: float) -> int:
    """The pattern of the largest float that is not above `value`."""
    data = struct.pack(form[0], value)
    pattern: int = struct.unpack(form[1], data)[0]
    above: bool = struct.unpack(form[0], data)[0] > value
    return pattern - above
