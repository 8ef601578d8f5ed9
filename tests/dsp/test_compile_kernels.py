"""A filled cache provides every kernel: the process that measures compiles nothing."""

from __future__ import annotations

import subprocess
import sys

import numba

from dsp import _jit
from dsp.compile_kernels import cache_misses, compile_all


def test_a_second_process_compiles_nothing():
    compile_all()
    code = "import dsp.compile_kernels as kernels; kernels.compile_all(); print(kernels.cache_misses())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180, check=True)
    assert done.stdout.strip() == "0"


def test_a_compiled_cache_stays_valid(cases, generate, analyse):
    """All ways of use after compile_all() use the kernels that it compiled."""
    compile_all()
    before = cache_misses()
    for name in ("D-H09", "D-Q03", "D-W02", "D-F02", "D-P01"):
        x, present = generate(cases[name])
        analyse(x, cases[name]["recipe"]["fs"], present=present)
    assert cache_misses() == before


def test_numbers_written_in_calls_do_not_multiply_what_is_compiled(monkeypatch):
    monkeypatch.setattr(_jit, "dispatchers", [])
    monkeypatch.setattr(_jit, "kernels", [])
    quotient = _jit.bare(lambda x, k: x / k)
    both = _jit.kernel(lambda x: quotient(x, 2) + quotient(x, 3))
    assert both(6.0) == 5.0
    assert len(quotient.overloads) == 1


def test_without_a_cache_directory_compilation_succeeds(monkeypatch):
    njit = numba.njit

    def stubborn(*, cache=False, **flags):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(**flags)

    monkeypatch.setattr(numba, "njit", stubborn)
    monkeypatch.setattr(_jit, "dispatchers", [])
    double = _jit.kernel(lambda x: 2.0 * x)
    assert double(2.5) == 5.0
    assert _jit.cache_misses() == 1
