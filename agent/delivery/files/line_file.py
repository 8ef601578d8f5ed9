"""A file of lines that survives crashes: after `append` its lines are on the disk, and a partial one never stays."""

from __future__ import annotations

import os
from pathlib import Path

TAIL_BYTES = 16_000_000  # more than the rows that may come again


class LineFile:
    """An open file. size: bytes. begin, end: its first kB and its last lines, when it was opened."""

    def __init__(self, path: Path) -> None:
        """Opens or creates a file, and its folder. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
        size = os.fstat(self._file).st_size
        tail = os.pread(self._file, TAIL_BYTES, max(0, size - TAIL_BYTES))
        end = tail.rfind(b"\n") + 1
        self.size = size - (len(tail) - end)
        os.ftruncate(self._file, self.size)  # a power cut may have left a partial line
        self.begin, self.end = os.pread(self._file, 1000, 0), tail[:end]

    def append(self, data: bytes) -> None:
        """Writes all lines or none: a partial write is truncated. Raises OSError."""
        try:
            done = 0
            while done < len(data):
                done += os.write(self._file, data[done:])
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self.size)
            raise
        self.size += len(data)

    def close(self) -> None:
        os.close(self._file)
