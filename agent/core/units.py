"""Units as they are shown to an operator."""

from __future__ import annotations

_SIGNS = {"degC": "°C", "Nm": "N·m", "rpm": "r/min"}


def unit_sign(unit: str | None) -> str:
    """unit: as in messages; None: there is none."""
    return _SIGNS.get(unit or "", unit or "")
