"""A meter whose values do not change under load is reported; a slow meter, or one without load, is not."""

from __future__ import annotations

import struct

import pytest

from drivers.refresh_monitor import RefreshMonitor

LIVE = {"active_power": 71240.0, "voltage_l1n": 231.0}


def fed(
    renewal: RefreshMonitor, contents: list[int], every_s: float, from_s: float = 0.0, loaded: bool = True
) -> float:
    """Pass these contents in sequence; return the time of the last one."""
    at_s = from_s
    for k, content in enumerate(contents):
        at_s = from_s + k * every_s
        renewal.add("block", struct.pack(">I", content), round(at_s * 1e9), loaded)
    return at_s


def stuck_s(renewal: RefreshMonitor, at_s: float, values: dict[str, float] | None = None) -> float:
    return renewal.stuck_s(LIVE if values is None else values, round(at_s * 1e9))


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
    at_s = fed(renewal, [7] * 500, 1.0)
    assert stuck_s(renewal, at_s, {"active_power": 0.0, "current_l1": 0.0, "voltage_l1n": 231.0}) == 0
    assert stuck_s(renewal, at_s) > 0


def test_a_block_without_power_or_current_is_not_monitored() -> None:
    renewal = RefreshMonitor()
    assert stuck_s(renewal, fed(renewal, [7] * 500, 1.0, loaded=False)) == 0
