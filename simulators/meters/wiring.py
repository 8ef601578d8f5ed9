"""Wiring faults of a meter. They affect only the terminals of this meter, not the plant."""

from __future__ import annotations

import re
from dataclasses import dataclass

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

    voltages: tuple[int, int, int] = (0, 1, 2)
    currents: tuple[int, int, int] = (0, 1, 2)
    voltage_factors: tuple[float, float, float] = (1.0, 1.0, 1.0)
    current_factors: tuple[float, float, float] = (1.0, 1.0, 1.0)

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
    words = re.fullmatch(r"(reversed|missing) (ct|vt)([123])", fault)
    if words:
        k, factor = int(words[3]) - 1, -1.0 if words[1] == "reversed" else 0.0
        currents, voltages = list(now.current_factors), list(now.voltage_factors)
        (currents if words[2] == "ct" else voltages)[k] *= factor
        return Wiring(now.voltages, now.currents, _three(voltages), _three(currents))
    if words := re.fullmatch(r"swapped (ct|vt)(12|23|13)", fault):
        one, two = (int(digit) - 1 for digit in words[2])
        order = list(now.currents if words[1] == "ct" else now.voltages)
        order[one], order[two] = order[two], order[one]
        return _ordered(now, words[1], (order[0], order[1], order[2]))
    if words := re.fullmatch(r"rotated (ct|vt)( back)?", fault):
        a, b, c = now.currents if words[1] == "ct" else now.voltages
        return _ordered(now, words[1], (c, a, b) if words[2] else (b, c, a))
    if words := re.fullmatch(r"ratio (ct|vt) (\d+(?:\.\d+)?)", fault):
        factor = float(words[2])
        scaled = [x * factor for x in (now.current_factors if words[1] == "ct" else now.voltage_factors)]
        if words[1] == "ct":
            return Wiring(now.voltages, now.currents, now.voltage_factors, _three(scaled))
        return Wiring(now.voltages, now.currents, _three(scaled), now.current_factors)
    raise InvalidValue(WIRING_FAULT_UNKNOWN, fault=fault, examples=_EXAMPLES)


def _ordered(now: Wiring, which: str, order: tuple[int, int, int]) -> Wiring:
    if which == "ct":
        return Wiring(now.voltages, order, now.voltage_factors, now.current_factors)
    return Wiring(order, now.currents, now.voltage_factors, now.current_factors)


def _three(values: list[float]) -> tuple[float, float, float]:
    return values[0], values[1], values[2]
