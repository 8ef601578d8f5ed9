"""Production of a line: calendar, shifts, setpoints, products and the weather."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from benchmarks.plant_histories.cases import Case
from benchmarks.plant_histories.series import Array, first_order, held_levels, ornstein_uhlenbeck

DAY_S = 86_400
STATE_LOAD = 0.12  # effect of the second state of a line that holds its setpoints, share of the energy


@dataclass(frozen=True, slots=True)
class Production:
    """Production per step.

    running: the motor is on.
    load: share of the rated flow or throughput; 0 at idle and off.
    intensity: energy per unit of product, 1 for the reference product.
    air_c: temperature of the air, °C.
    second: what the second signal shows: product number, share or state; None without one.
    """

    running: NDArray[np.bool_]
    load: Array
    intensity: Array
    air_c: Array
    second: Array | None


def produce(case: Case, line: str, t_s: Array, after: NDArray[np.bool_], rng: np.random.Generator) -> Production:
    """The production at these times.

    t_s: UTC, s, equidistant.
    after: whether the retrofit is done.
    """
    n, step_s = len(t_s), float(t_s[1] - t_s[0])
    row = round(case.row_s / step_s)
    running = np.ones(n, dtype=bool)
    if case.weekends_off or case.holidays:
        running &= (t_s / DAY_S + 3 - 0.25) % 7 < 5  # Monday 06:00 to Saturday 06:00; 1970-01-01 was a Thursday
    if case.holidays:
        _off(running, after == (rng.random() < 0.5), rng.integers(3, 6) * DAY_S / step_s, rng)
    for _ in range(case.stops):
        _off(running, ~after, DAY_S / step_s, rng)
    if case.stops and rng.random() < 0.5:
        _off(running, after, DAY_S / step_s, rng)

    load, intensity, second = _setpoints(case, t_s, row, rng), np.ones(n), None
    factor = rng.uniform(*case.load_after)
    load = np.where(after, factor * load, load)
    if case.held:
        load = np.round(load, 2)
        states = cycle((0.0, 1.0) if rng.random() < 0.5 else (1.0, 0.0))
        second = held_levels(
            rng, n, (round(2 * DAY_S / step_s), round(4 * DAY_S / step_s)), lambda _: next(states), row
        )
        intensity = 1 + STATE_LOAD * second
    if case.mix:
        second, intensity = _mix(case, n, step_s, after, rng)
    if line in ("mill", "strip") and not case.held:
        idle = _idle(n, step_s, rng)
        load = np.where(idle, 0.0, load)
        running &= ~idle | (line == "mill")
    return Production(running, np.where(running, load, 0.0), intensity, _air(case, t_s, rng), second)


def _setpoints(case: Case, t_s: Array, row: int, rng: np.random.Generator) -> Array:
    """Setpoints that are held for hours, less at night; around them a fluctuation, unless they are held exactly."""
    n, step_s = len(t_s), float(t_s[1] - t_s[0])
    hour_steps = 3600 / step_s
    hold = (round((4 if case.held else 1.5) * hour_steps), round(10 * hour_steps))
    wanted = held_levels(rng, n, hold, lambda draws: draws.uniform(0.6, 1.0), row)
    night = (t_s / 3600 + 2) % 24 < 8
    if case.held:
        return np.asarray(wanted)
    reached = first_order(np.where(night, rng.uniform(0.85, 1.0), 1.0) * wanted, step_s, 600)
    return reached * (1 + 0.02 * ornstein_uhlenbeck(rng, n, step_s, 2400))


def _mix(case: Case, n: int, step_s: float, after: NDArray[np.bool_], rng: np.random.Generator) -> tuple[Array, Array]:
    """Product number or share of product A per step, and the energy per tonne; batches of 4 to 12 h."""
    grid = round(case.row_s / step_s)
    hold = (round(4 * 3600 / step_s), round(12 * 3600 / step_s))
    if case.mix == "share":
        extra = rng.uniform(0.2, 0.5) * rng.choice((-1, 1))
        low, high = (held_levels(rng, n, hold, partial(_share, a=a), grid) for a in (2.0, 3.0))
        share = np.where(after, high, low)
        return share, 1 + extra * share
    products = int(rng.integers(2, 4))
    energies = np.array([1.0, rng.uniform(1.15, 1.35), rng.uniform(0.7, 0.85)])[:products]
    weights = [rng.dirichlet(np.full(products, 4.0)) for _ in range(2)]
    first, then = (held_levels(rng, n, hold, partial(_number, weights=p), grid) for p in weights)
    number = np.where(after, then, first)
    return number + 1, energies[number.astype(int)]


def _share(rng: np.random.Generator, a: float) -> float:
    return float(rng.beta(a, 5 - a))


def _number(rng: np.random.Generator, weights: Array) -> float:
    return float(rng.choice(len(weights), p=weights))


def _idle(n: int, step_s: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Idle times of 10 to 40 min about every five hours."""
    idle, at = np.zeros(n, dtype=bool), 0.0
    while at < n:
        at += rng.exponential(5 * 3600 / step_s)
        length = rng.uniform(600, 2400) / step_s
        idle[round(at) : round(at + length)] = True
        at += length
    return idle


def _off(running: NDArray[np.bool_], within: NDArray[np.bool_], steps: float, rng: np.random.Generator) -> None:
    """Stops the line for these steps at a random time within a period, at least half a day from its ends."""
    at = np.flatnonzero(within)
    margin = len(at) // 32
    begin = int(at[0]) + int(rng.integers(margin, len(at) - margin - round(steps)))
    running[begin : begin + round(steps)] = False


def _air(case: Case, t_s: Array, rng: np.random.Generator) -> Array:
    """Temperature: 20 °C indoors; outdoors the year (coldest on 20 January), the day and weather of some days."""
    if case.air == "indoor":
        return np.full(len(t_s), 20.0)
    year = -14.0 * np.cos(2 * np.pi * (t_s / DAY_S - 19) / 365.25)
    day = -4.0 * np.cos(2 * np.pi * (t_s / DAY_S - 4 / 24))
    return 13.0 + year + day + 3.5 * ornstein_uhlenbeck(rng, len(t_s), float(t_s[1] - t_s[0]), 60 * 3600)
