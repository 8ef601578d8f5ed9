"""Which power the energy of 15 min is integrated from: that of the moment, or the mean of a minute of a rare poll."""

from __future__ import annotations

from pathlib import Path

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
