"""When records are made: truth from the blocks that were given, and from docs/explanation/condition.md."""

from __future__ import annotations

import numpy as np
import pytest

from agent.analysis.condition.answers import Clear, ConditionFinding, Confidence, Severity
from agent.analysis.condition.persistence import RecordHistory
from agent.analysis.condition.record import Record
from agent.analysis.condition.record_collector import RecordCollector
from agent.analysis.condition.record_rules import DRIVE_OUTPUT_EVERY_S
from drivers.reading import Waveform
from drivers.reasons import Code
from drivers.recordings.recording import ROLES

RATE_HZ, BLOCK = 1000.0, 500


def block(number: int, channels: tuple[str, ...] = ROLES) -> Waveform:
    """Sample k of channel c is 10,000 c + k."""
    at = np.arange(number * BLOCK, (number + 1) * BLOCK)
    samples = 10_000.0 * np.array([ROLES.index(role) for role in channels])[:, None] + at
    return Waveform("m", 0, number * BLOCK, RATE_HZ, channels, samples)


def collected(collector: RecordCollector, numbers: range, *, missing: int = -1) -> dict[float, Record]:
    """Records by the time of the block that completed them."""
    found = {}
    for number in numbers:
        at_s = number * BLOCK / RATE_HZ
        if number != missing and (record := collector.on_block(block(number), at_s)) is not None:
            found[at_s] = record
    return found


def test_records_follow_each_other_after_their_time() -> None:
    assert list(collected(RecordCollector(2.0, 300.0), range(1300))) == [1.5, 301.5, 601.5]


def test_while_something_is_undecided_they_follow_sooner() -> None:
    collector = RecordCollector(2.0, 300.0)
    assert list(collected(collector, range(100))) == [1.5]
    collector.soon = True
    assert list(collected(collector, range(100, 600))) == [121.5, 241.5]


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_a_record_has_the_samples_of_its_channels_in_their_order(precision: type[np.float32 | np.float64]) -> None:
    mixed = (*ROLES[3:], "n", *ROLES[:3])
    collector, record = RecordCollector(1.0, 300.0, precision), None
    for number in range(2):
        one = block(number)
        samples = np.concatenate((one.samples[3:], np.zeros((1, BLOCK)), one.samples[:3]))
        record = collector.on_block(Waveform("m", 0, one.index, RATE_HZ, mixed, samples), float(number))
    assert record is not None
    assert record.u_v.dtype == record.i_a.dtype == precision
    expected = 10_000.0 * np.arange(6)[:, None] + np.arange(1000)
    np.testing.assert_array_equal(np.concatenate((record.u_v, record.i_a)), expected)


@pytest.mark.parametrize("begin_s", range(600, 910, 30))
def test_three_records_show_shorted_turns_within_ten_minutes_of_their_begin(begin_s: float) -> None:
    """At the output of a drive, wherever between two records they begin; a record that began before shows nothing."""
    why = Code("test_collector_why", "shorted turns")
    fault = ConditionFinding("turn_fault", Severity.ALARM, Confidence.LIKELY, 0.0, why())
    collector, history = RecordCollector(6.0, DRIVE_OUTPUT_EVERY_S), RecordHistory()
    for second in range(2000):
        one = Waveform("m", 0, second * 10, 10.0, ROLES, np.zeros((6, 10)))
        if collector.on_block(one, float(second)) is not None:
            began_s = second - 5
            history.add(float(second), [fault if began_s >= begin_s else Clear("turn_fault")])
            collector.soon = history.undecided()
        if history.times_ms().get("turn_fault", (None,))[0] is not None:
            assert begin_s < second + 1 <= begin_s + 600
            return
    raise AssertionError("never")


def test_after_missing_samples_it_begins_again() -> None:
    found = collected(RecordCollector(2.0, 300.0), range(20), missing=2)
    (at_s,) = found
    assert at_s == 3.0
    assert found[at_s].u_v[0, 0] == 3 * BLOCK


def test_a_channel_that_vanishes_discards_the_record() -> None:
    collector = RecordCollector(2.0, 300.0)
    assert collector.on_block(block(0), 0.0) is None
    assert collector.on_block(block(1, ROLES[:5]), 0.5) is None
    assert list(collected(collector, range(2, 700))) == [301.5]
