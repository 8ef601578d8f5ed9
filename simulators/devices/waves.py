"""Conversion of phasors to samples, as a delta-sigma front end with quantization delivers them."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simulators.plant.phasors import Floats, Phasors

SUDDEN = 0.05  # change from step to step as a share of the fundamental


class Sampler(Protocol):
    """A source that generates its own samples, such as simulators.plant.line_wave.LineWave."""

    def samples(self, count: int, rate_hz: float) -> Floats:
        """Return the next samples: V of L1 to L3, then A of L1 to L3, shape (6, count)."""
        ...


class Synthesiser:
    """Six channels u1 u2 u3 i1 i2 i3 in V and A, phase-continuous from block to block.

    Amplitudes and frequency change linearly between two plant steps, so the signal has no steps. A fundamental that
    changes by more than a twentieth changes abruptly, as in a dip.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._theta = 0.0  # angle of the fundamental at the next sample, radians
        self._last: tuple[NDArray[np.complex128], float] | None = None

    def block(self, u_v: Phasors, i_a: Phasors, frequency_hz: float, count: int) -> Floats:
        """Return `count` instants that end in the given state, shape (6, count).

        u_v, i_a: phasors of the phases, shape (3, orders), rms in V and A.
        frequency_hz: frequency of the fundamental.
        """
        now: Phasors = np.concatenate([u_v, i_a]) * complex(math.sqrt(2))
        before, frequency_before = self._last or (now, frequency_hz)
        if np.abs(now[:, 1] - before[:, 1]).max() > SUDDEN * np.abs(before[:, 1]).max():
            before = now
        self._last = (now, frequency_hz)
        progress = (np.arange(count) + 0.5) / count
        step = 2 * math.pi / self._rate_hz * (frequency_before + (frequency_hz - frequency_before) * progress)
        ends = self._theta + np.cumsum(step)
        theta = ends - step
        self._theta = float(ends[-1]) % (2 * math.pi) if count else self._theta
        orders = np.flatnonzero((now != 0).any(axis=0) | (before != 0).any(axis=0))
        turn = np.exp(1j * theta)
        power, reached = np.ones(count, complex), 0
        basis = np.empty((len(orders), count), complex)
        for row, order in enumerate(orders):
            while reached < order:
                power, reached = power * turn, reached + 1
            basis[row] = power
        # einsum instead of @: BLAS would start threads that cost ten times the sum.
        wave: Floats = np.einsum("co,on->cn", before[:, orders], basis).real
        wave += np.einsum("co,on->cn", (now - before)[:, orders], basis).real * progress
        return wave


class FrontEnd:
    """Conversion of six channels by an ADC: noise, quantization, full scale.

    scale: V and A of one count.
    noise_counts: standard deviation of the noise in counts.
    """

    def __init__(self, scale: tuple[float, float], noise_counts: float, seed: int) -> None:
        self._noise, self._scale = noise_counts, np.repeat(np.array(scale), 3)[:, None]
        self._random = np.random.Generator(np.random.SFC64(seed))

    def counts(self, wave: Floats) -> NDArray[np.int16]:
        """Return the counts of the samples, shape (instants, 6)."""
        noisy = wave / self._scale + self._random.standard_normal(wave.shape) * self._noise
        return np.ascontiguousarray(np.clip(np.rint(noisy), -32768, 32767).astype("<i2").T)
