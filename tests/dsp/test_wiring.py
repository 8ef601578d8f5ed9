"""All wiring mistakes, on motors and drives at three loads, with meters that are independent of the diagnosis.

Phasors, meters and mistakes come from the simulator (simulators/meters/wiring.py), not from dsp.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator
from random import Random

import numpy as np
import pytest

from dsp import wiring
from simulators.meters.meter import EXACT, MeterErrors, SimulatedMeter, draw_errors
from simulators.meters.readings import Values
from simulators.meters.wiring import Wiring, wiring_of
from simulators.plant import params
from simulators.plant.grid import GridSupply
from simulators.plant.phasors import (
    PhasorComponent,
    Phasors,
    active_w,
    phasors,
    reactive_var,
    rms_and_thd,
    unbalance_percent,
)
from simulators.scenarios.load_profiles import LoadDemand
from simulators.scenarios.machines import drive_of, induction_motor, magnet_motor
from simulators.scenarios.steady_state import direct, driven


def two_element_values(errors: MeterErrors, wiring: Wiring, u_v: Phasors, i_a: Phasors, frequency_hz: float) -> Values:
    """The displayed values for constant conditions; no phase values except the currents.

    u_v, i_a: phasors of the conductors, shape (3, orders), rms in V and A.
    """
    u, i = wiring.at_terminals(u_v, i_a)
    return aron(*two_elements(u * errors.u[:, None], i * errors.i[:, None]), frequency_hz + errors.frequency_hz)


def two_elements(u: Phasors, i: Phasors) -> tuple[Phasors, Phasors]:
    """Return the inputs of a two-element meter, each of shape (3, orders): U12, 0, U32; I1, 0, I3.

    The sum of their powers is that of all three conductors if no current flows outside them (Blondel; Aron).
    """
    nothing = np.zeros_like(u[0])
    return np.array([u[0] - u[1], nothing, u[2] - u[1]]), np.array([i[0], nothing, i[2]])


def aron(u: Phasors, i: Phasors, frequency_hz: float) -> Values:
    """Return the quantities of `electrical` from the result of `two_elements`.

    I2 follows from the other two currents; S is √3·U·I of the means.
    """
    u12, u32 = u[0], u[2]
    lines, currents = np.array([u12, -u32, u32 - u12]), np.array([i[0], -(i[0] + i[2]), i[2]])
    (lines_v, thd_u), (amps, thd_i) = rms_and_thd(lines), rms_and_thd(currents)
    watts, var = float(active_w(u, i).sum()), float(reactive_var(u, i).sum())
    va = math.sqrt(3) * sum(lines_v) / 3 * sum(amps) / 3
    values: Values = {}
    for k, (phase, pair) in enumerate((("l1", "l12"), ("l2", "l23"), ("l3", "l31"))):
        values |= {
            f"voltage_{pair}": lines_v[k],
            f"current_{phase}": amps[k],
            f"thd_u_{pair}": thd_u[k],
            f"thd_i_{phase}": thd_i[k],
        }
    return values | {
        "active_power": watts,
        "apparent_power": va,
        "reactive_power": var,
        "power_factor": watts / va if va else 0.0,
        "phase_angle": math.degrees(math.atan2(var, watts)),
        "frequency": frequency_hz,
        "voltage_ll_avg": sum(lines_v) / 3,
        "current_avg": sum(amps) / 3,
        "current_sum": sum(amps),
        "thd_u_ll_avg": sum(thd_u) / 3,
        "thd_i_avg": sum(thd_i) / 3,
        "current_unbalance": unbalance_percent(amps),
    }


RATED_A = 100.0
FAULTS = {
    **{f"reversed ct{k}": f"ct_reversed:{p}" for k, p in zip("123", "ABC", strict=True)},
    "reversed ct1, reversed ct2": "ct_reversed:A,B", "reversed ct2, reversed ct3": "ct_reversed:B,C",
    "reversed ct1, reversed ct3": "ct_reversed:A,C", "reversed ct1, reversed ct2, reversed ct3": "ct_reversed:A,B,C",
    "swapped ct12": "ct_swapped:A-B", "swapped ct23": "ct_swapped:B-C", "swapped ct13": "ct_swapped:A-C",
    "swapped vt12": "vt_swapped:A-B", "swapped vt23": "vt_swapped:B-C", "swapped vt13": "vt_swapped:A-C",
    "rotated ct": "ct_rotated", "rotated ct back": "ct_rotated", "rotated vt": "ct_rotated",
    "rotated vt back": "ct_rotated",
    **{f"missing ct{k}": f"ct_missing:{p}" for k, p in zip("123", "ABC", strict=True)},
    **{f"missing vt{k}": f"vt_missing:{p}" for k, p in zip("123", "ABC", strict=True)},
}  # fmt: skip
TWO_FAULTS = {
    "reversed ct1": "ct_reversed:A", "reversed ct3": "ct_reversed:C", "reversed ct1, reversed ct3": "ct_reversed:A,C",
    "swapped ct13": "ct_swapped:A-C", "missing ct1": "ct_missing:A", "missing ct3": "ct_missing:C",
    "missing vt1": "vt_missing:A", "missing vt2": "vt_missing:B", "missing vt3": "vt_missing:C",
    "rotated vt": "vt_rotated", "rotated vt back": "vt_rotated",
}  # fmt: skip


def loads(seed: int) -> Iterator[tuple[str, str, Phasors, Phasors]]:
    """(name, kind, voltages, currents): cage motor, diode-bridge drive, regenerative drive; three loads each."""
    supply = GridSupply(params.BUSBAR, Random(seed))
    supply.step(30.0)
    cage = induction_motor("55kw-ie3")
    magnet = magnet_motor(55, 1500, 8, 380, 0.963)
    converter = drive_of(55, magnet.current_a)
    for part in (0.15, 0.5, 1.0):
        train = direct(cage, supply, lambda speed, part=part: part * 55e3 * (speed / 154.0) ** 2)
        yield f"cage {part}", "motor", train.u_v, train.i_a
        demand = LoadDemand(157.0, part * magnet.torque_rated_nm)
        for front, kind in ((False, "bridge"), (True, "drive")):
            train = driven(magnet, converter, supply, demand, 80.0, front)
            yield f"{kind} {part}", kind, train.u_v, train.i_a
    down = driven(magnet, converter, supply, LoadDemand(157.0, -0.7 * magnet.torque_rated_nm), 80.0, True)
    yield "hoist down", "drive", down.u_v, down.i_a


def displayed(u: Phasors, i: Phasors, fault: str, seed: int, connection: str = "3P4W") -> dict[str, float]:
    errors = draw_errors(Random(seed))
    if connection == "3P3W":
        return two_element_values(errors, wiring_of(fault), u, i, 50.0)
    meter = SimulatedMeter(errors, wiring=wiring_of(fault))
    meter.step(u, i, 50.0, 1.0)
    return meter.values


def three(values: dict[str, float], load: str) -> wiring.Diagnosis:
    columns = [
        tuple(values[f"{stem}_l{k}{end}"] for k in (1, 2, 3))
        for stem, end in (("voltage", "n"), ("current", ""), ("active_power", ""), ("reactive_power", ""))
    ]
    return wiring.three_wattmeters(wiring.Phases(*columns), RATED_A, load)  # type: ignore[arg-type]


def two(values: dict[str, float], load: str) -> wiring.Diagnosis:
    lines = values["voltage_l12"], values["voltage_l23"], values["voltage_l31"]
    amps = values["current_l1"], values["current_l2"], values["current_l3"]
    return wiring.two_wattmeters(lines, amps, values["active_power"], values["reactive_power"], RATED_A, load)


@pytest.mark.parametrize("seed", range(5))
def test_two_elements_measure_the_power_of_three(seed: int) -> None:
    """Blondel: if the currents sum to zero, two wattmeters suffice, with unbalance and harmonics too."""
    chance = Random(seed)
    u = phasors([
        PhasorComponent(1, 1, 230 + 0j), PhasorComponent(1, -1, 5 + 3j), PhasorComponent(5, -1, 8j),
        PhasorComponent(1, 0, 4 + 0j),
    ])  # fmt: skip
    current = PhasorComponent(1, 1, cmath.rect(80, chance.uniform(-1.5, 1.5)))
    i = phasors([current, PhasorComponent(1, -1, 4 - 2j), PhasorComponent(5, -1, 9 + 0j)])
    four = SimulatedMeter(EXACT)
    four.step(u, i, 50.0, 360.0)
    three = two_element_values(EXACT, wiring_of(""), u, i, 50.0)
    for name in ("active_power", "current_l2", "voltage_l12", "voltage_l31", "frequency"):
        assert three[name] == pytest.approx(four.values[name], rel=1e-9), name
    assert not {"voltage_l1n", "active_power_l1"} & three.keys()


def names(found: wiring.Diagnosis) -> tuple[str, ...]:
    return found.candidates or (found.verdict,)


@pytest.mark.parametrize("seed", range(4))
def test_no_verdict_is_wrong_and_the_true_fault_is_named(seed: int) -> None:
    """Three wattmeters: all mistakes × loads × kinds of consumer."""
    named = tried = 0
    for name, kind, u, i in loads(seed):
        for fault, true in FAULTS.items():
            found = three(displayed(u, i, fault, seed), kind)
            tried += 1
            named += true in names(found)
            hoist_all = name == "hoist down" and true == "ct_reversed:A,B,C"  # same as lifting with correct wiring
            assert found.verdict in (true, "ambiguous", "unclear") or hoist_all, (name, fault, found)
    print(f"{named} of {tried} named or among the candidates, 0 wrong verdicts")
    assert named >= 0.98 * tried


@pytest.mark.parametrize("seed", range(4))
def test_two_wattmeters(seed: int) -> None:
    named = tried = 0
    for name, kind, u, i in loads(seed):
        for fault, true in TWO_FAULTS.items():
            found = two(displayed(u, i, fault, seed, "3P3W"), kind)
            tried += 1
            named += true in names(found)
            hoist_all = name == "hoist down" and true == "ct_reversed:A,C"
            assert found.verdict in (true, "ambiguous", "unclear") or hoist_all, (name, fault, found)
    print(f"{named} of {tried} named or among the candidates, 0 wrong verdicts")
    assert named >= 0.98 * tried


@pytest.mark.parametrize("seed", range(40))
def test_a_correctly_wired_meter_has_no_finding(seed: int) -> None:
    for name, kind, u, i in loads(seed):
        for found in (three(displayed(u, i, "", seed), kind), two(displayed(u, i, "", seed, "3P3W"), kind)):
            gives_back = name == "hoist down" and "regenerating" in names(found)
            assert not found.wrong or gives_back, (name, found)


def balanced(phi: float, amps: float = 80.0) -> tuple[Phasors, Phasors]:
    u = phasors([PhasorComponent(1, 1, 230 + 0j)])
    return u, phasors([PhasorComponent(1, 1, cmath.rect(amps, -math.radians(phi)))])


def test_indistinguishable_faults_are_listed() -> None:
    u, i = balanced(-40, 40)
    leading = names(three(displayed(u, i, "", 1), "motor"))
    assert {wiring.LEADING, "ct_rotated", "ct_rotated+reversed"} <= set(leading)
    u, i = balanced(25)
    back = names(three(displayed(u, -i, "", 1), "drive"))
    assert {wiring.REGENERATING, "ct_reversed:A,B,C"} <= set(back)
    assert three(displayed(u, -i, "", 1), "motor").verdict == "ct_reversed:A,B,C", "mains motors do not regenerate"


def test_a_blown_fuse_is_not_a_missing_transformer() -> None:
    u, i = balanced(30)
    i = i.copy()
    i[1], i[2] = 0, -i[0]
    assert three(displayed(u, i, "", 1), "motor").verdict == "phase_lost:B"


def test_an_unbalanced_rectifier_has_no_finding() -> None:
    """Phases of a diode bridge are unbalanced at light load: 1, 0.6, 0.15 of the largest current."""
    u, i = balanced(10, 60)
    i = i * [[1.0], [0.6], [0.15]]
    assert three(displayed(u, i, "", 1), "bridge").verdict == "ok"


def test_too_little_current_gives_no_verdict() -> None:
    u, i = balanced(30, 9.0)
    assert three(displayed(u, i, "reversed ct1", 1), "motor").verdict == wiring.UNKNOWN
    bad = wiring.Phases((230, 230, math.nan), (80, 80, 80), (1, 1, 1), (1, 1, 1))
    assert wiring.three_wattmeters(bad, RATED_A, "motor").verdict == wiring.UNKNOWN


@pytest.mark.parametrize(
    ("measured", "u", "ratio"), [(20e3, 0.1, 0.5), (80e3, 0.1, 2.0), (38e3, 0.2, None), (45e3, 0.1, None)]
)
def test_a_wrong_ratio_exceeds_the_uncertainty(measured: float, u: float, ratio: float | None) -> None:
    assert wiring.ratio_of(measured, 40e3, u) == (None if ratio is None else pytest.approx(ratio))
    assert wiring.ratio_of(measured, 0.0, u) is None
