"""The type of _simd.py: a vector of eight numbers in compiled code, as an extension of numba."""

# numba has type hints for few of its types
# mypy: disable-error-code="attr-defined, no-untyped-call, misc"
from __future__ import annotations

import operator
from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import types
from numba.core.datamodel import PrimitiveModel, register_default
from numba.core.typing import signature
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, lower_builtin

from dsp._jit import LANES

_FLAGS = ("reassoc", "contract")


class _LanesType(types.Type):
    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Lanes({dtype})")


@register_default(_LanesType)
class _LanesModel(PrimitiveModel):
    def __init__(self, manager: Any, front: Any) -> None:
        element = ir.FloatType() if front.dtype == types.float32 else ir.DoubleType()
        super().__init__(manager, front, ir.VectorType(element, LANES))


def _vector_at(context: Any, builder: Any, kind: Any, array: Any, element: Any) -> tuple[Any, int]:
    """Pointer to the vector that begins at flat index `element` of the array, and its alignment in bytes."""
    at = builder.gep(context.make_array(kind)(context, builder, array).data, [element])
    vector = context.get_value_type(_LanesType(kind.dtype))
    return builder.bitcast(at, vector.as_pointer()), kind.dtype.bitwidth // 8


def _take(_: Any, array: Any, element: Any) -> Any:
    """Load eight elements of a C-contiguous array from flat index `element` on; bounds are not checked."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        at, align = _vector_at(context, builder, sig.args[0], *args)
        return builder.load(at, align=align)

    return signature(_LanesType(array.dtype), array, types.intp), code


def _load(_: Any, rows: Any, row: Any) -> Any:
    """Load row `row` of a C-contiguous array (rows, 8); bounds are not checked."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        element = builder.mul(args[1], ir.Constant(args[1].type, LANES))
        at, align = _vector_at(context, builder, sig.args[0], args[0], element)
        return builder.load(at, align=align)

    return signature(_LanesType(rows.dtype), rows, types.intp), code


def _store(_: Any, rows: Any, row: Any, value: Any) -> Any:
    """Store `value` in row `row` of a C-contiguous array (rows, 8); bounds are not checked."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        element = builder.mul(args[1], ir.Constant(args[1].type, LANES))
        at, align = _vector_at(context, builder, sig.args[0], args[0], element)
        builder.store(args[2], at, align=align)
        return context.get_dummy_value()

    return signature(types.none, rows, types.intp, value), code


def _spill(_: Any, rows: Any, element: Any, value: Any) -> Any:
    """Store `value` in eight elements starting at flat index `element` of the array; bounds are not checked."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        at, align = _vector_at(context, builder, sig.args[0], *args[:2])
        builder.store(args[2], at, align=align)
        return context.get_dummy_value()

    return signature(types.none, rows, types.intp, value), code


def _zero(_: Any, rows: Any) -> Any:
    """Eight zeros of the element type of `rows`."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return ir.Constant(context.get_value_type(sig.return_type), None)

    return signature(_LanesType(rows.dtype), rows), code


def _root(_: Any, value: Any) -> Any:
    """Square root of each element."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        vector = args[0].type
        name = f"llvm.sqrt.v{LANES}f{sig.return_type.dtype.bitwidth}"
        root = builder.module.declare_intrinsic(name, (), ir.FunctionType(vector, [vector]))
        return builder.call(root, args)

    return signature(value, value), code


def _least(_: Any, a: Any, b: Any) -> Any:
    """The smaller of each two elements."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered("<", *args), *args)

    return signature(a, a, b), code


def _most(_: Any, a: Any, b: Any) -> Any:
    """The larger of each two elements."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.select(builder.fcmp_ordered(">", *args), *args)

    return signature(a, a, b), code


def _lane(_: Any, value: Any, k: Any) -> Any:
    """Element k of a vector."""

    def code(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.extract_element(*args)

    return signature(value.dtype, value, types.intp), code


take = intrinsic(_take)
least = intrinsic(_least)
most = intrinsic(_most)
lane = intrinsic(_lane)
load = intrinsic(_load)
store = intrinsic(_store)
spill = intrinsic(_spill)
zero = intrinsic(_zero)
root = intrinsic(_root)


def _arithmetic(python: Any, build: str, *, by_number: bool) -> None:
    @infer_global(python)
    class Template(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            if len(args) != 2:
                return None
            a, b = args
            if isinstance(a, _LanesType) and a == b:
                return signature(a, a, a)
            if by_number and isinstance(a, types.Float) and isinstance(b, _LanesType):
                return signature(b, b.dtype, b)
            if by_number and isinstance(a, _LanesType) and isinstance(b, types.Float):
                return signature(a, a, a.dtype)
            return None

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
