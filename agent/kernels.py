"""Compiled kernels: where their cache lies, whether it is complete, and how it is filled.

Compiling takes seconds and would stall the polling, so it happens in a process of its own. Call `use_cache` before
anything imports numba. The cache is keyed by versions, processor and the text of dsp: numba itself does not notice an
edit in a function that another file's kernel calls.
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

from agent import kernel_folders

_PR_SET_PDEATHSIG = 1  # of Linux's prctl


def use_cache() -> Path:
    """Points numba at our cache and returns its folder; a folder given in NUMBA_CACHE_DIR is respected."""
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(given)
    for root in _roots():
        folder = root / f"kernels-{_key()}"
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
            if root.stat().st_uid != os.getuid() or root.stat().st_mode & 0o022:
                continue  # others could put code there
            kernel_folders.enter(folder, kernel_folders.installation())
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError:
            continue
        os.environ["NUMBA_CACHE_DIR"] = str(folder)
        kernel_folders.sweep(root, folder, kernel_folders.installation())
        return folder
    try:
        folder = Path(tempfile.mkdtemp(prefix="magwatt-"))  # nothing lasting is writable: a cache for this run only
    except OSError:
        return Path(os.devnull)  # nothing at all is: no cache, each process compiles for itself
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    return folder


def is_warm() -> bool:
    """Whether every kernel is in the cache, so that loading them compiles nothing."""
    return _done(use_cache()).exists()


def warm_here() -> None:
    """Compiles every kernel into the cache, in this process."""
    done = _done(use_cache())
    from dsp.warm import compile_all

    compile_all()
    done.touch()


def warm_elsewhere() -> subprocess.Popen[bytes]:
    """Starts a process that fills the cache; poll it."""
    use_cache()
    return subprocess.Popen(
        [sys.executable, "-P", "-c", "from agent.kernels import warm_here; warm_here()"],
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C in the terminal is for us; we end it
        preexec_fn=end_with_parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )


def end_with_parent() -> None:
    """In a child before it starts: it is terminated when its parent dies, however that dies (Linux)."""
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
    """The mark of a complete cache, of these very files: numba takes no kernel whose source lies elsewhere or was
    written anew, whatever its text, and would compile it while measuring."""
    digest = hashlib.sha256()
    for file in _sources():
        found = file.stat()
        digest.update(f"{file} {found.st_mtime_ns} {found.st_size}\n".encode())
    return folder / f"complete-{digest.hexdigest()[:16]}"


def _sources() -> list[Path]:
    return sorted((Path(__file__).parents[1] / "dsp").glob("*.py"))


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
