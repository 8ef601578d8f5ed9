"""When kernels are ready: only for the text they were compiled from, and undamaged. Then the agent needs no numba."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.core import kernel_cache

DSP = Path(kernel_cache.__file__).parents[2] / "dsp"
MEMORY = """
import sys
from agent.core import kernel_cache
kernel_cache.only_load()
kernel_cache.prepare()
import numpy as np
from agent.analysis.power_quality.waveform_channel import WaveformChannel
from drivers.reading import Waveform
from drivers.recordings.recording import ROLES
out = []
channel = WaveformChannel("pump", out.append)
t = np.arange(40960) / 10240.0
x = np.array([np.cos(314.2 * t - 2.0944 * k) for k in range(6)])
for at in range(0, 40960, 2048):
    block = x[:, at : at + 2048]
    start_ns = 1_700_000_000_000_000_000 + at * 100_000_000 // 1024
    channel.on_block(Waveform("pump", start_ns, at, 10240.0, ROLES, block))
peak_kb = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(len(out), "numba" in sys.modules, int(peak_kb) / 1024)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and compilers that make no kernels."""
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(folder))
    monkeypatch.setattr("dsp.compile_kernels.compile_all", lambda report: report(60, 60))
    monkeypatch.setattr("dsp.kernel_image_builder.build", lambda: b"machine code" * 1000)
    return folder


def test_kernels_are_ready_only_for_the_text_they_were_compiled_from(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = (Path(shutil.copytree(DSP, tmp_path / name / "dsp")) for name in ("one", "two"))

    def ready(dsp: Path) -> bool:
        monkeypatch.setattr(kernel_cache, "__file__", str(dsp.parent / "agent" / "core" / "kernel_cache.py"))
        return kernel_cache.is_complete()

    assert not ready(one)
    kernel_cache.compile_here()
    assert ready(one)
    assert ready(two)
    (two / "power.py").write_text((two / "power.py").read_text() + "\n")
    assert not ready(two)


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: data[:5000] + b"?" + data[5001:], lambda data: b""]
)
def test_a_damaged_image_is_not_used(cache: Path, damage) -> None:
    kernel_cache.compile_here()
    (file,) = cache.glob("kernels-*.o")
    file.write_bytes(damage(file.read_bytes()))
    assert not kernel_cache.is_complete()
    kernel_cache.compile_here()
    assert kernel_cache.is_complete()


def test_without_a_writable_directory_there_is_no_cache_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read-only computer: no home, no directory for temporary files."""

    def nowhere(*_: Any, **__: Any) -> str:
        raise FileNotFoundError("no usable temporary directory found")

    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "CACHE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/proc/none")
    monkeypatch.setattr(kernel_cache.tempfile, "gettempdir", nowhere)
    monkeypatch.setattr(kernel_cache.tempfile, "mkdtemp", nowhere)
    assert not kernel_cache.is_complete()
    assert "NUMBA_CACHE_DIR" not in kernel_cache.os.environ


def test_progress_is_reported_and_a_failure_raised(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def started(code: str) -> Callable[[int], subprocess.Popen[bytes]]:
        return lambda output: subprocess.Popen([sys.executable, "-S", "-c", code], stdout=output)

    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(kernel_cache, "start_compilation", started("print(1, 60); print(60, 60)"))
    kernel_cache.compile_kernels(lambda done, total: seen.append((done, total)))
    assert seen == [(1, 60), (60, 60)]
    monkeypatch.setattr(kernel_cache, "start_compilation", started("raise SystemExit(3)"))
    with pytest.raises(OSError, match="exit code 3"):
        kernel_cache.compile_kernels()


def test_an_agent_with_a_waveform_stays_small() -> None:
    """Without numba and LLVM, which take 110 MB: goal of issue 18, at most 150 MB for the complete agent."""
    if not kernel_cache.is_complete():
        kernel_cache.compile_kernels()
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, timeout=60, check=True)
    messages, numba, peak_mb = done.stdout.split()
    assert int(messages) >= 2
    assert numba == "False"
    assert float(peak_mb) < 90.0


def test_of_several_processes_that_need_kernels_one_compiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Threads, which a lock of a file that each opens itself separates like processes."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compiled: list[int] = []

    def compile_kernels() -> None:
        time.sleep(0.05)
        compiled.append(1)

    monkeypatch.setattr(kernel_cache, "is_complete", lambda: bool(compiled))
    monkeypatch.setattr(kernel_cache, "compile_kernels", compile_kernels)
    threads = [threading.Thread(target=kernel_cache.complete) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert compiled == [1]
