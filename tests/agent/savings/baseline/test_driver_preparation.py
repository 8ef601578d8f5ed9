"""Each signal that is no driver is named with the reason, and a driver that is sometimes missing is used."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from msgspec.structs import replace
from support.accounting import evaluate
from support.retrofit import FLOW, START_MS

from agent.savings import reasons
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval

DAYS = 16
OTHER = "signal_other_bar"


def plant(numbers: range = range(DAYS * 96), seed: int = 1, noise: float = 0.01) -> list[Interval]:
    rng = np.random.default_rng(seed)
    return [
        Interval("pump", START_MS + k * QUARTER_MS, (5000 + 20 * flow) * (1 + noise * rng.normal()),
                 drivers={FLOW: Driver(flow)}, meter="m 1", running_s=900.0)
        for k in numbers for flow in [rng.uniform(300, 900)]
    ]  # fmt: skip


def with_other(value: Callable[[int, float], float | None]) -> list[Interval]:
    """With a second signal, by number and flow. None: it is missing."""
    found = []
    for k, item in enumerate(plant()):
        other = value(k, item.drivers[FLOW].mean)
        found.append(item if other is None else replace(item, drivers={**item.drivers, OTHER: Driver(other)}))
    return found


RNG = np.random.default_rng(9)
NOISE = RNG.normal(0, 1, DAYS * 96).tolist()


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (lambda k, flow: 7.5, reasons.DRIVER_CONSTANT),
        (lambda k, flow: NOISE[k] if k % 4 == 0 else None, reasons.DRIVER_MOSTLY_MISSING),
        (lambda k, flow: NOISE[k], reasons.DRIVER_WEAK),
        (lambda k, flow: flow / 100 + 0.01 * NOISE[k], reasons.DRIVER_ALIKE),
    ],
)
def test_each_signal_that_is_no_driver_is_named_once(
    value: Callable[[int, float], float | None], code: reasons.Code
) -> None:
    found = learn("pump", with_other(value))
    assert found.drivers == (FLOW,)
    [dropped] = found.dropped
    assert (dropped.code, dropped.data["driver"]) == (code, OTHER)
    assert found.n == DAYS * 96, "its gaps cost no interval"


def test_a_signal_that_was_stuck_is_named_once_and_used() -> None:
    items = plant()
    items = [replace(item, drivers={FLOW: Driver(555.0)}) if 300 <= k < 500 else item for k, item in enumerate(items)]
    found = learn("pump", items)
    assert found.drivers == (FLOW,)
    [stuck] = found.dropped
    assert (stuck.code, stuck.data["n"]) == (reasons.DRIVER_STUCK, 200)


def test_a_driver_that_is_missing_on_two_of_sixteen_days_is_used() -> None:
    """Nothing is saved, and the production is lower: without the driver it would look like a saving."""
    items = [
        replace(item, drivers={}) if 4 * 96 <= k < 6 * 96 else item for k, item in enumerate(plant())
    ]  # fmt: skip
    found = freeze(learn("pump", items), 0, "test")
    assert (found.drivers, found.dropped) == ((FLOW,), ())
    assert found.n == 14 * 96
    low = [item for item in plant(range(2000, 4000), 2) if item.drivers[FLOW].mean < 700]
    saving, _ = evaluate(found, low)
    assert abs(saving.saved_wh) <= saving.u95_wh < 0.01 * saving.adjusted_wh


def stopping(seed: int, stop: bool) -> Baseline:
    """A frozen baseline of 16 days. stop: the pump is at standstill on one of them, with 400 Wh of auxiliaries."""
    items = plant(seed=seed)
    if stop:
        rng = np.random.default_rng(seed)
        items = [replace(item, energy_wh=400.0 + 4 * rng.normal(), drivers={FLOW: Driver(0.0)}, running_s=0.0)
                 if 7 * 96 <= k < 8 * 96 else item for k, item in enumerate(items)]  # fmt: skip
    return freeze(learn("pump", items, classes=("0.2S", "0.2S")), 0, "test")


def test_one_stop_of_a_day_has_its_mean_and_does_not_widen_u95() -> None:
    after = [replace(item, energy_wh=0.92 * (item.energy_wh or 0.0)) for item in plant(range(2000, 2000 + 30 * 96), 99)]
    for seed in range(5):
        without, found = stopping(seed, False), stopping(seed, True)
        off = found.shape["off"]
        assert (off["n"], off["mean_wh"]) == (96, pytest.approx(400, abs=2)), f"seed {seed}"
        assert off["ranges"] == {FLOW: [0.0, 0.0]}
        assert found.drivers == (FLOW,)
        assert found.n == without.n - 96 - 2, "and the intervals next to the stop"
        narrow, wide = (evaluate(each, after, classes=("0.2S", "0.2S"))[0].u95_wh for each in (without, found))
        assert wide <= 1.3 * narrow, f"seed {seed}"
