"""Space vectors: three phases without zero sequence as one complex number; amplitude-invariant, L1 on the real axis.

The power of a voltage and a current vector is 1.5·Re(u·i*).
"""

from __future__ import annotations

import cmath
import math

import numpy as np

from simulators.plant.phasors import Floats, Vectors

_TURN = cmath.exp(2j * math.pi / 3)
_BACK = np.array([1, _TURN.conjugate(), _TURN])


def vector(abc: Floats) -> Vectors:
    """Return space vectors of phase values of shape (3, n)."""
    return np.asarray((abc[0] + _TURN * abc[1] + _TURN.conjugate() * abc[2]) * (2 / 3))


def phases(space: Vectors) -> Floats:
    """Return phase values relative to the star point, shape (3, n)."""
    return np.asarray((_BACK[:, None] * space[None, :]).real)


def power_w(u: Vectors, i: Vectors) -> Floats:
    """Return the instantaneous power, W."""
    return np.asarray(1.5 * (u * i.conj()).real)
