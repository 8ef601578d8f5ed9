"""Periodic three-phase quantities as rms phasors, shape (3, 51): row = phase L1 L2 L3, column = harmonic order.

Reference: cos(h·ωt + angle); column 0 (DC) is zero in this plant. All quantities of a meter follow from the two arrays
of voltages and currents. Definitions: IEEE 1459-2010, per phase.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ORDERS = 51
Phasors = NDArray[np.complex128]
Vectors = NDArray[np.complex128]
Floats = NDArray[np.float64]

_sum = np.add.reduce  # the function that ndarray.sum calls, without its overhead, which matters for arrays this small

_A = cmath.exp(2j * math.pi / 3)
# Columns: sequence 0, +1, −1. L2 lags L1 by a third of the fundamental's period.
_PHASES = np.array([[1, 1, 1], [1, _A**2, _A], [1, _A, _A**2]])


class PhasorComponent(NamedTuple):
    """One symmetrical component of one harmonic.

    order: harmonic order.
    sequence: +1, −1 or 0.
    value: phasor of phase L1, rms.
    """

    order: int
    sequence: int
    value: complex


def natural_sequence(order: int) -> int:
    """Return the sequence of a balanced harmonic: 1, 7, 13 … positive; 5, 11 … negative; 3, 9 … zero."""
    return (0, 1, -1)[order % 3]


def phasors(components: Iterable[PhasorComponent]) -> Phasors:
    """Return the (3, 51) array of a sum of components. Raises IndexError for an order above 50."""
    by_sequence = np.zeros((3, ORDERS), complex)
    for order, sequence, value in components:
        by_sequence[sequence, order] += value
    return np.asarray(_PHASES @ by_sequence)


def rms_and_thd(x: Phasors) -> tuple[list[float], list[float]]:
    """Return for each row of x the rms over all orders and the THD: orders 2 … 50 in percent of the fundamental.

    The THD is 0 without a fundamental.
    """
    square = x.real**2 + x.imag**2
    upper, total = _sum(square[:, 2:], axis=1).tolist(), _sum(square, axis=1).tolist()
    thd = [100 * math.sqrt(h / f) if f > 0 else 0.0 for h, f in zip(upper, square[:, 1].tolist(), strict=True)]
    return [math.sqrt(value) for value in total], thd


def line_to_line(u: Phasors) -> Phasors:
    """Return U12, U23, U31 from the phase voltages."""
    return np.asarray(u - u[[1, 2, 0]])


def active_w(u: Phasors, i: Phasors) -> Floats:
    """Return the active power of each phase, harmonics included, W."""
    return np.asarray(_sum((u * i.conj()).real, axis=1))


def reactive_var(u: Phasors, i: Phasors) -> Floats:
    """Return the reactive power of the fundamental of each phase, var; positive for a lagging current."""
    return np.asarray((u[:, 1] * i[:, 1].conj()).imag)


def unbalance_percent(rms: Sequence[float]) -> float:
    """Return the largest deviation of the three rms values from their mean, in percent of it (NEMA form, as meters show
    it).
    """
    mean = sum(rms) / 3
    return 100 * max(abs(value - mean) for value in rms) / mean if mean else 0.0
