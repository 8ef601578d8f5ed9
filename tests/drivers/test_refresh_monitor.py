"""A meter whose values do not change under load is reported; a slow meter, or one without load, is not."""

from __future__ import annotations

import pytest

from drivers.refresh_monitor import RefreshMonitor


def fed(
    renewal: RefreshMonitor, contents: list[int], every_s: float, from_s: float = 0.0, name: str = "active_power"
) -> float:
    """Pass these values in sequence; return the time of the last one."""
    at_s = from_s
    for k, content in enumerate(contents):
        at_s = from_s + k * every_s
        renewal.add({"voltage_l1n": 231.0, name: content}, round(at_s * 1e9))
    return at_s


def stuck_s(renewal: RefreshMonitor, at_s: float) -> float:
    return renewal.stuck_s(round(at_s * 1e9))


@pytest.mark.parametrize(("every_s", "polls"), [(1.0, 121), (10.0, 60), (0.2, 601)])
def test_identical_digits_for_two_minutes_and_sixty_polls_are_a_slow_refresh(every_s: float, polls: int) -> None:
    renewal = RefreshMonitor()
    before_s = fed(renewal, list(range(20)), every_s)
    at_s = fed(renewal, [99] * (polls - 1), every_s, before_s + every_s)
    assert stuck_s(renewal, at_s) == 0
    at_s = fed(renewal, [99, 99], every_s, at_s + every_s)
    assert stuck_s(renewal, at_s) == pytest.approx(polls * every_s)
    at_s = fed(renewal, [100], every_s, at_s + every_s)
    assert stuck_s(renewal, at_s) == 0


def test_a_slow_meter_gets_ten_refresh_intervals() -> None:
    renewal = RefreshMonitor()
    before_s = fed(renewal, [k // 20 for k in range(200)], 1.0)
    at_s = fed(renewal, [99] * 199, 1.0, before_s + 1)
    assert stuck_s(renewal, at_s) == 0
    at_s = fed(renewal, [99] * 2, 1.0, at_s + 1)
    assert stuck_s(renewal, at_s) == 200


def test_without_load_a_value_may_be_constant() -> None:
    renewal = RefreshMonitor()
    assert stuck_s(renewal, fed(renewal, [0] * 500, 1.0)) == 0
    at_s = fed(renewal, [7] * 121, 1.0, from_s=500.0)
    assert stuck_s(renewal, at_s) == 120, "the stop before does not count as a slow refresh"


def test_values_without_power_or_current_are_not_monitored() -> None:
    renewal = RefreshMonitor()
    assert stuck_s(renewal, fed(renewal, [7] * 500, 1.0, name="frequency")) == 0
