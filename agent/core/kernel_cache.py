"""Compiled kernels: the directory of their cache, its completeness, and its compilation.

Compilation takes seconds and would delay polling, so it runs in a separate process. `use_cache` has to be called before
numba is imported. The name of the cache contains versions, processor and a hash of the sources of dsp, because numba
does not detect a change of a function that a kernel in another file calls.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import platform
import signal
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from agent.core import kernel_cache_folders

_PR_SET_PDEATHSIG = 1  # of Linux's prctl


def use_cache() -> Path:
    """Sets NUMBA_CACHE_DIR, if it is not set, and returns the directory."""
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(given)
    for root in _roots():
        folder = root / f"kernels-{_key()}"
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            if root.stat().st_uid != os.getuid() or root.stat().st_mode & 0o022:
                continue  # other users could write code there
            kernel_cache_folders.enter(folder, kernel_cache_folders.installation())
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError:
            continue
        os.environ["NUMBA_CACHE_DIR"] = str(folder)
        kernel_cache_folders.sweep(root, folder, kernel_cache_folders.installation())
        return folder
    try:
        folder = Path(
            tempfile.mkdtemp(prefix="magwatt-")
        )  # no permanent directory is writable: a cache for this run only
    except OSError:
        return Path(os.devnull)  # no directory is writable: no cache, each process compiles
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    return folder


def is_complete() -> bool:
    """Whether every kernel is in the cache, so that loading them compiles nothing."""
    return _done(use_cache()).exists()


def compile_kernels() -> None:
    """Compiles every kernel into the cache, in this process."""
    done = _done(use_cache())
    from dsp.compile_kernels import compile_all

    compile_all()
    done.touch()


def start_compilation() -> subprocess.Popen[bytes]:
    """Starts a process that fills the cache; the caller polls it."""
    use_cache()
    return subprocess.Popen(
        [sys.executable, "-P", "-c", "from agent.core.kernel_cache import compile_kernels; compile_kernels()"],
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C in the terminal must reach only the agent, which ends this process
        preexec_fn=end_with_parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )


def end_with_parent() -> None:
    """For a child process: the kernel terminates it when its parent ends for any reason (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _roots() -> list[Path]:
    cache = os.environ.get("CACHE_DIRECTORY", "").split(":")[0] or os.environ.get("XDG_CACHE_HOME")
    roots = [Path(cache) / "magwatt"] if cache else []
    with contextlib.suppress(RuntimeError):  # no home: a hardened service
        roots.append(Path.home() / ".cache" / "magwatt")
    with contextlib.suppress(FileNotFoundError):  # no folder for temporary files either
        roots.append(Path(tempfile.gettempdir()) / f"magwatt-{os.getuid()}")
    return roots


def _done(folder: Path) -> Path:
    """Marker file of a complete cache for these source files.

    numba does not use a kernel whose source has another path or time, even with the same text, and would compile it
    during the measurement.
    """
    digest = hashlib.sha256()
    for file in _sources():
        found = file.stat()
        digest.update(f"{file} {found.st_mtime_ns} {found.st_size}\n".encode())
    return folder / f"complete-{digest.hexdigest()[:16]}"


def _sources() -> list[Path]:
    return sorted((Path(__file__).parents[2] / "dsp").glob("*.py"))


def _key() -> str:
    digest = hashlib.sha256()
    for name in ("numba", "numpy", "llvmlite"):
        digest.update(metadata.version(name).encode())
    digest.update(f"{sys.version} {platform.machine()} {_processor()}".encode())
    for file in _sources():
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    wanted = ("model name", "CPU part", "flags", "Features")
    return " ".join(sorted({line for line in lines if line.startswith(wanted)}))
