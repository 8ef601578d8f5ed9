"""History compared with direct computation: 1 min and 15 min values, restarts, retention."""

from __future__ import annotations

import random
import statistics
from pathlib import Path

import pytest
from support.basics import HandClock

from agent.config.model import StoreSettings
from agent.core.messages import Message
from agent.delivery.store import Store
from agent.delivery.store.history import History, HistoryPoint, joined
from drivers.reading import Quality

START_MS = 1_789_999_200_000  # a full quarter hour
KEEP_S = (3600.0, 86400.0, 86400.0)


@pytest.fixture
def store(tmp_path: Path, clock: HandClock) -> Store:
    return Store(tmp_path, clock, StoreSettings(commit_interval_s=0.01))


def row(t_ms: int, value: float | None, flag: Quality = Quality.GOOD) -> Message:
    flags = {"active_power_w": flag} if flag else {}
    return Message("m", "telemetry", t_ms, {"active_power_w": value, "fault_text": "none"}, flags=flags)


def feed(history: History, store: Store, count: int, from_ms: int = START_MS) -> list[tuple[int, float]]:
    """One value a second, every seventh missing, every eleventh bad; returns the usable ones."""
    chance = random.Random(from_ms)
    usable = []
    for second in range(count):
        t_ms, value = from_ms + 1000 * second, chance.uniform(-1e5, 1e5)
        if second % 7 == 0:
            history.on_published(row(t_ms, None))
        elif second % 11 == 0:
            history.on_published(row(t_ms, value, Quality.STALE))
        else:
            history.on_published(row(t_ms, value, Quality.UNVERIFIED if second % 300 == 1 else Quality.GOOD))
            usable.append((t_ms, value))
    history.stop()
    store.flush()
    return usable


def expected(usable: list[tuple[int, float]], step_ms: int) -> list[tuple[int, int, float, float, float]]:
    found = []
    for start in sorted({t // step_ms * step_ms for t, _ in usable}):
        values = [value for t, value in usable if start <= t < start + step_ms]
        found.append((start, len(values), statistics.fmean(values), min(values), max(values)))
    return found


def check(points: list[HistoryPoint], wanted: list[tuple[int, int, float, float, float]]) -> None:
    assert [(p.t_ms, p.n, p.minimum, p.maximum) for p in points] == [(t, n, a, b) for t, n, _, a, b in wanted]
    for point, (_, _, mean, _, _) in zip(points, wanted, strict=True):
        assert point.mean == pytest.approx(mean, rel=1e-9, abs=1e-6)


def test_1_min_and_15_min_values_agree_with_direct_computation(store: Store) -> None:
    usable = feed(History(store, KEEP_S), store, 2000)
    end_ms = START_MS + 2_000_000
    history = History(store, KEEP_S)
    singles = history.points("m", "active_power_w", 1, START_MS, end_ms)
    assert [(point.t_ms, point.mean) for point in singles] == usable
    check(history.points("m", "active_power_w", 60, START_MS, end_ms), expected(usable, 60_000))
    quarters = history.points("m", "active_power_w", 900, START_MS, end_ms)
    check(quarters, expected(usable, 900_000))
    assert quarters[0].flags == Quality.UNVERIFIED, "flags of the values used; a stale value is not used"
    assert history.points("m", "fault_text", 60, START_MS, end_ms) == []
    assert history.points("other", "active_power_w", 60, START_MS, end_ms) == []
    store.close()


def test_a_restart_in_the_middle_of_a_minute_joins_both_parts(store: Store) -> None:
    usable = feed(History(store, KEEP_S), store, 95)
    usable += feed(History(store, KEEP_S), store, 80, START_MS + 95_000)
    history = History(store, KEEP_S)
    end_ms = START_MS + 900_000
    assert [(p.t_ms, p.mean) for p in history.points("m", "active_power_w", 1, START_MS, end_ms)] == usable
    check(history.points("m", "active_power_w", 60, START_MS, end_ms), expected(usable, 60_000))
    check(history.points("m", "active_power_w", 900, START_MS, end_ms), expected(usable, 900_000))
    store.close()


def test_each_step_is_kept_for_its_own_time(store: Store, clock: HandClock) -> None:
    clock.move(3200)  # to the end of the rows
    history = History(store, (120.0, 1800.0, 86400.0))
    feed(history, store, 4000)
    end_ms = START_MS + 4_000_000
    oldest = {step: history.points("m", "active_power_w", step, 0, end_ms)[0].t_ms for step in (1, 60, 900)}
    last_ms = (START_MS + 3_999_000) // 60_000 * 60_000
    assert last_ms - 120_000 <= oldest[1] < last_ms - 60_000
    assert oldest[60] == last_ms - 1_800_000
    assert oldest[900] == START_MS
    store.close()


def test_joining_does_not_depend_on_the_order() -> None:
    chance = random.Random(4)
    parts = [{"a": [chance.randrange(1, 9), chance.random(), chance.random(), 1 + chance.random(), 1 << n]}
             for n in range(6)]  # fmt: skip
    once = joined(parts)["a"]
    chance.shuffle(parts)
    again = joined([joined(parts[:3]), joined(parts[3:])])["a"]
    assert again == pytest.approx(once)
