"""Bad input: null or a larger U with the reason, never a wrong value; and which method is used when."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from support.config_text import motor
from support.motor_estimator import ON_DRIVE, ON_MAINS, SENSOR, Bench, base, nothing, phases, with_sensor

from agent.analysis.efficiency import reasons
from agent.analysis.efficiency.airgap_torque import AirgapTorque
from agent.analysis.efficiency.explain import explanation
from drivers.reading import Quality, Value, Waveform


@pytest.fixture
def driven(tmp_path: Path) -> Bench:
    return Bench(tmp_path, ON_DRIVE)


@pytest.fixture
def mains(tmp_path: Path) -> Bench:
    return Bench(tmp_path, ON_MAINS)


def test_a_motor_with_all_signals_has_all_results(driven: Bench) -> None:
    found = driven.run(15)
    v, u = found.values, found.uncertainties
    assert 94 < float(v["motor_efficiency_pct"] or 0) < 97.5
    assert 0.3 < u["motor_efficiency_pct"] < 1.5
    parts = sum(float(v[f"motor_losses_{part}_w"] or 0) for part in ("copper", "core", "mechanical", "additional"))
    assert parts == pytest.approx(float(v["motor_losses_w"] or 0))
    assert v["efficiency_basis"] == "modelled"
    assert v["efficiency_unavailable_reason"] == ""
    assert "efficiency_class_observed" not in v, "from modelled losses no class is told: that would be circular"
    assert v["meter_wiring"] == "ok"
    assert v["back_emf"] == "live"


def test_a_feeder_meter_gives_no_system_efficiency_and_a_larger_u(tmp_path: Path, driven: Bench) -> None:
    """A cable may lose a twentieth of the measured power."""
    feeder = Bench(tmp_path, ON_DRIVE.replace('measuring_point = "drive-input"', 'measuring_point = "feeder"')).run(15)
    near = driven.run(15)
    assert feeder.values.get("system_efficiency_pct") is None
    assert near.values["system_efficiency_pct"] is not None
    shaft_w = float(feeder.values["shaft_power_w"] or 0)
    assert 0.05 * shaft_w < feeder.uncertainties["shaft_power_w"] < 0.065 * shaft_w
    assert near.uncertainties["shaft_power_w"] < 0.03 * shaft_w
    assert feeder.values["motor_efficiency_pct"] == near.values["motor_efficiency_pct"]


def test_bypassed(driven: Bench) -> None:
    driven.run(12)
    driven.drive |= {"motor_current": 0.0, "output_frequency": 0.0, "motor_power": 0.0}
    assert nothing(driven.run(8), reasons.DRIVE_BYPASSED)


def test_off(driven: Bench) -> None:
    driven.meter = phases(150.0, 0.95)
    driven.drive |= {
        "motor_current": 0.0,
        "output_frequency": 0.0,
        "motor_power": 0.0,
        "motor_speed": 0.0,
        "output_voltage": 0.0,
    }
    found = driven.run(15)
    assert nothing(found, reasons.MOTOR_OFF)
    assert found.values["back_emf"] == "unknown", "never safe"
    driven.drive["motor_speed"] = 200.0
    assert driven.run(3).values["back_emf"] == "live", "a fan in the wind makes voltage"


def test_an_offline_drive_gives_no_live_values(driven: Bench) -> None:
    """It may be stopped or turning: three periods and a second after its last reading the state is unknown."""
    online = driven.run(20).values
    assert (online["back_emf"], online["flux_index_pct"] is None) == ("live", False)
    driven.drive = {}
    late = driven.run(4)
    assert late.values["back_emf"] == "live"
    gone = driven.run(1)
    assert (gone.values["back_emf"], gone.flags["back_emf"]) == ("unknown", Quality.STALE)
    assert gone.values["flux_index_pct"] is None
    reported = explanation(driven.of)
    assert not [name for name in reported["signals"] if name.endswith(" now")], "what it showed is no present value"
    assert reported["methods"] == []
    driven.drive = {"motor_current": 70.0, "output_frequency": 90.0, "motor_power": 38.4, "output_voltage": 345.0}
    again = driven.run(1)
    assert (again.values["back_emf"], again.flags.get("back_emf", Quality.GOOD) & Quality.STALE) == ("live", 0)


def test_without_the_drive_current_there_are_no_terminal_results(driven: Bench) -> None:
    driven.run(10)
    driven.drive = {"motor_power": 38.4}
    assert driven.run(6).values["back_emf"] == "unknown"


def test_below_the_minimum_load_results_are_withheld(driven: Bench, mains: Bench) -> None:
    driven.meter = phases(7_000.0, 0.9)
    driven.drive |= {"motor_current": 15.0, "motor_power": 6.5}
    assert nothing(driven.run(15), reasons.LOAD_TOO_LOW)
    mains.meter = phases(6_000.0, 0.25)
    assert nothing(mains.run(15), reasons.LOAD_TOO_LOW)


def test_regenerating(driven: Bench) -> None:
    driven.run(12)
    driven.meter = {**phases(-36_000.0, 0.98)}
    driven.drive |= {"motor_power": -38.0, "motor_current": 70.0}
    found = driven.run(20)
    shaft, eta = found.values["shaft_power_w"], found.values["motor_efficiency_pct"]
    assert isinstance(shaft, float)
    assert isinstance(eta, float)
    assert shaft < -37_000
    assert 90 < eta < 98
    assert found.values["power_direction"] == -1


def test_a_braking_resistor_withholds_the_regenerated_power(driven: Bench) -> None:
    driven.run(12)
    driven.meter = phases(400.0, 0.9)
    driven.drive |= {"motor_power": -20.0}
    assert nothing(driven.run(5), reasons.BRAKING_RESISTOR)


def test_a_reversal_between_two_polls_is_no_resistor(driven: Bench) -> None:
    """The drive was polled after the reversal, the meter before it: the 15 min interval continues."""
    driven.run(12)
    driven.drive |= {"motor_power": -38.0}
    assert driven.run(1).reason is None
    driven.meter = phases(-36_000.0, 0.98)
    assert driven.run(3).values["efficiency_unavailable_reason"] == ""


def test_what_was_counted_before_a_figure_is_withheld_is_not_counted_again(driven: Bench) -> None:
    """A hoist on a brake resistor withholds for seconds, again and again: the time in between is counted."""
    sound_meter, sound_drive, counted = dict(driven.meter), dict(driven.drive), 0.0
    for second in range(120):
        braking = 0 <= second % 30 - 20 < 5
        driven.meter, driven.drive = dict(sound_meter), sound_drive | ({"motor_power": -20.0} if braking else {})
        driven.run(1)
        counted += sum(cell.seconds for cell in driven.of.new_energies())
    assert 4 * 25 - 4 < counted <= 120 - 4 * 3, "of each braking two readings show before it is sure"


@pytest.mark.parametrize("missing", ["motor_current", "output_frequency"])
def test_a_missing_drive_signal_withholds_the_results(driven: Bench, missing: str) -> None:
    driven.run(12)
    driven.drive[missing] = None
    assert nothing(driven.run(20), reasons.DRIVE_SILENT)


def test_a_missing_meter_is_substituted_with_a_flag_and_a_larger_u(driven: Bench) -> None:
    before = driven.run(15)
    driven.meter["active_power"] = None
    after = driven.run(15)
    assert after.flags["motor_efficiency_pct"] & Quality.SUBSTITUTED
    assert after.uncertainties["shaft_power_w"] > 2 * before.uncertainties["shaft_power_w"]


@pytest.mark.parametrize("flag", [Quality.STALE, Quality.OUT_OF_RANGE, Quality.NO_REPLY])
def test_a_stale_or_bad_signal_is_treated_as_missing(driven: Bench, flag: Quality) -> None:
    driven.run(12)
    found = driven.run(20, {"motor_current": flag, "output_frequency": flag})
    assert nothing(found, reasons.DRIVE_SILENT)
    driven.now_s += 60
    assert nothing(driven.of.estimates(driven.now_s), reasons.DRIVE_SILENT)


def test_a_wiring_error_withholds_results_until_it_is_corrected(mains: Bench) -> None:
    mains.run(12)
    mains.meter = phases(40_000.0, 0.85, (1, -1, 1))
    reason = nothing(mains.run(8), reasons.METER_WIRING)
    assert reason.data["fault"] == reasons.WIRING_FAULTS["ct_reversed"](phases="L2")
    mains.meter = phases(40_000.0, 0.85)
    found = mains.run(20)
    assert found.values["meter_wiring"] == "ok"
    assert found.values["motor_efficiency_pct"] is not None


def test_a_meter_at_a_wrong_measuring_point_is_detected_by_its_power(driven: Bench) -> None:
    """The meter of another drive, or of two drives: its power is not that of this drive."""
    driven.meter = phases(80_000.0, 0.95)
    found = driven.run(15)
    reason = nothing(found, reasons.METER_RATIO)
    assert reason.data["fault"].code == reasons.WIRING_RATIO
    assert reason.data["fault"].data["ratio"] == pytest.approx(2.02, abs=0.005)
    assert found.values["meter_wiring"] == "ratio:2.02"
    assert found.reasons["meter_wiring"] == [reason.data["fault"]]


def test_a_wrong_ratio_is_detected_on_a_moving_load_and_reported_once(driven: Bench) -> None:
    """The digits of the ratio vary with each reading; the ratio of the finding stays published."""
    driven.run(12)
    reported = []
    for second in range(20):
        driven.meter = phases(80_000.0 * (1 + 0.01 * (second % 3)), 0.95)
        reported.append(driven.run(1).values["meter_wiring"])
    assert str(reported[8]).startswith("ratio:2.0")
    assert len(set(reported[8:])) == 1


def test_the_last_power_of_an_offline_drive_is_not_compared_with_the_meter(driven: Bench) -> None:
    """The cable of the drive is cut at 38 kW and the load falls to 8 kW: no transformer changed."""
    driven.run(12)
    driven.drive, driven.meter = {}, phases(8_000.0, 0.95)
    found = driven.run(30)
    assert found.values["meter_wiring"] == "ok"
    assert found.values["efficiency_unavailable_reason"] == reasons.DRIVE_SILENT


def test_a_wrong_ratio_is_detected_when_the_drive_is_polled_less_often(driven: Bench) -> None:
    driven.meter, drive = phases(80_000.0, 0.95), driven.drive
    for second in range(40):
        driven.drive = drive if second % 6 == 0 else {}
        found = driven.run(1)
    assert found.values["meter_wiring"] == "ratio:2.02"
    driven.drive = {}
    assert driven.run(30).values["meter_wiring"] == "ratio:2.02", "silence puts nothing right"


@pytest.mark.parametrize(
    "drive", [{"motor_power": -20.0}, {"motor_current": 0.0, "output_frequency": 0.0, "motor_power": 0.0}]
)
def test_the_last_power_of_an_offline_meter_is_no_sign_of_a_resistor_or_bypass(
    driven: Bench, drive: dict[str, Value]
) -> None:
    driven.run(12)
    driven.meter = {}
    driven.run(10)
    driven.drive |= drive
    reason = driven.run(20).reason
    assert reason is None or reason.code not in (reasons.BRAKING_RESISTOR, reasons.DRIVE_BYPASSED)


def test_wrong_ratio_on_the_mains_or_capacitors(tmp_path: Path, mains: Bench) -> None:
    """Half the power at a power factor that a 55 kW motor has only from 0.6 of its load on."""
    mains.meter = phases(18_000.0, 0.87)
    found = mains.run(12)
    fault = nothing(found, reasons.METER_RATIO).data["fault"]
    assert fault.code == reasons.WIRING_ALTERNATIVES
    assert [item.code for item in fault.data["faults"]] == [
        reasons.WIRING_RATIO, reasons.WIRING_FAULTS["compensated_load"]
    ]  # fmt: skip
    ratio, other = str(found.values["meter_wiring"]).split("|")
    assert ratio.startswith("ratio:0.")
    assert other == "compensated_load"
    reported = Bench(
        tmp_path, ON_MAINS.replace('ct_class = "0.5"', 'ct_class = "0.5"\npower_factor_compensation = true')
    )
    reported.meter = phases(18_000.0, 0.87)
    assert reported.run(12).values["motor_efficiency_pct"] is not None


def test_no_flux_is_computed_from_a_voltage_at_another_speed(driven: Bench) -> None:
    """The drive goes to half its speed; its voltage is read less often, or no longer."""
    whole = driven.run(60).values["flux_index_pct"]
    assert isinstance(whole, float)
    driven.drive |= {"output_frequency": 45.0, "motor_speed": 675.0, "motor_power": 19.2, "output_voltage": None}
    driven.meter = phases(20_000.0, 0.95)
    seen = [driven.run(1).values["flux_index_pct"] for _ in range(300)]
    assert all(value is None or abs(float(value) - whole) < 1 for value in seen)
    driven.drive["output_voltage"] = 175.0
    again = driven.run(600).values["flux_index_pct"]
    assert isinstance(again, float)
    assert again == pytest.approx(whole, abs=10)


def test_a_torque_sensor_gives_a_measured_efficiency_and_a_class(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ON_MAINS + SENSOR)
    bench.meter = phases(56_000.0, 0.87)
    found = with_sensor(bench, 53_100.0, 1479.0)
    assert found.methods["motor_efficiency_pct"] == "M9"
    assert found.values["motor_efficiency_pct"] == pytest.approx(100 * 53.1 / 56, abs=0.05)
    # class 0.5 between 0.75 % / 45′ at 20 % and 0.5 % / 30′ at 100 % of 150 A
    low = (1 - 56_000 / (math.sqrt(3) * 400 * 0.87) / 150) / 0.8
    ct = 0.005 + 0.0025 * low, math.radians((30 + 15 * low) / 60) * 0.567
    meter, sensor = 2 * math.hypot(0.005, *ct) / math.sqrt(3), 0.006
    direct = 100 * 53.1 / 56 * math.hypot(meter, sensor)
    assert found.uncertainties["motor_efficiency_pct"] == pytest.approx(direct, rel=0.05), (
        "as from both powers directly"
    )
    assert found.values["efficiency_basis"] == "measured"
    assert "IE" in str(found.values["efficiency_class_observed"])
    assert "grade" in str(found.values["efficiency_class_observed"]) or ";" not in str(
        found.values["efficiency_class_observed"]
    )
    impossible = Bench(tmp_path, ON_MAINS + SENSOR)
    impossible.meter = phases(50_000.0, 0.87)
    after = with_sensor(impossible, 53_100.0, 1479.0)
    assert after.methods["motor_efficiency_pct"] == "M1", "more out than in: the sensor is not believed"


@pytest.mark.parametrize(("volts", "stated"), [(400, True), (6000, False)])
def test_no_class_at_a_voltage_without_tables(tmp_path: Path, volts: int, stated: bool) -> None:
    """GB 18613 ends at 1000 V; GB 30254 is for cage motors of high voltage."""
    plate = motor("p", "m", rpm=1478, volts=volts, amps=97.6 * 400 / volts, efficiency=94.6)
    bench = Bench(tmp_path, base("motor") + plate + SENSOR)
    bench.meter = phases(56_000.0, 0.87)
    found = with_sensor(bench, 53_100.0, 1479.0)
    assert found.methods["motor_efficiency_pct"] == "M9"
    why = found.reasons.get("efficiency_class_observed", ())
    assert (found.values["efficiency_class_observed"] is not None) == stated
    assert [(item.code, item.data["standard"]) for item in why] == (
        [] if stated else [(reasons.CLASS_UNKNOWN, "GB 30254")]
    )


def test_a_cycling_load_is_averaged_over_a_quarter_hour(driven: Bench) -> None:
    """Between full and a third of the load, 4 s each: instantaneous values would vary by four points."""
    seen, flags = [], []
    for k in range(300):
        high = k % 2 == 0
        driven.meter = phases(50_000.0 if high else 16_000.0, 0.95)
        driven.drive |= {"motor_current": 88.0 if high else 30.0, "motor_power": 48.0 if high else 15.2}
        found = driven.run(4)
        seen.append(found.values["motor_efficiency_pct"])
        flags.append(found.flags.get("motor_efficiency_pct", Quality.GOOD))
    settled = [float(value or 0) for value in seen[230:]]
    assert max(settled) - min(settled) < 0.1
    assert flags[100] & Quality.WARMING_UP, "a quarter of an hour has not passed"
    assert not flags[250] & Quality.WARMING_UP
    steady = driven.run(15).values["motor_efficiency_pct"]
    assert isinstance(steady, float)
    assert abs(steady - settled[-1]) > 0.5, "in steady state it is the moment's"


def test_gap_torque_from_a_waveform(tmp_path: Path) -> None:
    """Sinusoidal waveforms whose gap power is known in closed form: they give M7 and a class."""
    text = ON_MAINS + 'r1_ohm = 0.03\n[motor.p.waveform]\ntcp = "127.0.0.1:7000"\nmeasuring_point = "motor"\n'
    bench = Bench(tmp_path, text)
    gap, rate = AirgapTorque(bench.of.nameplate.cage), 10_240.0
    t = np.arange(int(1.2 * rate)) / rate
    angle = 2 * np.pi * 50 * t - np.array([[0], [2 * np.pi / 3], [-2 * np.pi / 3]])
    amps = 56_000 / 3 / 230.9 / 0.87 * math.sqrt(2)
    rows = np.vstack([230.9 * math.sqrt(2) * np.cos(angle), amps * np.cos(angle - math.acos(0.87))])
    names = ("u1", "u2", "u3", "i1", "i2", "i3")
    ratio = gap.ratio(Waveform("p", 0, 0, rate, names, rows))
    assert ratio is not None
    copper = 1.5 * amps**2 * 0.03 * (235 + 80) / 255 / 56_000
    assert 0.90 < ratio < 1 - copper
    assert gap.ratio(Waveform("p", 0, 99_999_999, rate, names, rows[:, :100])) is None, (
        "after a gap a new second starts"
    )
    assert gap.ratio(Waveform("p", 0, 0, rate, names[:3], rows[:3])) is None
