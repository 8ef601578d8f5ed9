"""Energies of polled powers against the integral of the power itself."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from agent.analysis.efficiency.sampling import RatioError, SamplingError

Power = Callable[[float], float]
FINE = 20  # steps of the true integral between two polls


def cycle(period_s: float, on: float = 0.4) -> Power:
    """A load that takes 40 kW for a part of each period, otherwise 4 kW."""
    return lambda at_s: 40e3 if at_s % period_s < on * period_s else 4e3


def polled(power: Power, times_s: list[float]) -> tuple[float, float, float]:
    """Energy by the trapezoidal rule, its U (k = 2), and the true energy, J."""
    found, energy, common, variance, true = SamplingError(10.0), 0.0, 0.0, 0.0, 0.0
    last_s = times_s[0]
    found.add(last_s, power(last_s))
    for now_s in times_s[1:]:
        rates, h = found.add(now_s, power(now_s)), now_s - last_s
        energy += h * (power(last_s) + power(now_s)) / 2
        common += h * rates.common_w
        variance += h * rates.variance_w2s
        true += sum(power(last_s + h * (k + 0.5) / FINE) for k in range(FINE)) * h / FINE
        last_s = now_s
    return energy, math.hypot(common, 2 * math.sqrt(variance)), true


def regular(start_s: float, count: int, jitter_s: float, chance: random.Random) -> list[float]:
    return [start_s + 3.0 * k + chance.uniform(0.0, jitter_s) for k in range(count)]


@pytest.mark.parametrize("count", [20, 100, 400])
@pytest.mark.parametrize(("period_s", "jitter_s"), [(8.0, 2.5), (7.3, 0.3), (23.0, 1.0), (2.03, 2.0)])
def test_u_covers_irregular_polls_of_a_cycle(count: int, period_s: float, jitter_s: float) -> None:
    """At least 95 % of 100 starts inside, less three standard deviations of this share; U falls with the number."""
    chance, inside, wide = random.Random(count), 0, 0.0
    for _ in range(100):
        energy, u, true = polled(cycle(period_s), regular(chance.uniform(0, period_s), count, jitter_s, chance))
        inside += abs(energy - true) <= u
        wide += u / true / 100
    assert inside >= 100 * (0.95 - 3 * math.sqrt(0.95 * 0.05 / 100))
    assert wide < 4.5 / math.sqrt(count)


@pytest.mark.parametrize("count", [40, 400, 2000])
def test_u_remains_where_the_polls_repeat_the_same_phases(count: int) -> None:
    """A cycle of exactly 8 s polled every 3.0 s has 8 phases only: more polls do not reduce the error."""
    errors, inside = [], 0
    for k in range(40):
        energy, u, true = polled(cycle(8.0), regular(0.2 * k, count, 0.0, random.Random(1)))
        errors.append(energy / true - 1)
        inside += abs(energy - true) <= u
    assert max(map(abs, errors)) > 0.05
    assert inside >= 38


def test_a_resolved_or_constant_power_has_no_sampling_error() -> None:
    """A sine over 60 polls is integrated to 0.1 %; a meter's last digit is not a variation."""
    times_s = regular(0.0, 300, 0.0, random.Random(1))
    energy, u, true = polled(lambda at_s: 20e3 + 10e3 * math.sin(at_s / 180 * 2 * math.pi), times_s)
    assert abs(energy - true) <= u < 0.002 * true
    chance = random.Random(5)
    assert polled(lambda _: 20e3 + chance.choice((-5.0, 0.0, 5.0)), times_s)[1] == 0


def test_polls_after_a_gap_start_anew() -> None:
    found = SamplingError(10.0)
    rates = [found.add(3.0 * k, 1e3 * (k % 3)) for k in range(30)]
    assert rates[1] == (0.0, 0.0)
    assert rates[-2] != (0.0, 0.0)
    assert found.add(200.0, 500.0) == (0.0, 0.0)


def test_losses_that_follow_the_power_have_no_error_of_their_ratio() -> None:
    """Losses of 10 % of a random power vary as it does; a part that varies independently remains."""
    chance, follows, by_itself = random.Random(2), RatioError(10.0), RatioError(10.0)
    for k in range(200):
        power_w, other_w = chance.uniform(-20e3, 40e3), chance.uniform(0, 1e3)
        one = follows.add(3.0 * k, 0.1 * abs(power_w), power_w)
        two = by_itself.add(3.0 * k, 0.1 * abs(power_w) + other_w, power_w)
    assert one == (0.0, 0.0)
    assert two.variance_w2s > 0
