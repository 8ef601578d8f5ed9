"""Periodic three-phase quantities as rms phasors, shape (3, 51): row = phase L1 L2 L3, column = harmonic order.

Reference: cos(h·ωt + angle); column 0 (DC) is zero in this plant. Everything a meter or a judge wants to know about
voltages and currents follows from two such arrays. Definitions: IEEE 1459-2010, per phase.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ORDERS = 51
Phasors = NDArray[np.complex128]
Reals = NDArray[np.float64]

_A = cmath.exp(2j * math.pi / 3)
# One phase after the other: L2 lags L1 by a third of the fundamental's period.
_SHIFT = {+1: np.array([1, _A**2, _A]), -1: np.array([1, _A, _A**2]), 0: np.ones(3, complex)}


class Component(NamedTuple):
    """One symmetrical component of one harmonic; `value` is the phasor of phase L1, rms."""

    order: int
    sequence: int  # +1, -1, or 0
    value: complex


def natural_sequence(order: int) -> int:
    """The sequence of a balanced harmonic: 1, 7, 13 … positive; 5, 11 … negative; 3, 9 … zero."""
    return (0, 1, -1)[order % 3]


def phasors(components: Iterable[Component]) -> Phasors:
    """The (3, 51) array of a sum of components."""
    out = np.zeros((3, ORDERS), complex)
    for order, sequence, value in components:
        out[:, order] += value * _SHIFT[sequence]
    return out


def rms(x: Phasors) -> Reals:
    """Per phase, all orders."""
    return np.asarray(np.sqrt((np.abs(x) ** 2).sum(axis=1)))


def thd_percent(x: Phasors) -> Reals:
    """Orders 2 … 50 against the fundamental, per phase; 0 without a fundamental."""
    size = np.abs(x)
    rest = np.sqrt((size[:, 2:] ** 2).sum(axis=1))
    return np.asarray(np.divide(100 * rest, size[:, 1], out=np.zeros(3), where=size[:, 1] > 0))


def line_to_line(u: Phasors) -> Phasors:
    """U12, U23, U31 from the phase voltages."""
    return np.asarray(u - u[[1, 2, 0]])


def active_w(u: Phasors, i: Phasors) -> Reals:
    """Per phase, harmonics included."""
    return np.asarray((u * i.conj()).real.sum(axis=1))


def reactive_var(u: Phasors, i: Phasors) -> Reals:
    """Of the fundamental, per phase, positive when the current lags."""
    return np.asarray((u[:, 1] * i[:, 1].conj()).imag)


def unbalance_percent(x: Phasors) -> float:
    """Largest deviation from the mean of the three rms values, over that mean (NEMA form, as the meters show it)."""
    values = rms(x)
    mean = float(values.mean())
    return 100 * float(np.abs(values - mean).max()) / mean if mean else 0.0
