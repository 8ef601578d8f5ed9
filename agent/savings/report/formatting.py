"""Numbers for readers: the uncertainty decides the number of digits of a value."""

from __future__ import annotations

import math
from decimal import Decimal

THIN = "\u202f"


def with_u(value: float, u: float) -> tuple[str, str]:
    """Value and U with the same last digit, U with two digits: (12 345.6, 78) → "12 346", "78".

    Without a finite U above 0: the value with one decimal, and "–".
    """
    known = u > 0 and math.isfinite(u)
    return alike(value, u), grouped(u, _decimals(u)) if known else "–"


def plus_minus(value: float, u: float) -> str:
    """ "12 346 ± 78"."""
    return " ± ".join(with_u(value, u))


def alike(value: float, u: float) -> str:
    """A value, rounded to the last digit of its U."""
    return grouped(value, _decimals(u) if u > 0 and math.isfinite(u) else 1)


def rounded_to_u(value: float, u: float) -> float:
    """The number that `alike` shows."""
    return round(value, _decimals(u) if u > 0 and math.isfinite(u) else 1)


def _decimals(u: float) -> int:
    decimals = 1 - math.floor(math.log10(u))
    return decimals - 1 if round(u, decimals) >= 10 ** (2 - decimals) else decimals  # 0.0998 becomes 0.10


def grouped(value: float, decimals: int = 0) -> str:
    """Thousands separated by a narrow space; a negative number of decimals rounds to tens, hundreds."""
    return f"{round(value, decimals):z,.{max(decimals, 0)}f}".replace(",", THIN).replace("-", "−")


def exact(value: Decimal) -> str:
    """A decimal number with all its digits, thousands separated as in `grouped`."""
    return f"{value:,f}".replace(",", THIN).replace("-", "−")


def kwh(wh: float | None) -> str:
    """Wh as kWh with at least three significant digits; "–" for None."""
    if wh is None:
        return "–"
    return grouped(wh / 1000, _kwh_decimals(wh))


def rounded_kwh(wh: float) -> float:
    """The number that `kwh` shows."""
    return round(wh / 1000, _kwh_decimals(wh))


def _kwh_decimals(wh: float) -> int:
    return 0 if abs(wh) >= 100e3 else 1 if abs(wh) >= 10e3 else 2
