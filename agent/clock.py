"""The real clock. Everything else gets its time passed in."""

from __future__ import annotations

import asyncio
import time


class SystemClock:
    def utc_ns(self) -> int:
        return time.time_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
