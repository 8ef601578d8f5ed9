"""The state of a signal from a topic over time: outdated, retained, flagged, missing; and its log lines."""

from __future__ import annotations

import json
import logging

import pytest
from msgspec.structs import replace
from support.basics import HandClock

from agent.acquisition.mqtt_signals import reasons as codes
from agent.acquisition.mqtt_signals.signal_state import SignalState
from agent.config.signals import TopicSignal
from drivers.reading import Quality, Reading
from drivers.reasons import Reason

METRIC = "signal_tonnes_t_h"
BARE = TopicSignal("signal.tonnes", METRIC, "mill/t", None, None, 10.0, 1.0, 0.0, float("-inf"), float("inf"), None)
TIMED = replace(BARE, value="v", time="t")


class Scene:
    def __init__(self, clock: HandClock, signal: TopicSignal = BARE) -> None:
        self.clock = clock
        self.held = SignalState(signal, clock.monotonic_ns(), clock.utc_ns())

    def come(self, payload: str | float, retained: bool = False) -> bool:
        return self.held.on_payload(str(payload).encode(), retained, self.clock.monotonic_ns(), self.clock.utc_ns())

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
    silent = codes.SIGNAL_SILENT(topic="mill/t", since_ms=1_790_000_000_000)
    assert scene.held.problem == silent, "the time stays the same, and with it the state"
    assert found.error == silent
    scene.come(13)
    assert scene.now() == (13, Quality.GOOD)


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+08:00", -1e14, "1970-01-01T00:00:05Z"])
def test_a_publisher_without_a_clock_does_not_end_the_readings(clock: HandClock, time: str | float) -> None:
    """A date cannot represent an age that starts in the year 1 or earlier."""
    scene = Scene(clock, TIMED)
    scene.come(json.dumps({"v": 1, "t": time}))
    assert scene.now()[0] is None
    clock.move(60)
    assert scene.now()[0] is None


def test_there_is_no_reading_before_a_message_is_overdue(clock: HandClock) -> None:
    scene = Scene(clock)
    clock.move(30)
    assert scene.maybe() is None
    clock.move(1)
    assert scene.now() == MISSING


def test_a_retained_value_is_stale_until_a_live_one_arrives(clock: HandClock) -> None:
    scene = Scene(clock)
    scene.come(12.5, retained=True)
    assert scene.now() == (12.5, Quality.STALE)
    scene.come(12.5)
    assert scene.now() == (12.5, Quality.GOOD)
    clock.move(5)
    scene.come(12.5, retained=True)  # after a new connection
    assert scene.now() == (12.5, Quality.GOOD)
    clock.move(26)
    assert scene.now() == MISSING, "a repetition by the broker does not renew it"
    scene.come(14, retained=True)
    assert scene.now() == (14, Quality.STALE), "not the live value: its time is unknown"


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
    outdated = codes.SIGNAL_OUTDATED(topic="mill/t", since_ms=1_790_000_002_000 - 3_600_000)
    assert old.held.problem == outdated
    assert found.error == outdated


def test_a_time_in_the_future_is_flagged_and_not_used(clock: HandClock) -> None:
    scene = Scene(clock, TIMED)
    scene.timed(12.5, 1.9)
    assert scene.now() == (12.5, Quality.GOOD)
    scene.timed(13.5, 3600)
    assert scene.now() == (13.5, Quality.CLOCK_UNSYNCHRONIZED)
    clock.move(31)
    assert scene.now()[0] is None, "an hour ahead is not an hour longer"
    scene.timed(14.5, 3600, retained=True)
    assert scene.now() == (14.5, Quality.CLOCK_UNSYNCHRONIZED | Quality.STALE)


def test_a_late_value_does_not_replace_a_newer_one(clock: HandClock) -> None:
    scene = Scene(clock, TIMED)
    scene.timed(2)
    assert scene.timed(1, -5)
    assert scene.now() == (2, Quality.GOOD)
    clock.move(31)
    scene.timed(3, -28)
    assert scene.now() == (3, Quality.GOOD), "the newer value is missing by now"


@pytest.mark.parametrize("payload", ["NaN", "out of order", "null", "", "{"])
def test_a_value_is_missing_after_an_invalid_payload_until_the_next_valid_one(clock: HandClock, payload: str) -> None:
    scene = Scene(clock)
    scene.come(12.5)
    assert not scene.come(payload)
    assert scene.now() == (None, Quality.OUT_OF_RANGE)
    assert scene.come(12.6)
    assert scene.now() == (12.6, Quality.GOOD)


def test_a_payload_that_is_too_large_changes_nothing(clock: HandClock) -> None:
    scene = Scene(clock)
    scene.come(12.5)
    assert not scene.come("1" * 65_537)
    assert scene.now() == (12.5, Quality.GOOD)
    assert scene.come(f"{'0' * 5}4{' ' * 65_530}"), "65536 bytes are read"
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


def test_each_problem_is_logged_once_and_its_end(clock: HandClock, caplog: pytest.LogCaptureFixture) -> None:
    """A publisher that alternates between good and invalid payloads ten times a second does not fill the log."""
    caplog.set_level(logging.INFO)
    scene = Scene(clock)
    for _ in range(600):
        clock.move(0.1)
        scene.come("12,5")
        scene.come("abc")
        scene.come(12.5)
    assert [record.args for record in caplog.records] == [
        ("signal.tonnes", codes.PAYLOAD_REJECTED(topic="mill/t", cause=cause))
        for cause in (codes.PAYLOAD_DECIMAL_COMMA(payload="12,5"), codes.PAYLOAD_NOT_NUMBER(payload="abc"))
    ]
    assert all(record.levelno == logging.WARNING for record in caplog.records)
    for _ in range(70):
        clock.move(1)
        scene.come(12.5)
    [end] = caplog.records[2:]
    assert (end.levelno, end.args) == (logging.INFO, ("signal.tonnes", "mill/t"))
    for _ in range(50):
        clock.move(1)
        scene.maybe()
    assert len(caplog.records) == 4, "silence is logged once too"


def test_reasons_have_no_infinite_limits(clock: HandClock) -> None:
    """JSON has no infinity: a missing limit is None."""
    scene = Scene(clock, replace(BARE, high=10.0))
    scene.come(12)
    expected = codes.SIGNAL_OUT_OF_RANGE(topic="mill/t", value=12, low=None, high=10.0)
    assert scene.held.problem == expected
    json.dumps(expected.as_object(), allow_nan=False)


def test_a_clock_that_is_ahead_is_logged(clock: HandClock, caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(clock, TIMED)
    scene.timed(1, ahead_s=3600)
    [record] = caplog.records
    assert isinstance(record.args, tuple)
    [device, reason] = record.args
    assert device == "signal.tonnes"
    assert isinstance(reason, Reason)
    assert reason.code == codes.PUBLISHER_CLOCK_AHEAD
    assert reason.data["ahead_s"] == pytest.approx(3600, abs=0.01)
