"""U95 of the sum, from meters to the report: baselines are learned and savings calculated from measured intervals.

Truth: a thousand fleets of five pumps with one type of meter, whose error is the same in all of them and in both
periods. Energies follow from the lines below and none from the code under test.
"""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest

from agent.config.reporting_periods import ReportingPhase
from agent.fleet.report.error_sum import Instrument, MotorErrors, uncertainty_of_sum
from agent.savings.accounting.account import Account, SavingsBasis
from agent.savings.accounting.driver_error import DriverError
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.records.meter_identity import MeterClasses
from agent.savings.records.model import Driver, Interval

FLEETS, PUMPS = 1000, 5
CLASS = 0.01  # limit of a meter of class 1 at rated current, IEC 62053-21
HOUR_MS, BASELINE_H, REPORT_H = 3_600_000, 336, 240
RETROFIT_MS = 1_790_784_000_000
FLOW = "signal_flow_m3_h"
CALIBRATED = {FLOW: DriverError(calibrated=True)}


def hours(
    pump: int, first_ms: int, n: int, gain: float, chance: np.random.Generator, is_old: bool
) -> tuple[list[Interval], float]:  # fmt: skip
    """Measured intervals, and the true energy that the retrofit saves in them."""
    at = first_ms / HOUR_MS + np.arange(n)
    flow = 60 + 25 * np.sin(at / 24 * 2 * math.pi) + chance.normal(0, 5, n)
    old_wh = 1000 * (40 + 10 * pump + 0.5 * flow)
    new_wh = 0.7 * old_wh + 40 * flow
    true_wh = old_wh if is_old else new_wh
    measured_wh = gain * true_wh * (1 + chance.normal(0, 0.01, n))
    found = [
        Interval(f"pump-{pump}", first_ms + HOUR_MS * k, float(wh), 3600, drivers={FLOW: Driver(float(flow[k]))},
                 running_s=3600.0, meter="m-1 4711", reactive_varh=0.6 * float(wh))
        for k, wh in enumerate(measured_wh)
    ]  # fmt: skip
    return found, float(np.sum(old_wh - new_wh))


def saving_of(pump: int, gain: float, chance: np.random.Generator) -> tuple[float, MotorErrors]:
    """Error of the saving of a pump, and what is stated about it."""
    old, _ = hours(pump, RETROFIT_MS - BASELINE_H * HOUR_MS, BASELINE_H, gain, chance, is_old=True)
    new, true_wh = hours(pump, RETROFIT_MS, REPORT_H, gain, chance, is_old=False)
    baseline = freeze(
        learn(f"pump-{pump}", old, drivers=[FLOW], kind="polynomial", classes=("1", "")), RETROFIT_MS, "x"
    )
    end_ms = RETROFIT_MS + REPORT_H * HOUR_MS
    basis = SavingsBasis(baseline, ReportingPhase("reporting", RETROFIT_MS), MeterClasses("1"), None, CALIBRATED)
    account = Account(basis, (), lambda low, high: [item for item in new if low <= item.start_ms < high],
                      (RETROFIT_MS, end_ms))  # fmt: skip
    results = account.add_until(None, end_ms)
    saving, errors = account.saving(end_ms), account.errors(end_ms)
    assert len(results) == REPORT_H
    missing_wh = sum((result.adjusted_wh or 0.0) - (result.measured_wh or 0.0) for result in results if result.excluded)
    origins = {cause: tuple(Instrument("m", "x") for _ in limits) for cause, limits in errors.meter.items()}
    return (
        saving.saved_wh + missing_wh - true_wh,
        MotorErrors(("site", "gw"), errors, True, {}, origins, saving.u95_wh),
    )


@pytest.mark.soak
def test_u95_of_the_sum_covers_the_truth_in_93_to_97_of_100_fleets() -> None:
    """At 95 % the number of covered fleets of a thousand has a standard deviation of 7: 93 to 97 % are ±2.9 of it."""
    covered = as_if_independent = 0
    for seed in range(FLEETS):
        gain, chance = 1 + Random(seed).uniform(-CLASS, CLASS), np.random.default_rng(seed)
        pumps = [saving_of(pump, gain, chance) for pump in range(PUMPS)]
        error_wh, stated = sum(error for error, _ in pumps), uncertainty_of_sum([errors for _, errors in pumps])
        covered += abs(error_wh) <= stated.u95_wh
        as_if_independent += abs(error_wh) <= stated.independent_wh
    assert 930 <= covered <= 970
    assert as_if_independent < 800
