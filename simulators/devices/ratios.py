"""Transformer ratios of a virtual meter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from drivers.reading import Value
from drivers.reasons import InvalidValue
from drivers.vocabulary import vocabulary
from simulators import reasons as codes

Ratio = tuple[float, float]  # primary and secondary, A or V
STANDARD_A = (50, 75, 100, 150, 200, 250, 300, 400, 500, 600, 800, 1000, 1200, 1500, 2000, 2500, 3000, 4000)
DIRECT_MAX_A = 65.0  # rated current up to which a meter usually needs no current transformers
_POWERS_AND_ENERGIES = ("W", "var", "VA", "kWh", "kvarh", "kVAh")
_TEXT = re.compile(r"(\d+(?:\.\d+)?)/(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Ratios:
    """Transformer ratios of a meter; None: no transformers.

    in_meter: the meter is set to the ratios and displays primary values; otherwise it displays secondary values.
    """

    ct: Ratio | None = None
    vt: Ratio | None = None
    in_meter: bool = True

    @property
    def ct_factor(self) -> float:
        return _factor(self.ct) if self.in_meter else 1.0

    @property
    def vt_factor(self) -> float:
        return _factor(self.vt) if self.in_meter else 1.0

    def displayed(self, values: Mapping[str, Value]) -> Mapping[str, Value]:
        """The values as the meter displays them. values: primary values by name."""
        ct, vt = _factor(self.ct), _factor(self.vt)
        if self.in_meter or ct == vt == 1.0:
            return values
        factor = {"A": ct, "V": vt} | dict.fromkeys(_POWERS_AND_ENERGIES, ct * vt)
        return {
            name: value / factor.get(vocabulary()[name].unit, 1.0) if isinstance(value, int | float) else value
            for name, value in values.items()
        }


def parse_ratio(text: str) -> Ratio:
    """Primary and secondary of "200/5". Raises InvalidValue."""
    found = _TEXT.fullmatch(text.strip())
    primary, secondary = map(float, found.groups()) if found else (0.0, 0.0)
    if not primary >= secondary > 0:
        raise InvalidValue(codes.BENCH_RATIO, text=text)
    return primary, secondary


def usual_ct(amps: float) -> Ratio | None:
    """The usual current transformers of a motor; None for a current that a meter measures directly."""
    if amps <= DIRECT_MAX_A:
        return None
    return float(next((primary for primary in STANDARD_A if primary >= 1.1 * amps), STANDARD_A[-1])), 5.0


def _factor(ratio: Ratio | None) -> float:
    return ratio[0] / ratio[1] if ratio else 1.0
