"""History compared with direct computation: 1 min and 15 min values, restarts, retention, rows of earlier software."""

from __future__ import annotations

import json
import random
import sqlite3
import statistics
import tracemalloc
import zlib
from pathlib import Path

import pytest
from support.basics import HandClock

from agent.config.model import StoreSettings
from agent.core.messages import Message
from agent.delivery.store import Store
from agent.delivery.store.history import History, HistoryPoint
from agent.delivery.store.history_rows import read_stats
from agent.delivery.store.interval_stats import Stats
from drivers.reading import Quality

RECORDING = Path(__file__).parents[3] / "support/page_recording.json"
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
        t_ms = from_ms + 1000 * second
        value = float(f"{chance.uniform(-1e5, 1e5):.6g}")  # as published
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
        # 32 bits, also of each sum of minutes; the means have the magnitude of the values at most
        assert point.mean == pytest.approx(mean, abs=16 * 2**-24 * max(abs(point.minimum), abs(point.maximum)))


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


def of_minute(number: int, values: dict[str, float | int | str], u: dict[str, float] | None = None) -> Message:
    return Message("m", "telemetry", START_MS + 60_000 * number, values, u or {})


def test_of_each_metric_is_kept_what_the_table_says(store: Store) -> None:
    """A power with its extremes, an estimate with its uncertainty, of counters and codes the values of 1 s only."""
    history = History(store, KEEP_S)
    for second, (power_w, losses_w, u_w) in enumerate([(1000.0, 90, 9.0), (3000.0, 110, 12.0)]):
        values = {"active_power_w": power_w, "motor_losses_w": losses_w, "energy_import_kwh": 7.5, "status_word": 5}
        history.on_published(Message("m", "telemetry", START_MS + 1000 * second, values, {"motor_losses_w": u_w}))
    history.stop()
    store.flush()
    names = ["active_power_w", "motor_losses_w", "energy_import_kwh", "status_word"]
    for step_s in (60, 900):
        found = read_stats(store.rows, "m", names, step_s, START_MS, START_MS + 900_000)
        assert found["active_power_w"] == [(START_MS, Stats(2, 2000.0, 1000.0, 3000.0))]
        assert found["motor_losses_w"] == [(START_MS, Stats(2, 100.0, None, None, 0, 10.5))]
        assert found["energy_import_kwh"] == found["status_word"] == []
    singles = read_stats(store.rows, "m", names, 1, START_MS, START_MS + 900_000)
    assert [len(points) for points in singles.values()] == [2, 2, 2, 2]
    store.close()


def test_the_rows_of_a_minute_need_little_memory(store: Store) -> None:
    """Lists of numbers needed 0.32 MB for each motor until they were written, arrays with names and tables 0.09 MB."""
    history = History(store, KEEP_S)
    tracemalloc.start()
    for second in range(59):
        values = {f"metric_{k}": 1000.1 * k + second for k in range(100)}
        u = {f"metric_{k}": 0.1 * second for k in range(20)}
        history.on_published(
            Message("m", "telemetry", START_MS + 1000 * second, values, u, quality=Quality.SIMULATED)
        )  # fmt: skip
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 2 * 8 * 60 * 100
    store.close()


def test_rows_of_earlier_software_are_read_and_continued(store: Store) -> None:
    """Compressed JSON of all metrics: two minutes, and their quarter of an hour. The agent of now adds two minutes."""
    earlier = {"active_power_w": [60, 1000.0, 500, 1500.5, 64], "status_word": [60, 5.0, 5, 5, 64],
               "motor_losses_w": [60, 80.0, 70, 90, 64]}  # fmt: skip
    rows = [(60, 0, earlier), (60, 1, earlier), (900, 0, {name: [120, *rest] for name, (_, *rest) in earlier.items()})]
    stored = [(step_s, "m", START_MS + 60_000 * number, zlib.compress(json.dumps(body).encode(), 1))
              for step_s, number, body in rows]  # fmt: skip
    store.do(lambda db: db.executemany("insert into history values (?, ?, ?, ?)", stored).rowcount)
    history = History(store, KEEP_S)
    for number in (1, 2):
        history.on_published(
            of_minute(number, {"active_power_w": 4000.0, "motor_losses_w": 100}, {"motor_losses_w": 9.0})
        )
    history.stop()
    store.flush()
    found = read_stats(store.rows, "m", ["active_power_w", "motor_losses_w"], 60, 0, 1 << 62)
    times = [START_MS + 60_000 * number for number in range(3)]
    assert [t_ms for t_ms, _ in found["active_power_w"]] == times
    second = Stats(61, pytest.approx(64_000 / 61, rel=2**-24), 500.0, 4000.0, 64)
    assert [stats for _, stats in found["active_power_w"]] == [
        Stats(60, 1000.0, 500.0, 1500.5, 64), second, Stats(1, 4000.0, 4000.0, 4000.0)
    ]  # fmt: skip
    assert found["motor_losses_w"][0][1] == Stats(60, 80.0, 70.0, 90.0, 64)
    assert found["motor_losses_w"][2][1] == Stats(1, 100.0, None, None, 0, 9.0)
    (quarter,) = history.points("m", "active_power_w", 900, 0, 1 << 62)
    assert (quarter.n, quarter.minimum, quarter.maximum) == (122, 500.0, 4000.0)
    assert quarter.mean == pytest.approx((120 * 1000 + 2 * 4000) / 122, rel=1e-6)  # seven digits
    store.close()


def test_a_metric_that_appears_later_leaves_the_earlier_rows_readable(store: Store) -> None:
    history = History(store, KEEP_S)
    for number in range(6):
        late = {"motor_speed_rpm": 1480.0 + number} if number >= 3 else {}
        history.on_published(of_minute(number, {"active_power_w": 100.0 * number, **late}))
    history.stop()
    store.flush()
    names = ["active_power_w", "motor_speed_rpm"]
    power, speed = read_stats(store.rows, "m", names, 60, 0, 1 << 62).values()
    assert [stats.mean for _, stats in power] == [100.0 * number for number in range(6)]
    assert [stats.mean for _, stats in speed] == [1483.0, 1484.0, 1485.0]
    assert store.rows("select count(*) from history where step_s = -2") == [(2,)], "one layout for each set of columns"
    store.close()


def test_a_silent_minute_and_a_row_with_changed_bytes_are_gaps(store: Store) -> None:
    history = History(store, KEEP_S)
    for number in range(6):
        history.on_published(of_minute(number, {"active_power_w": None if number == 2 else 5.0, "fault_text": "none"}))
    history.stop()
    store.flush()

    def change(db: sqlite3.Connection) -> None:
        key = (60, START_MS + 240_000)
        ((body,),) = db.execute("select body from history where step_s = ? and t_ms = ?", key)
        db.execute("update history set body = ? where step_s = ? and t_ms = ?", (body[:-9] + b"?" + body[-8:], *key))
        db.execute("update history set body = 'x' where step_s = ? and t_ms = ?", (60, START_MS + 300_000))

    store.do(change)
    found = [(point.t_ms - START_MS) // 60_000 for point in history.points("m", "active_power_w", 60, 0, 1 << 62)]
    assert found == [0, 1, 3]
    store.close()


def test_a_row_of_a_motor_with_meter_and_drive_takes_less_than_half_a_kilobyte(store: Store) -> None:
    """Of a recorded motor with 122 values. Above 1002 bytes SQLite would add an overflow page of 4 kB to each row."""
    recorded = json.loads(RECORDING.read_text())["pump-2/telemetry"]["v"]
    u = {name.removesuffix("_u"): value for name, value in recorded.items() if name.endswith("_u")}
    history = History(store, KEEP_S)
    for number in range(4):
        values = {name: value * (1 + number / 100) if isinstance(value, float) else value
                  for name, value in recorded.items() if not name.endswith("_u")}  # fmt: skip
        history.on_published(Message("m", "telemetry", START_MS + 30_000 * number, values, u))
    history.stop()
    store.flush()
    sizes = store.rows("select step_s, length(body) from history where step_s in (60, 900)")
    assert [step_s for step_s, _ in sizes] == [60, 60, 900]
    assert all(size < 450 for _, size in sizes)
    store.close()
