"""Data of a nameplate, contradictions in them, and the method that follows."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.motor_estimator import ON_DRIVE, ON_MAINS, Bench, nothing

from agent.analysis.efficiency import reasons


@pytest.mark.parametrize(
    ("old", "new", "data"),
    [
        ("amps = 97.6", "amps = 60", {"amps": 60, "pf": pytest.approx(1.40, abs=0.005)}),
        ("amps = 97.6", "amps = 300", {"amps": 300, "pf": pytest.approx(0.28, abs=0.005)}),
        ("rpm = 1478", "rpm = 1100", {"rpm": 1100, "poles": 4}),
        ("poles = 4", "poles = 6", {"rpm": 1478, "poles": 6}),
    ],
)
def test_a_contradictory_nameplate_is_reported(tmp_path: Path, old: str, new: str, data: dict[str, object]) -> None:
    code = reasons.NAMEPLATE_POWER_FACTOR if "pf" in data else reasons.NAMEPLATE_SPEED
    reason = nothing(Bench(tmp_path, ON_MAINS.replace(old, new)).run(15), code)
    assert {name: reason.data[name] for name in data} == data


@pytest.mark.parametrize(
    ("kw", "poles", "rpm", "hz"),
    [(0.25, 4, 1350, 50), (0.37, 4, 1370, 50), (0.25, 4, 1650, 60), (0.55, 6, 900, 50), (1.5, 2, 2850, 50),
     (5.5, 4, 1460, 50), (7.5, 4, 1760, 60), (55, 8, 740, 50), (3, 4, 2940, 100)],
)  # fmt: skip
def test_the_rated_frequency_of_an_induction_motor(tmp_path: Path, kw: float, poles: int, rpm: int, hz: int) -> None:
    """From the rated speed; small motors have 10 % slip, as on nameplates of 0.25 and 0.37 kW (100 Hz: on a drive)."""
    plate = f"kw = {kw}\nrpm = {rpm}\npoles = {poles}\nvolts = 400\nefficiency = 70"
    text = ON_DRIVE[: ON_DRIVE.index("[motor.p]")] + f'[motor.p]\nkind = "induction"\n{plate}\nfed_by = "d"\n'
    assert Bench(tmp_path, text).of.nameplate.rated_hz == hz


def test_impossible_losses_of_seven_points_are_rejected(tmp_path: Path) -> None:
    upside_down = 'losses = { points = "seven-point", watts = [480, 760, 1150, 1900, 2400, 2700, 3600] }'
    assert nothing(Bench(tmp_path, ON_DRIVE + upside_down).run(15), reasons.NAMEPLATE_LOSSES)


def test_a_pole_number_that_contradicts_the_speed_is_reported(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ON_DRIVE.replace("poles = 8", "poles = 6").replace("amps = 98", "amps = 99"))
    assert nothing(bench.run(15), reasons.POLES_MISMATCH)


def test_neither_class_nor_efficiency(tmp_path: Path) -> None:
    assert nothing(Bench(tmp_path, ON_MAINS.replace("efficiency = 94.6", "")).run(15), reasons.EFFICIENCY_UNKNOWN)


def test_the_method_with_the_lowest_uncertainty_is_used(tmp_path: Path) -> None:
    """Each additional signal or fact gives a method with a lower uncertainty."""
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
