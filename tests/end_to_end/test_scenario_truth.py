"""Every scenario: published values compared with true values, within the accuracy of the instruments.

Tolerances: meters of class 0.5 have errors of at most 0.44 % of power (simulators/meters/meter.py) and 0.2 % of
current; their transformers of class 0.5 add at most 0.75 % and 45′ from 20 % of rated current up (IEC 61869-2), which
is 0.75 % + 1.3 % · tan φ of the power. Drives have errors of 0.5 % of current, half a digit each (0.1 Hz and 0.1 kWh
are the coarsest). The longest run counts 150 kWh, to which the errors that are drawn there add 0.1 %. A value may be as
old as its poll.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import pytest
from support.scenario_run import RATIOS, Published, Run, run

from simulators.scenarios import load, names


class Held(NamedTuple):
    """relative, absolute: limits of the instrument and its last digit. polls: maximum age in poll intervals."""

    relative: float
    absolute: float
    polls: float


METRICS = {
    "active_power_w": Held(0.02, 1.0, 1),
    "voltage_l1n_v": Held(0.002, 0.06, 1),
    "current_l1_a": Held(0.0095, 0.06, 1),
    "frequency_hz": Held(0.0, 0.055, 1),
    "motor_current_a": Held(0.006, 0.06, 1),
    "output_frequency_hz": Held(0.0, 0.006, 1),
    "motor_speed_rpm": Held(0.0, 0.6, 1),
    "dc_bus_voltage_v": Held(0.004, 0.6, 10),
    "energy_import_kwh": Held(0.0, 0.2, 11),
    "energy_export_kwh": Held(0.0, 0.01, 11),
}
EVERY_S = {  # others: 5 s
    "noisy-line": 2.0, "roller-table": 3.0, "pump-station": 1.0, "hoist": 1.0, "grid-dip": 1.0, "motor-faults": 1.0,
    "pump-life": 60.0, "fan-life": 60.0,
}  # fmt: skip
SECONDS = {
    "mill": 40.0, "roller-table": 40.0, "water-station": 120.0, "noisy-line": 60.0, "pump-station": 120.0,
    "meter-wiring": 60.0, "motor-faults": 60.0, "pump-life": 3600.0, "fan-life": 3600.0,
}  # fmt: skip
LIE = {"meter-wiring", "sick-devices"}  # intentionally wrong values; other tests check them
U_SHARE_MAX = 0.6  # of its own U; found: 0.35 at most


def tripped(row: Published) -> bool:
    """A drive without a sensor does not show the speed of a coasting motor."""
    return bool(int(row.values.get("status_word") or 0) & 1 << 3)


@functools.cache
def seen(name: str) -> Run:
    return run(name, SECONDS.get(name, 400.0))


@pytest.mark.parametrize("name", [name for name in names() if name not in LIE])
def test_published_is_true(name: str) -> None:
    found = seen(name)
    scenario = load(name)
    assert found.assets
    held = 0
    for asset in found.assets:
        assert len(found.telemetry(asset)) > 5
        for metric, (relative, absolute, polls) in METRICS.items():
            if metric not in found.truths[0][asset] or metric not in found.telemetry(asset)[-1].values:
                continue
            age_s = polls * EVERY_S.get(name, 5.0) + scenario.step_s
            outside = found.outside(asset, metric, relative, absolute, age_s, unless=tripped)
            assert not outside, outside[:5]
            held += 1
    assert held > 3


@pytest.mark.parametrize("name", names())
def test_no_efficiency_is_above_100_percent(name: str) -> None:
    ratios = [(value, asset, metric) for asset, metric, value in seen(name).numbers() if metric in RATIOS]
    assert max(ratios)[0] <= 100
    assert min(ratios)[0] >= 0


@pytest.mark.parametrize("name", [name for name in names() if name not in {*LIE, "roller-table"}])
def test_the_error_of_an_estimate_is_within_its_u(name: str) -> None:
    found, compared = seen(name), 0
    for asset in found.assets:
        for metric, (top, bottom) in RATIOS.items():
            if not {top, bottom} <= set(found.truths[0][asset]):
                continue
            misses = found.doubts(asset, metric)
            compared += len(misses)
            assert max(misses, default=0.0) <= U_SHARE_MAX, (asset, metric, max(misses))
    assert compared > 60
