"""One history: rows before and after a retrofit, and the energies that the old and the new plant truly need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.plant_histories.cases import Case
from benchmarks.plant_histories.machines import machine_of, motor_of
from benchmarks.plant_histories.metering import Metering
from benchmarks.plant_histories.production import DAY_S, Production, produce
from benchmarks.plant_histories.sensors import Signals, recorded
from benchmarks.plant_histories.series import Array, ornstein_uhlenbeck

STEP_S = 300
MARGIN_S = 2 * 3600  # simulated before and after the history, for drivers that are earlier or later than the energy
EPOCH_2025_S = 1_735_689_600  # 2025-01-01T00:00:00Z


@dataclass(frozen=True, slots=True)
class Period:
    """Rows of a period; a row begins at start_s and lasts row_s of the case.

    start_s: UTC, s, shape (n,).
    energy_kwh, reactive_kvarh: as metered, shape (n,).
    drivers: mean values by signal, NaN where missing, shape (n,) each.
    old_kwh, new_kwh: energy that the old and the new plant truly need under these conditions, shape (n,).
    """

    start_s: NDArray[np.int64]
    energy_kwh: Array
    reactive_kvarh: Array
    drivers: Mapping[str, Array]
    old_kwh: Array
    new_kwh: Array


@dataclass(frozen=True, slots=True)
class History:
    """A baseline period and a reporting period with the retrofit between them.

    name: of the meter class.
    saved: share of the energy of the old plant that the retrofit saves in the reporting period.
    factor: metered over true energy by a forgotten transformer ratio; 1: none.
    same_meter: the meter is the same in both periods.
    rated_va: apparent power at rated current of the transformers, VA.
    season: the periods are in different seasons, and the energy depends on them.
    """

    line: str
    name: str
    before: Period
    after: Period
    saved: float
    factor: float
    same_meter: bool
    rated_va: float
    season: bool


def history(case: Case, seed: int, saved: float) -> History:
    """The history of a seed. The draws do not depend on `saved`, so two savings of a seed differ only by the retrofit.

    saved: share of the energy of the old plant in the reporting period; ignored where the case draws it.
    """
    rng = np.random.default_rng(seed)
    line = case.lines[int(rng.integers(len(case.lines)))]
    name = case.classes[int(rng.integers(len(case.classes)))]
    if case.saved is not None:
        saved = rng.uniform(*case.saved)
    start_s, split_s, again_s, end_s = _dates(case, rng)
    t_s = np.arange(start_s - MARGIN_S, end_s + MARGIN_S, STEP_S).astype(float)

    production = produce(case, line, t_s, t_s >= split_s, rng)
    old_kw, reactive_kvar = _old_plant(case, line, production, t_s, rng)
    reporting = (t_s >= again_s) & (t_s < end_s)
    new_kw = old_kw * (1 - saved * _shape(case, line, production, old_kw, reporting, rng))
    new_kvar = new_kw * float(np.tan(np.arccos(rng.uniform(0.95, 1.0))))

    baseline = (t_s >= start_s) & (t_s < split_s)
    usual_va = float(np.hypot(old_kw, reactive_kvar)[baseline & production.running].mean())
    rated_va = usual_va / rng.uniform(0.55, 0.7)
    meter, other = Metering.drawn(name, rated_va, rng), Metering.drawn(name, rated_va, rng)
    factor = case.factors[int(rng.integers(len(case.factors)))]
    metered_before = meter.measured(old_kw, reactive_kvar)
    metered_after = factor * (other if case.other_meter else meter).measured(new_kw, new_kvar)

    signals = recorded(case, line, t_s, (start_s, split_s, again_s, end_s), production, rng)
    rows = round(case.row_s / STEP_S)
    before = _period(t_s, baseline, rows, metered_before, reactive_kvar, signals, old_kw, new_kw)
    after = _period(t_s, reporting, rows, metered_after, factor * new_kvar, signals, old_kw, new_kw)
    return History(line, name, before, after, saved, factor, not case.other_meter, 1000 * rated_va, case.season)


def _dates(case: Case, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Beginning and end of the baseline and of the reporting period, UTC, s."""
    first_d = int(rng.integers(5, 20) if case.season else rng.integers(0, 365))
    pause_d = int(rng.integers(150, 170) if case.season else rng.integers(case.pause_d[0], case.pause_d[1] + 1))
    start_s = EPOCH_2025_S + first_d * DAY_S
    split_s = start_s + case.before_d * DAY_S
    again_s = split_s + pause_d * DAY_S
    return start_s, split_s, again_s, again_s + case.after_d * DAY_S


def _old_plant(
    case: Case, line: str, production: Production, t_s: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Active and reactive power of the old plant, kW and kvar."""
    machine, motor = machine_of(line, rng), motor_of(rng)
    rated_kw = float(np.exp(rng.uniform(np.log(30), np.log(300))))
    standby = rng.uniform(0.005, 0.03) if line in ("mill", "strip") else rng.uniform(0.0, 0.005)
    decay_s = 3600 * float(np.exp(rng.uniform(*np.log(case.decay_h))))
    slow = ornstein_uhlenbeck(rng, len(t_s), STEP_S, decay_s) * np.sqrt(case.influence**2 - case.white**2)
    white = rng.standard_normal(len(t_s)) * case.white * np.sqrt(900 / STEP_S)
    shaft = machine.shaft(production.load, production.air_c, production.intensity)
    active = np.where(production.running, motor.active(shaft) * (1 + slow + white), standby)
    return rated_kw * active, rated_kw * np.where(production.running, motor.reactive(shaft), 0.75 * standby)


def _shape(
    case: Case, line: str, production: Production, old_kw: Array, reporting: NDArray[np.bool_], rng: np.random.Generator
) -> Array:
    """Relative saving per step; its mean over the energy of the reporting period is 1."""
    if not case.by_load:
        return np.ones(len(old_kw))
    found = machine_of(line, rng).avoidable(production.load)
    return np.asarray(found * old_kw[reporting].sum() / (found * old_kw)[reporting].sum())


def _period(
    t_s: Array, within: NDArray[np.bool_], rows: int, metered_kw: Array, reactive_kvar: Array, signals: Signals,
    old_kw: Array, new_kw: Array,
) -> Period:  # fmt: skip
    def mean(x: Array) -> Array:
        return np.asarray(x[within].reshape(-1, rows).mean(axis=1))

    hours = rows * STEP_S / 3600
    drivers = {name: mean(values) for name, values in signals.items()}
    return Period(
        t_s[within][::rows].astype(np.int64), mean(metered_kw) * hours, mean(reactive_kvar) * hours, drivers,
        mean(old_kw) * hours, mean(new_kw) * hours,
    )  # fmt: skip
