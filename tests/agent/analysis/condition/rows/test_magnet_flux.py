"""Weaker magnets against the machine itself; more current at unchanged flux is no matter of the magnets.

Currents and voltages follow from the phasor diagram, which is written here with complex numbers.
"""

from __future__ import annotations

import cmath
import math

import pytest
from support.condition.steady_rows import MOTOR, Watched, machine

from agent.analysis.condition.answers import Clear, Confidence, NotObservable, Severity

HZ, R20_OHM, XQ_OHM = 60.0, 0.3, 4.4


def at_output(
    flux: float = 1.0, winding_degc: float = 70.0, turn_rad: float = 0.0, watts: float = 5400.0
) -> dict[str, float | None]:
    """Output of a drive at this air-gap power. turn_rad: error of the rotor angle, puts current into the d axis."""
    share = HZ / 75.0
    emf_v = 330.0 * share * flux * (1 - 0.0011 * (winding_degc - 15 - 20)) / math.sqrt(3)
    amps = watts / (3 * emf_v * math.cos(turn_rad))
    current = amps * cmath.exp(1j * (math.pi / 2 + turn_rad))  # q axis upward
    volts = 1j * emf_v + current * complex(R20_OHM * (1 + 0.0039 * (winding_degc - 20)), XQ_OHM * share)
    power = 3 * (volts * current.conjugate()).real
    return {
        "u_out_v": math.sqrt(3) * abs(volts), "i_out_a": amps, "p_out_kw": power / 1000, "winding_degc": winding_degc,
        "u_dc_v": 560.0,
    }  # fmt: skip


def test_a_loss_of_ten_percent_is_found_against_the_machine_itself() -> None:
    watched = Watched().feed(700, **at_output()).feed(4500, **at_output(flux=0.9))
    finding = watched.found["demagnetization"]
    assert finding.u95 is not None
    assert finding.value is not None
    assert abs(finding.value + 10) < 1.5
    assert (watched.condition.active()["demagnetization"].severity) is Severity.ALARM


def test_hot_magnets_are_none() -> None:
    watched = Watched().feed(700, **at_output())
    for degc in range(70, 125, 1):
        watched.feed(60, **at_output(winding_degc=float(degc)))
    watched.feed(2400, **at_output(winding_degc=124.0))
    assert "demagnetization" not in watched.found
    assert isinstance(watched.answer("demagnetization"), Clear)


def test_an_encoder_offset_is_no_loss_of_flux() -> None:
    watched = Watched().feed(700, **at_output()).feed(300, **at_output(turn_rad=0.8))
    assert list(watched.found) == ["loss_of_synchronism"]


def test_weak_from_the_start_is_found_against_the_nameplate_only() -> None:
    assert "demagnetization" in Watched().feed(4000, **at_output(flux=0.85)).found
    watched = Watched(machine(emf_v=None, flux_wb=None)).feed(3000, **at_output(flux=0.85))
    assert isinstance(watched.answer("demagnetization"), NotObservable)
    assert "demagnetization" not in watched.found


def test_without_winding_temperature_or_resistance_it_is_not_observable() -> None:
    watched = Watched().feed(900, **(at_output() | {"winding_degc": None}))
    assert isinstance(watched.answer("demagnetization"), NotObservable)
    assert MOTOR.r1_ohm
    answer = Watched(machine(r1_ohm=None)).feed(60).answer("demagnetization")
    assert isinstance(answer, NotObservable)
    assert answer.reason.data["keys"] == ("r1_ohm",)


@pytest.mark.parametrize("displayed_kw", [0.97, 1.0, 1.06])
def test_an_encoder_offset_at_a_power_factor_near_1(displayed_kw: float) -> None:
    """There the power factor does not show the angle of the current, and errors of the power raise it above 1."""
    sound, turned = at_output(), at_output(turn_rad=0.75)
    power_factor = (turned["p_out_kw"] or 0) * 1000 / math.sqrt(3) / (turned["u_out_v"] or 1) / (turned["i_out_a"] or 1)
    assert power_factor > 0.93
    for values in (sound, turned):
        values["p_out_kw"] = displayed_kw * (values["p_out_kw"] or 0)
    watched = Watched().feed(700, **sound).feed(300, **turned)
    assert list(watched.found) == ["loss_of_synchronism"]


def test_a_great_loss_of_flux_is_named_after_it_was_left_open() -> None:
    watched = Watched().feed(700, **at_output()).feed(4500, **at_output(flux=0.8))
    assert "demagnetization" in watched.condition.active()
    opened = watched.found.get("loss_of_synchronism")
    assert opened is None or opened.confidence is Confidence.POSSIBLE
    assert "loss_of_synchronism" not in watched.condition.active()


def test_flux_learned_below_the_nameplate_is_not_called_clear() -> None:
    answer = Watched().feed(4500, **at_output(flux=0.96)).answer("demagnetization")
    assert isinstance(answer, NotObservable)
    assert answer.reason.code == "condition_row_flux_below_nameplate"
