"""Intervals with the motor off: found by their energy, with a separate mean; starts and stops fit no model."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from support.accounting import evaluate
from support.retrofit import FLOW, START_MS

from agent.savings import reasons
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.baseline.models import described
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval

STANDBY_WH = 400.0
IDLE_WH = 8_000.0


def mill_wh(tonnes: float) -> float:
    """A mill idles at 8 kWh and takes 1 kWh per tonne more."""
    return IDLE_WH + 1000 * tonnes


def quarter(k: int, tonnes: float, wh: float | None = None, **more: object) -> Interval:
    found = Interval("mill", START_MS + k * QUARTER_MS, mill_wh(tonnes) if wh is None else wh,
                     drivers={FLOW: Driver(tonnes)}, meter="a")  # fmt: skip
    return replace(found, **more)  # type: ignore[arg-type]


def weeks(stops: int = 2, seed: int = 1) -> list[Interval]:
    """16 days of 10 to 30 t per interval; it idles for one interval in ten; `stops` days off, each with a start and
    a stop in the middle of an interval."""
    chance, found = np.random.default_rng(seed), []
    off_days = {4, 11} if stops == 2 else {4} if stops else set()
    for k in range(16 * 96):
        tonnes = 0.0 if chance.random() < 0.1 else 10 + 20 * chance.random()
        wh = mill_wh(tonnes) * (1 + 0.01 * chance.normal())
        if k // 96 in off_days:
            tonnes, wh = 0.0, STANDBY_WH * (1 + 0.02 * chance.normal())
            if k % 96 in (0, 95):
                tonnes, wh = 10.0, (mill_wh(20.0) + STANDBY_WH) / 2
        found.append(quarter(k, tonnes, wh))
    return found


@pytest.fixture(scope="module", params=[1, 2])
def baseline(request: pytest.FixtureRequest) -> Baseline:
    return freeze(learn("mill", weeks(request.param)), 0, "test")


def test_off_idling_and_running_are_each_predicted(baseline: Baseline) -> None:
    """Off and idling have the same value of the driver."""
    for tonnes, wh, expected in ((0.0, 300.0, STANDBY_WH), (0.0, IDLE_WH, IDLE_WH), (25.0, 30_000.0, mill_wh(25.0))):
        [line] = evaluate(baseline, [quarter(4000, tonnes, wh)])[1]
        assert line.adjusted_wh == pytest.approx(expected, rel=0.01)
        assert line.excluded is None
    assert described(baseline.kind, baseline.shape, baseline.drivers).code == reasons.MODEL_WITH_STANDSTILL


def test_starts_and_stops_are_neither_fitted_nor_counted(baseline: Baseline) -> None:
    stops = baseline.shape["off"]["n"] // 90
    assert baseline.n + baseline.shape["off"]["n"] + 2 * stops == 16 * 96
    items = [quarter(4000, 20.0), quarter(4001, 10.0, 14_000.0), quarter(4002, 0.0, 390.0), quarter(4003, 15.0),
             quarter(4004, 20.0)]  # fmt: skip
    lines = evaluate(baseline, items)[1]
    transition = reasons.TRANSITION_INTERVAL()
    assert [line.excluded for line in lines] == [None, transition, None, transition, None]


def test_a_day_off_does_not_widen_u95() -> None:
    after = [replace(item, energy_wh=0.92 * (item.energy_wh or 0.0), start_ms=item.start_ms + 30 * 96 * QUARTER_MS)
             for item in weeks(0, seed=5)]  # fmt: skip
    with_stop, without = (
        evaluate(freeze(learn("mill", weeks(n)), 0, "test"), after, classes=("0.2S", "0.2S"))[0] for n in (1, 0)
    )
    assert with_stop.u95_wh < 1.15 * without.u95_wh


def test_a_motor_that_the_retrofit_switches_off_saves_its_idling() -> None:
    """The baseline was never off: an interval without energy at no production is idling that was saved."""
    found = freeze(learn("mill", weeks(0)), 0, "test")
    [line] = evaluate(found, [quarter(4000, 0.0, 20.0)])[1]
    assert line.excluded is None
    assert line.adjusted_wh == pytest.approx(IDLE_WH, rel=0.01)


def test_a_model_without_driver_does_not_count_a_stop_of_the_plant_as_saving() -> None:
    chance = np.random.default_rng(2)
    steady = [quarter(k, 0.0, 20_000 * (1 + 0.01 * chance.normal()), drivers={}) for k in range(960)]
    found = freeze(learn("mill", steady), 0, "test")
    saving, lines = evaluate(found, [quarter(4000 + k, 0.0, 20_000.0 if k % 2 < 1 else 0.0, drivers={})
                                     for k in range(40)])  # fmt: skip
    assert {line.excluded for line in lines[1::2]} == {reasons.OFF_NOT_IN_BASELINE()}
    assert saving.verdict != "proven"


def test_a_motor_that_cycles_has_no_off_state() -> None:
    """It runs for every second interval: then each running one would be a transition."""
    chance = np.random.default_rng(4)
    items = []
    for k in range(960):
        tonnes = 10 + 20 * chance.random() if k % 2 else 0.0
        items.append(quarter(k, tonnes, (mill_wh(tonnes) if k % 2 else 0.0) * (1 + 0.01 * chance.normal())))
    found = learn("mill", items)
    assert found.shape["off"] is None
    assert found.n == 960


def test_a_meter_without_energy_at_load_is_no_saving() -> None:
    found = freeze(learn("mill", weeks(0)), 0, "test")
    items = [quarter(4000 + k, 15.0 + k % 11, 0.0 if k % 6 < 2 else None) for k in range(120)]
    saving, lines = evaluate(found, items)
    failed = {line.excluded for k, line in enumerate(lines) if k % 6 < 2}
    assert failed == {reasons.NO_ENERGY_AT_LOAD(drivers=(FLOW,))}
    assert abs(saving.saved_wh) < saving.u95_wh
