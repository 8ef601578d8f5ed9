"""Shorter intervals are summed to the longest length: energies and amounts add, means are weighted by time."""

from __future__ import annotations

import pytest

from agent.savings.records.interval_lengths import of_one_length
from agent.savings.records.model import Driver, Interval

MIN_MS = 60_000


def item(start_min: int, minutes: int, wh: float | None, **more: object) -> Interval:
    return Interval("fan", start_min * MIN_MS, wh, 60 * minutes, **more)  # type: ignore[arg-type]


def test_intervals_of_one_length_are_unchanged() -> None:
    found = [item(0, 30, 1.0), item(30, 30, 2.0)]
    assert of_one_length(found) == found
    assert of_one_length([]) == []


def test_quarters_among_hours_are_summed_and_incomplete_hours_left_out() -> None:
    """Hours up to 02:00, then intervals of 15 min from 02:15: the first complete hour starts at 03:00."""
    quarters = [item(135 + 15 * k, 15, 10.0 + k) for k in range(11)]  # 02:15 to 05:00
    found = of_one_length([item(0, 60, 5.0), item(60, 60, 6.0), *quarters])
    assert [(each.start_ms // MIN_MS, each.length_s, each.energy_wh) for each in found] == [
        (0, 3600, 5.0), (60, 3600, 6.0), (180, 3600, 13.0 + 14 + 15 + 16), (240, 3600, 17.0 + 18 + 19 + 20),
    ]  # fmt: skip


def test_a_gap_or_an_unknown_energy_is_not_covered_up() -> None:
    gap = [item(60 + 15 * k, 15, 1.0) for k in range(4) if k != 2]
    unknown = [item(120 + 15 * k, 15, None if k == 1 else 1.0) for k in range(4)]
    first, second = of_one_length([item(0, 60, 5.0), *gap, *unknown])
    assert (first.start_ms, second.start_ms, second.energy_wh) == (0, 120 * MIN_MS, None)


def test_hours_that_do_not_start_on_the_hour_of_utc_set_the_start() -> None:
    """Asia/Kolkata is 5:30 ahead of UTC."""
    halves = [item(90 + 30 * k, 30, 1.0) for k in range(4)]
    found = of_one_length([item(30, 60, 5.0), *halves])
    assert [each.start_ms // MIN_MS for each in found] == [30, 90, 150]


def test_means_amounts_and_coverage() -> None:
    quarters = [
        item(60 + 15 * k, 15, 100.0, coverage=1.0 if k else 0.8, auxiliary_wh=1.0, reactive_varh=50.0, running_s=600.0,
             speed_rpm=1000.0 + k, meter="m", flags=("bypass",) if k == 3 else (), register_wh=(100 * k, 100 * k + 90),
             drivers={"signal_q_m3_h": Driver(10.0 * k, 2.0), "signal_rolled_t": Driver(float(k), 0.1),
                      **({"signal_x": Driver(1.0)} if k else {})})
        for k in range(4)
    ]  # fmt: skip
    [_, found] = of_one_length([item(0, 60, 5.0), *quarters])
    assert found.drivers == {"signal_q_m3_h": (15.0, 2.0), "signal_rolled_t": (6.0, pytest.approx(0.4))}
    assert (found.energy_wh, found.auxiliary_wh, found.reactive_varh, found.running_s) == (400, 4, 200, 2400)
    assert (found.coverage, found.speed_rpm) == (pytest.approx(0.95), pytest.approx(1001.5))
    assert (found.meter, found.flags, found.register_wh) == ("m", ("bypass",), (0, 390))


def test_lengths_that_do_not_divide_each_other_are_left_as_they_are() -> None:
    found = [item(0, 15, 1.0), item(20, 10, 1.0)]
    assert of_one_length(found) == found
