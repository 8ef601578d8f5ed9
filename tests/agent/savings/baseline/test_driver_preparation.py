"""Each signal that is no driver is named with the reason, and a driver that is sometimes missing is used."""

from __future__ import annotations

from collections.abc import Callable, Collection

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
RUNNING = "signal_running"


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


def running_told(late: Collection[int] = ()) -> list[Interval]:
    """The pump is off on two of 16 days. RUNNING: 1 while it runs, but lower in the intervals `late`."""
    found = []
    for k, item in enumerate(plant()):
        off = k // 96 in (5, 12)
        drivers = {FLOW: Driver(0.0), RUNNING: Driver(0.0)} if off else {**item.drivers, RUNNING: Driver(1.0)}
        if k in late:
            drivers[RUNNING] = Driver(0.9 - k / 2000)
        found.append(replace(item, energy_wh=400.0 if off else item.energy_wh, drivers=drivers))
    return found


@pytest.mark.parametrize("late", [(), (300,), range(100, 480, 50)])
def test_a_required_signal_that_only_shows_off_is_in_the_mean_of_the_off_intervals(late: Collection[int]) -> None:
    """Not fitted are the two intervals next to each day off, and those in which the value was late."""
    found = learn("pump", running_told(late), drivers=[FLOW, RUNNING])
    assert found.drivers == (FLOW,)
    assert found.dropped == (reasons.DRIVER_CONSTANT_WHILE_RUNNING(driver=RUNNING, value=1.0),)
    assert (found.n, found.shape["off"]["n"]) == (14 * 96 - 4 - len(late), 2 * 96)
    if not late:
        assert found.coefficients == learn("pump", running_told(), drivers=[FLOW]).coefficients


def test_only_the_value_that_a_required_signal_always_had_is_counted() -> None:
    found = freeze(learn("pump", running_told(), drivers=[FLOW, RUNNING]), 0, "test")
    values = [(15_000.0, 1.0), (15_000.0, 0.5), (15_000.0, 0.0), (15_000.0, None), (400.0, 0.0)]
    for energy_wh, running in values:
        drivers = {FLOW: Driver(500.0 if energy_wh > 400 else 0.0)}
        if running is not None:
            drivers[RUNNING] = Driver(running)
        [line] = evaluate(found, [replace(plant()[0], energy_wh=energy_wh, drivers=drivers)])[1]
        assert line.adjusted_wh == pytest.approx(energy_wh, rel=0.01)  # noise of the baseline: 1 %, over its root of n
        code = reasons.DRIVER_OUT_OF_RANGE if energy_wh > 400 and running in (0.0, 0.5) else None
        assert (line.excluded.code if line.excluded else None) == code, (energy_wh, running)


def test_a_baseline_of_a_signal_that_only_shows_off_is_a_constant_load_that_nobody_stated() -> None:
    found = freeze(learn("pump", running_told(), drivers=[RUNNING]), 0, "test")
    assert (found.kind, found.drivers) == ("constant", ())
    after = [replace(item, energy_wh=0.8 * (item.energy_wh or 0.0)) for item in running_told()]
    assert evaluate(found, after)[0].verdict == "provisional"
