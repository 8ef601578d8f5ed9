"""Kernels from an image: the same results to the last bit, without numba; wrong arguments and files are rejected."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agent.core import kernel_cache
from dsp import kernel_image

FROM_IMAGE = """
import sys
from dsp import kernel_image
kernel_image.use(open(sys.argv[1], "rb").read)
"""
ANALYSE = """
import hashlib
import numpy as np
from dsp.aggregate import Aggregator, row_of
from dsp.stream import Stream
from dsp.supply import Supply

seen = hashlib.sha256()
for rate_hz, f_hz, wiring, supply in (
    (10240.0, 50.02, "3P4W", Supply(230.0, 10.0, 10.0, lamp="230V")),
    (5760.0, 17.3, "3P3W-2", None),
):
    t = np.arange(int(1.5 * rate_hz)) / rate_hz
    x = np.random.default_rng(1).standard_normal((6, len(t)))
    for c in range(6):
        x[c] += 325.0 * np.sin(2.0 * np.pi * (f_hz * t - c % 3 / 3.0)) + 9.0 * np.sin(14.0 * np.pi * f_hz * t)
    x[:, int(0.9 * rate_hz) : int(rate_hz)] *= 0.5
    x[1, 700] = np.nan
    stream, sums = Stream(rate_hz, wiring=wiring, supply=supply), Aggregator.of_windows()
    for window in stream.push(x) + stream.finish():
        intervals = sums.add(row_of(window), window.start_index / rate_hz, window.end_index / rate_hz, False)
        seen.update(window.row.tobytes() + repr((window[:5], [event[:10] for event in window.events])).encode())
    seen.update(sums.finish()[0].values.tobytes())
result = seen.hexdigest()
"""


@pytest.fixture(scope="module")
def image() -> bytes:
    if not kernel_cache.is_complete():
        kernel_cache.compile_kernels()
    found = kernel_cache.image()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def functions(image: bytes) -> dict[str, Callable[..., Any]]:
    return kernel_image.load(image)


def test_an_image_gives_the_results_of_numba_without_numba(image: bytes, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(image)
    code = FROM_IMAGE + ANALYSE + "print(result, 'numba' in sys.modules)"
    run = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "image")], stdout=subprocess.PIPE, text=True)
    by_numba: dict[str, Any] = {}
    exec(ANALYSE, by_numba)
    assert run.communicate(timeout=120)[0].split() == [by_numba["result"], "False"]


def test_arguments_that_a_kernel_does_not_take_are_rejected(functions: dict[str, Callable[..., Any]]) -> None:
    peaks = functions["dsp.segment.peaks"]
    x, out = np.array([[1.0, -3.0, 2.0]] * 6), np.zeros(6)
    peaks(x, 0, 2, out)
    assert out.tolist() == [3.0] * 6
    for arguments, expected in (
        ((x, 0, 2), "number of arguments"),
        ((x.astype(np.float32), 0, 2, out), "elements of type float64"),
        ((x[0], 0, 2, out), "2 dimensions"),
        ((x[:, ::2], 0, 1, out), "contiguous"),
        ((x.tolist(), 0, 2, out), "an array"),
        ((x, 0.5, 2, out), "float"),
    ):
        with pytest.raises(TypeError, match=expected):
            peaks(*arguments)


def test_a_kernel_releases_no_reference_and_keeps_none(functions: dict[str, Callable[..., Any]]) -> None:
    x, out = np.ones((6, 8)), np.zeros(6)
    before = sys.getrefcount(x), sys.getrefcount(None)
    for _ in range(1000):
        functions["dsp.segment.peaks"](x, 0, 7, out)
    assert sys.getrefcount(x) == before[0]
    assert abs(sys.getrefcount(None) - before[1]) < 100


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:300], lambda data: data[: len(data) // 2]])
def test_a_damaged_file_is_rejected(image: bytes, damage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ValueError, match="damaged kernel image"):
        kernel_image.load(damage(image))
