"""When kernels are in the cache: only for the files from which they were compiled."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from agent.core import kernel_cache

DSP = Path(kernel_cache.__file__).parents[2] / "dsp"


def test_a_cache_is_valid_only_for_the_files_it_was_built_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba does not use a kernel of the same text at another path or with another time: the agent would compile it."""
    one, two = (Path(shutil.copytree(DSP, tmp_path / name / "dsp")) for name in ("one", "two"))
    cache = tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(cache))
    monkeypatch.setattr("dsp.compile_kernels.compile_all", lambda: None)

    def at(dsp: Path) -> bool:
        monkeypatch.setattr(kernel_cache, "__file__", str(dsp.parent / "agent" / "core" / "kernel_cache.py"))
        return kernel_cache.is_complete()

    assert not at(one)
    kernel_cache.compile_kernels()
    assert at(one)
    assert not at(two)
    kernel_cache.compile_kernels()
    assert at(two)
    assert at(one)
    os.utime(one / "power.py", (0, 0))
    assert not at(one)
