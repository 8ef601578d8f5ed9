"""Kernels: functions that numba compiles, or that come from an image compiled before; and the array types they share.

By default numba compiles a kernel at its first call and caches it. After `use_image`, numba is never imported: LLVM and
the type inference of numba take 110 MB, compiled kernels half a megabyte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Reals = npt.NDArray[np.floating[Any]]  # float64 or float32
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
LANES = 8  # numbers of a vector, see _simd.py

F = TypeVar("F", bound=Callable[..., object])
Image = Mapping[str, Callable[..., Any]]

# No "nnan" and no "ninf": NaN marks a gap, so only re-association and contraction are allowed. No kernel allocates
# memory: without reference counting, calls cost nothing and vectors stay in registers. No kernel is passed as a value.
FLAGS: dict[str, Any] = {
    "nogil": True, "fastmath": {"reassoc", "contract"}, "error_model": "numpy", "_nrt": False,
    "no_cfunc_wrapper": True,
}  # fmt: skip

dispatchers: list[Any] = []
kernels: list[Any] = []  # those of kernel()
_image: Callable[[], Image] | None = None


def use_image(image: Callable[[], Image]) -> None:
    """Take all kernels from `image` (see kernel_image.load), which is called when the first kernel is.

    Has to be called before any other file of this package is imported.
    """
    global _image
    _image = image


def has_image() -> bool:
    """Whether kernels come from an image, so that numba must not be imported."""
    return _image is not None


def kernel(function: F) -> F:
    """Compile a function that is called from Python, once with each type of argument; an image contains it.

    It may call functions of bare() and inner(), and other kernels. The cache of numba does not detect a change of a
    callee in another file, so a change there requires another cache folder; agent/core/kernel_cache.py provides it.
    """
    if _image is not None:
        return cast(F, _from_image(_image, name_of(function)))
    compiled = bare(function)
    kernels.append(compiled)
    return compiled


def bare(function: F) -> F:
    """Compile a function that is called by kernels only. The type checker keeps its signature."""
    if _image is not None:
        return function
    njit = _njit()
    try:
        compiled = njit(cache=True, **FLAGS)(function)
    except RuntimeError:  # neither __pycache__ nor a cache directory is writable: compile at every start
        compiled = njit(**FLAGS)(function)
    dispatchers.append(compiled)
    return cast(F, _without_literals(compiled))


def inner(function: F) -> F:
    """Compile a helper of kernels that the compiler always inlines into its callers; Python must not call it."""
    if _image is not None:
        return function
    return cast(F, _without_literals(_njit()(forceinline=True, no_cpython_wrapper=True, **FLAGS)(function)))


def name_of(function: Callable[..., object]) -> str:
    """Name of a kernel in an image."""
    return f"{function.__module__}.{function.__qualname__}"


def cache_misses() -> int:
    """Number of kernels that this process had to compile; 0 means that all of them came from the cache."""
    return sum(sum(d.stats.cache_misses.values()) for d in dispatchers)


def _without_literals(dispatcher: Any) -> Any:
    """Compile for the types of numbers only; numba compiles a function again for each number written in a call."""
    from numba.core import types

    unliteral = cast(Any, types).unliteral
    resolve = dispatcher.get_call_template

    def without_literals(arguments: Any, named: Any) -> Any:
        plain = {name: unliteral(kind) for name, kind in named.items()}
        return resolve(tuple(unliteral(kind) for kind in arguments), plain)

    dispatcher.get_call_template = without_literals
    return dispatcher


def _njit() -> Any:
    import numba

    return cast(Any, numba).njit


def _from_image(image: Callable[[], Image], name: str) -> Callable[..., Any]:
    """The kernel `name`; until the image is there, a function that looks it up at each call.

    Most files are imported when the image is there. Raises KeyError when called without one.
    """

    def late(*arguments: object) -> Any:
        return image()[name](*arguments)

    return image().get(name, late)
