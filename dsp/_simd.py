"""SIMD vectors of eight numbers for kernels; one vector is one row of an array of shape (rows, 8).

The vectors use the vector type of LLVM, which the compiler maps to the registers of each processor (one of 512 bits,
two of 256 or four of 128) and keeps there. The compiler does not do this for eight copies of scalar code.
"""

# numba has type hints for few of its types
# mypy: disable-error-code="attr-defined, no-untyped-call, misc"
from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.core.datamodel import PrimitiveModel, register_default
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, lower_builtin

from dsp._jit import Floats

LANES = 8
_LINE = 64  # bytes of a cache line
_ALIGN = 8  # bytes of an element
_FLAGS = ("reassoc", "contract")


def rows(n: int) -> Floats:
    """Zeros of shape (n, 8); each row is aligned to one cache line."""
    size = n * LANES * 8
    raw = np.zeros(size + _LINE, dtype=np.uint8)
    skip = -raw.ctypes.data % _LINE
    return raw[skip : skip + size].view(np.float64).reshape(n, LANES)


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


class _LanesType(types.Type):
    def __init__(self) -> None:
        super().__init__(name="Lanes")


_LANES = _LanesType()


@register_default(_LanesType)
class _LanesModel(PrimitiveModel):
    def __init__(self, manager: Any, front: Any) -> None:
        super().__init__(manager, front, ir.VectorType(ir.DoubleType(), LANES))


def _vector_at(context: Any, builder: Any, kind: Any, array: Any, element: Any) -> Any:
    """Pointer to the vector that begins at flat index `element` of the array."""
    at = builder.gep(context.make_array(kind)(context, builder, array).data, [element])
    return builder.bitcast(at, context.get_value_type(_LANES).as_pointer())


def _load(_: Any, rows: Any, row: Any) -> Any:
    """Load row `row` of a C-contiguous array (rows, 8); bounds are not checked."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        element = builder.mul(args[1], ir.Constant(args[1].type, LANES))
        return builder.load(_vector_at(context, builder, sig.args[0], args[0], element), align=_ALIGN)

    return signature(_LANES, rows, types.intp), code


def _store(_: Any, rows: Any, row: Any, value: Any) -> Any:
    """Store `value` in row `row` of a C-contiguous array (rows, 8); bounds are not checked."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        element = builder.mul(args[1], ir.Constant(args[1].type, LANES))
        builder.store(args[2], _vector_at(context, builder, sig.args[0], args[0], element), align=_ALIGN)
        return context.get_dummy_value()

    return signature(types.none, rows, types.intp, value), code


def _spill(_: Any, rows: Any, element: Any, value: Any) -> Any:
    """Store `value` in eight elements starting at flat index `element` of the array; bounds are not checked."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[2], _vector_at(context, builder, sig.args[0], *args[:2]), align=_ALIGN)
        return context.get_dummy_value()

    return signature(types.none, rows, types.intp, value), code


def _zero(_: Any, rows: Any) -> Any:
    """Eight zeros of the element type of `rows`."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return ir.Constant(context.get_value_type(sig.return_type), None)

    return signature(_LANES, rows), code


def _root(_: Any, value: Any) -> Any:
    """Square root of each element."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector = args[0].type
        root = builder.module.declare_intrinsic(f"llvm.sqrt.v{LANES}f64", (), ir.FunctionType(vector, [vector]))
        return builder.call(root, args)

    return signature(value, value), code


load = cast(Callable[[Floats, int], SimdLanes], intrinsic(_load))
store = cast(Callable[[Floats, int, SimdLanes], None], intrinsic(_store))
spill = cast(Callable[[Floats, int, SimdLanes], None], intrinsic(_spill))
zero = cast(Callable[[Floats], SimdLanes], intrinsic(_zero))
root = cast(Callable[[SimdLanes], SimdLanes], intrinsic(_root))


def _arithmetic(python: Any, build: str, *, by_number: bool) -> None:
    @infer_global(python)
    class Template(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            number = types.float64
            accepted = [(_LANES, _LANES), (number, _LANES), (_LANES, number)] if by_number else [(_LANES, _LANES)]
            return signature(_LANES, *args) if args in accepted else None

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right = (
            value if isinstance(kind, _LanesType) else _spread(builder, value)
            for value, kind in zip(args, sig.args, strict=True)
        )
        return getattr(builder, build)(left, right, flags=_FLAGS)

    lower_builtin(python, _LanesType, _LanesType)(code)
    if by_number:
        lower_builtin(python, types.Float, _LanesType)(code)
        lower_builtin(python, _LanesType, types.Float)(code)


def _spread(builder: Any, number: Any) -> Any:
    vector = ir.VectorType(number.type, LANES)
    index = ir.IntType(32)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.Constant(index, 0))
    return builder.shuffle_vector(
        one, ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(index, LANES), None)
    )


_arithmetic(operator.add, "fadd", by_number=False)
_arithmetic(operator.sub, "fsub", by_number=False)
_arithmetic(operator.mul, "fmul", by_number=True)
