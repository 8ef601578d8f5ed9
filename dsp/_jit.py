"""Compiler options of numba for all kernels, and the array types that the kernels share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

F = TypeVar("F", bound=Callable[..., object])

# No "nnan" and no "ninf": NaN marks a gap, so only re-association and contraction are allowed.
FLAGS: dict[str, Any] = {"nogil": True, "fastmath": {"reassoc", "contract"}, "error_model": "numpy"}

dispatchers: list[Any] = []


# For functions that allocate no memory: without reference counting, calls cost nothing and vectors stay in registers.
_BARE: dict[str, Any] = {**FLAGS, "_nrt": False}


def kernel(function: F) -> F:
    """Compile a function with the options of this package; the type checker keeps its signature.

    A kernel may call kernels of the same file and of `_passes`. The cache of numba does not detect a change of a callee
    in another file, so a change there requires another cache folder; agent/core/kernel_cache.py provides it.
    """
    return _compile(function, FLAGS)


def bare(function: F) -> F:
    """Compile a kernel that allocates no memory and calls only other bare kernels."""
    return _compile(function, _BARE)


def inner(function: F) -> F:
    """Compile a helper of bare kernels that the compiler always inlines into its callers."""
    return cast(F, cast(Any, numba).njit(forceinline=True, **_BARE)(function))


def _compile(function: F, flags: dict[str, Any]) -> F:
    njit = cast(Any, numba).njit
    try:
        compiled = njit(cache=True, **flags)(function)
    except RuntimeError:  # neither __pycache__ nor a cache directory is writable: compile at every start
        compiled = njit(**flags)(function)
    dispatchers.append(compiled)
    return cast(F, compiled)


def cache_misses() -> int:
    """Number of kernels that this process had to compile; 0 means that all of them came from the cache."""
    return sum(sum(d.stats.cache_misses.values()) for d in dispatchers)
