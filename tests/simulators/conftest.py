"""Fixtures of the simulator tests: a virtual clock, a real clock."""

from __future__ import annotations

import asyncio
import heapq
import time

import pytest


class WallClock:
    def utc_ns(self) -> int:
        return time.time_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class VirtualClock:
    """A clock that advances to the next sleeper only when all tasks sleep."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._number = 0

    def utc_ns(self) -> int:
        return 1_790_000_000_000_000_000 + self.now_ns

    def monotonic_ns(self) -> int:
        return self.now_ns

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._number += 1
        heapq.heappush(self._sleepers, (self.now_ns + round(seconds * 1e9), self._number, future))
        await future

    async def run_until(self, end_ns: int) -> None:
        while self.now_ns < end_ns:
            for _ in range(5):
                await asyncio.sleep(0)
            if not self._sleepers:
                await asyncio.sleep(0.001)
                continue
            self.now_ns, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)


@pytest.fixture
def wall_clock() -> WallClock:
    return WallClock()


@pytest.fixture
def virtual_clock() -> type[VirtualClock]:
    """Return the class, because a test may need several runs."""
    return VirtualClock


@pytest.fixture(autouse=True)
def _not_the_product(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests send write functions on purpose; all other tests record what the product sends."""
    monkeypatch.delenv("MAGWATT_FUNCTION_LOG", raising=False)
