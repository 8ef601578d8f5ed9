"""A transmitter that is stuck is found from the energy; a signal that rightly holds a value is not.

The plant needs 20 Wh for each unit of flow; the flow swings between 300 and 900 in ten hours.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from msgspec.structs import replace
from support.accounting import evaluate
from support.retrofit import FLOW, START_MS

from agent.savings import reasons
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval

NOISE_WH = 100.0


def flow_at(k: int) -> float:
    return 600 + 300 * math.sin(2 * math.pi * k / 40)


def energy_wh(flow: float) -> float:
    return 5000 + 20 * flow


def plant(numbers: range, seed: int = 1, share: float = 1.0) -> list[Interval]:
    rng = np.random.default_rng(seed)
    return [
        Interval("pump", START_MS + k * QUARTER_MS, share * (energy_wh(flow) + rng.normal(0, NOISE_WH)),
                 drivers={FLOW: Driver(flow)}, meter="m 1")
        for k in numbers for flow in [flow_at(k) + rng.normal(0, 1)]
    ]  # fmt: skip


def displaying(items: list[Interval], where: range, value: float | None = None) -> list[Interval]:
    """The same energies; the signal shows one value."""
    value = items[where[0]].drivers[FLOW].mean if value is None else value
    return [replace(item, drivers={FLOW: Driver(value)}) if k in where else item for k, item in enumerate(items)]


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    return freeze(learn("pump", plant(range(16 * 96))), 0, "test")


def missing(baseline: Baseline, items: list[Interval]) -> list[int]:
    """Positions of the intervals without a driver."""
    lines = evaluate(baseline, items)[1]
    return [k for k, line in enumerate(lines) if line.excluded == reasons.DRIVER_MISSING(drivers=(FLOW,))]


def test_stuck_intervals_are_not_fitted_and_named() -> None:
    """Three of sixteen days."""
    whole = plant(range(16 * 96))
    spoilt = displaying(whole, range(480, 768))
    found = learn("pump", spoilt)
    [stuck] = [reason for reason in found.dropped if reason.code == reasons.DRIVER_STUCK]
    assert stuck.data == {
        "driver": FLOW, "n": 288, "value": pytest.approx(whole[480].drivers[FLOW].mean),
        "start_ms": whole[480].start_ms,
    }  # fmt: skip
    assert found.n == 16 * 96 - 288
    for flow in (350.0, 600.0, 850.0):
        [line] = evaluate(found, [replace(whole[0], drivers={FLOW: Driver(flow)})])[1]
        assert line.adjusted_wh == pytest.approx(energy_wh(flow), rel=0.003)


@pytest.mark.parametrize("share", [1.0, 0.8])
def test_stuck_intervals_are_excluded_from_the_saving(baseline: Baseline, share: float) -> None:
    items = displaying(plant(range(2000, 2600), 2, share), range(100, 388))
    assert missing(baseline, items) == list(range(100, 388))
    saving, _ = evaluate(baseline, items)
    assert saving.saved_wh / saving.adjusted_wh == pytest.approx(1 - share, abs=0.002)


def test_a_signal_that_is_stuck_until_now_is_excluded(baseline: Baseline) -> None:
    items = displaying(plant(range(2000, 2400), 2), range(300, 400))
    assert missing(baseline, items) == list(range(300, 400))


def test_a_setpoint_that_the_plant_follows_is_not_stuck(baseline: Baseline) -> None:
    """Every six hours another value, in baseline and reporting period; the energy stays, too."""
    rng = np.random.default_rng(5)

    def held(numbers: range) -> list[Interval]:
        values = np.repeat(rng.uniform(320, 880, len(numbers) // 24 + 1), 24)
        return [
            Interval("pump", START_MS + k * QUARTER_MS, energy_wh(flow) + rng.normal(0, NOISE_WH),
                     drivers={FLOW: Driver(flow)}, meter="m 1")
            for k, flow in zip(numbers, values.tolist(), strict=False)
        ]  # fmt: skip

    items = held(range(16 * 96))
    found = freeze(learn("pump", items), 0, "test")
    assert found.n == len(items)
    assert not [reason for reason in found.dropped if reason.code == reasons.DRIVER_STUCK]
    assert missing(found, held(range(2000, 2600))) == []
    assert missing(baseline, held(range(2000, 2600))) == []


def test_standstill_is_not_stuck() -> None:
    """Zero flow for eight hours a day, while auxiliaries take 400 to 600 Wh."""

    def stopping(numbers: range, seed: int) -> list[Interval]:
        return [
            replace(item, energy_wh=400.0 + 200 * (k // 3 % 2), drivers={FLOW: Driver(0.0)}) if k % 96 < 32 else item
            for k, item in zip(numbers, plant(numbers, seed), strict=True)
        ]  # fmt: skip

    found = freeze(learn("pump", stopping(range(16 * 96), 1)), 0, "test")
    assert found.shape["off"]["n"] == 16 * 32
    assert found.n == 16 * 64 - 31, "it starts 16 times and stops 15 times"
    assert not [reason for reason in found.dropped if reason.code == reasons.DRIVER_STUCK]
    assert missing(found, stopping(range(2000, 2600), 2)) == []


def test_a_state_is_never_stuck() -> None:
    """The number of pumps stays for two days, while the energy moves with an unrecorded flow."""

    def by_pumps(numbers: range) -> list[Interval]:
        return [replace(item, energy_wh=(item.energy_wh or 0.0) + 4000 * (k // 192 % 2),
                        drivers={"signal_pumps": Driver(1.0 + k // 192 % 2)})
                for k, item in zip(numbers, plant(numbers), strict=True)]  # fmt: skip

    found = freeze(learn("pump", by_pumps(range(16 * 96))), 0, "test")
    assert found.drivers == ("signal_pumps",)
    assert found.n == 16 * 96
    lines = evaluate(found, by_pumps(range(1920, 2500)))[1]
    assert {line.excluded for line in lines} == {None}


def test_a_saturated_meter_of_the_flow_is_not_stuck() -> None:
    """It ends at 800: for a third of the time it shows 800, as often as the flow is above, in both periods."""

    def saturated(numbers: range, seed: int) -> list[Interval]:
        return [replace(item, drivers={FLOW: Driver(min(item.drivers[FLOW].mean, 800.0))})
                for item in plant(numbers, seed)]  # fmt: skip

    found = freeze(learn("pump", saturated(range(16 * 96), 1)), 0, "test")
    assert not [reason for reason in found.dropped if reason.code == reasons.DRIVER_STUCK]
    assert found.n > 0.98 * 16 * 96, "an averaging window lacks the ends"
    assert len(missing(found, saturated(range(2000, 2600), 2))) <= 24, "an averaging window lacks the ends"


AIR = "signal_air_degc"


def with_air(items: list[Interval], wh_per_degree: float, share: float = 1.0, held: float | None = None,
             follows: float = 0.0) -> list[Interval]:  # fmt: skip
    """A second driver moves the energy, too. held: flow that the plant really has. follows: degrees for each unit of
    the flow; 0: ± 5 degrees at random.
    """
    rng, result = np.random.default_rng(7), []
    for item in items:
        flow = item.drivers[FLOW].mean
        air = 20 + follows * (flow - 600) + rng.uniform(-1, 1) * (0.05 if follows else 5.0)
        base_wh = (item.energy_wh or 0.0) if held is None else share * (energy_wh(held) + rng.normal(0, NOISE_WH))
        drivers = {FLOW: Driver(flow if held is None else held), AIR: Driver(air)}
        result.append(replace(item, energy_wh=base_wh + share * wh_per_degree * (air - 20), drivers=drivers))
    return result


def excluded_with_air(wh_per_degree: float, items: list[Interval]) -> list[int]:
    found = learn("pump", with_air(plant(range(16 * 96)), wh_per_degree), drivers=[FLOW, AIR])
    return missing(freeze(found, 0, "test"), items)


def test_a_weak_driver_that_follows_the_flow_does_not_hide_that_the_flow_is_stuck() -> None:
    """10 Wh per degree, and three degrees within the 600 units of the flow: 30 Wh of 12,000."""
    items = with_air(plant(range(2000, 2600), 2), 10.0, follows=0.005)
    items[100:388] = [replace(item, drivers={**item.drivers, FLOW: Driver(507.33)}) for item in items[100:388]]
    assert excluded_with_air(10.0, items) == list(range(100, 388))


@pytest.mark.parametrize("share", [1.0, 0.7])
def test_a_held_flow_is_not_stuck_while_another_driver_moves_the_energy(share: float) -> None:
    """300 Wh per degree, ± 5 degrees: 9 times the noise."""
    held = with_air(plant(range(2000, 2300), 2), 300.0, share, held=640.0)
    assert excluded_with_air(300.0, held) == []


@pytest.mark.parametrize(("length_s", "n", "found"), [(900, 7, 0), (900, 9, 9), (3600, 3, 0), (3600, 5, 5)])
def test_a_value_must_be_held_for_two_hours_and_four_intervals(
    baseline: Baseline, length_s: int, n: int, found: int
) -> None:
    """The energy jumps between the extremes of the plant."""
    items = [
        Interval("pump", START_MS + k * 1000 * length_s, energy_wh(flow) * length_s / 900, length_s=length_s,
                 drivers={FLOW: Driver(500.0 if 20 <= k < 20 + n else flow)}, meter="m 1")
        for k in range(60) for flow in [400.0 + k % 2 * 400 + k / 100]
    ]  # fmt: skip
    assert len(missing(baseline, items)) == found


def test_a_gap_of_an_hour_does_not_end_a_held_value_and_a_longer_one_does(baseline: Baseline) -> None:
    def pieces(gap: int) -> list[int]:
        """The value is held for 1.5 h, missing for some intervals, and held for 1.5 h."""
        items = [
            Interval("pump", START_MS + k * QUARTER_MS, energy_wh(flow), meter="m 1",
                     drivers={} if 26 <= k < 26 + gap else
                     {FLOW: Driver(500.0 if 20 <= k < 32 + gap else flow)})
            for k in range(80) for flow in [400.0 + k % 2 * 400 + k / 100]
        ]  # fmt: skip
        return missing(baseline, items)

    assert pieces(4) == list(range(20, 36))
    assert pieces(5) == list(range(26, 31)), "only the gap"


def test_a_second_driver_with_little_effect_is_stuck_after_several_times_its_longest_value() -> None:
    """The temperature moves the energy by ±1.6 %, with 1 % of scatter: too little to judge by the energy alone."""
    air = "signal_air_degc"

    def warm(numbers: range, seed: int, stuck_from: int = 1 << 60) -> list[Interval]:
        chance, found = np.random.default_rng(seed), []
        for k, item in zip(numbers, plant(numbers, seed), strict=True):
            celsius = 15 + 8 * math.sin(2 * math.pi * k / 96) + 0.2 * chance.normal()
            wh = (item.energy_wh or 0.0) * (1 + 0.002 * (celsius - 15)) * (1 + 0.01 * chance.normal())
            shown = celsius if k < stuck_from else 21.0
            found.append(replace(item, energy_wh=wh, drivers={**item.drivers, air: Driver(shown)}))
        return found

    baseline = freeze(learn("pump", warm(range(16 * 96), 1)), 0, "test")
    assert set(baseline.drivers) == {FLOW, air}
    lines = evaluate(baseline, warm(range(20 * 96, 30 * 96), 2, stuck_from=23 * 96))[1]
    assert all(line.excluded == reasons.DRIVER_MISSING(drivers=(air,)) for line in lines[3 * 96 :])
    assert sum(line.excluded is None for line in lines[: 3 * 96]) > 0.9 * 3 * 96
