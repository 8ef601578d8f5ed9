"""Values over time: compared with direct computation from the samples, bounded in number; the cause of each gap."""

from __future__ import annotations

import math
import statistics
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.basics import HandClock
from support.dialects import configured
from support.store import without_fsync

from agent.config.model import Config, StoreSettings
from agent.config.topology import assets
from agent.core.messages import Message, encode_plain
from agent.core.metrics import Metric, by_name
from agent.core.state_reasons import DEVICE_NOT_RESPONDING
from agent.core.text import Catalogue, as_object
from agent.delivery.live_socket.follower import SocketFollower
from agent.delivery.store import Store
from agent.delivery.store.event_history import EventHistory
from agent.delivery.store.history import History
from agent.web.base.context import Web
from agent.web.base.state_file import STATE_FILE_ABSENT
from agent.web.history.history import HistoryRequest, Series, history_of, last_hour, steps_of
from drivers.reading import Quality

BEGIN_MS = 1_789_999_200_000  # a full quarter hour
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
POINTS_MAX = 2000  # of an answer: docs and contract
KEEP_S = (6 * 3600.0, 40 * 86400.0, 1830 * 86400.0)
EVERY_S = 20  # between two samples
MINUTES = 100
ENGLISH = Catalogue("en")
POWER = by_name("telemetry")["active_power_w"]
SILENT_MS = BEGIN_MS + 30 * MINUTE_MS, BEGIN_MS + 40 * MINUTE_MS


def samples() -> dict[int, float]:
    """Time → power; the motor is silent for ten minutes, and five minutes are missing without a reason."""
    found = {}
    for t_ms in range(BEGIN_MS, BEGIN_MS + MINUTES * MINUTE_MS, 1000 * EVERY_S):
        missing = SILENT_MS[0] <= t_ms < SILENT_MS[1] or 60 <= (t_ms - BEGIN_MS) // MINUTE_MS < 65
        if not missing:
            found[t_ms] = round(20_000 + 5000 * math.sin(t_ms / 7e5) + t_ms % 977, 1)  # six digits, as published
    return found


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("history")
    config = replace(configured(folder, "mqtt://127.0.0.1:1"), state_dir=folder / "state")
    with without_fsync():
        store = Store(folder / "state", HandClock(BEGIN_MS / 1000), StoreSettings(commit_interval_s=0.01))
    _ = store.run_id
    history, events = History(store, KEEP_S), EventHistory(store)
    for t_ms, power_w in samples().items():
        flag = Quality.UNVERIFIED if t_ms == BEGIN_MS else Quality.GOOD
        flags = {"active_power_w": flag} if flag else {}
        values = {"active_power_w": power_w, "motor_efficiency_pct": power_w / 300, "energy_import_kwh": 123456.789}
        u = {"motor_efficiency_pct": power_w / 10_000}
        history.on_published(Message("pump-1", "telemetry", t_ms, values, u, flags=flags))
    silent = as_object(DEVICE_NOT_RESPONDING(device="mcc-1"))
    for state, t_ms, reason in (
        ("online", BEGIN_MS, []),
        ("offline", SILENT_MS[0], [silent]),
        ("online", SILENT_MS[1], []),
    ):
        body = {"state": state, "reason": reason, "since": t_ms}
        events.on_message("magwatt/v1/mill-2/gw-07/pump-1/state", encode_plain("state", t_ms, body), True)
    history.stop()
    store.close()
    return config


def page(config: Config, now_ms: int = BEGIN_MS + MINUTES * MINUTE_MS) -> Web:
    return Web(SocketFollower([]), config, lambda: now_ms, assets(config))


def series(
    config: Config, points: int = POINTS_MAX, from_ms: int = BEGIN_MS, to_ms: int | None = None, metric: Metric = POWER
) -> Series:
    asked = HistoryRequest("pump-1", [metric], from_ms, to_ms or BEGIN_MS + MINUTES * MINUTE_MS, points)
    (found,) = history_of(page(config), asked, ENGLISH)
    return found


@pytest.mark.parametrize("points", [2000, 120, 25, 10])
def test_points_are_the_statistics_of_their_samples(config: Config, points: int) -> None:
    found = series(config, points)
    assert len(found.t_ms) <= points
    grouped: dict[int, list[float]] = {}
    for t_ms, power_w in samples().items():
        grouped.setdefault(t_ms // (1000 * found.step_s) * 1000 * found.step_s, []).append(power_w)
    assert found.t_ms == sorted(grouped)
    assert found.min == [min(values) for values in grouped.values()]
    assert found.max == [max(values) for values in grouped.values()]
    means = [statistics.fmean(values) for values in grouped.values()]
    assert found.mean == pytest.approx(means, rel=1e-6)  # a mean is given with seven digits
    if found.step_s >= 60:
        assert found.flags == [["UNVERIFIED"]] + [None] * (len(means) - 1)


@pytest.mark.parametrize("points", [100, 10])
def test_an_estimate_has_its_uncertainty_and_no_extremes(config: Config, points: int) -> None:
    """U is 3 % of the value in this test, and the mean of U that of the means."""
    found = series(config, points, metric=by_name("telemetry")["motor_efficiency_pct"])
    assert found.u == pytest.approx([0.03 * mean for mean in found.mean], rel=1e-6)  # seven digits
    assert {*found.min, *found.max} == {None}
    assert set(series(config, points).u) == {None}


def test_a_metric_that_is_kept_for_hours_only_says_so(config: Config) -> None:
    energy = by_name("telemetry")["energy_import_kwh"]
    assert series(config, metric=energy).mean == [123456.789] * len(samples()), "all digits of a counter"
    found = series(config, 100, metric=energy)
    assert found.t_ms == []
    assert found.why is not None
    assert found.why.code == "page_metric_not_kept"


def test_gaps_have_their_cause(config: Config) -> None:
    found = series(config, 100)
    assert found.step_s == 60
    assert [(gap.from_ms, gap.to_ms, gap.why.code) for gap in found.gaps] == [
        (*SILENT_MS, "gap_no_reply"),
        (BEGIN_MS + 60 * MINUTE_MS, BEGIN_MS + 65 * MINUTE_MS, "gap_no_values"),
    ]
    assert "mcc-1" in found.gaps[0].why.long
    later = series(config, 200, from_ms=SILENT_MS[0] + MINUTE_MS)
    assert later.gaps[0].from_ms == SILENT_MS[0] + MINUTE_MS, "the outage began before"


def test_the_stop_of_an_agent_is_a_gap_with_its_cause(config: Config, tmp_path: Path) -> None:
    own = replace(config, state_dir=tmp_path)
    for start_ms in (BEGIN_MS, BEGIN_MS + HOUR_MS):
        clock = HandClock(start_ms / 1000)
        with without_fsync():
            store = Store(tmp_path, clock, StoreSettings(commit_interval_s=0.01))
        _ = store.run_id
        history = History(store, KEEP_S)
        for second in range(0, 600, 20):
            history.on_published(Message("pump-1", "telemetry", start_ms + 1000 * second, {"active_power_w": 1.0}))
        clock.move(600)
        history.stop()
        store.close()
    (gap,) = series(own, 200).gaps
    assert (gap.from_ms, gap.to_ms, gap.why.code) == (BEGIN_MS + 600_000, BEGIN_MS + HOUR_MS, "gap_agent_stopped")


@pytest.mark.parametrize(("span_ms", "stored_s", "most_s"), [
    (HOUR_MS, 1, 2), (6 * HOUR_MS, 1, 15), (DAY_MS, 60, 60), (7 * DAY_MS, 60, 600), (30 * DAY_MS, 900, 1800),
    (366 * DAY_MS, 900, 21_600), (5 * 366 * DAY_MS, 900, 86_400),
])  # fmt: skip
def test_each_span_has_at_most_2000_points_of_a_step_that_is_stored(span_ms: int, stored_s: int, most_s: int) -> None:
    """most_s: the step of a chart of this span, at least half of what 2000 points allow."""
    now_ms = BEGIN_MS
    found_s, step_s = steps_of(now_ms - span_ms, now_ms, POINTS_MAX, now_ms, KEEP_S)
    assert found_s == stored_s
    assert step_s % found_s == 0
    assert step_s <= most_s
    assert span_ms / 1000 / step_s <= POINTS_MAX


def test_a_span_in_the_past_is_read_from_what_is_kept_of_it() -> None:
    now_ms = BEGIN_MS
    assert steps_of(now_ms - 30 * DAY_MS, now_ms - 30 * DAY_MS + HOUR_MS, POINTS_MAX, now_ms, KEEP_S) == (60, 60)
    assert steps_of(now_ms - 400 * DAY_MS, now_ms - 400 * DAY_MS + HOUR_MS, POINTS_MAX, now_ms, KEEP_S) == (900, 900)
    assert steps_of(now_ms - HOUR_MS, now_ms, POINTS_MAX, now_ms, (0.0, *KEEP_S[1:])) == (60, 60)


def test_the_last_hour_has_60_means_in_kw(config: Config) -> None:
    now_ms = BEGIN_MS + 75 * MINUTE_MS + 12_345
    found = last_hour(page(config, now_ms), "pump-1")
    assert (found.step_s, found.end_ms, len(found.kw)) == (60, BEGIN_MS + 75 * MINUTE_MS, 60)
    known = [(minute + 15, kw) for minute, kw in enumerate(found.kw)]
    for minute, kw in known:
        begin_ms = BEGIN_MS + minute * MINUTE_MS
        values = [power_w for t_ms, power_w in samples().items() if begin_ms <= t_ms < begin_ms + MINUTE_MS]
        assert kw == (pytest.approx(statistics.fmean(values) / 1000, abs=0.0006) if values else None)  # W are rounded


def test_without_a_state_file_the_answer_says_so(config: Config, tmp_path: Path) -> None:
    found = series(replace(config, state_dir=tmp_path))
    assert found.t_ms == []
    assert found.why is not None
    assert found.why.code == STATE_FILE_ABSENT
