"""Base of links of tests: polls run in the event loop, not in the thread of a line."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class LoopLink:
    def run(self, work: Coroutine[Any, Any, T]) -> Awaitable[T]:
        return work
