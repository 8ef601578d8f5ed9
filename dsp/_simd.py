"""SIMD vectors of eight numbers for kernels; one vector is one row of an array of shape (rows, 8).

The vectors use the vector type of LLVM (_vector_type.py), which the compiler maps to the registers of each processor
and keeps there. The compiler does not do this for eight copies of scalar code.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

from dsp import _jit
from dsp._jit import LANES, Reals

R = TypeVar("R", bound=np.floating[Any])

_LINE = 64  # bytes of a cache line


def rows(n: int, dtype: type[R] = np.float64) -> npt.NDArray[R]:  # type: ignore[assignment]
    """Zeros of shape (n, 8); each row is within one cache line."""
    size = n * LANES * np.dtype(dtype).itemsize
    raw = np.zeros(size + _LINE, dtype=np.uint8)
    skip = -raw.ctypes.data % _LINE
    return raw[skip : skip + size].view(dtype).reshape(n, LANES)


class SimdLanes:
    """Interface of a vector for the type checker; at run time it exists in compiled code only.

    A number times a vector multiplies each of the eight elements.
    """

    def __add__(self, other: SimdLanes) -> SimdLanes:
        raise NotImplementedError

    def __sub__(self, other: SimdLanes) -> SimdLanes:
        raise NotImplementedError

    def __mul__(self, other: SimdLanes | float) -> SimdLanes:
        raise NotImplementedError

    def __rmul__(self, other: float) -> SimdLanes:
        raise NotImplementedError


def _operation(name: str) -> Any:
    return None if _jit.has_image() else getattr(import_module("dsp._vector_type"), name)


# load(rows, row), store(rows, row, value): one row. take(array, element), spill(rows, element, value): eight elements
# from a flat index on. Bounds are not checked. zero(rows): eight zeros of the type of `rows`. least, most: of each two
# elements. lane(vector, k): element k.
take = cast(Callable[[Reals, int], SimdLanes], _operation("take"))
least = cast(Callable[[SimdLanes, SimdLanes], SimdLanes], _operation("least"))
most = cast(Callable[[SimdLanes, SimdLanes], SimdLanes], _operation("most"))
lane = cast(Callable[[SimdLanes, int], float], _operation("lane"))
load = cast(Callable[[Reals, int], SimdLanes], _operation("load"))
store = cast(Callable[[Reals, int, SimdLanes], None], _operation("store"))
spill = cast(Callable[[Reals, int, SimdLanes], None], _operation("spill"))
zero = cast(Callable[[Reals], SimdLanes], _operation("zero"))
root = cast(Callable[[SimdLanes], SimdLanes], _operation("root"))
