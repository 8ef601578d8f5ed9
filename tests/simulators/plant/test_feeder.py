"""Cable and auxiliaries: input power equals output power plus heat."""

from __future__ import annotations

import math

import pytest

from simulators.plant.feeder import Auxiliary, Cable, copper_cable, sending_end
from simulators.plant.phasors import PhasorComponent, Phasors, active_w, phasors

LOAD_U = phasors([PhasorComponent(1, 1, 230 + 0j), PhasorComponent(1, -1, 1 + 1j), PhasorComponent(5, -1, 3 - 1j)])
LOAD_I = phasors([PhasorComponent(1, 1, 90 - 40j), PhasorComponent(5, -1, 20 + 5j), PhasorComponent(7, 1, 9j)])


def carried_w(u: Phasors, i: Phasors) -> float:
    return float(active_w(u, i).sum())


def test_the_cable_draws_its_losses() -> None:
    """3·R·I² of all orders, and no more."""
    cable = copper_cable(120.0, 50.0)
    sent = sending_end(cable, LOAD_U, LOAD_I, 50.0)
    lost = 3 * cable.r_ohm * (90**2 + 40**2 + 20**2 + 5**2 + 9**2)
    assert carried_w(sent, LOAD_I) - carried_w(LOAD_U, LOAD_I) == pytest.approx(lost, rel=1e-12)


@pytest.mark.parametrize(("mm2", "ohm_km"), [(25, 0.727), (50, 0.387), (95, 0.193), (185, 0.0991)])
def test_resistance_of_stranded_copper(mm2: float, ohm_km: float) -> None:
    """IEC 60228, class 2, from memory: within 6 %."""
    assert 1000 * copper_cable(1.0, mm2, 20.0).r_ohm == pytest.approx(ohm_km, rel=0.06)


def test_an_auxiliary_draws_its_power_at_any_voltage() -> None:
    aux = Auxiliary(750.0, 0.8)
    u = 0.9 * 400 / math.sqrt(3) * complex(0.6, 0.8)
    i = aux.current(u, motor_runs=False).value
    s = 3 * u * i.conjugate()
    assert s == pytest.approx(complex(750.0, 750.0 * 0.75))


def test_a_switched_auxiliary_is_off_with_the_motor() -> None:
    aux = Auxiliary(750.0, with_motor=True)
    assert aux.current(230 + 0j, motor_runs=False).value == 0
    assert abs(aux.current(230 + 0j, motor_runs=True).value) > 1


def test_impossible_values_are_rejected() -> None:
    for make, words in (
        (lambda: Cable(-1.0, 0.0), "cable: r_ohm: "),
        (lambda: copper_cable(10.0, 0.0), "cable: mm2: "),
        (lambda: Auxiliary(-5.0), "auxiliary: power_w: "),
        (lambda: Auxiliary(5.0, 1.2), "auxiliary: power_factor: "),
    ):
        with pytest.raises(ValueError, match=words):
            make()
