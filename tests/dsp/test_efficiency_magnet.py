"""Methods M5 and M6, and the flux index, compared with nameplates, physical laws and closed forms."""

from __future__ import annotations

import dataclasses
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsp import efficiency_magnet as pm
from dsp.efficiency_flux import ALPHA_PER_K, FluxPlate, flux_index
from simulators.plant import magnet
from simulators.scenarios import machines

RATING = pm.PmRating(55_000, 2_200, 98, 100, 0.025)
SEVEN_W = (3600, 2700, 2400, 1900, 1150, 760, 480)


def test_pm_losses_meet_the_nameplate_and_follow_their_laws() -> None:
    rated = pm.pm_losses(RATING, 98, 100, 100)
    assert rated.total_w == pytest.approx(2_200)
    assert rated.copper_w == pytest.approx(3 * 98**2 * 0.025 * 335 / 255)  # IEC 60034-1, k = 235
    half = pm.pm_losses(RATING, 49, 100, 100)
    assert half.copper_w == pytest.approx(rated.copper_w / 4)
    slow = pm.pm_losses(RATING, 98, 50, 100)
    assert slow.copper_w == rated.copper_w
    assert slow.core_w == pytest.approx(rated.core_w / 2**1.5)
    assert slow.mechanical_w == pytest.approx(rated.mechanical_w * (1 / 2 + 1 / 8) / 2), "bearings n, windage n³"
    assert pm.pm_losses(RATING, 98, -100, 100) == rated, "losses do not depend on the direction of rotation"


def test_better_inputs_give_smaller_errors() -> None:
    by_class = pm.pm_losses(RATING._replace(r1_ohm=None), 98, 100)
    guessed, warm = pm.pm_losses(RATING, 98, 100), pm.pm_losses(RATING, 98, 100, 100)
    tested = pm.m6_losses(pm.seven_point(SEVEN_W), RATING, 0.9, 1.0, 98)
    shares = [losses.u_w / losses.total_w for losses in (by_class, guessed, warm, tested)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] > 0.05
    assert shares[0] < 0.35


@pytest.mark.parametrize("r1_known", [False, True])
def test_u_covers_motors_of_other_makes(monkeypatch: pytest.MonkeyPatch, r1_known: bool) -> None:
    """Machines of the plant's dq model with 30 to 70 % copper, other splits of the rest and of the core loss, losses
    ±15 % (two standard deviations) from the nameplate, winding in thermal equilibrium ±12 K: at least 95 % inside U at
    25, 50 and 100 % torque over 33 to 100 % speed.
    """
    chance, inside, count = random.Random(5), dict.fromkeys((0.25, 0.5, 1.0), 0), 0
    at_rated = []
    for _ in range(400):
        copper = chance.uniform(0.3, 0.7)
        parts = chance.uniform(0.4, 0.75), chance.uniform(0.12, 0.4), chance.uniform(0.05, 0.3)
        monkeypatch.setattr(machines, "LOSS_SPLIT", (copper, *((1 - copper) * p / sum(parts) for p in parts)))
        made = machines.magnet_motor(chance.choice((5.5, 15, 55, 160)), 1500, 8, 400, chance.uniform(0.88, 0.97))
        made = dataclasses.replace(made, core_hysteresis=chance.uniform(0.2, 0.7))
        stated_w = made.losses_w * (1 + chance.gauss(0, 0.075))
        rating = pm.PmRating(made.power_w, stated_w, made.current_a, 100, made.rs20_ohm if r1_known else None)
        for speed in (0.33, 0.6, 1.0):
            count += 1
            for torque in inside:
                winding = 25 + 75 * (copper * torque**2 + (1 - copper) * speed**1.6) + chance.uniform(-12, 12)
                rad_s, nm = speed * 50 * math.pi, torque * made.torque_rated_nm
                state = magnet.solve(made, rad_s, nm, winding, winding - 15)
                found = pm.pm_losses(rating, state.current_a * (1 + chance.uniform(-0.005, 0.005)), 100 * speed)
                inside[torque] += abs(found.total_w - sum(state.losses)) <= found.u_w
                if (speed, torque) == (1.0, 1.0):
                    at_rated.append(found.u_w / found.total_w)
    print(f"R1 {r1_known}: {[f'{good / count:.1%}' for good in inside.values()]} inside")
    assert min(inside.values()) >= 0.95 * count
    assert max(at_rated) < 0.24, "narrow where the nameplate is known"


@given(st.lists(st.floats(100, 5000), min_size=7, max_size=7))
def test_the_surface_goes_through_its_seven_points(loss_w: list[float]) -> None:
    surface = pm.seven_point(loss_w)
    for (speed, torque), watts in zip(pm.SEVEN, loss_w, strict=True):
        assert surface.loss_w(speed, torque) == pytest.approx(watts, rel=1e-6)
        assert surface.loss_w(-speed, -torque) == pytest.approx(watts, rel=1e-6)


def test_the_surface_is_bounded_outside_its_points() -> None:
    surface = pm.seven_point(SEVEN_W)
    assert surface.loss_w(0.0, 0.0) >= 0.8 * min(SEVEN_W)
    assert surface.loss_w(3.0, 3.0) <= 1.5 * max(SEVEN_W)
    assert surface.inside(0.7, 0.6)
    assert not surface.inside(0.1, 0.6)
    with pytest.raises(ValueError, match="seven"):
        pm.seven_point((1, 2, 3))
    with pytest.raises(ValueError, match="determine"):
        pm.seven_point(SEVEN_W, [(0.5, 0.5)] * 7)


PLATE = FluxPlate(volts_v=380, rated_a=98, rated_hz=100, rated_w=55_000, efficiency=0.96, r1_ohm=0.025, emf_v=350)


def terminals(plate: FluxPlate, emf_v: float, speed: float, current_a: float) -> tuple[float, float]:
    """Voltage and power of a machine without d-axis current: E + R·I in phase, X·I in quadrature (phasor diagram)."""
    e, x = emf_v * speed / math.sqrt(3), (plate.xq_ohm or 0) * speed
    r = plate.r1_ohm * (235 + 95) / 255
    return math.sqrt(3) * math.hypot(e + r * current_a, x * current_a), 3 * (e + r * current_a) * current_a


@pytest.mark.parametrize("speed", [0.3, 0.6, 1.0])
@pytest.mark.parametrize("current_a", [30.0, 98.0])
@pytest.mark.parametrize("lost", [0.0, 0.05, 0.12])
def test_the_index_is_the_loss_of_the_magnets(speed: float, current_a: float, lost: float) -> None:
    """Winding at 95 °C, magnets at 80 °C; reactance from the nameplate, and assumed with an error of 50 %."""
    plate = PLATE._replace(xq_ohm=1.2)
    hot_v = 350 * (1 + ALPHA_PER_K * 60) * (1 - lost)
    volts, watts = terminals(plate, hot_v, speed, current_a)
    for known in (plate, plate._replace(xq_ohm=0.9), plate._replace(xq_ohm=None)):
        found = flux_index(known, volts, current_a, watts, 100 * speed, 95.0)
        assert found is not None
        assert abs(found.value - (1 - lost)) <= found.u
        assert found.u < (0.19 if known.xq_ohm is None else 0.045)
    exact = flux_index(plate, volts, current_a, watts, 100 * speed, 95.0)
    assert exact is not None
    assert exact.value == pytest.approx(1 - lost, abs=1e-9)


def test_without_the_emf_of_the_manufacturer_the_nameplate_is_used_and_reported() -> None:
    made = PLATE._replace(xq_ohm=1.2)
    plate = made._replace(emf_v=None)
    index = flux_index(made, 380, 98, 57_000, 100, 95)
    worked_out = flux_index(plate, 380, 98, 55_000 / 0.96, 100, 100)
    assert index is not None
    assert worked_out is not None
    assert worked_out.value == pytest.approx(1, abs=0.002), "1 at the rated point"
    assert worked_out.u > index.u


def test_no_index_where_voltage_drops_dominate_or_signals_contradict() -> None:
    assert flux_index(PLATE, 60, 98, 5_000, 15, 95) is None
    assert flux_index(PLATE, 380, 10, 57_000, 100, 95) is None, "more active than apparent power"
    assert flux_index(PLATE, math.nan, 98, 57_000, 100, 95) is None
    for lacking in range(5):
        sound = (380.0, 98.0, 57_000.0, 100.0, 95.0)
        assert flux_index(PLATE, *sound) is not None
        assert flux_index(PLATE, *(math.nan if k == lacking else value for k, value in enumerate(sound))) is None


@pytest.mark.parametrize("per_unit", [0.4, 0.6, 0.9])
@pytest.mark.parametrize("current_a", [30.0, 98.0])
@pytest.mark.parametrize("emf_known", [True, False])
def test_u_holds_for_any_usual_reactance(per_unit: float, current_a: float, emf_known: bool) -> None:
    """The nameplate gives no Xq.

    If it gives no EMF either, the rated point is calculated with the Xq of the machine.
    """
    ohm = per_unit * PLATE.volts_v**2 / PLATE.rated_w
    real = PLATE._replace(xq_ohm=ohm)
    rated_v, rated_in_w = terminals(real, 350 * (1 + ALPHA_PER_K * 65), 1.0, PLATE.rated_a)
    known = PLATE._replace(xq_ohm=None, emf_v=350 if emf_known else None, volts_v=rated_v if not emf_known else 380,
                           efficiency=PLATE.rated_w / rated_in_w)  # fmt: skip
    volts, watts = terminals(real, 350 * (1 + ALPHA_PER_K * 60), 0.9, current_a)
    found = flux_index(known, volts, current_a, watts, 90, 95)
    assert found is not None
    assert abs(found.value - 1) <= found.u


@pytest.mark.parametrize("bad", [math.nan, -1.0, 0.0])
def test_invalid_losses_of_seven_points_are_rejected(bad: float) -> None:
    with pytest.raises(ValueError, match="above 0 W"):
        pm.seven_point([*SEVEN_W[:6], bad])
