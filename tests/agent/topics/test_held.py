"""What is known of a signal from a topic as time passes: old, retained, doubted, missing; and what the log says."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
from testkit import HandClock

from agent.signals import TopicSignal
from agent.topics.held import Held
from drivers.reading import Quality, Reading

METRIC = "signal_tonnes_t_h"
BARE = TopicSignal("signal.tonnes", METRIC, "mill/t", None, None, 10.0, 1.0, 0.0, float("-inf"), float("inf"), None)
TIMED = replace(BARE, value="v", time="t")


class Scene:
    def __init__(self, clock: HandClock, signal: TopicSignal = BARE) -> None:
        self.clock = clock
        self.held = Held(signal, clock.monotonic_ns(), clock.utc_ns())

    def come(self, payload: str | float, retained: bool = False) -> bool:
        return self.held.take(str(payload).encode(), retained, self.clock.monotonic_ns(), self.clock.utc_ns())

    def timed(self, value: float, ahead_s: float = 0.0, retained: bool = False) -> bool:
        t_ms = round(self.clock.utc_ns() / 1e6 + 1000 * ahead_s)
        return self.come(json.dumps({"v": value, "t": t_ms}), retained)

    def maybe(self) -> Reading | None:
        return self.held.reading(self.clock.monotonic_ns(), self.clock.utc_ns(), Quality.GOOD, True)

    def now(self) -> tuple[float | int | str | None, Quality]:
        found = self.maybe()
        assert found is not None
        return found.values[METRIC], found.flags.get(METRIC, Quality.GOOD) | found.quality


MISSING = None, Quality.STALE | Quality.NO_REPLY


def test_a_value_holds_for_three_of_its_periods_and_is_missing_then(clock: HandClock) -> None:
    scene = Scene(clock)
    assert scene.come(12.5)
    assert scene.now() == (12.5, Quality.GOOD)
    clock.move(30)
    assert scene.now() == (12.5, Quality.GOOD)
    clock.move(0.1)
    assert scene.now() == MISSING
    found = scene.maybe()
    assert found is not None
    assert str(found.error) == "nothing came on mill/t since 2026-09-21 14:13:20 UTC", (
        "the moment stays: so does the state"
    )
    scene.come(13)
    assert scene.now() == (13, Quality.GOOD)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+08:00", -1e14, "1970-01-01T00:00:05Z"])
def test_a_publisher_that_knows_no_time_does_not_end_the_beat(clock: HandClock, time: str | float) -> None:
    """An age from the year 1 on, or from before it, is none that a date can show."""
    scene = Scene(clock, TIMED)
    scene.come(json.dumps({"v": 1, "t": time}))
    assert scene.now()[0] is None
    clock.move(60)
    assert scene.now()[0] is None


def test_nothing_is_said_before_anything_could_have_come(clock: HandClock) -> None:
    scene = Scene(clock)
    clock.move(30)
    assert scene.maybe() is None
    clock.move(1)
    assert scene.now() == MISSING


def test_a_retained_value_is_old_until_a_live_one_comes(clock: HandClock) -> None:
    scene = Scene(clock)
    scene.come(12.5, retained=True)
    assert scene.now() == (12.5, Quality.STALE)
    scene.come(12.5)
    assert scene.now() == (12.5, Quality.GOOD)
    clock.move(5)
    scene.come(12.5, retained=True)  # after a new connection
    assert scene.now() == (12.5, Quality.GOOD)
    clock.move(26)
    assert scene.now() == MISSING, "the broker's repetition did not renew it"
    scene.come(14, retained=True)
    assert scene.now() == (14, Quality.STALE), "another one than came live: of a time that nobody knows"


def test_a_retained_value_with_a_time_is_judged_by_that(clock: HandClock) -> None:
    scene = Scene(clock, TIMED)
    scene.timed(12.5, -29, retained=True)
    assert scene.now() == (12.5, Quality.GOOD)
    clock.move(2)
    assert scene.now() == MISSING
    old = Scene(clock, TIMED)
    old.timed(12.5, -3600, retained=True)
    assert old.now() == MISSING
    found = old.maybe()
    assert found is not None
    assert str(found.error).startswith("the newest on mill/t is of 2026-09-21 13:13:22 UTC")


def test_a_time_ahead_of_ours_is_doubted_and_not_believed(clock: HandClock) -> None:
    scene = Scene(clock, TIMED)
    scene.timed(12.5, 1.9)
    assert scene.now() == (12.5, Quality.GOOD)
    scene.timed(13.5, 3600)
    assert scene.now() == (13.5, Quality.CLOCK_UNSYNCHRONIZED)
    clock.move(31)
    assert scene.now()[0] is None, "an hour ahead is not an hour longer"
    scene.timed(14.5, 3600, retained=True)
    assert scene.now() == (14.5, Quality.CLOCK_UNSYNCHRONIZED | Quality.STALE)


def test_what_comes_late_does_not_replace_what_is_newer(clock: HandClock) -> None:
    scene = Scene(clock, TIMED)
    scene.timed(2)
    assert scene.timed(1, -5)
    assert scene.now() == (2, Quality.GOOD)
    clock.move(31)
    scene.timed(3, -28)
    assert scene.now() == (3, Quality.GOOD), "what was known is missing by now"


@pytest.mark.parametrize("payload", ["NaN", "out of order", "null", "", "{"])
def test_garbage_is_missing_at_once_and_the_next_good_one_clears_it(clock: HandClock, payload: str) -> None:
    scene = Scene(clock)
    scene.come(12.5)
    assert not scene.come(payload)
    assert scene.now() == (None, Quality.OUT_OF_RANGE)
    assert scene.come(12.6)
    assert scene.now() == (12.6, Quality.GOOD)


def test_what_is_too_large_changes_nothing(clock: HandClock) -> None:
    scene = Scene(clock)
    scene.come(12.5)
    assert not scene.come("1" * 65_537)
    assert scene.now() == (12.5, Quality.GOOD)
    assert scene.come(f"{'0' * 5}4{' ' * 65_530}"), "65536 bytes are still read"
    assert scene.now() == (4, Quality.GOOD)


def test_scale_offset_and_limits_are_those_of_registers(clock: HandClock) -> None:
    scene = Scene(clock, replace(BARE, scale=0.1, offset=-2.0, low=0.0, high=10.0))
    scene.come(100)
    assert scene.now() == (8.0, Quality.GOOD)
    scene.come(200)
    assert scene.now() == (18.0, Quality.OUT_OF_RANGE)
    scene.come(19)
    assert scene.now() == (pytest.approx(-0.1), Quality.OUT_OF_RANGE)
    assert not Scene(clock, replace(BARE, scale=1e9)).come("1e308")


def test_the_log_says_each_trouble_once_and_that_it_is_over(clock: HandClock, caplog: pytest.LogCaptureFixture) -> None:
    """A publisher that alternates between good and bad ten times a second fills no log."""
    caplog.set_level(logging.INFO)
    scene = Scene(clock)
    for _ in range(600):
        clock.move(0.1)
        scene.come("12,5")
        scene.come("abc")
        scene.come(12.5)
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "signal.tonnes: mill/t is no number (12,5): have its publisher write a point, not a comma",
        "signal.tonnes: mill/t is no number (abc): have its publisher send a number alone",
    ]
    for _ in range(70):
        clock.move(1)
        scene.come(12.5)
    assert [record.getMessage() for record in caplog.records[2:]] == ["signal.tonnes: values come again on mill/t"]
    for _ in range(50):
        clock.move(1)
        scene.maybe()
    assert len(caplog.records) == 4, "silence is told once too"
