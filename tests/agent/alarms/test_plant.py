"""A plant of 100 motors: one cause gives one announcement, and nothing is scanned when nothing happens."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from support.alarms import AlarmBench, codes, definition

from agent.config.alarm_table import DEFINITIONS

MOTORS = [f"m{number}" for number in range(100)]


def test_a_dip_of_one_second_at_100_motors_is_one_announcement() -> None:
    """Drives stall, devices restart, currents and loads are unsteady; after half a minute all is as before."""
    bench = AlarmBench(*DEFINITIONS.values())
    bench.at(30, bench.input(True, "supply_dip", "m7", severity="note"))
    unsteady = ("stall", "no_reply", "phase_loss", "current_unbalance", "dry_run", "drive_fault", "load_unsteady")
    bench.at(31, bench.input(False, "supply_dip", "m7"), *(bench.input(True, code, one) for code in unsteady
                                                           for one in MOTORS))  # fmt: skip
    bench.until(60)
    bench.at(61, *(bench.input(False, code, one) for code in unsteady for one in MOTORS))
    bench.until(200)
    assert bench.announced() == {"supply_dip": 1}
    assert set(codes(bench.manager.records())) == {("supply_dip", "RTNUN"), *(
        (code, "NORM") for code in unsteady if DEFINITIONS[code].on_delay_s < 30)}  # fmt: skip
    assert bench.manager.counts().unacknowledged == 1


def test_a_bus_that_fails_is_one_announcement_and_other_motors_are_not_concerned() -> None:
    bench = AlarmBench(*DEFINITIONS.values())
    on_bus, other = MOTORS[:25], MOTORS[25]
    bench.at(0, *(bench.input(True, code, one) for one in [*on_bus, other] for code in ("no_reply", "live_terminals")))
    bench.at(3, bench.input(True, "bus_failure", None, part="south", covers=tuple(on_bus)))
    bench.until(60)
    assert bench.announced() == {"bus_failure": 1, "live_terminals": 1 + len(on_bus)}, "3 s before the bus was known"
    assert bench.record("no_reply", other).caused_by == "live_terminals"


def test_a_bus_that_fails_before_its_devices_is_one_announcement() -> None:
    bench = AlarmBench(*DEFINITIONS.values())
    bench.at(0, bench.input(True, "bus_failure", None, part="south", covers=tuple(MOTORS[:25])))
    bench.at(1, *(bench.input(True, code, one) for one in MOTORS[:25] for code in ("no_reply", "live_terminals")))
    bench.until(60)
    assert bench.announced() == {"bus_failure": 1}
    (record,) = [one for one in bench.manager.records() if one.code == "bus_failure"]
    assert (record.consequences, record.key.name) == (50, "bus_failure-south")
    assert codes(bench.manager.records())[("live_terminals", "UNACK")] == 25, "not hidden by the silence of the bus"


def test_a_flood_begins_with_more_than_10_in_10_minutes_and_ends_with_fewer_than_5() -> None:
    bench = AlarmBench(definition())
    for second, motor in enumerate(MOTORS[:11]):
        assert bench.manager.counts().flood_since_ms is None
        bench.at(second, bench.input(True, asset=motor))
    since_ms = bench.manager.counts().flood_since_ms
    assert since_ms == bench.utc_ms
    bench.restart()
    bench.until(605)  # those of the seconds 6 to 10 are within 10 min
    assert bench.manager.counts().flood_since_ms == since_ms
    bench.until(606)
    assert bench.manager.counts().flood_since_ms is None


def python_calls(function: Any, *arguments: Any) -> int:
    """Number of Python functions that a call enters."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        function(*arguments)
    finally:
        sys.setprofile(None)
    return calls


def test_an_update_without_changes_does_not_depend_on_the_number_of_alarms() -> None:
    """4000 alarms stand; neither an update without inputs nor one with the same inputs touches one of them."""
    bench = AlarmBench(*(definition(f"a{number}") for number in range(40)))
    inputs = [bench.input(True, f"a{number}", motor) for motor in MOTORS for number in range(40)]
    bench.at(0, *inputs)
    bench.at(700, *inputs)
    assert len(bench.manager.records()) == 4000
    assert python_calls(bench.manager.update, (), 701.0, bench.utc_ms) < 20
    assert python_calls(bench.manager.update, inputs, 702.0, bench.utc_ms) < 20
