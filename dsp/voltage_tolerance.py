"""Voltage tolerance curves: the lowest voltage that equipment must ride through, by duration (tables/*.toml)."""

from __future__ import annotations

import math
import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple

CURVES = ("semi-f47", "iec61000-4-34")


class ToleranceCurve(NamedTuple):
    """title: of the standard. source: where the values were read. mark: "S": public sources; "M": partly from memory.

    steps: duration up to which it holds (s; the last one infinite), lowest voltage (% of the declared voltage).
    """

    title: str
    source: str
    mark: str
    steps: tuple[tuple[float, float], ...]

    def lowest_pct(self, duration_s: float) -> float:
        """Voltage that equipment must ride through for this long, % of the declared voltage."""
        return next(pct for until_s, pct in self.steps if duration_s <= until_s)


@cache
def tolerance_curve(name: str) -> ToleranceCurve:
    """One of CURVES. Raises ValueError for any other name."""
    if name not in CURVES:
        raise ValueError(f"name must be one of {', '.join(CURVES)}, got {name!r}")
    table = tomllib.loads((files("dsp.tables") / "voltage_tolerance.toml").read_text("utf-8"))[name]
    steps = tuple((float(until_s), float(pct)) for until_s, pct in table["steps"])
    assert steps[-1][0] == math.inf
    return ToleranceCurve(table["title"], table["source"], table["mark"], steps)
