"""Intervals in which the motor started or stopped: they are next to one in which it was off."""

from __future__ import annotations

from collections.abc import Sequence

from agent.savings.records.model import Interval


def next_to(found: Sequence[Interval], marked: Sequence[bool]) -> list[bool]:
    """Which intervals directly precede or follow a marked one, and are not marked. found: in order."""
    near = [False] * len(found)
    for k in range(1, len(found)):
        if marked[k] != marked[k - 1] and found[k].start_ms == found[k - 1].end_ms:
            near[k if marked[k - 1] else k - 1] = True
    return near
