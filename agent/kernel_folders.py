"""Which folder of compiled kernels is whose: one for each version, 8 to 12 MB, gone when no installation has it.

Each folder names in `used` the installations that use it. A process holds a lock on that file as long as it lives, so
that an agent which still runs an older version keeps its kernels.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

USED = "used"
UNNAMED_S = 30 * 86_400.0  # a folder in which nobody is named was made by an earlier release
TRIES = 5  # to enter a folder that another process is just taking away

_held: list[IO[str]] = []  # for the life of the process


def installation() -> str:
    """This one: its interpreter and where its sources are."""
    return f"{sys.prefix}\t{Path(__file__).parents[1] / 'dsp'}"


def enter(folder: Path, who: str) -> None:
    """Makes the folder, names `who` in it and holds it for the life of this process. Raises OSError."""
    for _ in range(TRIES):
        folder.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            file = _opened(folder)
            with contextlib.suppress(OSError):  # a file system without locks: then nobody takes a folder away either
                fcntl.flock(file, fcntl.LOCK_SH)
            if _is(folder / USED, file):
                file.seek(0)
                if who not in file.read().splitlines():
                    file.write(f"{who}\n")
                    file.flush()
                _held.append(file)
                return
            file.close()
    raise OSError(f"{folder}: others take it away again and again")


def sweep(root: Path, own: Path, who: str) -> list[Path]:
    """Takes away folders of kernels that no installation uses any more and no process holds; returns them."""
    gone = []
    for folder in sorted(root.glob("kernels-*")):
        if folder != own and folder.is_dir() and not folder.is_symlink():
            with contextlib.suppress(OSError), _alone(folder) as file:
                if file is None:
                    continue
                if not _used(folder, file, who):
                    shutil.rmtree(folder)
                    gone.append(folder)
    return gone


def _used(folder: Path, file: IO[str], who: str) -> bool:
    """Whether somebody may still want it. Who uses another folder now is struck off."""
    file.seek(0)
    named = file.read().splitlines()
    if not named:
        newest_s = max((item.stat().st_mtime for item in folder.rglob("*") if item.name != USED), default=0.0)
        return time.time() - newest_s < UNNAMED_S
    left = [line for line in named if line != who and Path(line.rpartition("\t")[2]).is_dir()]
    if left and left != named:
        file.seek(0)
        file.truncate()
        file.write("".join(f"{line}\n" for line in left))
        file.flush()
    return bool(left)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[IO[str] | None]:
    """Its `used`, locked; None where somebody holds it."""
    with _opened(folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield file if _is(folder / USED, file) else None


def _opened(folder: Path) -> IO[str]:
    """Its `used`; what is damaged in it names nobody."""
    return (folder / USED).open("a+", encoding="utf-8", errors="replace")


def _is(path: Path, file: IO[str]) -> bool:
    try:
        return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False
