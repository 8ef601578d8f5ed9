"""Sliding sums: values that are added and later removed leave no rounding error."""

from __future__ import annotations

import math
from collections.abc import Sequence

BITS = 1074  # every float is a whole multiple of the smallest one, 2**-1074
_ONE = 1 << BITS


class CompensatedSums:
    """One sum for each number of a row, as whole multiples of 2**-1074.

    The result does not depend on the order or the number of additions; `values` are the floats nearest to the exact
    sums, as from `math.fsum`.
    """

    def __init__(self, width: int) -> None:
        self._sums = [0] * width
        self._odd = 0  # added rows with a number that is not finite: the sums are NaN

    def add(self, row: Sequence[float]) -> None:
        self._accumulate(row, 1)

    def remove(self, row: Sequence[float]) -> None:
        """Removes a row that was added."""
        self._accumulate(row, -1)

    def values(self) -> list[float]:
        if self._odd:
            return [math.nan] * len(self._sums)
        return [whole / _ONE for whole in self._sums]

    def _accumulate(self, row: Sequence[float], sign: int) -> None:
        if not all(map(math.isfinite, row)):
            self._odd += sign
            return
        sums = self._sums
        for k, value in enumerate(row):
            if value:
                whole, parts = value.as_integer_ratio()
                sums[k] += sign * whole << BITS + 1 - parts.bit_length()
