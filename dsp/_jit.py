"""The one place with numba flags, and the array types that the kernels share."""

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

# No "nnan" and no "ninf": NaN is our gap mark, so only re-association and contraction are allowed.
FLAGS: dict[str, Any] = {"nogil": True, "fastmath": {"reassoc", "contract"}, "error_model": "numpy"}

dispatchers: list[Any] = []


# For functions that allocate nothing: without counting references, calls cost nothing and vectors stay in registers.
_BARE: dict[str, Any] = {**FLAGS, "_nrt": False}


def kernel(function: F) -> F:
    """Compile with our flags and keep the signature for the type checker.

    Kernels call kernels of their own file, and of `_passes`: numba's cache does not notice an edited callee elsewhere,
    so whoever edits that one needs another folder for the cache, as agent/kernels.py takes it.
    """
    return _compile(function, FLAGS)


def bare(function: F) -> F:
    """A kernel that allocates nothing and calls none but bare ones."""
    return _compile(function, _BARE)


def inner(function: F) -> F:
    """A part of bare kernels that the compiler puts right into them."""
    return cast(F, cast(Any, numba).njit(forceinline=True, **_BARE)(function))


def _compile(function: F, flags: dict[str, Any]) -> F:
    njit = cast(Any, numba).njit
    try:
        compiled = njit(cache=True, **flags)(function)
    except RuntimeError:  # neither __pycache__ nor a cache directory is writable: compile at each start
        compiled = njit(**flags)(function)
    dispatchers.append(compiled)
    return cast(F, compiled)


def cache_misses() -> int:
    """How many kernels this process had to compile; 0 proves that a warmed cache served them all."""
    return sum(sum(d.stats.cache_misses.values()) for d in dispatchers)
