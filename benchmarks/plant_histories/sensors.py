"""Transmitters: what is recorded of the production, and their faults."""

from __future__ import annotations

import numpy as np

from benchmarks.plant_histories.cases import Case
from benchmarks.plant_histories.production import DAY_S, Production
from benchmarks.plant_histories.series import Array

Signals = dict[str, Array]
DRIFT_MOST = 0.015
NOISE = 0.002  # white noise of a mean of 15 min, share of the value
NAMES = {"pump": "flow_m3_h", "fan": "flow_m3_h", "mill": "throughput_t_h", "strip": "strip_speed_m_min"}
RATED = {"flow_m3_h": (50.0, 2000.0), "throughput_t_h": (5.0, 200.0), "strip_speed_m_min": (40.0, 150.0)}


def recorded(
    case: Case, line: str, t_s: Array, dates: tuple[int, int, int, int], production: Production,
    rng: np.random.Generator,
) -> Signals:  # fmt: skip
    """The recorded signals per step; NaN where missing.

    dates: beginning and end of the baseline and of the reporting period, UTC, s.
    """
    start_s, split_s, again_s, end_s = dates
    step_s = float(t_s[1] - t_s[0])
    name = NAMES[line]
    rated = float(np.exp(rng.uniform(*np.log(RATED[name]))))
    value = rated * (1 + 0.005 * rng.uniform(-1, 1)) * np.roll(production.load, -round(case.lag_s / step_s))
    if not case.held:
        value = value * (1 + NOISE * np.sqrt(900 / step_s) * rng.standard_normal(len(t_s)))
    if case.drifts:
        value = value * _drift(case.drifts[int(rng.integers(len(case.drifts)))], t_s, dates, rng)
    if case.saturated:
        value = np.minimum(value, rng.uniform(0.85, 0.95) * rated)
    if case.frozen_d:
        low_s, high_s = (start_s, split_s) if rng.random() < 0.5 else (again_s, end_s)
        begin_s = rng.integers(low_s // case.row_s, (high_s - case.frozen_d * DAY_S) // case.row_s) * case.row_s
        stuck = (t_s >= begin_s) & (t_s < begin_s + case.frozen_d * DAY_S)
        value = np.where(stuck, value[int(np.argmax(stuck))], value)
    if case.missing_d:
        value = np.where(_missing(case, t_s, start_s, split_s, rng), np.nan, value)

    signals = {name: value} if case.recorded else {}
    if case.air == "recorded":
        signals["air_temperature_c"] = production.air_c + 0.5 * rng.uniform(-1, 1)
    if production.second is not None:
        signals["line_state" if case.held else "product" if case.mix == "number" else "product_share"] = (
            production.second
        )
    return signals


def _drift(kind: str, t_s: Array, dates: tuple[int, int, int, int], rng: np.random.Generator) -> Array:
    start_s, split_s, _, end_s = dates
    if kind == "ramp":
        return np.asarray(1 + DRIFT_MOST * np.clip((t_s - start_s) / (end_s - start_s), 0, 1))
    change = DRIFT_MOST * rng.uniform(0 if kind == "step" else -1, 1)
    return np.asarray(1 + change * (t_s >= split_s))


def _missing(case: Case, t_s: Array, start_s: int, split_s: int, rng: np.random.Generator) -> Array:
    """Where the driver is missing: in one block, or in eight of the same total length."""
    blocks = 1 if rng.random() < 0.5 else 8
    share_s = (split_s - start_s) / blocks
    length_s = case.missing_d * DAY_S / blocks
    found = np.zeros(len(t_s), dtype=bool)
    for block in range(blocks):
        low_s = start_s + block * share_s
        begin_s = low_s + int(rng.uniform(0, share_s - length_s) / case.row_s) * case.row_s
        found |= (t_s >= begin_s) & (t_s < begin_s + length_s)
    return found
