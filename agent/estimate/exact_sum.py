"""Sums that run along with a window: what is added and later taken away leaves nothing behind."""

from __future__ import annotations

import math
from collections.abc import Sequence

BITS = 1074  # the smallest float is 2**-1074: in units of it every float is a whole number
_ONE = 1 << BITS


class ExactSums:
    """As many sums as a row has numbers, in whole units of 2**-1074: no order and no number of steps changes them, and
    `values` are the floats nearest to the true sums, as `math.fsum` gives them."""

    def __init__(self, width: int) -> None:
        self._sums = [0] * width
        self._odd = 0  # rows in it that hold no finite number: there is no sum then

    def add(self, row: Sequence[float]) -> None:
        self._take(row, 1)

    def remove(self, row: Sequence[float]) -> None:
        """One that was added."""
        self._take(row, -1)

    def values(self) -> list[float]:
        if self._odd:
            return [math.nan] * len(self._sums)
        return [whole / _ONE for whole in self._sums]

    def _take(self, row: Sequence[float], sign: int) -> None:
        if not all(map(math.isfinite, row)):
            self._odd += sign
            return
        sums = self._sums
        for k, value in enumerate(row):
            if value:
                whole, parts = value.as_integer_ratio()
                sums[k] += sign * whole << BITS + 1 - parts.bit_length()
