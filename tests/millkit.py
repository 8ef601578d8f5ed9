"""Mills that U95 of a saving was not tuned on: another plant, other production, other troubles than retrofitkit's.

numpy only, and textbook laws: nothing of agent, dsp or simulators is in it, nor of the other generator. Minutes of
power are summed to quarter hours; what is true and what a meter and the plant's signals would show stand side by side.
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
RATED_KW, RATED_EFFICIENCY, NO_LOAD_SHARE = 200.0, 0.945, 0.4  # of the losses at full load, that stay without load
STANDBY_KW = 0.4


@dataclass(frozen=True)
class Span:
    """Quarter hours. Wh, var·h; running: share of the time that it was switched on; drivers as shown, NaN where
    missing."""

    old_wh: Array
    new_wh: Array
    old_varh: Array
    new_varh: Array
    running: Array
    drivers: dict[str, Array]


@dataclass(frozen=True)
class World:
    """One mill. plan(rng, quarters, level): what is asked for in each minute, relative to rated; 0: idle, NaN: switched
    off. unseen(rng, quarters): relative, of each quarter hour, on the shaft's power. shown: what the signal tells of a
    quarter hour's mean. lower: production of the reporting time to that of the baseline."""

    plan: Callable[[Rng, int, float], Array]
    unseen: Callable[[Rng, int], Array]
    shown: Callable[[Rng, Array], Array] = lambda rng, mean: 1000 * mean
    driver: str = "signal_flow_m3_h"
    law: Callable[[Array], Array] = field(default_factory=lambda: throttled_pump)
    before_days: int = 14
    after_days: int = 30
    lower: float = 0.9
    grows: float = 0.0  # exponent with which the unseen's share grows with load
    season_c: tuple[float, float, float] | None = None  # mean before, mean after, slow spread; None: no temperature
    tells_running: bool = False  # the share of the quarter hour in which anything was asked for is a signal, too
    insisted: tuple[str, ...] = ()  # drivers that somebody names to `learn`
    accuracy: float = 0.0  # of the driver, relative (k = 2), as somebody wrote it into the configuration

    def lasting(self, before_days: int, after_days: int) -> World:
        return replace(self, before_days=before_days, after_days=after_days)


def live_in(world: World, rng: Rng, saved: float = 0.08) -> tuple[Span, Span]:
    """Before and after one week between them; after, the new plant uses `saved` less over the whole of the time. What
    nobody sees goes on through all of it."""
    pause = 7 * DAY
    n = (world.before_days * DAY, world.after_days * DAY)
    unseen = world.unseen(rng, n[0] + pause + n[1])
    first = _span(world, rng, n[0], 0.80, unseen[: n[0]], 0, saved)
    return first, _span(world, rng, n[1], 0.80 * world.lower, unseen[n[0] + pause :], 1, saved)


def _span(world: World, rng: Rng, n: int, level: float, unseen: Array, which: int, saved: float) -> Span:
    asked = world.plan(rng, n, level)
    running = ~np.isnan(asked)
    rate = np.where(running, asked, 0.0)
    drivers = {world.driver: world.shown(rng, rate.reshape(n, QUARTER).mean(axis=1))}
    if world.tells_running:
        drivers["signal_running"] = (rate > 0).reshape(n, QUARTER).mean(axis=1)
    share = np.repeat(unseen, QUARTER) * (rate / 0.8) ** world.grows
    if world.season_c is not None:
        celsius = _temperature(rng, n, world.season_c[which], world.season_c[2])
        drivers["signal_air_c"] = celsius
        share = share + np.repeat(288.15 / (273.15 + celsius) - 1, QUARTER)  # the fan lifts mass: density by Gay-Lussac
    shaft_kw = RATED_KW * world.law(rate) * (1 + share)
    old_kw = np.where(running, electric_kw(shaft_kw), STANDBY_KW)
    wasted = np.where(running, old_kw * np.clip(1.1 - rate, 0.05, None), 0.0)  # more is throttled away at less flow
    new_kw = old_kw - saved * old_kw.sum() / wasted.sum() * wasted
    old_kvar = np.where(running, RATED_KW * (0.42 + 0.18 * (shaft_kw / RATED_KW) ** 2), 0.0)

    def wh(kw: Array) -> Array:
        found: Array = kw.reshape(n, QUARTER).sum(axis=1) * 1000 / 60
        return found

    on = running.reshape(n, QUARTER).mean(axis=1)
    return Span(wh(old_kw), wh(new_kw), wh(old_kvar), wh(0.1 * new_kw), on, drivers)


def throttled_pump(rate: Array) -> Array:
    """Shaft power over rated at constant speed: H = 1.25 − 0.25·q², η = 2q − q², P = q·H/η."""
    return (1.25 - 0.25 * rate**2) / (2 - rate)


def rolling_stand(rate: Array) -> Array:
    """Friction and what each tonne takes; the spindle loses with the square."""
    return 0.22 + 0.70 * rate + 0.08 * rate**2


def electric_kw(shaft_kw: Array) -> Array:
    """Losses that stay, and losses with the square of the load (IEC 60034-2-1's kinds, shares as of a textbook)."""
    full_kw = RATED_KW * (1 / RATED_EFFICIENCY - 1)
    return shaft_kw + full_kw * (NO_LOAD_SHARE + (1 - NO_LOAD_SHARE) * (shaft_kw / RATED_KW) ** 2)


# What production asks for.


def setpoints(rng: Rng, n: int, level: float) -> Array:
    """Values that an operator sets and leaves for some hours, with the process breathing around them."""
    minutes = n * QUARTER
    held = rng.exponential(150.0, minutes // 60 + 50) + 20
    values = level * rng.triangular(0.72, 1.02, 1.24, len(held))
    asked = np.repeat(values, held.astype(int))[:minutes]
    return np.clip(asked + 0.012 * np.repeat(decaying(rng, n, 1.0), QUARTER), 0.2, 1.15)


def campaigns(rng: Rng, n: int, level: float) -> Array:
    """Batches of one product for hours; between bars and batches the stand idles for minutes. With less to do the
    pauses grow, and each product is rolled as fast as ever."""
    return _batches(rng, n, 0.8, 0.8 / level)


def slower_campaigns(rng: Rng, n: int, level: float) -> Array:
    """With less to do everything is rolled slower, the pauses stay."""
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
    """Five days and a short Saturday; switched off from then till Monday; less at night."""
    minute = np.arange(n * QUARTER)
    day, hour = minute // 1440 % 7, minute % 1440 / 60
    night = np.where((hour < 6) | (hour >= 22), 0.8, 1.04)
    asked = setpoints(rng, n, level) * night
    begins = np.repeat(rng.uniform(5.0, 6.5, n // DAY + 1), 1440)[: len(minute)]
    off = (day == 6) | ((day == 5) & (hour >= 14)) | ((day == 0) & (hour < begins))
    return np.where(off, np.nan, np.clip(asked, 0.2, 1.15))


def two_shifts(rng: Rng, n: int, level: float) -> Array:
    """From about six to about ten in the evening, every day; started and stopped at any minute."""
    minute = np.arange(n * QUARTER)
    begins, ends = (np.repeat(rng.uniform(low, low + 0.5, n // DAY + 1), 1440)[: len(minute)] for low in (5.75, 21.75))
    hour = minute % 1440 / 60
    return np.where((hour < begins) | (hour >= ends), np.nan, setpoints(rng, n, level))


def campaigns_in_weeks(rng: Rng, n: int, level: float) -> Array:
    return np.where(np.isnan(weeks(rng, n, level)), np.nan, campaigns(rng, n, level))


# What nobody measures, relative, one value a quarter hour.


def an_hour(rng: Rng, n: int) -> Array:
    return 0.01 * decaying(rng, n, 1.0)


def a_day(rng: Rng, n: int) -> Array:
    """Half of the variance lasts a day, half is gone with the quarter hour."""
    return 0.01 * (decaying(rng, n, 24.0) + rng.normal(0, 1, n)) / math.sqrt(2)


def three_days(rng: Rng, n: int) -> Array:
    return 0.01 * (decaying(rng, n, 72.0) + rng.normal(0, 1, n)) / math.sqrt(2)


def wandering(rng: Rng, n: int) -> Array:
    """A filter that clogs, a tool that wears: steps add up, 0.2 % in a day, 1.1 % in a month, and an hour's chance."""
    return np.cumsum(rng.normal(0, 0.002 / math.sqrt(DAY), n)) + 0.007 * decaying(rng, n, 1.0)


def wild(rng: Rng, n: int) -> Array:
    """Student's t of three degrees with half an hour's memory, and now and then some hours of plus or minus 8 %."""
    found = 0.01 / math.sqrt(3) * decaying(rng, n, 0.5, rng.standard_t(3, n))
    for _ in range(rng.poisson(n / DAY / 4)):
        at = int(rng.integers(0, n))
        found[at : at + int(rng.integers(4, 17))] += rng.choice([-0.08, 0.08])
    return found


def decaying(rng: Rng, n: int, hours: float, steps: Array | None = None) -> Array:
    """Unit variance; what is left of a step after `hours` is 1/e of it."""
    keeps = math.exp(-0.25 / hours)
    last, found = float(rng.normal()), []
    for step in (math.sqrt(1 - keeps * keeps) * (rng.normal(0, 1, n) if steps is None else steps)).tolist():
        last = keeps * last + step
        found.append(last)
    return np.array(found)


# What a signal shows.


def one_percent_off(rng: Rng, mean: Array) -> Array:
    """Anything within ±1 %, anew each quarter hour."""
    return 1000 * mean * rng.uniform(0.99, 1.01, len(mean))


def three_percent_off(rng: Rng, mean: Array) -> Array:
    return 1000 * mean * (1 + rng.normal(0, 0.03, len(mean)))


def sometimes_missing(rng: Rng, mean: Array) -> Array:
    return np.where(rng.random(len(mean)) < 0.05, np.nan, 1000 * mean)


def whole_tonnes(rng: Rng, mean: Array) -> Array:
    """A counter of whole tonnes, 20 in a quarter hour at full rate; what is begun counts with the next."""
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
