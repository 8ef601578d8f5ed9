"""The generator of plant histories against closed forms, IEC 61869-2 and the saving that it states."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.plant_histories import CASES, Case, history
from benchmarks.plant_histories.machines import Fan, Mill, Motor, Pump
from benchmarks.plant_histories.metering import Metering, limits
from benchmarks.plant_histories.series import first_order, held_levels, ornstein_uhlenbeck

ROUNDING = 1e-9  # sums of some thousand numbers in double precision
DAY_S = 86_400


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    "machine", [Pump(0.2, 0.03, 0.3, 0.4), Fan(0.02, 0.3, 0.3, 0.1), Mill(0.25, 0.1)], ids=["pump", "fan", "mill"]
)
def test_rated_load_needs_rated_shaft_power(machine: Pump | Fan | Mill) -> None:
    one = np.ones(1)
    assert machine.shaft(one, 20 * one, one) == pytest.approx(1.0, rel=ROUNDING)


def test_shut_off_power_of_a_pump_is_disc_friction_and_leakage() -> None:
    none = np.zeros(1)
    expected = 0.2 + 0.8 * 0.05 / (1.05 * 0.7)  # (q + 0.05)(1 − 0.3 q) at q = 0, over its value at q = 1
    assert Pump(0.2, 0.05, 0.3, 0.4).shaft(none, none + 20, none + 1) == pytest.approx(expected, rel=ROUNDING)


def test_power_of_a_fan_follows_the_density_of_an_ideal_gas() -> None:
    one = np.ones(2)
    cold, hot = Fan(0.0, 0.3, 0.3, 0.1).shaft(one, np.array([0.0, 40.0]), one)
    assert cold / hot == pytest.approx(313.15 / 273.15, rel=ROUNDING)


def test_power_factor_of_a_motor_follows_its_two_powers() -> None:
    motor, shaft = Motor(0.03, 0.02, 0.4, 0.2), np.array([0.5])
    assert motor.active(shaft) == pytest.approx(0.535, rel=ROUNDING)
    assert motor.reactive(shaft) == pytest.approx(0.45, rel=ROUNDING)


@pytest.mark.parametrize("decay_h", [1, 20, 72])
def test_autocorrelation_decays_with_the_stated_time(decay_h: int) -> None:
    """Autocorrelation at one decay time is 1/e; 4000 decay times: standard error about 0.02."""
    steps = 20
    x = ornstein_uhlenbeck(rng(), 4000 * steps, decay_h * 3600 / steps, decay_h * 3600)
    assert x.std() == pytest.approx(1, abs=0.08)
    assert np.mean(x[:-steps] * x[steps:]) / np.mean(x * x) == pytest.approx(np.exp(-1), abs=0.08)


def test_step_response_of_the_first_order() -> None:
    x = np.concatenate([np.zeros(1), np.ones(60)])
    assert first_order(x, 10, 600)[-1] == pytest.approx(1 - np.exp(-1), rel=ROUNDING)


def test_levels_are_held_and_change_on_the_grid() -> None:
    levels = held_levels(rng(), 4000, (30, 120), lambda draws: draws.uniform(), 3)
    changes = np.flatnonzero(np.diff(levels)) + 1
    assert (changes % 3 == 0).all()
    assert np.diff(changes).min() >= 27
    assert np.diff(changes).max() <= 123


@pytest.mark.parametrize(
    ("name", "percent", "ratio_percent", "minutes"),
    [("0.5", 100, 0.5, 30), ("0.5", 60, 0.625, 37.5), ("0.5", 20, 0.75, 45), ("0.5", 5, 1.5, 90), ("0.5", 120, 0.5, 30),
     ("0.5S", 60, 0.5, 30), ("0.5S", 20, 0.5, 30), ("0.5S", 5, 0.75, 45), ("0.5S", 1, 1.5, 90),
     ("0.2S", 20, 0.2, 10), ("0.2S", 3, 0.55, 22.5), ("0.2", 5, 0.75, 30)],
)  # fmt: skip
def test_limits_of_transformers_are_those_of_iec_61869_2(
    name: str, percent: float, ratio_percent: float, minutes: float
) -> None:
    ratio, phase = limits(name, np.array([percent / 100]))
    assert 100 * ratio == pytest.approx(ratio_percent, rel=ROUNDING)
    assert 60 * np.degrees(phase) == pytest.approx(minutes, rel=ROUNDING)


def test_meters_stay_within_the_limits_of_their_class_and_use_them() -> None:
    """Class 0.5 at rated current and power factor 0.8: 0.5 % meter, 0.5 % ratio, 30′ · tan φ = 0.65 %."""
    active, reactive = np.array([0.8]), np.array([0.6])
    found = [float(Metering.drawn("0.5", 1.0, rng(seed)).measured(active, reactive)[0]) / 0.8 for seed in range(400)]
    assert max(np.abs(np.array(found) - 1)) < 0.005 + 0.005 + 0.00655 + 0.0001
    expected = np.sqrt(0.005**2 + (0.005**2 + 0.00655**2) / 3) / np.sqrt(3)  # rectangular, three transformers
    assert np.std(found) == pytest.approx(expected, rel=0.12)  # 400 draws: standard error 3.5 %


def test_phase_error_does_not_act_at_power_factor_one() -> None:
    meter = Metering("0.5S", 1.0, 0.0, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    active, reactive = np.ones(2), np.array([0.0, 0.75])
    unity, inductive = meter.measured(active, reactive)
    assert unity == pytest.approx(1, abs=4e-5)  # cos 30′ = 1 − 3.8e-5
    assert inductive - 1 == pytest.approx(0.75 * np.radians(0.5), rel=0.01)


@pytest.mark.parametrize("name", CASES)
def test_a_seed_gives_the_same_history_and_another_one_another(name: str) -> None:
    first, again, other = (history(CASES[name], seed, 0.08) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.after.energy_kwh, again.after.energy_kwh)
    for signal, values in first.before.drivers.items():
        np.testing.assert_array_equal(values, again.before.drivers[signal])
    assert first.after.energy_kwh.sum() != other.after.energy_kwh.sum()


@pytest.mark.parametrize("name", CASES)
def test_rows_are_complete_and_the_saving_is_exact(name: str) -> None:
    case = CASES[name]
    found = history(case, 3, 0.08)
    for period, days in ((found.before, case.before_d), (found.after, case.after_d)):
        assert (np.diff(period.start_s) == case.row_s).all()
        assert len(period.start_s) * case.row_s == days * DAY_S
        assert (period.energy_kwh >= 0).all()
    assert found.before.start_s[-1] < found.after.start_s[0]
    saved = 1 - found.after.new_kwh.sum() / found.after.old_kwh.sum()
    assert saved == pytest.approx(found.saved, rel=ROUNDING)
    if case.saved is None:
        assert found.saved == 0.08


@pytest.mark.parametrize("name", CASES)
def test_the_meter_is_within_its_classes(name: str) -> None:
    """Class 0.5 at 55 % of rated current and power factor 0.8: 0.5 + 0.64 + 38′ · 0.75 = 2.0 % at the most."""
    for seed in range(6):
        found = history(CASES[name], seed, 0.08)
        before = found.before.energy_kwh.sum() / found.before.old_kwh.sum()
        after = found.after.energy_kwh.sum() / found.after.new_kwh.sum() / found.factor
        assert abs(before - 1) < 0.02
        assert abs(after - 1) < 0.02


def test_both_savings_of_a_seed_share_everything_but_the_retrofit() -> None:
    nothing, saved = (history(CASES["one stop"], 4, share) for share in (0.0, 0.08))
    np.testing.assert_array_equal(nothing.before.energy_kwh, saved.before.energy_kwh)
    np.testing.assert_array_equal(nothing.after.old_kwh, saved.after.old_kwh)
    np.testing.assert_array_equal(nothing.after.old_kwh, nothing.after.new_kwh)


def test_a_forgotten_transformer_ratio_halves_the_energies() -> None:
    true, halved = (history(replace(CASES["ct ratio"], factors=(factor,)), 2, 0.0) for factor in (1.0, 0.5))
    np.testing.assert_allclose(halved.after.energy_kwh, true.after.energy_kwh / 2, rtol=ROUNDING)
    np.testing.assert_array_equal(halved.before.energy_kwh, true.before.energy_kwh)


QUIET = Case(lines=("pump",), influence=0.0, white=0.0, held=True)


def test_without_an_influence_equal_setpoints_need_equal_energy() -> None:
    found = history(QUIET, 1, 0.0).before
    settings = np.round(np.array([found.drivers["flow_m3_h"], found.drivers["line_state"]]), 6)
    _, which = np.unique(settings, axis=1, return_inverse=True)
    for one in range(which.max() + 1):
        energies = found.old_kwh[which.ravel() == one]
        assert np.ptp(energies) <= ROUNDING * energies.max()


def test_energy_of_a_quiet_pump_is_a_polynomial_of_its_flow() -> None:
    """Shaft power is quadratic in the flow and the losses quadratic in the shaft power: degree 4 in each state."""
    found = history(QUIET, 1, 0.0).before
    for state in (0, 1):
        rows = found.drivers["line_state"] == state
        flow = found.drivers["flow_m3_h"][rows]
        fit = np.polynomial.Polynomial.fit(flow, found.old_kwh[rows], 4)
        np.testing.assert_allclose(fit(flow), found.old_kwh[rows], rtol=1e-7)


def test_load_dependent_retrofit_saves_more_at_low_load() -> None:
    found = history(replace(CASES["load-dependent saving"], lines=("pump",)), 1, 0.08).after
    share, flow = 1 - found.new_kwh / found.old_kwh, found.drivers["flow_m3_h"]
    low, high = np.quantile(flow, (0.2, 0.8))
    assert share[flow < low].mean() > 1.5 * share[flow > high].mean()


@pytest.mark.parametrize(("name", "rows"), [("lag of an hour", 4), ("energy leads by 45 min", -3)])
def test_energy_follows_the_driver_by_the_stated_time(name: str, rows: int) -> None:
    for seed in range(4):
        found = history(CASES[name], seed, 0.0).before
        (driver,) = found.drivers.values()
        correlations = {
            shift: np.corrcoef(np.roll(driver, shift)[8:-8], found.energy_kwh[8:-8])[0, 1] for shift in range(-6, 7)
        }
        assert max(correlations, key=lambda shift: correlations[shift]) == rows


def test_a_frozen_transmitter_repeats_one_value_for_three_days() -> None:
    periods = set()
    for seed in range(8):
        found = history(CASES["frozen transmitter"], seed, 0.0)
        longest = {}
        for name in ("before", "after"):
            period = getattr(found, name)
            (driver,) = period.drivers.values()
            ends = np.flatnonzero(np.concatenate([[True], np.diff(driver) != 0, [True]]))
            longest[name] = int(np.diff(ends).max())
        periods.add(max(longest, key=lambda name: longest[name]))
        assert max(longest.values()) in (288, 289)  # rows; the value before may be the same
        assert min(longest.values()) < 12
    assert periods == {"before", "after"}


def test_the_driver_is_missing_for_two_days_of_the_baseline_only() -> None:
    for seed in range(6):
        found = history(CASES["driver missing"], seed, 0.0)
        (before,), (after,) = found.before.drivers.values(), found.after.drivers.values()
        assert np.isnan(before).sum() == 192
        assert not np.isnan(after).any()


@pytest.mark.parametrize(("kind", "low", "high"), [("ramp", 0.0, 0.015), ("step", 0.0, 0.015), ("band", -0.015, 0.015)])
def test_drift_stays_within_its_limits(kind: str, low: float, high: float) -> None:
    drifts = []
    for seed in range(12):
        held = Case(lines=("pump",), held=True)
        true, drifted = (
            history(case, seed, 0.0).after.drivers["flow_m3_h"] for case in (held, replace(held, drifts=(kind,)))
        )
        drifts += [*(drifted / true - 1)]
    assert low - ROUNDING <= min(drifts)
    assert max(drifts) <= high + ROUNDING
    assert np.ptp(drifts) > 0.6 * (high - low)


@pytest.mark.parametrize(("name", "days"), [("one stop", 1), ("two stops", 2)])
def test_stops_last_a_day(name: str, days: int) -> None:
    """Two stops may overlap. Between batches a mill is without throughput for 40 min at the most."""
    for seed in range(6):
        (driver,) = history(CASES[name], seed, 0.0).before.drivers.values()
        busy = np.flatnonzero(np.concatenate([[1.0], driver, [1.0]]))
        longest = np.diff(busy).max() - 1
        assert 94 <= longest <= days * 100


def test_the_season_changes_and_is_not_recorded() -> None:
    found = history(CASES["season"], 1, 0.0)
    assert set(found.before.drivers) == {"flow_m3_h"}
    winter, summer = ((period.old_kwh / period.drivers["flow_m3_h"]).mean() for period in (found.before, found.after))
    assert 1.04 < winter / summer < 1.16  # 20 to 30 K of 280 K, less for the bearings and the losses


def test_production_falls_without_a_record() -> None:
    for seed in range(6):
        found = history(CASES["no driver"], seed, 0.0)
        assert not found.before.drivers
        assert 0.7 < found.after.old_kwh.mean() / found.before.old_kwh.mean() < 1.05


def test_states_last_days_and_setpoints_hours() -> None:
    for seed in range(4):
        found = history(CASES["setpoints held exactly"], seed, 0.0).before
        state = found.drivers["line_state"]
        (setpoint,) = (values for name, values in found.drivers.items() if name != "line_state")
        assert set(state) == {0.0, 1.0}
        changes = np.flatnonzero(np.diff(state))
        assert np.diff(changes).min() >= 191  # rows: two days, and one for rounding
        changes = np.flatnonzero(np.abs(np.diff(setpoint)) > 1e-9 * setpoint.max())
        assert np.diff(changes).min() >= 15  # rows: 4 h, and one for rounding
        assert (np.diff(setpoint) == 0).mean() > 0.9
