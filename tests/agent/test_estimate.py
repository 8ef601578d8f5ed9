"""Bad input: null or a wider U with the reason, never a wrong number; and which method is taken when."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from configkit import bus, drive, load, magnet, meter, motor, site

from agent.estimate.estimator import Estimates, Estimator
from agent.estimate.explain import as_text, explanation
from agent.estimate.gap_torque import GapTorque
from agent.topology import assets, drive_rating_kw
from drivers.reading import Quality, Reading, Value, Waveform


def base(at: str) -> str:
    return site() + bus() + meter("m", at=at, ct="150/5", ct_class="0.5")


ON_DRIVE = "".join((
    base("drive-input"), drive("d", "m", kw=55, class_="IE2"), magnet("p", "d", efficiency=96.2, r1_ohm=0.0125),
))  # fmt: skip
ON_MAINS = base("motor") + motor("p", "m", rpm=1478, amps=97.6, efficiency=94.6)


class Bench:
    """One motor, readings by hand, a second each. `drive` and `meter` hold what the devices show."""

    def __init__(self, tmp_path: Path, text: str) -> None:
        config = load(tmp_path, text)
        asset = next(item for item in assets(config) if item.motor)
        self.of = Estimator(asset, drive_rating_kw(config, asset.drive) if asset.drive else None)
        self.now_s = 1000.0
        self.meter: dict[str, Value] = phases(40_000.0, 0.95 if asset.drive else 0.85)
        self.drive: dict[str, Value] = {
            "motor_current": 70.0, "output_frequency": 90.0, "motor_power": 38.4, "motor_speed": 1350.0,
            "output_voltage": 345.0,
        }  # fmt: skip

    def run(self, seconds: int, flags: dict[str, Quality] | None = None) -> Estimates:
        found = Estimates()
        for _ in range(seconds):
            self.now_s += 1
            if self.meter:
                self.of.take_meter(self._reading("m", self.meter, flags))
            if self.of.asset.drive and self.drive:
                self.of.take_drive(self._reading("d", self.drive, flags))
            found = self.of.estimates(self.now_s)
        return found

    def _reading(self, device: str, values: dict[str, Value], flags: dict[str, Quality] | None) -> Reading:
        now = int(self.now_s * 1e9)
        return Reading(device, now, now, dict(values), flags=flags or {}, monotonic_ns=now)


def phases(watts: float, pf: float, signs: tuple[int, int, int] = (1, 1, 1)) -> dict[str, Value]:
    """A sound three-phase meter's values; signs: which current transformers are the right way round."""
    var, amps = watts * math.tan(math.acos(pf)), abs(watts) / 3 / 230 / pf
    found: dict[str, Value] = {"power_factor": pf, "current_avg": amps, "voltage_ll_avg": 400.0, "frequency": 50.0}
    for k, sign in enumerate(signs, 1):
        found |= {f"voltage_l{k}n": 230.9, f"current_l{k}": amps, f"active_power_l{k}": sign * watts / 3,
                  f"reactive_power_l{k}": sign * var / 3}  # fmt: skip
    return found | {"active_power": watts * sum(signs) / 3}


@pytest.fixture
def driven(tmp_path: Path) -> Bench:
    return Bench(tmp_path, ON_DRIVE)


@pytest.fixture
def mains(tmp_path: Path) -> Bench:
    return Bench(tmp_path, ON_MAINS)


def nothing(found: Estimates, why: str) -> bool:
    assert found.values["motor_efficiency_pct"] is None
    assert why in str(found.values["efficiency_reason"]), found.values["efficiency_reason"]
    return True


def test_a_sound_motor_says_everything(driven: Bench) -> None:
    found = driven.run(15)
    v, u = found.values, found.uncertainties
    assert 94 < float(v["motor_efficiency_pct"] or 0) < 97.5
    assert 0.3 < u["motor_efficiency_pct"] < 1.5
    parts = sum(float(v[f"motor_losses_{part}_w"] or 0) for part in ("copper", "core", "mechanical", "additional"))
    assert parts == pytest.approx(float(v["motor_losses_w"] or 0))
    assert v["efficiency_basis"] == "modelled"
    assert v["efficiency_reason"] == ""
    assert "observed_class" not in v, "from modelled losses no class is told: that would be circular"
    assert v["meter_wiring"] == "ok"
    assert v["back_emf"] == "live"


def test_a_meter_at_a_feeder_knows_no_system_and_less_of_the_power(tmp_path: Path, driven: Bench) -> None:
    """A cable may take a twentieth of what it sees."""
    feeder = Bench(tmp_path, ON_DRIVE.replace('at = "drive-input"', 'at = "feeder"')).run(15)
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
    assert nothing(driven.run(8), "bypass")


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
    assert nothing(found, "the motor is off")
    assert found.values["back_emf"] == "unknown", "never safe"
    driven.drive["motor_speed"] = 200.0
    assert driven.run(3).values["back_emf"] == "live", "a fan in the wind makes voltage"


def test_below_the_load_at_which_anything_honest_can_be_said(driven: Bench, mains: Bench) -> None:
    driven.meter = phases(7_000.0, 0.9)
    driven.drive |= {"motor_current": 15.0, "motor_power": 6.5}
    assert nothing(driven.run(15), "below 15 % load")
    mains.meter = phases(6_000.0, 0.25)
    assert nothing(mains.run(15), "below 15 % load")


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


def test_a_brake_resistor_hides_what_the_motor_gives(driven: Bench) -> None:
    driven.run(12)
    driven.meter = phases(400.0, 0.9)
    driven.drive |= {"motor_power": -20.0}
    assert nothing(driven.run(5), "resistor")


def test_a_reversal_between_two_polls_is_no_resistor(driven: Bench) -> None:
    """The drive was read after it, the meter before: the quarter of an hour goes on."""
    driven.run(12)
    driven.drive |= {"motor_power": -38.0}
    assert "resistor" not in str(driven.run(1).values["efficiency_reason"])
    driven.meter = phases(-36_000.0, 0.98)
    assert driven.run(3).values["efficiency_reason"] == ""


def test_what_was_counted_before_a_figure_is_withheld_is_not_counted_again(driven: Bench) -> None:
    """A hoist on a brake resistor withholds for seconds, again and again: what it counts is the time between."""
    sound_meter, sound_drive, counted = dict(driven.meter), dict(driven.drive), 0.0
    for second in range(120):
        braking = 0 <= second % 30 - 20 < 5
        driven.meter, driven.drive = dict(sound_meter), sound_drive | ({"motor_power": -20.0} if braking else {})
        driven.run(1)
        counted += sum(cell.seconds for cell in driven.of.take_energies())
    assert 4 * 25 - 4 < counted <= 120 - 4 * 3, "of each braking two readings show before it is sure"


@pytest.mark.parametrize("missing", ["motor_current", "output_frequency"])
def test_one_signal_missing(driven: Bench, missing: str) -> None:
    driven.run(12)
    driven.drive[missing] = None
    assert nothing(driven.run(20), "no current or frequency")


def test_a_missing_meter_is_replaced_and_says_so_with_more_doubt(driven: Bench) -> None:
    before = driven.run(15)
    driven.meter["active_power"] = None
    after = driven.run(15)
    assert after.flags["motor_efficiency_pct"] & Quality.SUBSTITUTED
    assert after.uncertainties["shaft_power_w"] > 2 * before.uncertainties["shaft_power_w"]


@pytest.mark.parametrize("flag", [Quality.STALE, Quality.OUT_OF_RANGE, Quality.NO_REPLY])
def test_a_stale_or_bad_signal_is_none(driven: Bench, flag: Quality) -> None:
    driven.run(12)
    found = driven.run(20, {"motor_current": flag, "output_frequency": flag})
    assert nothing(found, "no current or frequency")
    driven.now_s += 60
    assert nothing(driven.of.estimates(driven.now_s), "")


def test_a_meter_wired_wrong_withholds_and_lets_go(mains: Bench) -> None:
    mains.run(12)
    mains.meter = phases(40_000.0, 0.85, (1, -1, 1))
    assert nothing(mains.run(8), "ct_reversed:L2")
    mains.meter = phases(40_000.0, 0.85)
    found = mains.run(20)
    assert found.values["meter_wiring"] == "ok"
    assert found.values["motor_efficiency_pct"] is not None


def test_a_meter_at_a_wrong_place_sees_another_power(driven: Bench) -> None:
    """The meter of the neighbour, or before two drives: what it shows is not what this drive gives."""
    driven.meter = phases(80_000.0, 0.95)
    found = driven.run(15)
    assert nothing(found, "ratio:2.02")
    assert "ratio" in str(found.values["meter_wiring"])


def test_a_wrong_ratio_is_found_while_the_load_moves_and_told_once(driven: Bench) -> None:
    """The digits of the ratio change with each reading; once found the first are told on."""
    driven.run(12)
    told = []
    for second in range(20):
        driven.meter = phases(80_000.0 * (1 + 0.01 * (second % 3)), 0.95)
        told.append(driven.run(1).values["meter_wiring"])
    assert str(told[8]).startswith("ratio:2.0")
    assert len(set(told[8:])) == 1


def test_a_silent_drives_last_power_says_nothing_of_the_meter(driven: Bench) -> None:
    """Its line is cut at 38 kW and the load falls to 8: no transformer changed."""
    driven.run(12)
    driven.drive, driven.meter = {}, phases(8_000.0, 0.95)
    found = driven.run(30)
    assert found.values["meter_wiring"] == "ok"
    assert found.values["efficiency_reason"] == "no current or frequency from the drive"


def test_a_wrong_ratio_is_found_beside_a_drive_that_is_read_more_seldom(driven: Bench) -> None:
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
def test_a_silent_meters_last_power_makes_no_resistor_and_no_bypass(driven: Bench, drive: dict[str, Value]) -> None:
    driven.run(12)
    driven.meter = {}
    driven.run(10)
    driven.drive |= drive
    reason = str(driven.run(20).values["efficiency_reason"])
    assert "resistor" not in reason
    assert "bypass" not in reason


def test_wrong_ratio_on_the_mains_or_capacitors(tmp_path: Path, mains: Bench) -> None:
    """Half the power at a power factor that a 55 kW motor has only from 0.6 of its load on."""
    mains.meter = phases(18_000.0, 0.87)
    assert nothing(mains.run(12), "compensated_load")
    told = Bench(tmp_path, ON_MAINS.replace('ct_class = "0.5"', 'ct_class = "0.5"\ncompensated = true'))
    told.meter = phases(18_000.0, 0.87)
    assert told.run(12).values["motor_efficiency_pct"] is not None


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("amps = 97.6", "amps = 60", "power factor of 1.40"),
        ("amps = 97.6", "amps = 300", "power factor of 0.28"),
        ("rpm = 1478", "rpm = 1100", "1100 rpm do not fit 4 poles"),
        ("poles = 4", "poles = 6", "1478 rpm do not fit 6 poles"),
    ],
)
def test_a_plate_that_contradicts_itself(tmp_path: Path, old: str, new: str, why: str) -> None:
    assert nothing(Bench(tmp_path, ON_MAINS.replace(old, new)).run(15), why)


@pytest.mark.parametrize(
    ("kw", "poles", "rpm", "hz"),
    [(0.25, 4, 1350, 50), (0.37, 4, 1370, 50), (0.25, 4, 1650, 60), (0.55, 6, 900, 50), (1.5, 2, 2850, 50),
     (5.5, 4, 1460, 50), (7.5, 4, 1760, 60), (55, 8, 740, 50), (3, 4, 2940, 100)],
)  # fmt: skip
def test_the_rated_frequency_of_an_induction_motor(tmp_path: Path, kw: float, poles: int, rpm: int, hz: int) -> None:
    """By its plate's speed: small ones slip by a tenth, as plates of 0.25 and 0.37 kW say. (100 Hz: for a drive.)"""
    plate = f"kw = {kw}\nrpm = {rpm}\npoles = {poles}\nvolts = 400\nefficiency = 70"
    text = ON_DRIVE[: ON_DRIVE.index("[motor.p]")] + f'[motor.p]\nkind = "induction"\n{plate}\nfed_by = "d"\n'
    assert Bench(tmp_path, text).of.facts.rated_hz == hz


def test_seven_losses_that_cannot_be(tmp_path: Path) -> None:
    upside_down = 'losses = { points = "seven-point", watts = [480, 760, 1150, 1900, 2400, 2700, 3600] }'
    assert nothing(Bench(tmp_path, ON_DRIVE + upside_down).run(15), "seven losses")


def test_no_flux_of_a_voltage_from_another_speed(driven: Bench) -> None:
    """The drive goes to half its speed; its voltage is read more seldom, or not at all any more."""
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


def test_poles_that_do_not_fit_the_speed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ON_DRIVE.replace("poles = 8", "poles = 6").replace("amps = 98", "amps = 99"))
    assert nothing(bench.run(15), "do not fit the number of poles")


def test_neither_class_nor_efficiency(tmp_path: Path) -> None:
    assert nothing(Bench(tmp_path, ON_MAINS.replace("efficiency = 94.6", "")).run(15), "neither efficiency nor class")


def test_the_surest_method_is_taken(tmp_path: Path) -> None:
    """Each more signal or fact gives a method with less doubt."""
    facts = "r1_ohm = 0.03\nno_load_w = 1600\n"
    power = Bench(tmp_path, ON_MAINS).run(15)
    segregated = Bench(tmp_path, ON_MAINS + facts).run(15)
    without = Bench(tmp_path, ON_MAINS)
    without.meter = {"current_avg": 85.0}
    by_current = without.run(15)
    seven = 'losses = { points = "seven-point", watts = [2250, 1650, 1420, 1350, 860, 560, 330] }'
    magnet, tested = Bench(tmp_path, ON_DRIVE).run(15), Bench(tmp_path, ON_DRIVE + seven).run(15)
    methods = [item.methods["motor_efficiency_pct"] for item in (power, segregated, by_current, magnet, tested)]
    assert methods == ["M1", "M4", "M2", "M5", "M6"]
    us = [item.uncertainties["motor_efficiency_pct"] for item in (by_current, power, segregated)]
    assert us == sorted(us, reverse=True)
    assert tested.uncertainties["motor_efficiency_pct"] < magnet.uncertainties["motor_efficiency_pct"]
    assert tested.values["efficiency_basis"] == "tested"


SENSOR = """
[signal.torque]
bus = "b"
unit = 9
address = 0
type = "f32"
unit_of_measure = "Nm"
of = "p"
measures = "shaft-torque"
[signal.speed]
bus = "b"
unit = 9
address = 2
type = "f32"
unit_of_measure = "rpm"
of = "p"
measures = "shaft-speed"
"""


def with_sensor(bench: Bench, shaft_w: float, rpm: float) -> Estimates:
    names = [signal.metric.name for signal in bench.of.asset.signals]
    for _ in range(15):
        now = int((bench.now_s + 1) * 1e9)
        values: dict[str, Any] = {names[0]: shaft_w / (rpm * math.pi / 30), names[1]: rpm}
        bench.of.take_signals(Reading("signals", now, now, values, monotonic_ns=now))
        found = bench.run(1)
    return found


def test_a_sensor_at_the_shaft_measures_and_may_tell_a_class(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ON_MAINS + SENSOR)
    bench.meter = phases(56_000.0, 0.87)
    found = with_sensor(bench, 53_100.0, 1479.0)
    assert found.methods["motor_efficiency_pct"] == "M9"
    assert found.values["motor_efficiency_pct"] == pytest.approx(100 * 53.1 / 56, abs=0.05)
    meter, sensor = 2 * math.hypot(0.005, 0.005, math.radians(0.5) * 0.567) / math.sqrt(3), 0.006
    direct = 100 * 53.1 / 56 * math.hypot(meter, sensor)
    assert found.uncertainties["motor_efficiency_pct"] == pytest.approx(direct, rel=0.05), (
        "as from both powers directly"
    )
    assert found.values["efficiency_basis"] == "measured"
    assert "IE" in str(found.values["observed_class"])
    assert "grade" in str(found.values["observed_class"]) or ";" not in str(found.values["observed_class"])
    impossible = Bench(tmp_path, ON_MAINS + SENSOR)
    impossible.meter = phases(50_000.0, 0.87)
    after = with_sensor(impossible, 53_100.0, 1479.0)
    assert after.methods["motor_efficiency_pct"] == "M1", "more out than in: the sensor is not believed"


def test_a_cycling_load_takes_a_quarter_of_an_hour_together(driven: Bench) -> None:
    """Between full and a third of the load, 4 s each: instantaneous values would swing by four points."""
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
    """Sinusoidal waveforms whose gap power is known in closed form: M7 and a class come of it."""
    text = ON_MAINS + 'r1_ohm = 0.03\n[motor.p.waveform]\ntcp = "127.0.0.1:7000"\nat = "motor"\n'
    bench = Bench(tmp_path, text)
    gap, rate = GapTorque(bench.of.facts), 10_240.0
    t = np.arange(int(1.2 * rate)) / rate
    angle = 2 * np.pi * 50 * t - np.array([[0], [2 * np.pi / 3], [-2 * np.pi / 3]])
    amps = 56_000 / 3 / 230.9 / 0.87 * math.sqrt(2)
    rows = np.vstack([230.9 * math.sqrt(2) * np.cos(angle), amps * np.cos(angle - math.acos(0.87))])
    names = ("u1", "u2", "u3", "i1", "i2", "i3")
    ratios = list(gap.take(Waveform("p", 0, 0, rate, names, rows)))
    assert len(ratios) == 1
    copper = 1.5 * amps**2 * 0.03 * (235 + 80) / 255 / 56_000
    assert 0.90 < ratios[0] < 1 - copper
    assert list(gap.take(Waveform("p", 0, 99_999_999, rate, names, rows[:, :100]))) == [], "a hole starts anew"
    assert list(gap.take(Waveform("p", 0, 0, rate, names[:3], rows[:3]))) == []


@pytest.mark.parametrize("text", [ON_DRIVE, ON_MAINS])
def test_explain_tells_the_same_numbers_and_its_parts_make_u(tmp_path: Path, text: str) -> None:
    bench = Bench(tmp_path, text)
    found = bench.run(15)
    body = explanation(bench.of)
    assert body["efficiency_pct"] == pytest.approx(found.values["motor_efficiency_pct"], abs=0.006)
    assert body["u_pct"] == pytest.approx(found.uncertainties["motor_efficiency_pct"], rel=0.02)
    assert math.hypot(*body["u_parts_pct"].values()) == pytest.approx(body["u_pct"], abs=0.006)
    powers = body["powers"]
    losses = sum(value for name, value in powers.items() if name.endswith("losses"))
    assert powers["input"] - losses == pytest.approx(powers["shaft"], abs=0.5)
    told = as_text("p", body)
    for part in ("Signals", "Method", "Where the doubt comes from", "What would make it better", "± "):
        assert part in told
    assert all(len(line) < 130 for line in told.splitlines())


def test_explain_follows_a_sensor_to_as_low_a_load_as_the_figures(tmp_path: Path) -> None:
    """At 8 % load a sensor at the shaft measures what no model can say: told or withheld, both say the same."""
    bench = Bench(tmp_path, ON_MAINS.replace("[motor.p]", "compensated = true\n[motor.p]") + SENSOR)
    bench.meter = phases(5_500.0, 0.3)
    found = with_sensor(bench, 4_400.0, 1497.0)
    assert found.methods["motor_efficiency_pct"] == "M9"
    assert explanation(bench.of)["efficiency_pct"] == pytest.approx(found.values["motor_efficiency_pct"], abs=0.006)
    below = with_sensor(bench, 2_000.0, 1497.0)
    assert below.values["efficiency_reason"] == "below 5 % load"
    assert explanation(bench.of)["reason"].startswith("below 5 % load")


def test_explain_says_why_there_is_nothing(mains: Bench) -> None:
    mains.meter = phases(40_000.0, 0.85, (-1, 1, 1))
    mains.run(12)
    told = as_text("p", explanation(mains.of))
    assert "none now. Meter wiring: ct_reversed:L1." in told
    assert "put the meter's transformers right" in told
