"""Low-pass filters that keep one sample of many, as products of matrices: the cost is one pass over the samples."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.complex128]

LOBES = 24  # length of a filter in output samples
CUTOFF = 0.36  # of the output rate; flat up to 0.25, 80 dB above 0.47
WIDE_LOBES, WIDE_CUTOFF = 14, 0.44  # flat up to 0.25 as well, 80 dB above 0.64: before another filter
_BETA = 8.0  # Kaiser: 80 dB


@lru_cache(maxsize=16)
def low_pass(factor: int, lobes: int = LOBES, cutoff: float = CUTOFF) -> Floats:
    """Weights of a filter that keeps one of `factor` samples, shape (lobes, factor), sum 1."""
    n = lobes * factor
    at = (np.arange(n) - (n - 1) / 2) / factor
    weights = np.sinc(2 * cutoff * at) * np.kaiser(n, _BETA)
    return np.asarray((weights / weights.sum()).reshape(lobes, factor))


def decimated(rows: Floats, weights: Floats) -> Floats:
    """One output for each `factor` samples of each row, shape (k, n) → (k, n // factor − lobes + 1).

    weights: of `low_pass`. Output m is centred at the sample m · factor + (lobes · factor − 1) / 2.
    """
    return np.stack([_filtered(row, weights[None])[0] for row in rows])


def mixed(rows: Floats, weights: Floats, rad: float) -> Vectors:
    """The rows times exp(−j · rad · k) of sample k, decimated: what is near a frequency becomes slow."""
    lobes, factor = weights.shape
    turn = np.exp(-1j * rad * np.arange(lobes * factor)).reshape(lobes, factor)
    both = np.stack([weights * turn.real, weights * turn.imag])
    found: Vectors = np.stack([real + 1j * imaginary for real, imaginary in (_filtered(row, both) for row in rows)])
    found *= np.exp(-1j * rad * factor * np.arange(found.shape[1]))
    return found


def _filtered(row: Floats, filters: Floats) -> Floats:
    """A row through several filters of the same length, shape (n,), (k, lobes, factor) → (k, m)."""
    count, lobes, factor = filters.shape
    blocks = len(row) // factor
    samples = row[: blocks * factor].reshape(blocks, factor)
    products = filters.reshape(count * lobes, factor).astype(row.dtype) @ samples.T
    out = np.zeros((count, max(blocks - lobes + 1, 0)))
    for k, total in enumerate(out):
        for lobe in range(lobes):
            total += products[k * lobes + lobe, lobe : lobe + len(total)]
    return out


@lru_cache(maxsize=64)
def fast_length(n: int) -> int:
    """The largest length up to n whose Fourier transform is fast: no prime factor above 11. Up to 2 % shorter from
    1000 on."""
    while n > 1:
        rest = n
        for prime in (2, 3, 5, 7, 11):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            break
        n -= 1
    return n


def space_vector(x: npt.NDArray[np.generic]) -> Vectors:
    """Space vector (peak) of three phases, shape (3, n)."""
    return np.asarray((2 * x[0] - x[1] - x[2]) / 3 + 1j * (x[1] - x[2]) / math.sqrt(3))
