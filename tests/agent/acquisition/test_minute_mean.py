"""Which power the energy of 15 min is integrated from: that of the moment, or the mean of a minute of a rare poll."""

from __future__ import annotations

from itertools import accumulate
from math import fsum
from pathlib import Path
from random import Random

import pytest
from support.basics import HandClock

from agent.acquisition.minute_mean import MEAN, POWER, power_for_energy
from agent.acquisition.pollers import pollers
from agent.config.loader import load_config

METER = """
[site]
id = "s"
gateway = "g"
[bus.b]
serial = "/dev/ttyUSB0"
framing = "dlt645"
line = "2400 8E1"
poll_interval = "{seconds}s"
[meter.m]
bus = "b"
unit_id = "000000000161"
profile = "generic/dlt645-three-phase"
wiring = "3P4W"
measuring_point = "feeder"
class = "0.5S"
"""
HOURS = 24


@pytest.fixture(scope="module")
def rolling_mill() -> list[float]:
    """Energy since the start, each second: 40 s to 110 s at 55 % to 95 %, then 20 s to 60 s at 20 % to 40 %."""
    chance, powers = Random(1), list[float]()
    while len(powers) < 3600 * HOURS:
        powers += [chance.uniform(0.55, 0.95)] * chance.randint(40, 110)
        powers += [chance.uniform(0.2, 0.4)] * chance.randint(20, 60)
    return [0.0, *accumulate(powers)]


def error(energy: list[float], poll_s: int, late_s: int | None) -> float:
    """Relative standard deviation of the energy of 15 min by the trapezoidal rule.

    late_s: the meter shows the mean of the minute that ended at this time before; None: its power of the last second.
    """

    def shown(at_s: int) -> float:
        if late_s is None:
            return energy[at_s] - energy[at_s - 1]
        return (energy[at_s - late_s] - energy[at_s - late_s - 60]) / 60

    sums, powers = list[float](), list[float]()
    for begin_s in range(900, 3600 * HOURS - 900, 900):
        found = [shown(at_s) for at_s in range(begin_s, begin_s + 901, poll_s)]
        sums.append(poll_s * (sum(found) - (found[0] + found[-1]) / 2))
        powers.append(energy[begin_s + 900] - energy[begin_s])
    return (
        fsum((a - b) ** 2 for a, b in zip(sums, powers, strict=True)) ** 0.5
        / len(sums) ** 0.5
        / energy[-1]
        * len(energy)
        / 900
    )


@pytest.mark.parametrize("late_s", [0, 30, 60])
def test_the_mean_is_better_where_it_is_used_and_the_power_where_not(rolling_mill: list[float], late_s: int) -> None:
    """However late the mean is: a minute that slides ends now, one of the clock up to 60 s ago."""
    for poll_s in (30, 60):
        assert error(rolling_mill, poll_s, late_s) < error(rolling_mill, poll_s, None)
    assert error(rolling_mill, 5, late_s) > error(rolling_mill, 5, None)


@pytest.mark.parametrize(("seconds", "power"), [(5, POWER), (29, POWER), (30, MEAN), (60, MEAN), (300, MEAN)])
def test_a_rare_poll_reads_the_mean_each_time_and_integrates_it(tmp_path: Path, seconds: int, power: str) -> None:
    path = tmp_path / "plant.toml"
    path.write_text(METER.format(seconds=seconds), encoding="utf-8")
    ((polled,),) = [poller.devices for poller in pollers(load_config(path)[0], HandClock(), lambda _: None)]
    assert (MEAN in polled.device.names(["fast"])) is (power == MEAN)
    assert power_for_energy(polled.due_s()) == power


def test_a_meter_without_mean_is_integrated_by_its_power() -> None:
    assert power_for_energy({POWER: 60.0}) == POWER
    assert power_for_energy({}) == POWER
