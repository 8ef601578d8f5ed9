"""Recordings and nameplates that are wrong or incomplete: the reason, never a finding, and never healthy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from msgspec import json
from support.condition.magnet_answers import CHANNELS, FS, SOUND, answers, baseline, findings, nameplate, recording

from agent.analysis.condition.answers import Condition, NotObservable, condition_of
from agent.analysis.condition.faults import REQUIRED_MAGNET
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.magnet_features import MagnetFeatures, magnet_features
from agent.analysis.condition.record import Record


def changed(change):
    """The sound recording with a change of its voltages and currents."""
    record = recording(SOUND)
    u, i = record.u_v.copy(), record.i_a.copy()
    result = change(u, i)
    return Record(FS, *(result if isinstance(result, tuple) else (u, i)))


def gap(u, i):
    i[1, 4000:4400] = np.nan


def clip(u, i):
    np.clip(i, -0.7 * i.max(), 0.7 * i.max(), out=i)


def no_voltage(u, i):
    u[:] = np.nan


def one_current(u, i):
    i[1:] = 0.0


def nothing(u, i):
    u[:] = i[:] = np.nan


def phases_of_current_exchanged(u, i):
    return u, i[[1, 0, 2]]


def reversed_channel(u, i):
    i[0] *= -1


def wrong_ratio(u, i):
    i[2] *= 1.5


def dead_voltage(u, i):
    u[0] = 0.0


def too_short(u, i):
    return u[:, :2000], i[:, :2000]


WRONG = {
    gap: "condition_record_short",
    clip: "condition_current_clipped",
    no_voltage: "condition_record_short",
    one_current: "condition_current_sum",
    nothing: "condition_record_short",
    phases_of_current_exchanged: "condition_phase_order",
    reversed_channel: "condition_current_sum",
    wrong_ratio: "condition_current_sum",
    dead_voltage: "condition_rec_voltage_sum",
    too_short: "condition_record_short",
}


@pytest.mark.parametrize("change", WRONG, ids=lambda change: change.__name__)
def test_wrong_recording_gives_its_reason(change):
    found = answers(changed(change), nameplate(), baseline())
    assert findings(found) == set()
    assert found["demagnetization"].reason.code == WRONG[change]
    assert condition_of(found.values(), REQUIRED_MAGNET) is Condition.UNKNOWN


@pytest.mark.parametrize("change", [None, *WRONG])
def test_features_can_be_stored_as_json(change):
    record = recording(SOUND) if change is None else changed(change)
    features = magnet_features(record, nameplate())
    assert json.decode(json.encode(features), type=MagnetFeatures) == features


def test_a_ramp_is_not_judged():
    found = answers(recording(replace(SOUND, ramp=-0.3)), nameplate(), baseline())
    assert found["demagnetization"].reason.code == "condition_rec_unsteady"
    assert findings(found) == set()


PLATES = {
    "none": MachineData(),
    "only the kind": MachineData(kind="magnet"),
    "wrong poles": nameplate(poles=10),
    "poles from elsewhere": nameplate(poles=6, flux_wb=None, emf_v=300.0),
    "wrong flux": nameplate(flux_wb=3 * SOUND.flux_wb),
    "flux of another motor": nameplate(flux_wb=0.7 * SOUND.flux_wb),
    "no flux": nameplate(flux_wb=None),
    "no poles": nameplate(poles=None, hz=None),
    "no volts": nameplate(volts=None, kw=None),
    "no amps": nameplate(amps=None),
}


@pytest.mark.parametrize("name", PLATES)
def test_wrong_or_missing_nameplate_gives_no_finding(name):
    assert findings(answers(recording(SOUND), PLATES[name], baseline())) == set()


@pytest.mark.parametrize("name", ["none", "wrong poles", "wrong flux", "flux of another motor", "no flux"])
def test_flux_without_its_data_is_not_observable(name):
    assert isinstance(answers(recording(SOUND), PLATES[name], None)["demagnetization"], NotObservable)


def test_baseline_of_another_motor_is_not_used():
    other = replace(SOUND, flux_wb=0.17, lq_h=0.006, ld_h=0.006, drive_gains=(0.02, -0.02, 0.0))
    found = answers(recording(SOUND), nameplate(), recording(other, seed=5))
    assert findings(found) == set()
    assert found["turn_fault"].reason.code == "condition_rec_baseline_other"
    assert condition_of(found.values(), REQUIRED_MAGNET) is Condition.HEALTHY


def test_baseline_that_cannot_be_evaluated_is_named():
    found = answers(recording(SOUND), nameplate(), changed(gap))
    assert found["turn_fault"].reason.code == "condition_baseline_unusable"


def test_current_gone_all_the_time_is_live_or_unknown():
    coasting = recording(replace(SOUND, coast_s=-1.0))
    assert findings(answers(coasting, nameplate(), None)) == {"live_terminals"}
    still = Record(FS, coasting.u_v * 0.01, coasting.i_a)
    found = answers(still, nameplate(), None)["live_terminals"]
    assert (found.severity, found.confidence) == ("alarm", "possible")


def test_little_current_cannot_show_that_no_phase_is_lost():
    found = answers(changed(lambda u, i: (u, 0.07 / 0.7 * i)), nameplate(), baseline())
    assert found["phase_loss"].reason.code == "condition_current_low"
    assert condition_of(found.values(), REQUIRED_MAGNET) is not Condition.HEALTHY


def test_one_small_current_of_a_wrong_ratio_is_not_called_clear():
    def third_computed(u, i):
        i[0] *= 0.2
        i[2] = -i[0] - i[1]

    found = answers(changed(third_computed), nameplate(), baseline())
    assert findings(found) == set()
    assert found["phase_loss"].reason.code == "condition_magnet_unbalance"
    assert condition_of(found.values(), REQUIRED_MAGNET) is Condition.UNKNOWN


def test_turns_are_not_clear_where_gains_of_the_voltage_hide_them():
    record = recording(SOUND, 3, how=replace(CHANNELS, star="computed"))
    base = recording(replace(SOUND, load=0.5), 99, how=replace(CHANNELS, star="computed"))
    found = answers(record, nameplate(), base)
    assert {found[code].reason.code for code in ("turn_fault", "winding_asymmetry")} == {
        "condition_magnet_voltage_sum_open"
    }


def test_turns_are_not_clear_where_their_voltage_is_below_the_limit():
    # half the inductance: 2 % of the turns cause half the voltage, 0.11 %
    found = answers(recording(SOUND), nameplate(ls_h=SOUND.lq_h / 2), baseline())
    assert found["turn_fault"].reason.code == "condition_magnet_turns_unseen"


def test_without_a_rated_current_turns_are_not_clear():
    found = answers(recording(SOUND), nameplate(amps=None, kw=None), baseline())
    assert found["turn_fault"].reason.code == "condition_nameplate_missing"


def test_lines_that_have_risen_to_less_than_the_limit_are_not_clear():
    found = answers(recording(replace(SOUND, weak={3: 0.01})), nameplate(), baseline())
    assert found["rotor_asymmetry"].reason.code == "condition_magnet_line_small"
