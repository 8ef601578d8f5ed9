"""Virtual time: no real wait, timers in order, and an error for what needs real time."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from simulators.clock import FastClock, LoopClock, NoTimerError, run_virtual


def test_sleeping_for_a_virtual_year_takes_no_time() -> None:
    began_s = time.monotonic()

    async def main(clock: LoopClock) -> int:
        await clock.sleep(365 * 86400)
        return clock.monotonic_ns()

    assert run_virtual(main) == 365 * 86400 * 10**9
    assert time.monotonic() - began_s < 1


def test_tasks_resume_in_order_and_on_time() -> None:
    woken: list[tuple[int, float]] = []

    async def main(clock: LoopClock) -> None:
        async def sleeper(seconds: float) -> None:
            for _ in range(3):
                await clock.sleep(seconds)
                woken.append((clock.monotonic_ns(), seconds))

        await asyncio.gather(*(sleeper(seconds) for seconds in (0.5, 0.3, 0.2)))

    run_virtual(main)
    assert [at_ns for at_ns, _ in woken] == sorted(at_ns for at_ns, _ in woken)
    expected = sorted(k * s for s in (0.5, 0.3, 0.2) for k in (1, 2, 3))
    assert [at_ns / 1e9 for at_ns, _ in woken] == pytest.approx(expected, abs=2e-6)


def test_a_lone_sleep_needs_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(clock: LoopClock) -> tuple[int, int]:
        loop, timers = asyncio.get_running_loop(), 0
        call_later = loop.call_later

        def counted(delay: float, *args: Any, **kwargs: Any) -> asyncio.TimerHandle:
            nonlocal timers
            timers += 1
            return call_later(delay, *args, **kwargs)

        monkeypatch.setattr(loop, "call_later", counted)
        for _ in range(1000):
            await clock.sleep(1)
        return timers, clock.monotonic_ns()

    timers, now_ns = run_virtual(main)
    assert timers == 0
    assert now_ns == pytest.approx(1000e9)


def test_what_is_due_during_a_sleep_happens_before_its_end() -> None:
    async def main(clock: LoopClock) -> list[str]:
        loop, passed = asyncio.get_running_loop(), list[str]()
        loop.call_later(1.5, passed.append, "timer")
        await clock.sleep(1)
        assert not passed
        loop.call_soon(passed.append, "ready")
        await clock.sleep(1)
        return passed

    assert run_virtual(main) == ["ready", "timer"]


def test_a_task_that_only_sleeps_can_be_cancelled() -> None:
    async def main(clock: LoopClock) -> int:
        async def forever() -> None:
            while True:
                await clock.sleep(1)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(forever(), 100)
        return clock.monotonic_ns()

    assert run_virtual(main) == pytest.approx(100e9, abs=1e9)


def test_timeouts_are_of_virtual_time() -> None:
    async def main(clock: LoopClock) -> int:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await asyncio.Event().wait()
        return clock.monotonic_ns()

    assert run_virtual(main) == pytest.approx(3600e9)


def test_waiting_without_a_timer_is_an_error() -> None:
    async def main(_clock: LoopClock) -> None:
        await asyncio.Event().wait()

    with pytest.raises(NoTimerError, match="cannot provide real events"):
        run_virtual(main)


def test_a_thread_is_rejected() -> None:
    async def main(_clock: LoopClock) -> None:
        await asyncio.to_thread(time.sleep, 0)

    with pytest.raises(NoTimerError, match="real time"):
        run_virtual(main)


def test_a_fast_clock_runs_by_its_factor() -> None:
    async def main(clock: LoopClock) -> tuple[int, int]:
        fast = FastClock(clock, 60)
        began_ns, began_utc_ns = fast.monotonic_ns(), fast.utc_ns()
        await fast.sleep(120)
        assert clock.monotonic_ns() == 2_000_000_000
        return fast.monotonic_ns() - began_ns, fast.utc_ns() - began_utc_ns

    assert run_virtual(main) == (120_000_000_000, 120_000_000_000)
