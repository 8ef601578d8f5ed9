"""Non-routine events open and close automatically; ordinary days open none."""

from __future__ import annotations

import math
from random import Random

import pytest
from msgspec.structs import replace

from agent.savings import reasons
from agent.savings.baseline.baseline import learn
from agent.savings.records.meter_identity import same_meter
from agent.savings.records.model import QUARTER_MS, Driver, Interval, NonRoutineEvent
from agent.savings.records.non_routine_events import excluding
from agent.savings.tracking.drift_detection import DriftDetector
from agent.savings.tracking.event_detector import NonRoutineEventDetector


def days(n: int, seed: int = 1, share: float = 1.0, first: int = 0, noise: float = 0.02) -> list[Interval]:
    rng = Random(seed)
    found = []
    for k in range(first, first + 96 * n):
        flow = 600 + 200 * math.sin(2 * math.pi * k / 96) + rng.gauss(0, 30)
        wh = share * (10_000 + 20 * flow) * (1 + rng.gauss(0, noise))
        found.append(Interval("pump", k * QUARTER_MS, wh, drivers={"flow": Driver(flow)}, meter="mcc-1 1 400/5"))
    return found


def watched(items: list[Interval], watch: NonRoutineEventDetector | None = None) -> list[NonRoutineEvent]:
    watch = watch or NonRoutineEventDetector("pump")
    return [event for item in items for event in watch.on_interval(item)]


@pytest.mark.parametrize("seed", range(4))
def test_a_month_of_ordinary_days_opens_nothing(seed: int) -> None:
    assert watched(days(30, seed)) == []


@pytest.mark.parametrize("factor", [2.0, 0.5])
def test_a_wrong_ratio_is_detected_within_an_hour(factor: float) -> None:
    """A 400/5 CT is replaced by a 200/5 one in the middle of an interval; the ratio set in the meter is not changed."""
    items = days(10)
    cut = 96 * 5 + 40
    items[cut] = replace(items[cut], energy_wh=(1 + factor) / 2 * (items[cut].energy_wh or 0))
    items[cut + 1 :] = [replace(item, energy_wh=factor * (item.energy_wh or 0)) for item in items[cut + 1 :]]
    watch, found, ended = NonRoutineEventDetector("pump"), None, 0
    for item in items:
        for event in watch.on_interval(item):
            if event.kind == "ct_ratio" and found is None:
                found, ended = event, item.end_ms
    assert found is not None
    assert found.cause.code == reasons.ENERGY_FACTOR
    assert found.cause.data["factor"] == pytest.approx(factor, rel=0.1)
    assert ended - (items[cut].start_ms + QUARTER_MS // 2) <= 3_600_000
    assert found.from_ms <= items[cut + 1].start_ms
    assert found.proposal == "exclude"


def test_without_a_driver_a_change_of_load_is_not_a_changed_ratio() -> None:
    items = [replace(item, drivers={}) for item in days(10)]
    assert [event for event in watched(items) if event.kind == "ct_ratio"] == []


@pytest.mark.parametrize("other", [{}, {"tonnes": Driver(40.0)}])
def test_a_missing_driver_is_not_a_changed_ratio(other: dict[str, Driver]) -> None:
    """The flow is missing in the first interval and later for some hours (sender offline); the load is unchanged."""
    items = days(10)
    items = [replace(item, drivers=item.drivers | other) for item in items]
    for k in (0, *range(500, 530)):
        items[k] = replace(items[k], drivers=other)
    assert watched(items) == []


def test_a_permanently_changed_driver_is_used_for_later_comparisons() -> None:
    items = days(20)
    items[480:] = [replace(item, drivers={"flow_2": item.drivers["flow"]}) for item in items[480:]]
    items[1500:] = [replace(item, energy_wh=2 * (item.energy_wh or 0)) for item in items[1500:]]
    assert {(event.kind, event.from_ms >= items[1500].start_ms) for event in watched(items)} == {("ct_ratio", True)}


def test_a_plant_that_slowly_uses_more_is_a_shift() -> None:
    items = days(20) + days(10, 9, 1.03, first=96 * 20)
    found = [event for event in watched(items) if event.kind == "load_shift"]
    assert found
    assert found[0].from_ms >= items[96 * 20].start_ms
    assert found[0].cause == reasons.LOAD_SHIFT_UP()


@pytest.mark.parametrize("flag", ["bypass", "maintenance", "ct_wiring", "clock_step"])
def test_a_flag_opens_one_event_that_ends_with_it(flag: str) -> None:
    items = days(1)
    items[10:15] = [replace(item, flags=(flag,)) for item in items[10:15]]
    begin, end = watched(items)
    assert (begin.kind, begin.from_ms, begin.to_ms) == (flag, items[10].start_ms, None)
    assert (end.from_ms, end.to_ms) == (items[10].start_ms, items[15].start_ms)
    assert end.energy_wh == pytest.approx(sum(item.energy_wh or 0 for item in items[10:16]))


def test_a_flag_within_a_quarter_hour_is_reported_immediately_and_once() -> None:
    watch = NonRoutineEventDetector("pump")
    assert [event.kind for event in watch.open_event("ct_wiring", 5000)] == ["ct_wiring"]
    assert watch.open_event("ct_wiring", 6000) == []


def test_a_gap_is_an_event() -> None:
    items = days(1)
    items[5:9] = [replace(item, energy_wh=None, coverage=0.0) for item in items[5:9]]
    begin, end = watched(items)
    assert (begin.kind, end.to_ms) == ("data_gap", items[9].start_ms)


def test_another_meter_is_an_event_and_one_without_a_number_is_not() -> None:
    items = days(2)
    unnamed = [replace(item, meter="mcc-1 ? 400/5") for item in items[:4]] + items[4:]
    assert watched(unnamed) == []
    other = items[:100] + [replace(item, meter="mcc-1 2 400/5") for item in items[100:]]
    assert {event.kind for event in watched(other)} == {"meter_replaced"}
    assert not same_meter("mcc-1 1 400/5", "mcc-1 1 200/5")
    assert same_meter("mcc-1 7 400/5", "pump-meter 7 400/5"), "without the name, which can be changed"
    assert not same_meter("mcc-1 ? 400/5", "pump-meter 7 400/5")


def test_a_tenth_of_the_energy_beyond_the_baseline_is_an_event() -> None:
    watch = NonRoutineEventDetector("pump")
    outside = reasons.DRIVER_OUT_OF_RANGE(driver="flow", value=2000.0, low=300.0, high=900.0)
    items = days(3)
    causes = [outside if 40 <= k < 60 else None for k in range(len(items))]
    found = [event for item, cause in zip(items, causes, strict=True) for event in watch.on_interval(item, cause)]
    assert [event.kind for event in found][:1] == ["out_of_range"]
    assert found[0].cause == reasons.RANGE_LEFT(cause=outside)
    assert found[-1].to_ms is not None


def test_a_stopped_motor_does_not_train_the_detector() -> None:
    likeness = DriftDetector()
    for item in days(3):
        likeness.compare(replace(item, energy_wh=10.0, running_s=0.0))
    assert all(likeness.compare(item) == (None, None) for item in days(3))


def test_the_load_is_the_first_driver_of_the_baseline() -> None:
    """The temperature precedes the flow in alphabetical order and is unrelated to the load.

    If the load were derived from it, the daily variation would hide a doubled CT ratio.
    """
    rng = Random(3)
    items = []
    for item in days(10):
        flow = item.drivers["flow"]
        wh = (item.energy_wh or 0.0) * (flow.mean / 600) ** 2
        items.append(replace(item, energy_wh=wh, drivers={"air": Driver(rng.gauss(20, 5)), "flow": flow}))
    cut = 96 * 8
    items[cut:] = [replace(item, energy_wh=2 * (item.energy_wh or 0)) for item in items[cut:]]
    watch = NonRoutineEventDetector("pump")
    watch.set_model(learn("pump", items[:cut], drivers=["flow"]))
    assert "ct_ratio" in [event.kind for event in watched(items, watch)]
    assert "ct_ratio" not in [event.kind for event in watched(items)]


@pytest.mark.parametrize("years", [73, -2])
def test_events_during_a_wrong_clock_end_at_its_step(years: int) -> None:
    """The clock is wrong for one night: the intervals before and after each of the two clock steps carry the flag."""
    away = round(years * 365 * 96)
    ordinary, night = days(4), days(1, first=96 * 2 + away)[:8]
    items = [*ordinary[: 96 * 2], *night, *ordinary[96 * 2 :]]
    for k in (96 * 2 - 1, 96 * 2, 96 * 2 + 7, 96 * 2 + 8):
        items[k] = replace(items[k], flags=("clock_step",))
    ended = [event for event in watched(items) if event.to_ms is not None]
    assert [event.kind for event in ended] == ["clock_step"] * len(ended)
    spans = [(event.from_ms, event.to_ms) for event in ended]
    assert spans[0] == (items[96 * 2 - 1].start_ms, items[96 * 2 - 1].end_ms)
    assert all(to_ms is not None and 0 < to_ms - from_ms <= 4 * QUARTER_MS for from_ms, to_ms in spans)
    for k in (96 * 2 - 1, 96 * 2, 96 * 2 + 7, 96 * 2 + 8):
        assert excluding(ended, items[k]), "what the flag marks waits for a person's word"
    assert not any(excluding(ended, item) for item in ordinary[96 * 2 + 2 :])
    assert sum(event.energy_wh for event in ended) >= sum(items[k].energy_wh or 0 for k in (191, 192, 199, 200))


def test_hours_measured_twice_after_a_step_back_are_one_event() -> None:
    """An hour back at 24:00: the four quarter hours before are measured again and have twice the energy."""
    items = days(2)
    flagged = [replace(item, flags=("clock_step",)) for item in items[92:96]]
    ended = [event for event in watched([*items[:95], flagged[3], *flagged, *items[96:]]) if event.to_ms is not None]
    assert [(event.from_ms, event.to_ms) for event in ended] == [
        (items[95].start_ms, items[95].end_ms), (items[92].start_ms, items[95].end_ms)
    ]  # fmt: skip
    assert all(excluding(ended, item) for item in items[92:96])


def test_a_wrong_clock_closes_open_events() -> None:
    """A maintenance event that is open at a clock step ends there and does not last for years."""
    ordinary, night = days(3), days(1, first=96 * 365 * 73)[:8]
    items = [replace(ordinary[95], flags=("clock_step", "maintenance")),
            *(replace(item, flags=("maintenance",)) for item in night[:2]), *night[2:]]  # fmt: skip
    ended = [
        event for event in watched([*ordinary[:95], *items]) if event.kind == "maintenance" and event.to_ms is not None
    ]
    assert [(event.from_ms, event.to_ms) for event in ended] == [
        (ordinary[95].start_ms, ordinary[95].end_ms), (night[0].start_ms, night[1].end_ms)
    ]  # fmt: skip
