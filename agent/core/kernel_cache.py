"""Compiled kernels: the directory of their cache, its completeness, and its compilation.

Compilation takes seconds and would delay polling, so it runs in a separate process. It leaves two things: the cache of
numba, for processes that compile what is missing (`use_cache` has to be called before numba is imported), and one image
of all kernels, for the agent, which never imports numba (`only_load`). The name of the cache contains versions,
processor and a hash of the sources of dsp, because numba does not detect a change of a function that a kernel in
another file calls.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path

from agent.core import kernel_cache_folders
from agent.core.child_process import end_with_parent

_DIGEST = hashlib.sha256
SERVICE_CACHE = Path("/var/cache/magwatt/magwatt")  # the cache of magwatt.service, for other commands of its account
_only_load = False
Report = Callable[[int, int], None]


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
        # No permanent directory is writable: a cache for this run only
        folder = Path(tempfile.mkdtemp(prefix="magwatt-"))
    except OSError:
        return Path(os.devnull)  # no directory is writable: no cache, each process compiles
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    return folder


def only_load() -> None:
    """For the process of the agent: its kernels come from the image, and it never imports numba."""
    global _only_load
    _only_load = True


def prepare() -> None:
    """Has to be called before dsp is imported: sets where its kernels come from."""
    use_cache()
    if _only_load:
        from dsp import kernel_image

        kernel_image.use(image)


def check_loading() -> None:
    """Loads the image to find errors. Raises ValueError, and OSError where memory may not become executable."""
    from dsp import kernel_image

    if _only_load and (found := image()) is not None:
        kernel_image.load(found)


def is_complete() -> bool:
    """Whether there is an undamaged image of the kernels of this version."""
    return image() is not None


def image() -> bytes | None:
    """The image; None if it is missing or damaged: machine code is not run unless it is what was written."""
    try:
        data = _image_path().read_bytes()
    except OSError:
        return None
    digest, found = data[: _DIGEST().digest_size], data[_DIGEST().digest_size :]
    return found if digest == _DIGEST(found).digest() else None


def compile_kernels(report: Report = lambda done, total: None) -> None:
    """Compiles every kernel into the cache and the image, in a separate process. Raises OSError.

    report: called with the number of compiled functions and of all functions, several times a second.
    """
    process = start_compilation(subprocess.PIPE)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            done, total = map(int, line.split())
            report(done, total)
        code = process.wait()
    finally:
        process.terminate()
        process.communicate()
    if code:
        raise OSError(f"the process that compiles the kernels ended with exit code {code}")


def complete() -> None:
    """Compiles every kernel unless they are there, in one process; others that call it wait. Raises OSError."""
    with (use_cache() / "compiling").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released when the process ends
        if not is_complete():
            compile_kernels()


def compile_here() -> None:
    """Compiles every kernel in this process, which must not have called any before. Raises OSError.

    Writes lines with the number of compiled functions and of all functions to the standard output.
    """
    path = _image_path()
    with tempfile.TemporaryFile(dir=path.parent):
        pass  # a folder that cannot be written is an error before the work
    from dsp.compile_kernels import compile_all
    from dsp.kernel_image_builder import build

    compile_all(partial(print, flush=True))
    made = build()
    incomplete = path.with_suffix(f".{os.getpid()}")
    incomplete.write_bytes(_DIGEST(made).digest() + made)
    incomplete.replace(path)


def start_compilation(output: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Starts a process that fills the cache; the caller polls it. output: for its progress, see compile_here()."""
    use_cache()
    return subprocess.Popen(
        [sys.executable, "-P", "-c", "from agent.core.kernel_cache import compile_here; compile_here()"],
        stdin=subprocess.DEVNULL,
        stdout=output,
        start_new_session=True,  # Ctrl-C in the terminal must reach only the agent, which ends this process
        preexec_fn=end_with_parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )


def _roots() -> list[Path]:
    cache = os.environ.get("CACHE_DIRECTORY", "").split(":")[0] or os.environ.get("XDG_CACHE_HOME")
    roots = [Path(cache) / "magwatt"] if cache else []
    if not cache and os.path.isdir(SERVICE_CACHE):
        roots.append(SERVICE_CACHE)
    with contextlib.suppress(RuntimeError):  # no home: a hardened service
        roots.append(Path.home() / ".cache" / "magwatt")
    with contextlib.suppress(FileNotFoundError):  # no folder for temporary files either
        roots.append(Path(tempfile.gettempdir()) / f"magwatt-{os.getuid()}")
    return roots


def _image_path() -> Path:
    return use_cache() / f"kernels-{_key()}.o"


def _sources() -> list[Path]:
    return sorted((Path(__file__).parents[2] / "dsp").glob("*.py"))


def _key() -> str:
    digest = hashlib.sha256()
    for name in ("numba", "numpy", "llvmlite"):
        digest.update(metadata.version(name).encode())
    chosen = f"{os.environ.get('NUMBA_CPU_NAME')} {os.environ.get('NUMBA_CPU_FEATURES')}"
    digest.update(f"{sys.version} {platform.machine()} {_processor()} {chosen}".encode())
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
