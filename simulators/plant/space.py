"""Space vectors: three phases without their common part as one complex number; amplitude-invariant, L1 real.

Power of a voltage and a current vector is 1.5·Re(u·i*).
"""

from __future__ import annotations

import cmath
import math

import numpy as np

from simulators.plant._arrays import Floats, Vectors

_TURN = cmath.exp(2j * math.pi / 3)
_BACK = np.array([1, _TURN.conjugate(), _TURN])


def vector(abc: Floats) -> Vectors:
    """From phase values, shape (3, n)."""
    return np.asarray((abc[0] + _TURN * abc[1] + _TURN.conjugate() * abc[2]) * (2 / 3))


def phases(space: Vectors) -> Floats:
    """Phase values against the star point, shape (3, n)."""
    return np.asarray((_BACK[:, None] * space[None, :]).real)


def power_w(u: Vectors, i: Vectors) -> Floats:
    """Instant by instant."""
    return np.asarray(1.5 * (u * i.conj()).real)
