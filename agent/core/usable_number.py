"""The usable numbers of a reading."""

from __future__ import annotations

import math

from drivers.reading import BAD, Reading


def usable_number(reading: Reading, name: str) -> float | None:
    """The value of a quantity; None when it is missing, no finite number, or has a flag of BAD."""
    value = reading.values.get(name)
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    flag = reading.flags.get(name)
    return None if flag and flag & BAD else float(value)
