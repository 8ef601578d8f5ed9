"""Processor time and memory of other processes on Linux, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import Struct

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class ProcessUsage(Struct):
    """own_s: processor time. children_s: of children that have ended. memory_mb: largest so far.

    child_memory_mb: largest of a running child when it was looked at.
    """

    own_s: float = 0.0
    children_s: float = 0.0
    memory_mb: float = 0.0
    child_memory_mb: float = 0.0


def usage_of(pid: int) -> ProcessUsage:
    """Of a process that runs, or has ended and was not waited for. Raises OSError if there is none."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    times = [int(text) / _TICKS_PER_S for text in fields[11:15]]  # utime, stime, cutime, cstime
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = children.read_text().split() if children.exists() else []
    child_mb = max((_memory_mb(int(child)) for child in found), default=0.0)
    return ProcessUsage(times[0] + times[1], times[2] + times[3], _memory_mb(pid), child_mb)


def has_ended(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def _memory_mb(pid: int) -> float:
    """Largest memory so far; 0: the process has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)
