"""Flux of the magnets: closed forms, two independent simulators of motors, and laws of its uncertainty."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from dsp.condition_magnet import Known, MagnetMachine, flux_ratio, magnet_flux, magnet_point
from dsp.condition_phasors import follow, phasors, sequences

R, LD, LQ, FLUX, HZ = 0.2, 0.002, 0.004, 0.25, 120.0
MACHINE = MagnetMachine(Known(R, 0.01), Known(LQ, 0.0004), Known(0.325, 0.325), Known(FLUX, 0.0025), Known(20, 5))
SURFACE = MACHINE._replace(saliency=Known(0.0, 0.0))


def terminals(i_d, i_q, flux=FLUX, ld=LD, q_axis=1.3):
    """Phasors from the dq equations in their scalar form, with the q axis anywhere."""
    omega = 2 * math.pi * HZ
    u_d, u_q = R * i_d - omega * LQ * i_q, R * i_q + omega * (flux + ld * i_d)
    turn = complex(math.cos(q_axis), math.sin(q_axis))
    return (u_q - 1j * u_d) * turn, (i_q - 1j * i_d) * turn


@pytest.mark.parametrize("i_d", [-15.0, 0.0, 4.0])
@pytest.mark.parametrize("i_q", [-20.0, 0.0, 25.0])
def test_working_point_of_interior_magnets(i_d, i_q):
    point = magnet_point(*terminals(i_d, i_q), HZ, R, LQ, 1 - LD / LQ)
    assert (point.flux_wb, point.id_a, point.iq_a) == pytest.approx((FLUX, i_d, i_q))
    if i_q > 0:
        assert point.current_angle_rad == pytest.approx(math.atan2(-i_d, i_q))


@pytest.mark.parametrize("name", ["pm2k2_deadtime", "pm2k2_diode_rated", "pm2k2_half", "gem_pmsm_75hz"])
def test_flux_of_independent_simulators(name, data_file):
    truth = json.loads(data_file("machines/truth.json").read_text())[name]
    par = truth.get("par", {})
    ohm, psi = par.get("r_s") or truth["R_s"], par.get("psi_p") or truth["psi_f"]
    l_d, l_q = par.get("l_d") or truth["L_d"], par.get("l_q") or truth["L_q"]
    with np.load(data_file(f"machines/{name}.npz")) as z:
        u, i, fs = z["u_abc"].astype(float), z["i_abc"].astype(float), float(z["fs"])
    frame = follow(u, fs)
    positive = (sequences(phasors(wave, frame)).positive for wave in (u, i))
    point = magnet_point(*positive, frame.hz, ohm, l_q, 1 - l_d / l_q)
    # core losses, which the circuit leaves out, take 0.1 to 0.2 % of the current
    assert point.flux_wb == pytest.approx(psi, rel=2e-3)


def test_index_follows_loss_and_temperature():
    for loss in (0.0, 0.07, 0.15):
        for degc in (20.0, 75.0):
            u, i = terminals(0.0, 20.0, FLUX * (1 - loss) * (1 - 0.0011 * (degc - 20)), LQ)
            found = magnet_flux(u, i, HZ, SURFACE._replace(magnet_degc=Known(degc, 5.0)))
            assert found.index == pytest.approx(1 - loss)


def test_unknown_saliency_counts_only_where_current_is_off_the_q_axis():
    on, off = (magnet_flux(*terminals(i_d, 20.0), HZ, MACHINE) for i_d in (0.0, -12.0))
    assert off.u95 > 3 * on.u95
    assert abs(on.index - 1) < on.u95
    assert abs(off.index - 1) < off.u95


@pytest.mark.parametrize(("name", "u"), [("r_ohm", 0.05), ("lq_h", 0.002), ("flux20_wb", 0.01), ("magnet_degc", 40.0)])
def test_every_uncertainty_widens_the_index(name, u):
    point = terminals(-5.0, 20.0)
    wider = MACHINE._replace(**{name: Known(getattr(MACHINE, name).value, u)})
    assert magnet_flux(*point, HZ, wider).u95 > magnet_flux(*point, HZ, MACHINE).u95


def test_temperature_alone_gives_its_share():
    none = {name: Known(known.value, 0.0) for name, known in SURFACE._asdict().items()}
    exact, warm = MagnetMachine(**none), MagnetMachine(**{**none, "magnet_degc": Known(20, 45)})
    coasting = (2 * math.pi * HZ * FLUX + 0j, 0j, HZ)
    gains = magnet_flux(*coasting, exact).u95
    assert gains == pytest.approx(0.005)  # only the gain of the voltage
    assert magnet_flux(*coasting, warm).u95 == pytest.approx(math.hypot(gains, 0.0011 * 45 / (1 - 0.0011 * 45)))


def test_ratio_to_an_earlier_recording_cancels_what_both_have_in_common():
    wrong = MACHINE._replace(lq_h=Known(1.3 * LQ, 0.3 * LQ), flux20_wb=Known(1.0, 0.0))
    sound = (*terminals(-5.0, 20.0), HZ, wrong)
    weak = (*terminals(-5.0, 20.0, FLUX * 0.9), HZ, wrong)
    found = flux_ratio(weak, sound)
    alone = magnet_flux(*weak[:3], wrong._replace(flux20_wb=Known(FLUX, 0.0)))
    assert abs(found.index - 0.9) < found.u95 < 0.5 * alone.u95
