"""Child processes that do not outlive this one."""

from __future__ import annotations

import contextlib
import ctypes
import signal

_PR_SET_PDEATHSIG = 1  # of Linux's prctl


def end_with_parent() -> None:
    """For a child process: the kernel terminates it when its parent ends for any reason (Linux)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
