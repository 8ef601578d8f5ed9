"""Vectors of eight numbers: same results as numpy, and vector instructions on other processors."""

from __future__ import annotations

import re

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest

from dsp import _jit, transform
from dsp._simd import load, root, rows, store, zero


def test_vector_operations_agree_with_numpy():
    @numba.njit(**_jit.FLAGS)
    def run(x, out):
        a, b = load(x, 0), load(x, 1)
        store(out, 0, a + b)
        store(out, 1, a - b)
        store(out, 2, a * b)
        store(out, 3, 2.5 * a)
        store(out, 4, a * 2.5)
        store(out, 5, root(a * a + b * b))
        store(out, 6, zero(x))

    x, out = rows(2), rows(8)
    x[:] = np.random.default_rng(1).standard_normal(x.shape)
    out[:] = 7.0
    run(x, out)
    a, b = x
    want = [a + b, a - b, a * b, 2.5 * a, 2.5 * a, np.hypot(a, b), 0 * a, 0 * a + 7]
    assert out == pytest.approx(np.array(want), rel=4 * float(np.finfo(float).eps))


def test_a_row_is_within_one_cache_line():
    for n in range(1, 40):
        assert rows(n).ctypes.data % 64 == 0
        assert rows(n).shape == (n, 8)


@pytest.mark.parametrize(
    ("triple", "processor", "vector", "scalar"),
    [
        ("aarch64-unknown-linux-gnu", "cortex-a76", r"\bf(?:mla|mls)\s+v\d+\.4s", r"\bfn?m(?:add|sub)\s+s\d+"),
        ("x86_64-unknown-linux-gnu", "x86-64-v3", r"vf\w+ps\s.*%ymm", r"vf\w+ss\s"),
    ],
)
def test_the_transform_is_vectorised_on_other_processors(triple, processor, vector, scalar):
    """Raspberry Pi 5 (A76) and any x86-64 of the last ten years: all products and sums are vector instructions."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple(triple)
    except RuntimeError as error:
        pytest.skip(f"this LLVM does not know it: {error}")
    plan = transform.plan(10, 32, np.float32)
    fresh = numba.njit(**_jit.FLAGS)(transform.lowest_bins.py_func)
    single = [rows(n, np.float32) for n in (320, 22, 322)]
    arguments = (single[0], 320, 160, plan.roots, plan.radices, plan.places, *single[1:])
    fresh.compile(tuple(numba.typeof(a) for a in arguments))
    code = re.sub(r'"target-(cpu|features)"="[^"]*"', "", next(iter(fresh.inspect_llvm().values())))
    code = re.sub(
        r'target datalayout = "[^"]*"', "", re.sub(r'target triple = "[^"]*"', f'target triple = "{triple}"', code)
    )
    text = target.create_target_machine(cpu=processor, opt=3).emit_assembly(llvm.parse_assembly(code))
    assert len(re.findall(vector, text)) > 50  # one of eight single numbers where two of four double ones were
    assert not re.findall(scalar, text)
