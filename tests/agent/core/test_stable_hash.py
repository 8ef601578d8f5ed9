"""Phases are spread evenly by name and stay the same; births keep their rate for all applications."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from agent.core.stable_hash import share
from agent.delivery.mqtt.rate_limit import BirthRateLimiter


def test_phases_are_spread_evenly_and_stay() -> None:
    found = [share("magwatt", f"mill-{site}", f"gw-{number:04d}") for site in range(10) for number in range(1000)]
    tenths = Counter(int(10 * part) for part in found)
    assert all(900 < tenths[tenth] < 1100 for tenth in range(10)), tenths  # 1000 ± 3.3 standard deviations
    assert len(set(found)) == len(found)
    assert share("a", "bc") != share("ab", "c")
    assert share("magwatt/v1/mill-2/gw-07") == share("magwatt/v1/mill-2/gw-07")


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 40_000)), min_size=1, max_size=60))
def test_births_never_exceed_burst_and_rate(wishes: list[tuple[float, int]]) -> None:
    pace, now_s = BirthRateLimiter(), 0.0
    sent: list[tuple[float, int]] = []
    for after_s, size in wishes:
        now_s += after_s
        if pace.wait_s(now_s) == 0:
            pace.spend(now_s, size)
            sent.append((now_s, size))
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            total = sum(size for _, size in sent[first : last + 1])
            assert total <= 64_000 + 20_000 * (sent[last][0] - sent[first][0]) + sent[last][1] + 1e-3


@given(st.floats(0, 1e6), st.integers(64_001, 10_000_000))
def test_sending_is_permitted_after_the_stated_wait(now_s: float, size: int) -> None:
    pace = BirthRateLimiter()
    pace.spend(now_s, size)
    wait_s = pace.wait_s(now_s)
    assert wait_s > 0
    assert pace.wait_s(now_s + wait_s) == 0
