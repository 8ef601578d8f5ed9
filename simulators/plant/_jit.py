"""Compilation of the simulator's kernels: cached, without the GIL, sums not reordered, so that a seed gives identical
bytes.

Nothing compiles at import. Kernels call only kernels of the same file, because the cache does not detect changes in
other files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])

_FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}


def kernel(function: F) -> F:
    """Compile a function that is called from Python."""
    njit = cast(Any, numba).njit
    try:
        return cast(F, njit(cache=True, **_FLAGS)(function))
    except RuntimeError:  # no directory for the cache is writable
        return cast(F, njit(**_FLAGS)(function))


def part(function: F) -> F:
    """Compile a function that is inlined into the kernels of its file: a third faster than calls with long records."""
    return cast(F, cast(Any, numba).njit(forceinline=True, **_FLAGS)(function))
