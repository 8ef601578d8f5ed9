"""The simulator's own way to compile: cached, without the GIL, no reordering of sums, so that a seed gives its bytes.

Nothing compiles at import. Kernels call kernels of their own file only: the cache does not see an edit elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])

_FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def kernel(function: F) -> F:
    """Called from Python."""
    njit = cast(Any, numba).njit
    try:
        return cast(F, njit(cache=True, **_FLAGS)(function))
    except RuntimeError:  # no folder for the cache is writable
        return cast(F, njit(**_FLAGS)(function))


def part(function: F) -> F:
    """A piece of the kernels of its own file, laid into them: a third faster than calls with their long records."""
    return cast(F, cast(Any, numba).njit(forceinline=True, **_FLAGS)(function))
