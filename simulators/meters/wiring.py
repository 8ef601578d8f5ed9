"""Wiring faults of a meter. They affect only the terminals of this meter, not the plant."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from drivers.reasons import InvalidValue
from simulators.plant.phasors import Phasors
from simulators.reasons import WIRING_FAULT_UNKNOWN

_EXAMPLES = (
    "reversed ct1", "swapped ct12", "rotated ct", "rotated ct back", "missing ct1", "missing vt1", "ratio ct 2.0",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wiring:
    """Assignment of conductors to terminals; a factor of 0 means not connected.

    voltages: conductor (0…2) of each voltage terminal.
    currents: conductor (0…2) of each current terminal.
    voltage_factors, current_factors: factor of each terminal; −1: reversed.
    """

    voltages: tuple[int, ...] = (0, 1, 2)
    currents: tuple[int, ...] = (0, 1, 2)
    voltage_factors: tuple[float, ...] = (1.0, 1.0, 1.0)
    current_factors: tuple[float, ...] = (1.0, 1.0, 1.0)

    def at_terminals(self, u_v: Phasors, i_a: Phasors) -> tuple[Phasors, Phasors]:
        if self is RIGHT:
            return u_v, i_a
        u = u_v[list(self.voltages)] * np.array(self.voltage_factors)[:, None]
        return u, i_a[list(self.currents)] * np.array(self.current_factors)[:, None]


RIGHT = Wiring()


def wiring_of(text: str) -> Wiring:
    """Parse a list such as "reversed ct1, missing vt2". Raises InvalidValue with examples."""
    found = RIGHT
    for part in filter(None, (item.strip() for item in text.split(","))):
        found = _with(found, part)
    return found


def _with(now: Wiring, fault: str) -> Wiring:
    found = re.fullmatch(r"(reversed|missing|swapped|rotated|ratio) (ct|vt)(.*)", fault)
    what, kind, rest = found.groups() if found else ("", "ct", "")
    order = list(now.currents if kind == "ct" else now.voltages)
    factors = list(now.current_factors if kind == "ct" else now.voltage_factors)
    if what in ("reversed", "missing") and re.fullmatch("[123]", rest):
        factors[int(rest) - 1] *= -1.0 if what == "reversed" else 0.0
    elif what == "swapped" and rest in ("12", "23", "13"):
        one, two = (int(digit) - 1 for digit in rest)
        order[one], order[two] = order[two], order[one]
    elif what == "rotated" and rest in ("", " back"):
        order = [order[2], *order[:2]] if rest else [*order[1:], order[0]]
    elif what == "ratio" and re.fullmatch(r" \d+(\.\d+)?", rest):
        factors = [factor * float(rest) for factor in factors]
    else:
        raise InvalidValue(WIRING_FAULT_UNKNOWN, fault=fault, examples=_EXAMPLES)
    if kind == "ct":
        return replace(now, currents=tuple(order), current_factors=tuple(factors))
    return replace(now, voltages=tuple(order), voltage_factors=tuple(factors))
