"""Cache directories of compiled kernels: one for each version, 8 to 12 MB, deleted when no installation uses it.

The file `used` in each directory lists the installations that use it. A process holds a lock on that file until it
ends, so that an agent which still runs an older version keeps its kernels.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import time
from pathlib import Path
from typing import IO

USED = "used"
UNNAMED_S = 30 * 86_400.0  # a directory without a listed installation was created by an earlier release
TRIES = 5  # attempts to lock a directory while another process deletes it

held_locks: list[IO[str]] = []  # until the process ends


def installation() -> str:
    """Identity of this installation: its interpreter and the path of its sources."""
    return f"{sys.prefix}\t{Path(__file__).parents[2] / 'dsp'}"


def enter(folder: Path, user: str) -> None:
    """Creates the directory, lists `user` in it and locks it until the process ends. Raises OSError."""
    for _ in range(TRIES):
        folder.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            file = _opened(folder)
            with contextlib.suppress(OSError):  # a file system without locks: no process deletes a directory there
                fcntl.flock(file, fcntl.LOCK_SH)
            if _is_same_file(folder / USED, file):
                file.seek(0)
                if user not in file.read().splitlines():
                    file.write(f"{user}\n")
                    file.flush()
                held_locks.append(file)
                return
            file.close()
    raise OSError(f"{folder}: deleted by another process in each of {TRIES} attempts")


def sweep(root: Path, own: Path, user: str) -> list[Path]:
    """Deletes directories that no installation uses and no process has locked; returns them."""
    deleted = []
    for folder in sorted(root.glob("kernels-*")):
        if folder == own or not folder.is_dir() or folder.is_symlink():
            continue
        with contextlib.suppress(OSError), _opened(folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises OSError when another process has locked it
            if _is_same_file(folder / USED, file) and not _used(folder, file, user):
                shutil.rmtree(folder)
                deleted.append(folder)
    return deleted


def _used(folder: Path, file: IO[str], user: str) -> bool:
    """Whether an installation may still use the directory. Removes the entry of `user`, which uses another one now."""
    file.seek(0)
    listed = file.read().splitlines()
    if not listed:
        newest_s = max((item.stat().st_mtime for item in folder.rglob("*") if item.name != USED), default=0.0)
        return time.time() - newest_s < UNNAMED_S
    remaining = [line for line in listed if line != user and Path(line.rpartition("\t")[2]).is_dir()]
    if remaining and remaining != listed:
        file.seek(0)
        file.truncate()
        file.write("".join(f"{line}\n" for line in remaining))
        file.flush()
    return bool(remaining)


def _opened(folder: Path) -> IO[str]:
    """The file `used`; unreadable bytes in it match no installation."""
    return (folder / USED).open("a+", encoding="utf-8", errors="replace")


def _is_same_file(path: Path, file: IO[str]) -> bool:
    try:
        return path.stat().st_ino == os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False
