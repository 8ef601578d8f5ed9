"""Make the object file for kernel_image: all kernels that this process has compiled, with functions that Python calls.

numba's own wrappers would need numba in the process that calls them, so a wrapper of the protocol METH_FASTCALL of
CPython is generated for each kernel. It checks the number, type and layout of the arguments, releases the GIL and calls
the kernel.
"""

# numba has type hints for few of its types
# mypy: disable-error-code="attr-defined, no-untyped-call, misc"
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]
import numpy as np
from llvmlite import ir
from numba.core import cgutils, config, types
from numba.core.codegen import get_host_cpu_features

from dsp import _jit
from dsp.kernel_image import NDARRAY

_HEAD = object.__basicsize__  # bytes of PyObject_HEAD; the type of an object is its last field
# offsets in PyArrayObject_fields and in PyArray_Descr (numpy/ndarraytypes.h); the same in numpy 1 and 2
_DATA, _DIMENSIONS, _SHAPE, _STRIDES, _TYPE, _LAYOUT = (_HEAD + 8 * k for k in (0, 1, 2, 3, 5, 6))
_NUMBER = _HEAD + 12
_CONTIGUOUS = 1  # NPY_ARRAY_C_CONTIGUOUS

_BYTE, _INT, _LONG, _DOUBLE = ir.IntType(8), ir.IntType(32), ir.IntType(64), ir.DoubleType()
_OBJECT = _BYTE.as_pointer()


def build() -> bytes:
    """Object file of all kernels that are imported; each must have been called, always with the same types.

    The processor is that of numba: NUMBA_CPU_NAME and NUMBA_CPU_FEATURES, or the present one.
    Raises ValueError for a kernel with none or several signatures, or with an argument of another type than int, float,
    bool and array.
    """
    whole: Any = None
    names = []
    for dispatcher in _jit.kernels:
        name = _jit.name_of(dispatcher.py_func)
        if len(dispatcher.overloads) != 1:
            raise ValueError(
                f"{name} must have one signature, not {len(dispatcher.overloads)}: {dispatcher.signatures}"
            )
        (compiled,) = dispatcher.overloads.values()
        names.append(name)
        kernels = compiled.library._get_module_for_linking().clone()
        wrapper = llvm.parse_assembly(_wrapper(name, compiled))
        wrapper.triple, wrapper.data_layout = kernels.triple, kernels.data_layout
        if whole is None:
            whole = wrapper
        else:
            whole.link_in(wrapper)
        whole.link_in(kernels)  # after its wrapper: only functions that are called so far are linked
    _strip(whole, names)
    target = llvm.Target.from_triple(whole.triple)
    cpu = config.CPU_NAME or llvm.get_host_cpu_name()
    features = get_host_cpu_features() if config.CPU_FEATURES is None else config.CPU_FEATURES
    machine = target.create_target_machine(cpu=cpu, features=features, opt=3, reloc="static", codemodel="large")
    return bytes(machine.emit_object(whole))


def _strip(module: Any, names: Iterable[str]) -> None:
    """Remove all functions that the wrappers do not call, which are those that need numba."""
    wanted = set(names)
    for function in module.functions:
        if not function.is_declaration and function.name not in wanted:
            function.linkage = "internal"
    for variable in module.global_variables:
        if not variable.is_declaration:
            variable.linkage = "internal"
    passes = llvm.create_new_module_pass_manager()
    passes.add_global_dead_code_eliminate_pass()
    machine = llvm.Target.from_triple(module.triple).create_target_machine()
    passes.run(module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()))


def _wrapper(name: str, compiled: Any) -> str:
    """LLVM assembly of a function of Python's C interface that calls the kernel."""
    context, kernel = compiled.target_context, compiled.fndesc
    module = ir.Module(f"wrapper of {name}")
    function = ir.Function(module, ir.FunctionType(_OBJECT, [_OBJECT, _OBJECT.as_pointer(), _LONG]), name)
    builder = ir.IRBuilder(function.append_basic_block())
    _expect(
        builder,
        builder.icmp_signed("==", function.args[2], _LONG(len(kernel.argtypes))),
        name,
        "the number of arguments",
    )
    values = []
    for k, (label, kind) in enumerate(zip(kernel.args, kernel.argtypes, strict=True)):
        given = builder.load(builder.gep(function.args[1], [_LONG(k)]), typ=_OBJECT)
        if isinstance(kind, types.Array):
            values.append(_array(context, builder, given, kind, name, label))
        else:
            values.append(_number(context, builder, given, kind))
    if not all(isinstance(kind, types.Array) for kind in kernel.argtypes):
        error = builder.call(_declared(module, "PyErr_Occurred", _OBJECT), [])
        with builder.if_then(cgutils.is_not_null(builder, error), likely=False):
            builder.ret(_OBJECT(None))
    state = builder.call(_declared(module, "PyEval_SaveThread", _OBJECT), [])
    status, result = context.call_conv.call_function(
        builder, context.declare_function(module, kernel), kernel.restype, kernel.argtypes, values
    )
    builder.call(_declared(module, "PyEval_RestoreThread", ir.VoidType(), _OBJECT), [state])
    _expect(builder, builder.not_(status.is_error), name, "a result")
    builder.ret(_boxed(module, builder, kernel.restype, result))
    return str(module)


def _array(context: Any, builder: Any, given: Any, kind: Any, name: str, label: str) -> Any:
    def field(of: Any, offset: int, kind: Any) -> Any:
        at = builder.gep(of, [_LONG(offset)])
        return builder.load(builder.bitcast(at, kind.as_pointer()), typ=kind)

    where = f"{name}, argument {label}"
    array_type = (
        ir.GlobalVariable(builder.module, _BYTE, NDARRAY)
        if NDARRAY not in builder.module.globals
        else builder.module.globals[NDARRAY]
    )
    _expect(builder, builder.icmp_unsigned("==", field(given, _HEAD - 8, _OBJECT), array_type), where, "an array")
    number = field(field(given, _TYPE, _OBJECT), _NUMBER, _INT)
    dtype = np.dtype(str(kind.dtype))
    _expect(builder, builder.icmp_signed("==", number, _INT(dtype.num)), where, f"elements of type {dtype}")
    _expect(
        builder,
        builder.icmp_signed("==", field(given, _DIMENSIONS, _INT), _INT(kind.ndim)),
        where,
        f"{kind.ndim} dimensions",
    )
    if kind.layout == "C":
        contiguous = builder.and_(field(given, _LAYOUT, _INT), _INT(_CONTIGUOUS))
        _expect(builder, builder.icmp_signed("==", contiguous, _INT(_CONTIGUOUS)), where, "contiguous rows")
    shape, strides = field(given, _SHAPE, _OBJECT), field(given, _STRIDES, _OBJECT)
    sizes = [field(shape, 8 * k, _LONG) for k in range(kind.ndim)]
    array = context.make_array(kind)(context, builder)
    items = _LONG(1)
    for size in sizes:
        items = builder.mul(items, size)
    array.data = builder.bitcast(field(given, _DATA, _OBJECT), array.data.type)
    array.shape = cgutils.pack_array(builder, sizes)
    array.strides = cgutils.pack_array(builder, [field(strides, 8 * k, _LONG) for k in range(kind.ndim)])
    array.nitems, array.itemsize = items, _LONG(dtype.itemsize)
    array.meminfo, array.parent = cgutils.get_null_value(array.meminfo.type), cgutils.get_null_value(array.parent.type)
    return array._getvalue()


def _number(context: Any, builder: Any, given: Any, kind: Any) -> Any:
    module = builder.module
    if isinstance(kind, types.Integer) and kind.bitwidth == 64:
        return builder.call(_declared(module, "PyLong_AsLongLong", _LONG, _OBJECT), [given])
    if kind == types.float64:
        return builder.call(_declared(module, "PyFloat_AsDouble", _DOUBLE, _OBJECT), [given])
    if kind == types.boolean:
        true = builder.call(_declared(module, "PyObject_IsTrue", _INT, _OBJECT), [given])
        return builder.icmp_signed("!=", true, _INT(0))
    raise ValueError(f"kernels with an argument of type {kind} are not supported")


def _boxed(module: Any, builder: Any, kind: Any, value: Any) -> Any:
    if kind == types.none:
        text = cgutils.global_constant(module, "nothing", cgutils.make_bytearray(b"\0"))
        build_value = ir.Function(module, ir.FunctionType(_OBJECT, [_OBJECT], var_arg=True), "Py_BuildValue")
        return builder.call(build_value, [builder.bitcast(text, _OBJECT)])
    if kind == types.float64:
        return builder.call(_declared(module, "PyFloat_FromDouble", _OBJECT, _DOUBLE), [value])
    if kind == types.boolean:
        return builder.call(_declared(module, "PyBool_FromLong", _OBJECT, _LONG), [builder.zext(value, _LONG)])
    if isinstance(kind, types.Integer) and kind.bitwidth == 64:
        return builder.call(_declared(module, "PyLong_FromLongLong", _OBJECT, _LONG), [value])
    raise ValueError(f"kernels with a result of type {kind} are not supported")


def _expect(builder: Any, holds: Any, where: str, what: str) -> None:
    """Return with a TypeError unless `holds`."""
    module = builder.module
    with builder.if_then(builder.not_(holds), likely=False):
        message = cgutils.make_bytearray(f"{where}: expected {what}".encode() + b"\0")
        text = cgutils.global_constant(module, "expected", message)
        found = module.globals.get("PyExc_TypeError")
        error = found if found is not None else ir.GlobalVariable(module, _OBJECT, "PyExc_TypeError")
        set_error = _declared(module, "PyErr_SetString", ir.VoidType(), _OBJECT, _OBJECT)
        builder.call(set_error, [builder.load(error, typ=_OBJECT), builder.bitcast(text, _OBJECT)])
        builder.ret(_OBJECT(None))


def _declared(module: Any, name: str, result: Any, *arguments: Any) -> Any:
    found = module.globals.get(name)
    return found if found is not None else ir.Function(module, ir.FunctionType(result, arguments), name)
