"""Faults of magnet motors in simulated recordings: the right verdict, and its evidence."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.condition.magnet_answers import SOUND, answers, baseline, findings, nameplate, recording
from support.condition.magnet_variations import with_short

from agent.analysis.condition.answers import Clear, Condition, NotObservable, condition_of
from agent.analysis.condition.faults import REQUIRED_MAGNET
from agent.analysis.condition.magnet_features import magnet_features


def found_in(machine, base=None, **changes):
    return answers(recording(machine), nameplate(machine, **changes), base or baseline())


FAULTS = {
    "demagnetization": replace(SOUND, flux_loss=0.07),
    "turn_fault": with_short(replace(SOUND, phase=1), 0.02, 1.5),
    "contact_resistance": replace(SOUND, phase=2, contact_ohm=0.1),
    "rotor_asymmetry": replace(SOUND, weak={3: 0.2}),
    "once_per_turn": replace(SOUND, once=0.08),
    "loss_of_synchronism": replace(SOUND, encoder_deg=25),
}


@pytest.mark.parametrize("code", FAULTS)
def test_fault_is_named_and_nothing_else(code):
    assert findings(found_in(FAULTS[code])) == {code}


def test_sound_motor_is_healthy_and_all_is_seen():
    found = found_in(SOUND)
    assert condition_of(found.values(), REQUIRED_MAGNET) is Condition.HEALTHY
    assert {code for code, one in found.items() if not isinstance(one, Clear)} == {"bearing"}


def test_flux_index_lies_within_its_uncertainty():
    for loss, severity in ((0.07, "warning"), (0.12, "alarm")):
        found = found_in(replace(SOUND, flux_loss=loss))["demagnetization"]
        assert found.severity == severity
        assert abs(found.value - 100 * (1 - loss)) < found.u95 < 2


def test_hot_magnets_are_no_loss():
    for temperatures in ("both", "winding", "none"):
        hot = replace(SOUND, magnet_degc=115, winding_degc=130)
        assert findings(found_in(hot, temperatures=temperatures)) == set()


def test_without_a_temperature_a_loss_is_only_possible():
    found = found_in(replace(SOUND, flux_loss=0.16), temperatures="none")["demagnetization"]
    assert (found.severity, found.confidence) == ("warning", "possible")
    unseen = found_in(replace(SOUND, flux_loss=0.07), temperatures="none")["demagnetization"]
    assert isinstance(unseen, NotObservable)


def test_a_motor_far_above_its_rated_frequency_is_read_as_exactly() -> None:
    """Orders are read at a rate that fits the rated frequency; faster, at that of the recording."""
    weak = replace(SOUND, weak={3: 0.2})
    known, faster = (magnet_features(recording(weak), nameplate(hz=hz)) for hz in (100.0, 40.0))
    assert faster.hz == pytest.approx(100, abs=0.05)
    for name in ("hz", "u1_v", "i1_a", "angle_rad"):
        assert getattr(faster, name) == pytest.approx(getattr(known, name), rel=1e-3)  # ripple of the filter: 1e-4
    assert [line.emf for line in faster.lines] == pytest.approx([line.emf for line in known.lines], rel=0.02, abs=1e-4)


@pytest.mark.parametrize("code", ["turn_fault", "contact_resistance"])
@pytest.mark.parametrize("phase", [0, 1, 2])
def test_phase_is_named_also_when_two_phases_are_exchanged(code, phase):
    record = recording(replace(FAULTS[code], phase=phase), seconds=6.0)  # as in the agent
    assert answers(record, nameplate(), baseline())[code].why.data["phase"] == phase + 1
    order = [0, 2, 1]
    exchanged, base = (replace_rows(one, order) for one in (record, baseline()))
    assert answers(exchanged, nameplate(), base)[code].why.data["phase"] == order.index(phase) + 1


def replace_rows(record, order):
    return type(record)(record.fs_hz, record.u_v[order], record.i_a[order])


def test_a_drive_with_unequal_sensors_and_a_rippling_link_is_no_fault():
    machine = replace(SOUND, drive_gains=(0.008, -0.008, 0.0), link_ripple=0.03)
    assert findings(found_in(machine)) == set()


def test_lost_phase_is_found_in_time_and_nothing_else_is_judged():
    found = found_in(replace(SOUND, lost_s=1.5, phase=1))
    lost = found["phase_loss"]
    assert (lost.severity, lost.confidence, lost.why.data["phase"]) == ("alarm", "certain", 2)
    assert 1.5 < lost.at_s < 1.56
    assert findings(found) == {"phase_loss"}


def test_coasting_motor_has_live_terminals_and_shows_its_flux():
    found = found_in(replace(SOUND, coast_s=1.5, flux_loss=0.12))
    assert found["live_terminals"].severity == "alarm"
    assert found["live_terminals"].value > 100
    assert found["demagnetization"].value == pytest.approx(88, abs=1)  # U of the gain 0.5 %, of the nameplate 0.5 %
    assert isinstance(found["phase_loss"], NotObservable)


def test_live_terminals_are_not_said_while_the_drive_runs():
    assert "live_terminals" not in found_in(SOUND)


def test_interior_magnets_carry_the_uncertainty_of_their_saliency():
    machine = replace(SOUND, ld_h=0.0016, lead_deg=30, load=1.0)
    plate = {"ls_h": None, "xq_ohm": 6.28 * 100 * SOUND.lq_h}
    found = found_in(machine, recording(replace(machine, load=0.6), seed=7), **plate)
    assert findings(found) == set()
    assert isinstance(found["demagnetization"], NotObservable) or found["demagnetization"].u95 > 3


def test_load_that_swings_is_a_note():
    found = found_in(replace(SOUND, load_noise=(0.12, 0.0)))
    assert findings(found) == set()
