"""Savings of intervals: what is counted, what is excluded and why, and properties of the uncertainty."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.accounting import evaluate, excluded_energy
from support.retrofit import FLOW, START_MS

from agent.savings import reasons
from agent.savings.accounting.driver_error import DriverError
from agent.savings.accounting.interval_comparison import IntervalResult
from agent.savings.accounting.meter_uncertainty import MeterUncertainty
from agent.savings.accounting.verdict import caveats
from agent.savings.baseline.baseline import freeze, learn
from agent.savings.records.meter_identity import MeterClasses
from agent.savings.records.model import QUARTER_MS, Baseline, Driver, Interval, NonRoutineEvent, Saving
from agent.savings.records.non_routine_events import decided
from drivers.reasons import Code, InvalidValue, Reason

CLASSES = MeterClasses("0.5S", "0.5", ct_a=5.0, va_per_a=693.0)  # always above rated current


def quarter(k: int, wh: float, flow: float = 500.0, **more: object) -> Interval:
    found = Interval(
        "pump", START_MS + k * QUARTER_MS, wh, drivers={FLOW: Driver(flow)}, meter="a", reactive_varh=wh / 2
    )
    return replace(found, **more)  # type: ignore[arg-type]


def law(k: int) -> tuple[float, float]:
    """Flow and energy of interval k: a straight line with an alternating deviation of ±100 Wh, not random."""
    flow = 300.0 + 37 * k % 601
    return flow, 5000 + 20 * flow + 100 * (-1) ** k


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    rows = [quarter(k, law(k)[1], law(k)[0]) for k in range(600)]
    return freeze(learn("pump", rows, classes=CLASSES[:2], kind="polynomial"), 0, "test")


def after(share: float = 0.8, n: int = 400) -> list[Interval]:
    return [quarter(1000 + k, share * (5000 + 20 * law(k)[0]), law(k)[0]) for k in range(n)]


def of(baseline: Baseline, rows: list[Interval], **more: object) -> Saving:
    return evaluate(baseline, rows, classes=CLASSES, **more)[0]  # type: ignore[arg-type]


def caveats_of(saving: Saving, *codes: Code) -> list[Reason]:
    return [caveat for caveat in saving.caveats if caveat.code in codes]


def test_a_fifth_saved_is_a_fifth(baseline: Baseline) -> None:
    found = of(baseline, after())
    assert found.share == pytest.approx(0.2, abs=0.001)
    assert found.verdict == "proven"
    assert found.saved_wh == pytest.approx(found.adjusted_wh - found.measured_wh, abs=1e-6)
    assert found.coverage == pytest.approx(1)


def test_nothing_saved_is_not_proven_and_more_used_is_negative(baseline: Baseline) -> None:
    nothing = of(baseline, after(1.0))
    assert nothing.verdict == "not_proven"
    assert caveats_of(nothing, reasons.WITHIN_UNCERTAINTY) == [reasons.WITHIN_UNCERTAINTY(u95_wh=nothing.u95_wh)]
    more = of(baseline, after(1.1))
    assert more.verdict == "negative"
    assert reasons.MORE_THAN_BASELINE() in more.caveats


def test_the_order_of_intervals_does_not_matter(baseline: Baseline) -> None:
    rows = after()
    assert of(baseline, rows[::-1]) == of(baseline, rows)


def test_twice_the_energy_has_twice_the_meter_uncertainty(baseline: Baseline) -> None:
    once, twice = of(baseline, after()), of(baseline, after(n=800))
    for name in ("meter_gain", "transformer_ratio", "transformer_phase"):
        assert twice.causes[name] == pytest.approx(2 * once.causes[name], rel=0.01)
    assert twice.causes["scatter"] == pytest.approx(2**0.5 * once.causes["scatter"])


def test_auxiliary_energy_is_part_of_the_measured_energy(baseline: Baseline) -> None:
    plain, cooled = of(baseline, after()), of(baseline, [replace(item, auxiliary_wh=50.0) for item in after()])
    assert plain.saved_wh - cooled.saved_wh == pytest.approx(400 * 50)


def test_the_uncertainty_of_a_second_meter_counts_in_full(baseline: Baseline) -> None:
    same, other = of(baseline, after()), of(baseline, [replace(item, meter="b") for item in after()])
    assert other.u95_wh > 3 * same.u95_wh
    assert reasons.METER_CHANGED() in other.caveats
    assert reasons.METER_CHANGED() not in same.caveats
    assert other.causes["meter_gain"] == pytest.approx(
        0.005 / 3**0.5 * (1 + 0.8**2) ** 0.5 * same.adjusted_wh, rel=0.01
    )


def test_a_bypass_test_by_the_same_meter_has_the_same_meter_error(baseline: Baseline) -> None:
    tested = replace(baseline, fallback=reasons.FROM_BYPASS_TEST())
    assert of(tested, after()).u95_wh == of(baseline, after()).u95_wh


def test_phase_errors_count_with_the_change_of_reactive_energy(baseline: Baseline) -> None:
    """Phase displacement of 30′ (class 0.5), tan φ from 0.5 to 0: 0.87 % / √3 of half the adjusted baseline."""
    found = of(baseline, [replace(item, reactive_varh=0.0) for item in after()])
    assert found.causes["transformer_phase"] == pytest.approx(
        0.5 / 60 * 3.14159 / 180 * 60 * 0.5 * found.adjusted_wh / 3**0.5, rel=0.01
    )


def test_intervals_out_of_range_are_excluded_with_a_reason(baseline: Baseline) -> None:
    rows = after()
    rows[7] = quarter(1007, 1e5, 2000.0)
    found, lines = evaluate(baseline, rows, classes=CLASSES)
    assert lines[7].excluded == reasons.DRIVER_OUT_OF_RANGE(driver=FLOW, value=2000.0, low=300.0, high=900.0)
    assert found.intervals == len(rows) - 1
    assert found.excluded_wh == pytest.approx(1e5)
    above = reasons.ABOVE_RANGE(driver=FLOW, low=300.0, high=900.0)
    assert caveats_of(found, reasons.ENERGY_EXCLUDED) == [reasons.ENERGY_EXCLUDED(energy_wh=100_000, cause=above)]


def test_of_many_reasons_the_largest_are_named_and_the_rest_is_a_sum(baseline: Baseline) -> None:
    rows = after(n=60)
    found = []
    for number, kwh in enumerate((70, 60, 50, 40, 13, 12, 11), 1):
        rows[number] = replace(rows[number], energy_wh=1000.0 * kwh)
        begin_ms = rows[number].start_ms
        found.append(
            NonRoutineEvent(
                number, "pump", "maintenance", begin_ms, begin_ms + QUARTER_MS, reasons.MAINTENANCE(), 0.0, "exclude"
            )
        )
    excluded = reasons.ENERGY_EXCLUDED, reasons.MORE_ENERGY_EXCLUDED
    assert caveats_of(of(baseline, rows, events=found), *excluded) == [
        *(
            reasons.ENERGY_EXCLUDED(
                energy_wh=1000 * kwh, cause=reasons.EXCLUDED_UNDECIDED(number=number, kind="maintenance")
            )
            for number, kwh in enumerate((70, 60, 50, 40), 1)
        ),
        reasons.MORE_ENERGY_EXCLUDED(energy_wh=36_000, n=3),
    ]
    five = caveats_of(of(baseline, rows, events=found[:5]), *excluded)
    assert five[-1] == reasons.MORE_ENERGY_EXCLUDED(energy_wh=13_000, n=1)
    assert not caveats_of(of(baseline, rows, events=found[:4]), reasons.MORE_ENERGY_EXCLUDED)


def test_reasons_without_energy_are_not_listed_and_unknown_energy_is_counted(baseline: Baseline) -> None:
    rows = after(n=60)
    rows[3:5] = [replace(item, energy_wh=None) for item in rows[3:5]]
    rows[7] = quarter(1007, 20.0, 2000.0)
    excluded = (reasons.ENERGY_EXCLUDED, reasons.MORE_ENERGY_EXCLUDED, reasons.INTERVALS_WITHOUT_ENERGY)
    assert caveats_of(of(baseline, rows), *excluded) == [reasons.INTERVALS_WITHOUT_ENERGY(n=2)]


def test_one_reason_is_named_for_all_values_of_the_same_drivers(baseline: Baseline) -> None:
    """The caveat contains no values of single intervals: excluded energy is summed by combination of drivers."""
    lines = [
        IntervalResult(0, 900, 1.0, 1.0, 5000.0, reasons.DRIVERS_OUT_OF_RANGE_TOGETHER(drivers=drivers, values=values))
        for drivers, values in ((("flow",), ("1",)), (("flow", "pumps"), ("1", "2")), (("flow", "pumps"), ("3", "2")))
    ]
    saving, meters = of(baseline, after()), MeterUncertainty({}, True)
    found = caveats(saving, baseline, excluded_energy(lines), (), meters)
    found = [item for item in found if item.code == reasons.ENERGY_EXCLUDED]
    assert set(found) == {
        reasons.ENERGY_EXCLUDED(energy_wh=5000, cause=reasons.COMBINATION_UNKNOWN(drivers=("flow",))),
        reasons.ENERGY_EXCLUDED(energy_wh=10_000, cause=reasons.COMBINATION_UNKNOWN(drivers=("flow", "pumps"))),
    }


@pytest.mark.parametrize(
    ("flows", "cause", "part"),
    [
        ([2000.0] * 10, None, 0.0),
        ([2000.0] * 100, reasons.ABOVE_RANGE, 1.0),
        ([100.0] * 70 + [2000.0] * 30, reasons.BELOW_RANGE, 0.7),
    ],
)  # fmt: skip
def test_much_energy_out_of_range_has_advice(
    baseline: Baseline, flows: list[float], cause: Code | None, part: float
) -> None:
    """All intervals have the same energy, so that shares of energy and of time are equal."""
    rows = [quarter(1000 + k, 10_000.0, 500.0) for k in range(400)]
    rows[: len(flows)] = [quarter(1000 + k, 10_000.0, flow) for k, flow in enumerate(flows)]
    found = caveats_of(of(baseline, rows), reasons.OUTSIDE_BASELINE)
    assert len(found) == (cause is not None)
    if cause is not None:
        assert found[0].data["share"] == pytest.approx(0.25)
        assert found[0].data["part"] == pytest.approx(part)
        assert found[0].data["cause"] == cause(driver=FLOW, low=300.0, high=900.0)
        assert "`magwatt adjustment decide --adjust`" in str(found[0])


def test_a_missing_driver_is_interpolated_for_at_most_an_hour(baseline: Baseline) -> None:
    rows = after()
    short = [replace(item, drivers={}) if 10 <= k < 13 else item for k, item in enumerate(rows)]
    long = [replace(item, drivers={}) if 10 <= k < 20 else item for k, item in enumerate(rows)]
    found = of(baseline, short)
    assert found.intervals == len(rows)
    assert found.causes["gaps"] == 0
    less = of(baseline, long)
    assert less.intervals == len(rows) - 10
    [missing] = caveats_of(less, reasons.ENERGY_EXCLUDED)
    assert missing.data["cause"] == reasons.DRIVER_MISSING(drivers=(FLOW,))


def test_gaps_are_excluded_and_reduce_the_coverage(baseline: Baseline) -> None:
    rows = [replace(item, energy_wh=None, coverage=0.0) if k % 5 == 0 else item for k, item in enumerate(after())]
    found = of(baseline, rows)
    assert found.coverage == pytest.approx(0.8)
    assert caveats_of(found, reasons.LOW_COVERAGE)[0].data["coverage"] == pytest.approx(0.8)
    half = of(baseline, [replace(item, coverage=0.5) for item in after()])
    assert half.intervals == 0
    assert half.verdict == "not_proven"


def partly_polled(items: list[Interval], coverage: float) -> list[Interval]:
    """The same intervals of steady power, polled for a part of the time by a meter without a register."""
    return [replace(item, energy_wh=coverage * (item.energy_wh or 0.0), coverage=coverage) for item in items]


@pytest.mark.parametrize("saved", [0.0, 0.2])
def test_only_the_polled_part_of_an_interval_is_compared(baseline: Baseline, saved: float) -> None:
    """The energy of the rest is unknown: it is neither used nor saved, so that the saving is scaled exactly."""
    complete = of(baseline, after(1 - saved))
    found = of(baseline, partly_polled(after(1 - saved), 0.8))
    assert found.intervals == complete.intervals
    assert found.adjusted_wh == pytest.approx(0.8 * complete.adjusted_wh, rel=1e-12)
    assert found.saved_wh == pytest.approx(0.8 * complete.saved_wh, rel=1e-12, abs=1e-6)
    assert found.causes["model"] == pytest.approx(0.8 * complete.causes["model"])


def test_the_register_supplies_the_energy_of_the_time_that_was_not_polled(baseline: Baseline) -> None:
    rows = [replace(item, coverage=0.8, filled_wh=0.2 * (item.energy_wh or 0.0)) for item in after()]
    assert of(baseline, rows).saved_wh == pytest.approx(of(baseline, after()).saved_wh, rel=1e-12)


def test_a_baseline_learns_the_power_of_partly_polled_intervals() -> None:
    rows = [quarter(k, law(k)[1], law(k)[0]) for k in range(600)]
    complete = learn("pump", rows, kind="polynomial")
    found = learn("pump", partly_polled(rows, 0.8), kind="polynomial")
    assert found.coefficients == pytest.approx(complete.coefficients, rel=1e-9)
    assert found.energy_wh == pytest.approx(0.8 * complete.energy_wh, rel=1e-12)


def test_energy_filled_by_the_register_increases_u(baseline: Baseline) -> None:
    rows = [replace(item, filled_wh=100.0) for item in after()]
    assert of(baseline, rows).causes["gaps"] == pytest.approx(0.3 * 100 * 400)


def test_the_error_of_a_driver_increases_u_of_the_saving(baseline: Baseline) -> None:
    """A limit of 10 m³/h in the same direction in all 400 intervals, rectangular."""
    found = of(baseline, after(), driver_errors={FLOW: DriverError(absolute=10.0)})
    assert found.causes["driver"] == pytest.approx(400 * 20 * 10 / 3**0.5, rel=0.02)
    assert found.u95_wh > of(baseline, after()).u95_wh


def test_missing_data_has_a_reason() -> None:
    rows = [quarter(k, law(k)[1], law(k)[0]) for k in range(600)]
    found = evaluate(learn("pump", rows), [], span=(0, 86_400_000))[0]
    assert found.verdict == "not_proven"
    assert found.caveats == (reasons.NO_DATA(),)
    assert found.coverage == 0


def test_events_exclude_intervals_until_a_decision(baseline: Baseline) -> None:
    rows = after()
    event = NonRoutineEvent(
        3,
        "pump",
        "maintenance",
        rows[10].start_ms + 60_000,
        rows[12].end_ms,
        reasons.MAINTENANCE(),
        0.0,
        "exclude",
    )
    waiting = of(baseline, rows, events=[event])
    assert waiting.intervals == len(rows) - 3
    assert waiting.open_events == 1
    assert reasons.EVENT_UNDECIDED(number=3, kind="maintenance", cause=event.cause) in waiting.caveats
    kept = of(baseline, rows, events=[decided(event, "keep", "Li Wei", "it ran as ever", 0)])
    assert kept.intervals == len(rows)
    assert kept.open_events == 0
    adjusted = of(baseline, rows, events=[decided(event, "adjust", "Li Wei", "valve 3 was open", 0, -5000.0)])
    assert adjusted.saved_wh == pytest.approx(kept.saved_wh - 5000)
    gone = of(baseline, rows, events=[decided(event, "exclude", "Li Wei", "not the process", 0)])
    assert gone.saved_wh == pytest.approx(waiting.saved_wh)


@pytest.mark.parametrize(
    ("decision", "by", "reason", "wh", "code"),
    [
        ("drop", "Li", "x", 0.0, reasons.UNKNOWN_DECISION), ("keep", " ", "x", 0.0, reasons.DECISION_WITHOUT_REASON),
        ("keep", "Li", "", 0.0, reasons.DECISION_WITHOUT_REASON), ("adjust", "Li", "x", 0.0, reasons.ADJUSTMENT_ENERGY),
        ("keep", "Li", "x", 5.0, reasons.ADJUSTMENT_ENERGY),
    ],
)  # fmt: skip
def test_a_decision_requires_name_reason_and_energy(decision: str, by: str, reason: str, wh: float, code: Code) -> None:
    event = NonRoutineEvent(1, "pump", "maintenance", 0, 1, reasons.MAINTENANCE(), 0.0, "exclude")
    with pytest.raises(InvalidValue) as error:
        decided(event, decision, by, reason, 0, wh)
    assert error.value.reason.code == code


def test_a_constant_baseline_of_a_varying_load_has_an_open_assumption_as_caveat() -> None:
    rows = [replace(quarter(k, law(k)[1]), drivers={}) for k in range(600)]
    found = of(learn("pump", rows, classes=CLASSES[:2]), [replace(item, drivers={}) for item in after()])
    assert len(caveats_of(found, reasons.NO_DRIVER)) == 1


@pytest.mark.parametrize("hidden", [0.0, 0.1, 0.24])
def test_a_gap_filled_by_the_register_does_not_reduce_a_nameplate_saving(hidden: float) -> None:
    """At steady load, an interval with register-filled energy has the same saving and parts as a measured one.

    Shaft power and losses are known for the measured time only; they are extrapolated to the gap.
    """
    from agent.savings.baseline.baseline import from_nameplate

    old = {"rated_w": 160e3, "efficiency": 0.93, "rpm": 1485.0, "sync_rpm": 1500.0}
    seen = 1 - hidden
    item = Interval(
        "pump", START_MS, 25e3, shaft_wh=22.5e3 * seen, drive_loss_wh=1e3 * seen, motor_loss_wh=1.5e3 * seen,
        speed_rpm=1400.0, coverage=seen, filled_wh=25e3 * hidden, running_s=900 * seen,
    )  # fmt: skip
    whole = replace(item, shaft_wh=22.5e3, drive_loss_wh=1e3, motor_loss_wh=1.5e3, coverage=1.0, filled_wh=0.0,
                    running_s=900.0)  # fmt: skip
    baseline = from_nameplate("pump", old, START_MS)
    rows, wanted = (evaluate(baseline, [each], old_motor=old)[0] for each in (item, whole))
    assert rows.intervals == 1
    assert rows.saved_wh == pytest.approx(wanted.saved_wh, rel=1e-9)
    for name, part in wanted.parts.items():
        assert rows.parts[name].wh == pytest.approx(part.wh, abs=1e-6), name
