"""What becomes an input of the alarms: silent devices and buses, figures of health, rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.config_text import at_input, bus, drive, load, magnet, site

from agent.alarms.model import AlarmInput
from agent.analysis.efficiency.reasons import LOSSES_EXCEED_POWER
from agent.config.topology import assets
from agent.core.state_reasons import DEVICE_NOT_RESPONDING
from agent.runtime.alarm_inputs import SilentDevices, of_health, of_row
from drivers.reading import Value
from drivers.reasons import Reason


def silent(*devices: str) -> list[Reason]:
    return [DEVICE_NOT_RESPONDING(device=name) for name in devices]


@pytest.fixture
def devices(tmp_path: Path) -> SilentDevices:
    """A meter and a drive of one pump on one bus."""
    text = "\n".join((site(), bus(), at_input("m1"), drive("d1", fed_by="m1"), magnet("pump", "d1")))
    config = load(tmp_path, text)
    return SilentDevices(config, assets(config))


def active(inputs: list[AlarmInput]) -> dict[tuple[str, str], bool | None]:
    return {(one.code, one.part): one.active for one in inputs}


def test_each_silent_device_has_an_input_and_the_bus_when_all_are_silent(devices: SilentDevices) -> None:
    assert active(list(devices.on_state("pump", silent("m1"), 1))) == {
        ("no_reply", "m1"): True,
        ("bus_failure", "b"): False,
    }
    both = active(list(devices.on_state("pump", silent("m1", "d1"), 2)))
    assert both[("bus_failure", "b")] is True
    assert both[("no_reply", "d1")] is True
    assert active(list(devices.on_state("pump", [], 3))) == {
        ("no_reply", "m1"): False, ("no_reply", "d1"): False, ("bus_failure", "b"): False,
    }  # fmt: skip


@pytest.mark.parametrize(("before", "now", "expected"), [
    ({}, {"rows_dropped": 7}, None),  # since the state file was created: not known when
    ({"rows_dropped": 7}, {"rows_dropped": 7}, False),
    ({"rows_dropped": 7}, {"rows_dropped": 9}, True),
])  # fmt: skip
def test_what_is_counted_is_active_while_it_rises(
    before: dict[str, int], now: dict[str, int], expected: bool | None
) -> None:  # fmt: skip
    found = active(list(of_health(now, before, (), 1)))
    assert found.get(("rows_dropped", "")) is expected


def test_polls_fail_by_the_last_minute_not_since_the_start() -> None:
    before = {"bus_b_polls": 1000, "bus_b_polls_failed": 900}
    sound = {"bus_b_polls": 1060, "bus_b_polls_failed": 901}
    failing = {"bus_b_polls": 1030, "bus_b_polls_failed": 930}
    assert active(list(of_health(sound, before, ("b",), 1)))[("polls_failing", "b")] is False
    assert active(list(of_health(failing, before, ("b",), 1)))[("polls_failing", "b")] is True


def test_limits_of_the_alarm_table_decide_on_levels() -> None:
    (disk,) = (one for one in of_health({"disk_free_mb": 400}, {}, (), 1) if one.code == "disk")
    assert (disk.active, disk.value, disk.unit) == (None, 400.0, "MB")


@pytest.mark.parametrize(("wiring", "expected"), [("ok", False), ("unknown", None), ("swapped", True)])
def test_the_wiring_of_a_meter(wiring: str, expected: bool | None) -> None:
    found = active(list(of_row("pump", {"meter_wiring": wiring}, {}, 1, bad=False)))
    assert found[("wiring", "")] is expected


def test_a_contradiction_and_a_fault_of_the_drive() -> None:
    values = {"fault_code": 12, "efficiency_unavailable_reason": "losses_exceed_power"}
    found = active(
        list(of_row("pump", values, {"efficiency_unavailable_reason": [LOSSES_EXCEED_POWER()]}, 1, bad=True))
    )
    assert found == {("contradiction", ""): True, ("no_value", ""): True, ("drive_fault", ""): True}


@pytest.mark.parametrize(("values", "expected"), [
    ({"tripped": 1}, (True, None)),  # the status word alone
    ({"tripped": 0}, (False, None)),
    ({"tripped": None}, (None, None)),
    ({"tripped": 1, "fault_code": 0}, (True, 0.0)),
    ({"tripped": None, "fault_code": 12}, (True, 12.0)),
    ({"tripped": 0, "fault_code": None}, (False, None)),
])  # fmt: skip
def test_a_trip_by_status_word_or_fault_code(
    values: dict[str, Value], expected: tuple[bool | None, float | None]
) -> None:
    (found,) = (one for one in of_row("pump", values, {}, 1, bad=False) if one.code == "drive_fault")
    assert (found.active, found.value) == expected
