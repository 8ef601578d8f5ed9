"""Rows for the detectors from readings. Truth: the columns of docs/how-to/replay.md, and the readings given."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from support.config_text import at_input, bus, drive, load, magnet, site, table

from agent.analysis.condition.configured import machine_of
from agent.analysis.condition.live_row import LiveRow
from agent.config.topology import Asset, assets
from drivers.reading import Quality, Reading, Value

NAME = "pump"


@pytest.fixture
def asset(tmp_path: Path) -> Asset:
    """A magnet pump on a drive, with the temperature of a bearing as a signal."""
    text = "\n".join((
        site(), bus(), at_input("m1"), drive("d1", fed_by="m1"), magnet(NAME, "d1"),
        table(f"motor.{NAME}.condition", application="pump", bearing_signal="bearing", winding_class="F"),
        table("signal.bearing", bus="b", unit_id=9, address=1, type="u16", unit_of_measure="degC", motor=NAME),
        table("signal.flow", bus="b", unit_id=9, address=2, type="u16", unit_of_measure="m3/h", motor=NAME),
    ))  # fmt: skip
    return next(one for one in assets(load(tmp_path, text)) if one.name == NAME)


def reading(device: str, at_s: float, quality: Quality = Quality.GOOD, **values: Value) -> Reading:
    at_ns = round(1e9 * at_s)
    return Reading(device, at_ns, at_ns, values, quality, monotonic_ns=at_ns)


def test_quantities_become_columns_with_their_units(asset: Asset) -> None:
    rows = LiveRow(asset, {})
    rows.on_reading("meter", reading("m1", 10, active_power=12_500.0, voltage_l12=400.0, current_l3=21.0))
    rows.on_reading("drive", reading("d1", 10, output_frequency=50.0, output_voltage=300.0, motor_temperature=71.0))
    rows.on_reading("signals", reading("signals-b-9", 10, signal_bearing_degc=48.0, signal_flow_m3_h=90.0))
    assert rows.row(10.5) == {
        "p_in_kw": 12.5, "u12_v": 400.0, "i3_a": 21.0, "f_out_hz": 50.0, "u_out_v": 300.0, "winding_degc": 71.0,
        "bearing_de_degc": 48.0, "drive_state": 1.0,
    }  # fmt: skip


def test_line_voltages_follow_from_phase_voltages(asset: Asset) -> None:
    rows = LiveRow(asset, {})
    rows.on_reading("meter", reading("m1", 0, voltage_l1n=230.0, voltage_l2n=230.0, voltage_l3n=0.0))
    row = rows.row(0.1)
    assert row["u12_v"] == pytest.approx(230 * math.sqrt(3))  # at 120 degrees
    assert row["u23_v"] == row["u31_v"] == pytest.approx(230.0)


def test_a_value_that_is_not_read_again_is_no_value(asset: Asset) -> None:
    rows = LiveRow(asset, {"d1": {"motor_temperature": 10.0, "output_frequency": 1.0}})
    rows.on_reading("drive", reading("d1", 0, motor_temperature=71.0, output_frequency=50.0))
    assert rows.row(5)["winding_degc"] == 71.0
    assert rows.row(5)["f_out_hz"] is None
    assert rows.row(32)["winding_degc"] is None


def test_a_silent_drive_has_no_values_and_no_state(asset: Asset) -> None:
    rows = LiveRow(asset, {})
    rows.on_reading("drive", reading("d1", 0, output_frequency=50.0, fault_code=0.0))
    rows.on_reading("drive", reading("d1", 1, Quality.NO_REPLY))
    row = rows.row(1)
    assert row["f_out_hz"] is None
    assert row["drive_state"] is None


@pytest.mark.parametrize(("values", "state"), [
    ({"output_frequency": 50.0, "motor_speed": 1500.0}, 1.0),
    ({"output_frequency": 50.0, "fault_code": 7.0}, 1.0),  # a stored fault of a drive that runs
    ({"output_frequency": 0.0, "fault_code": 7.0, "motor_speed": 900.0}, 2.0),
    ({"output_frequency": 0.0, "fault_code": 0.0, "motor_speed": 900.0}, 3.0),
    ({"output_frequency": 0.0, "tripped": 1.0, "motor_speed": 900.0}, 2.0),
    ({"output_frequency": 0.0, "motor_speed": 0.0}, 0.0),
    ({"output_frequency": 50.0, "output_voltage": 0.0, "motor_speed": 1400.0}, 3.0),  # the frequency is a reference
    ({"motor_speed": 1500.0}, None),
])  # fmt: skip
def test_the_state_of_the_drive_follows_from_what_it_shows(
    asset: Asset, values: dict[str, Value], state: float | None
) -> None:  # fmt: skip
    rows = LiveRow(asset, {})
    rows.on_reading("drive", reading("d1", 0, **values))
    assert rows.row(0.5)["drive_state"] == state


def test_a_suspect_value_is_no_value(asset: Asset) -> None:
    rows = LiveRow(asset, {})
    at = reading("m1", 0, active_power=12_500.0)
    flagged = Reading(at.device, 0, 0, at.values, flags={"active_power": Quality.OUT_OF_RANGE}, monotonic_ns=0)
    rows.on_reading("meter", flagged)
    assert rows.row(0.5)["p_in_kw"] is None


def test_values_of_a_shared_meter_are_not_those_of_the_motor(asset: Asset) -> None:
    rows = LiveRow(asset, {})
    rows.on_reading("meter", reading("m1", 0, active_power=12_500.0, voltage_l12=400.0), shared=True)
    assert "p_in_kw" not in rows.row(0.5)


def test_the_machine_has_the_data_of_the_configuration(asset: Asset) -> None:
    machine = machine_of(asset)
    assert (machine.kind, machine.at, machine.application, machine.winding_class) == (
        "magnet", "drive_input", "pump", "F"
    )  # fmt: skip
    assert machine.amps is None or machine.amps == asset.motor.amps  # type: ignore[union-attr]
    assert machine.ls_h is None  # not configured: never a default


@pytest.mark.parametrize("signal", ["bearings", "tonnes"])
def test_a_signal_that_is_not_of_this_motor_is_a_problem(tmp_path: Path, signal: str) -> None:
    from support.config_text import problems

    text = "\n".join((
        site(), bus(), at_input("m1"), drive("d1", fed_by="m1"), magnet(NAME, "d1"),
        table(f"motor.{NAME}.condition", bearing_signal=signal),
        table("signal.bearing", bus="b", unit_id=9, address=1, type="u16", unit_of_measure="degC", motor=NAME),
    ))  # fmt: skip
    (problem,) = problems(tmp_path, text)
    assert problem.key == f"motor.{NAME}.condition.bearing_signal"
