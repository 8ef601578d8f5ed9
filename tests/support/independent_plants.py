"""Mills that were not used to tune U95 of a saving: plant, production and disturbances differ from retrofit.py.

They use numpy and textbook laws only; nothing comes from agent, dsp, simulators or retrofit.py. Power by the minute is
summed to quarter hours. True values and the values that a meter and the plant's signals would show are returned
together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Rng = np.random.Generator
QUARTER = 15  # minutes
DAY = 96  # quarter hours
RATED_KW, RATED_EFFICIENCY, NO_LOAD_SHARE = 200.0, 0.945, 0.4  # constant share of the losses at full load
STANDBY_KW = 0.4


@dataclass(frozen=True)
class Span:
    """Values of quarter hours.

    old_wh, new_wh, old_varh, new_varh: true energy of the old and of the new plant.
    running: share of the time during which the plant was switched on.
    drivers: as displayed, NaN where missing.
    """

    old_wh: Array
    new_wh: Array
    old_varh: Array
    new_varh: Array
    running: Array
    drivers: dict[str, Array]


@dataclass(frozen=True)
class World:
    """One mill.

    plan(rng, quarters, level): requested rate of each minute relative to rated; 0: idle, NaN: switched off.
    unseen(rng, quarters): effect of unmeasured influences on the shaft power of each quarter hour, relative.
    shown: value of the signal for the mean of a quarter hour.
    lower: production of the reporting period relative to the baseline period.
    """

    plan: Callable[[Rng, int, float], Array]
    unseen: Callable[[Rng, int], Array]
    displayed: Callable[[Rng, Array], Array] = lambda rng, mean: 1000 * mean
    driver: str = "signal_flow_m3_h"
    law: Callable[[Array], Array] = field(default_factory=lambda: throttled_pump)
    before_days: int = 14
    after_days: int = 30
    lower: float = 0.9
    grows: float = 0.0  # exponent with which the unmeasured share increases with the load
    season_c: tuple[float, float, float] | None = None  # mean before, mean after, slow spread; None: no temperature
    tells_running: bool = False  # a second signal is the share of the quarter hour with a rate above zero
    insisted: tuple[str, ...] = ()  # drivers passed to `learn` explicitly
    accuracy: float = 0.0  # of the driver as configured, relative (k = 2)

    def lasting(self, before_days: int, after_days: int) -> World:
        return replace(self, before_days=before_days, after_days=after_days)


def live_in(world: World, rng: Rng, saved: float = 0.08) -> tuple[Span, Span]:
    """Baseline and reporting period, with one week between them.

    In the reporting period the new plant uses the share `saved` less in total. The unmeasured influences are continuous
    over both periods and the week between.
    """
    pause = 7 * DAY
    n = (world.before_days * DAY, world.after_days * DAY)
    unseen = world.unseen(rng, n[0] + pause + n[1])
    first = _span(world, rng, n[0], 0.80, unseen[: n[0]], 0, saved)
    return first, _span(world, rng, n[1], 0.80 * world.lower, unseen[n[0] + pause :], 1, saved)


def _span(world: World, rng: Rng, n: int, level: float, unseen: Array, which: int, saved: float) -> Span:
    asked = world.plan(rng, n, level)
    running = ~np.isnan(asked)
    rate = np.where(running, asked, 0.0)
    drivers = {world.driver: world.displayed(rng, rate.reshape(n, QUARTER).mean(axis=1))}
    if world.tells_running:
        drivers["signal_running"] = (rate > 0).reshape(n, QUARTER).mean(axis=1)
    share = np.repeat(unseen, QUARTER) * (rate / 0.8) ** world.grows
    if world.season_c is not None:
        celsius = _temperature(rng, n, world.season_c[which], world.season_c[2])
        drivers["signal_air_c"] = celsius
        share = share + np.repeat(288.15 / (273.15 + celsius) - 1, QUARTER)  # a fan moves mass: density by Gay-Lussac
    shaft_kw = RATED_KW * world.law(rate) * (1 + share)
    old_kw = np.where(running, electric_kw(shaft_kw), STANDBY_KW)
    wasted = np.where(running, old_kw * np.clip(1.1 - rate, 0.05, None), 0.0)  # more throttling loss at low flow
    new_kw = old_kw - saved * old_kw.sum() / wasted.sum() * wasted
    old_kvar = np.where(running, RATED_KW * (0.42 + 0.18 * (shaft_kw / RATED_KW) ** 2), 0.0)

    def wh(kw: Array) -> Array:
        found: Array = kw.reshape(n, QUARTER).sum(axis=1) * 1000 / 60
        return found

    on = running.reshape(n, QUARTER).mean(axis=1)
    return Span(wh(old_kw), wh(new_kw), wh(old_kvar), wh(0.1 * new_kw), on, drivers)


def throttled_pump(rate: Array) -> Array:
    """Shaft power relative to rated at constant speed: H = 1.25 − 0.25·q², η = 2q − q², P = q·H/η."""
    return (1.25 - 0.25 * rate**2) / (2 - rate)


def rolling_stand(rate: Array) -> Array:
    """Friction, a share proportional to the rate, and a spindle loss proportional to its square."""
    return 0.22 + 0.70 * rate + 0.08 * rate**2


def electric_kw(shaft_kw: Array) -> Array:
    """Constant losses and losses proportional to the square of the load (kinds of IEC 60034-2-1, textbook shares)."""
    full_kw = RATED_KW * (1 / RATED_EFFICIENCY - 1)
    return shaft_kw + full_kw * (NO_LOAD_SHARE + (1 - NO_LOAD_SHARE) * (shaft_kw / RATED_KW) ** 2)


# Requested production.


def setpoints(rng: Rng, n: int, level: float) -> Array:
    """Setpoints that an operator changes every few hours, with small process variations around them."""
    minutes = n * QUARTER
    held = rng.exponential(150.0, minutes // 60 + 50) + 20
    values = level * rng.triangular(0.72, 1.02, 1.24, len(held))
    asked = np.repeat(values, held.astype(int))[:minutes]
    return np.clip(asked + 0.012 * np.repeat(decaying(rng, n, 1.0), QUARTER), 0.2, 1.15)


def campaigns(rng: Rng, n: int, level: float) -> Array:
    """Batches of one product for hours; the stand idles for minutes between bars and between batches.

    With less production the pauses become longer, and the rolling speed remains the same.
    """
    return _batches(rng, n, 0.8, 0.8 / level)


def slower_campaigns(rng: Rng, n: int, level: float) -> Array:
    """With less production the rolling speed is lower, and the pauses remain the same."""
    return _batches(rng, n, level, 1.0)


def _batches(rng: Rng, n: int, level: float, pauses: float) -> Array:
    minutes = n * QUARTER
    asked = np.zeros(minutes)
    at = 0
    while at < minutes:
        rate, until = level * rng.uniform(0.85, 1.25), at + int(rng.uniform(90, 420))
        while at < until:
            rolls = int(rng.gamma(4.0, 8.0)) + 3
            asked[at : at + rolls] = rate * rng.uniform(0.97, 1.03)
            at += rolls + int(pauses * rng.gamma(2.0, 3.0)) + 1
        at += int(pauses**4 * rng.uniform(5, 45))
    return asked


def weeks(rng: Rng, n: int, level: float) -> Array:
    """Monday to Friday and a short Saturday; switched off until Monday; lower rate at night."""
    minute = np.arange(n * QUARTER)
    day, hour = minute // 1440 % 7, minute % 1440 / 60
    night = np.where((hour < 6) | (hour >= 22), 0.8, 1.04)
    asked = setpoints(rng, n, level) * night
    begins = np.repeat(rng.uniform(5.0, 6.5, n // DAY + 1), 1440)[: len(minute)]
    off = (day == 6) | ((day == 5) & (hour >= 14)) | ((day == 0) & (hour < begins))
    return np.where(off, np.nan, np.clip(asked, 0.2, 1.15))


def two_shifts(rng: Rng, n: int, level: float) -> Array:
    """From about 06:00 to about 22:00 every day; starts and stops at any minute."""
    minute = np.arange(n * QUARTER)
    begins, ends = (np.repeat(rng.uniform(low, low + 0.5, n // DAY + 1), 1440)[: len(minute)] for low in (5.75, 21.75))
    hour = minute % 1440 / 60
    return np.where((hour < begins) | (hour >= ends), np.nan, setpoints(rng, n, level))


def campaigns_in_weeks(rng: Rng, n: int, level: float) -> Array:
    return np.where(np.isnan(weeks(rng, n, level)), np.nan, campaigns(rng, n, level))


# Unmeasured influences, relative, one value per quarter hour.


def an_hour(rng: Rng, n: int) -> Array:
    return 0.01 * decaying(rng, n, 1.0)


def a_day(rng: Rng, n: int) -> Array:
    """Half of the variance has a time constant of one day, the other half is independent for each quarter hour."""
    return 0.01 * (decaying(rng, n, 24.0) + rng.normal(0, 1, n)) / math.sqrt(2)


def three_days(rng: Rng, n: int) -> Array:
    return 0.01 * (decaying(rng, n, 72.0) + rng.normal(0, 1, n)) / math.sqrt(2)


def wandering(rng: Rng, n: int) -> Array:
    """A filter that clogs, a tool that wears: random walk of 0.2 % per day, 1.1 % per month, and noise over an hour."""
    return np.cumsum(rng.normal(0, 0.002 / math.sqrt(DAY), n)) + 0.007 * decaying(rng, n, 1.0)


def wild(rng: Rng, n: int) -> Array:
    """Student's t with three degrees of freedom, correlated over half an hour; occasional steps of ±8 % for hours."""
    found = 0.01 / math.sqrt(3) * decaying(rng, n, 0.5, rng.standard_t(3, n))
    for _ in range(rng.poisson(n / DAY / 4)):
        at = int(rng.integers(0, n))
        found[at : at + int(rng.integers(4, 17))] += rng.choice([-0.08, 0.08])
    return found


def decaying(rng: Rng, n: int, hours: float, steps: Array | None = None) -> Array:
    """Noise of unit variance with exponential correlation: after `hours` a step has decayed to 1/e."""
    keeps = math.exp(-0.25 / hours)
    last, found = float(rng.normal()), []
    for step in (math.sqrt(1 - keeps * keeps) * (rng.normal(0, 1, n) if steps is None else steps)).tolist():
        last = keeps * last + step
        found.append(last)
    return np.array(found)


# Displayed values of a signal.


def one_percent_off(rng: Rng, mean: Array) -> Array:
    """Uniform error within ±1 %, independent for each quarter hour."""
    return 1000 * mean * rng.uniform(0.99, 1.01, len(mean))


def three_percent_off(rng: Rng, mean: Array) -> Array:
    return 1000 * mean * (1 + rng.normal(0, 0.03, len(mean)))


def sometimes_missing(rng: Rng, mean: Array) -> Array:
    return np.where(rng.random(len(mean)) < 0.05, np.nan, 1000 * mean)


def whole_tonnes(rng: Rng, mean: Array) -> Array:
    """A counter of complete tonnes, 20 per quarter hour at full rate; a partial tonne counts in the next one."""
    return np.diff(np.floor(np.cumsum(20 * mean) + rng.uniform(0, 1)), prepend=0.0)


def off_and_missing(rng: Rng, mean: Array) -> Array:
    return np.where(rng.random(len(mean)) < 0.05, np.nan, one_percent_off(rng, mean))


def _temperature(rng: Rng, n: int, mean_c: float, slow_c: float) -> Array:
    hour = np.arange(n) / 4
    return mean_c + 4 * np.cos(2 * np.pi * (hour - 15) / 24) + slow_c * decaying(rng, n, 60.0)


STEADY = World(setpoints, an_hour)
STRIP = "signal_strip_m_min"
SLOWER = World(slower_campaigns, an_hour, driver=STRIP, law=rolling_stand)
NOISY = World(setpoints, an_hour, three_percent_off)
LASTING = {
    "steady": STEADY,
    "memory of a day": World(setpoints, a_day),
    "memory of three days": World(setpoints, three_days),
}
WORLDS = {
    **LASTING,
    "campaigns": World(campaigns, an_hour, driver=STRIP, law=rolling_stand),
    "slower campaigns": SLOWER,
    "weeks": World(weeks, an_hour),
    "two shifts": World(two_shifts, an_hour),
    "weeks, running told": World(weeks, an_hour, tells_running=True, insisted=("signal_flow_m3_h", "signal_running")),
    "wandering": World(setpoints, wandering),
    "wild": World(setpoints, wild),
    "scatter grows with load": World(setpoints, lambda rng, n: 1.5 * an_hour(rng, n), grows=3.0),
    "scatter grows, more production": World(setpoints, lambda rng, n: 1.5 * an_hour(rng, n), grows=3.0, lower=1.08),
    "season": World(setpoints, an_hour, season_c=(6.0, 16.0, 4.0)),
    "flow meter 1 % off": World(setpoints, an_hour, one_percent_off),
    "flow meter 3 % off": NOISY,
    "flow meter 3 % off, accuracy told": replace(NOISY, accuracy=0.06),
    "whole tonnes": World(campaigns, an_hour, whole_tonnes, "signal_rolled_t", rolling_stand),
    "driver missing": World(setpoints, an_hour, sometimes_missing),
    "all at once": World(campaigns_in_weeks, a_day, off_and_missing, STRIP, rolling_stand),
    **{
        f"{name}, {before} + {after} days": world.lasting(before, after)
        for name, world in LASTING.items()
        for before in (7, 14, 60)
        for after in (7, 30, 90)
        if (before, after) != (14, 30)
    },
}
