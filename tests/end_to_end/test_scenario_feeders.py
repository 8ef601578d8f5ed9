"""Motors on the line, and equipment between a meter and its motor: published values compared with closed forms."""

from __future__ import annotations

import functools

import pytest
from support.scenario_run import Run, run

# Scenario `conveyor`: 60 m of 50 mm² copper at 50 °C and 18.3 mΩ·mm²/m, and a fan that runs with the motor.
CABLE_OHM, FAN_W = 0.0183 / 50 * 60 * (1 + 0.00393 * 30), 250.0


@functools.cache
def seen(name: str) -> Run:
    return run(name, 3000)


def test_a_motor_replaced_direct_on_line_turns_faster_and_saves_less() -> None:
    """Shaft power of equal pumps at the same flow follows the pump's law; higher speed cancels most of the saving."""
    found = seen("line-start-swap")
    old, new = (found.truths[-1][name] for name in ("pump-slipping", "pump-synchronous"))
    assert new["motor_speed_rpm"] == pytest.approx(30 * new["frequency_hz"], rel=1e-6)
    assert old["flow_share"] == new["flow_share"]

    def law(rpm: float) -> float:
        n = rpm / 1480
        return 0.45 * n**3 + 0.65 * n**2 * new["flow_share"] - 0.10 * n * new["flow_share"] ** 2

    more = law(new["motor_speed_rpm"]) / law(old["motor_speed_rpm"])
    assert new["shaft_power_w"] / old["shaft_power_w"] == pytest.approx(more, rel=1e-6)
    better = new["motor_efficiency_pct"] / old["motor_efficiency_pct"]
    assert 1.03 < better < 1.06
    watts = [found.telemetry(name)[-1].values["active_power_w"] for name in ("pump-slipping", "pump-synchronous")]
    assert watts[1] / watts[0] == pytest.approx(more / better, abs=0.002), "two meters of class 0.5; these by 0.06 %"


def test_a_line_start_motor_is_estimated_as_a_magnet_motor() -> None:
    """Within its uncertainty, and distinguished from the induction motor."""
    found = seen("line-start-swap")
    last = {name: found.telemetry(name)[-1].values for name in ("pump-slipping", "pump-synchronous")}
    for name, row in last.items():
        true = found.truths[-1][name]["motor_efficiency_pct"]
        assert row["motor_efficiency_pct"] == pytest.approx(true, abs=row["motor_efficiency_pct_u"])
    apart = last["pump-synchronous"]["motor_efficiency_pct"] - last["pump-slipping"]["motor_efficiency_pct"]
    assert apart > last["pump-synchronous"]["motor_efficiency_pct_u"]


def test_a_meter_upstream_of_the_cable_counts_cable_and_fan() -> None:
    """3·R·I² of the published currents, and the fan; the meter does not show the input power of the drive."""
    found = seen("conveyor")
    for row in found.telemetry("belt")[20::50]:
        amps = [row.values[f"current_l{k}_a"] for k in (1, 2, 3)]
        taken = found.at("belt", "feeder_power_w", row.t_ms)
        assert taken == pytest.approx(sum(CABLE_OHM * x * x for x in amps) + FAN_W, rel=0.008)
        assert found.at("belt", "input_power_w", row.t_ms) - taken == pytest.approx(
            found.at("belt", "motor_input_power_w", row.t_ms) + found.at("belt", "drive_losses_w", row.t_ms), rel=1e-6
        )


def test_the_windings_temperature_comes_from_the_drive_and_lags_the_load() -> None:
    """To the resolution of the register, 1 °C; it follows the load within minutes."""
    found = seen("conveyor")
    rows = found.telemetry("belt")
    assert not found.outside("belt", "motor_temperature_degc", 0.0, 1.0, 60.0)
    last = [(row.t_ms - rows[0].t_ms, row.values["motor_temperature_degc"]) for row in rows[20:]]

    def degc(minutes: float) -> float:
        return next(value for at_ms, value in last if at_ms >= 60_000 * minutes)

    full, soon, late = degc(24), degc(25), degc(35.5)  # full load until 24 min, then almost none until 36 min
    assert full - late > 9
    assert full - soon < 0.6 * (full - late)
