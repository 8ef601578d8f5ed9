"""Slow faults become alarms only when they last: a filter for a day, flux for hours, also over stops and restarts."""

from __future__ import annotations

import pytest
from support.alarms import AlarmBench

from agent.config.alarm_table import DEFINITIONS

HOUR_S = 3600


@pytest.mark.parametrize(("code", "hours"), [("clogged_filter", 24), ("demagnetization", 6)])
def test_a_slow_fault_of_a_motor_that_runs_by_day_only(code: str, hours: int) -> None:
    """Note on condition and alarms, 2.8 and rule 6. The finding lasts while the motor is off: nothing shows its end."""
    bench = AlarmBench(DEFINITIONS[code])
    bench.manager.set_running("m", True)
    bench.at(0, bench.input(True, code))
    bench.manager.set_running("m", False)
    bench.at(HOUR_S)
    bench.restart()
    bench.at(2 * HOUR_S, bench.input(True, code))
    bench.manager.set_running("m", True)
    bench.at((hours - 1) * HOUR_S)
    assert not bench.announced()
    bench.at((hours + 3) * HOUR_S)
    assert bench.announced() == {code: 1}


def test_a_warm_afternoon_is_no_alarm() -> None:
    bench = AlarmBench(DEFINITIONS["clogged_filter"])
    for day in range(3):
        bench.at((24 * day + 12) * HOUR_S, bench.input(True, "clogged_filter"))
        bench.at((24 * day + 20) * HOUR_S, bench.input(False, "clogged_filter"))
    assert not bench.announced()
