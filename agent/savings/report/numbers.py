"""Numbers as a person reads them: the doubt says how many digits a value has."""

from __future__ import annotations

import math

THIN = "\u202f"


def with_u(value: float, u: float) -> tuple[str, str]:
    """Value and U to the same digit, U with two: (12 345.6, 78) → "12 346", "78"; U of 0 or none: value as it is."""
    known = u > 0 and math.isfinite(u)
    return alike(value, u), grouped(u, _decimals(u)) if known else "–"


def alike(value: float, u: float) -> str:
    """A value to the digit to which its U is told."""
    return grouped(value, _decimals(u) if u > 0 and math.isfinite(u) else 1)


def _decimals(u: float) -> int:
    decimals = 1 - math.floor(math.log10(u))
    return decimals - 1 if round(u, decimals) >= 10 ** (2 - decimals) else decimals  # 0.0998 becomes 0.10


def grouped(value: float, decimals: int = 0) -> str:
    """Thousands apart by a thin space; a negative number of decimals rounds to tens, hundreds."""
    return f"{round(value, decimals):z,.{max(decimals, 0)}f}".replace(",", THIN).replace("-", "−")


def kwh(wh: float | None) -> str:
    """kWh with three digits at least."""
    if wh is None:
        return "–"
    value = wh / 1000
    return grouped(value, 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2)
