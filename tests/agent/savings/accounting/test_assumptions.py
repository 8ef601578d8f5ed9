"""Each kind of assumption of a saving: open, stated or checked; and the verdict that follows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from support.accounting import evaluate
from support.retrofit import FLOW

from agent.savings import reasons
from agent.savings.accounting.assumptions import assumptions_of, season_distance_d
from agent.savings.accounting.driver_error import DriverError
from agent.savings.accounting.expired_times import ExpiredTime
from agent.savings.accounting.verdict import verdict
from agent.savings.baseline.baseline import freeze, from_nameplate, learn
from agent.savings.records.model import QUARTER_MS, Assumption, Baseline, Driver, Interval, StaticFactor
from drivers.reasons import Reason

TEMPERATURE, TONNES, SHARE = "signal_inlet_degc", "signal_rolled_t_h", "signal_scrap_pct"
CALIBRATED = DriverError(relative=0.005, calibrated=True)
DAY_MS = 86_400_000


def day_number(text: str) -> int:
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


def days(first: str, n: int) -> set[int]:
    return {day_number(first) + k for k in range(n)}


def baseline(*drivers: str, state: bool = False, factors: Sequence[StaticFactor] = ()) -> Baseline:
    """A model of these drivers; state: the last one has few values. Baseline period: two weeks of January 2026."""
    size = 1 + len(drivers)
    shape = {"states": [1.0, 2.0], "within": 0.1, "by_state": "levels", "base": "linear"} if state else {}
    kind = "constant" if not drivers else "indicator" if state else "linear"
    begin_ms = day_number("2026-01-05") * DAY_MS
    return Baseline(
        "mill", kind, drivers, (1.0,) * size, ((0.0,) * size,) * size, shape, {}, 1344, 600.0, 10.0, 0.4, 0.08, 0.0,
        0.9, 1e7, 0.5, begin_ms, begin_ms + 14 * DAY_MS, static_factors=tuple(factors), hash="x",
    )  # fmt: skip


def factor(kind: str, statement: str = "constant") -> StaticFactor:
    return StaticFactor(kind, statement, "Li Wei", 1_767_000_000_000)


def of(
    model: Baseline, when: Iterable[int] = days("2026-02-01", 28), errors: dict[str, DriverError] | None = None
) -> dict[str, Assumption]:
    found = assumptions_of(model, set(when), errors or {}, u95_wh=900.0, without_u95_wh=600.0)
    return {item.kind: item for item in found}


def test_a_model_without_a_driver_rests_on_the_load_unless_it_is_stated() -> None:
    assert of(baseline())["driver"] == Assumption("driver", "open", reasons.NO_DRIVER(cv=0.08))
    stated = of(baseline(factors=[factor("load")]))["driver"]
    assert (stated.status, stated.by, stated.at_ms) == ("stated", "Li Wei", 1_767_000_000_000)
    assert of(baseline(FLOW))["driver"].status == "checked"


def test_a_calculation_from_the_nameplate_is_never_proven() -> None:
    plate = {"rated_w": 1e5, "efficiency": 0.93, "rpm": 1480.0, "sync_rpm": 1500.0}
    [item] = assumptions_of(from_nameplate("mill", plate, 0), set(), {}, u95_wh=1.0, without_u95_wh=1.0)
    assert (item.kind, item.status) == ("driver", "open")
    assert verdict(10.0, 1.0, 5, [item]) == "provisional"


def nearest_day_of_year(day: int, first: int, last: int) -> int:
    """By enumeration: the smallest distance of a day to those of the baseline, moved by whole calendar years."""

    def in_year(number: int, year: int) -> int:
        moved = date(1970, 1, 1) + timedelta(number)
        try:
            return moved.replace(year=year).toordinal()
        except ValueError:  # 29 February
            return moved.replace(year=year, day=28).toordinal()

    own = in_year(day, 2001)
    return min(abs(own - in_year(number, year)) for number in range(first, last + 1) for year in (2000, 2001, 2002))


@pytest.mark.parametrize("first", ["2025-12-20", "2026-03-01", "2024-02-25"])
@pytest.mark.parametrize("length", [14, 60, 300, 400])
def test_the_distance_of_seasons_is_that_of_the_calendar(first: str, length: int) -> None:
    """Leap years move the day of the year by at most two days."""
    begin = day_number(first)
    for after in range(0, 900, 17):
        day = begin + length + after
        expected = nearest_day_of_year(day, begin, begin + length - 1)
        assert season_distance_d(day, begin, begin + length - 1) == pytest.approx(expected, abs=2)


@pytest.mark.parametrize(
    ("when", "status"),
    [(days("2026-02-01", 28), "checked"), (days("2026-02-01", 28) | days("2026-07-01", 1), "open"),
     (days("2026-07-01", 31), "open"), (days("2027-01-01", 31), "checked"), (days("2025-12-01", 20), "checked")],
)  # fmt: skip
def test_the_season_of_each_day_is_compared_with_the_baseline(when: set[int], status: str) -> None:
    """Winter baseline: 5 to 18 January."""
    assert of(baseline(FLOW), when)["season"].status == status


def test_the_days_out_of_season_are_counted() -> None:
    """30 June is 163 days after 18 January; 4 March is 45 days after it."""
    found = of(baseline(FLOW), days("2026-03-04", 1) | days("2026-06-30", 1))["season"]
    assert found.reason == reasons.SEASON_NOT_COVERED(n=1, limit_d=45, most_d=163)


def test_a_temperature_or_a_statement_covers_the_season() -> None:
    summer = days("2026-07-01", 31)
    assert of(baseline(FLOW, TEMPERATURE), summer)["season"].status == "checked"
    stated = of(baseline(FLOW, factors=[factor("ambient", "indoors, 20 °C all year")]), summer)["season"]
    assert (stated.status, stated.reason.data["statement"]) == ("stated", "indoors, 20 °C all year")
    assert "season" not in of(baseline(FLOW), [])


def test_each_numeric_driver_needs_a_calibration() -> None:
    model = baseline(FLOW, "signal_shift", state=True)
    found = of(model)["calibration"]
    assert found.status == "open"
    assert found.reason.data["driver"] == FLOW
    assert (found.reason.data["u95_wh"], found.reason.data["without_u95_wh"]) == (900.0, 600.0)
    default = of(model, errors={FLOW: DriverError(relative=0.015)})["calibration"]
    assert (default.status, default.reason.data["error"]) == ("open", reasons.ERROR_RELATIVE(share=0.015))
    assert of(model, errors={FLOW: CALIBRATED})["calibration"].status == "stated"
    assert "calibration" not in of(baseline())


def test_a_counter_of_pieces_cannot_drift() -> None:
    model = baseline("signal_castings_pcs")
    assert "calibration" not in of(model, errors={"signal_castings_pcs": DriverError()})
    assert of(model)["calibration"].status == "open", "nothing is known about this signal"


@pytest.mark.parametrize(
    ("model", "status"),
    [
        (baseline(TONNES), "open"), (baseline("signal_line_m_min"), "open"), (baseline("signal_castings_pcs"), "open"),
        (baseline(), "open"), (baseline(TONNES, TEMPERATURE), "open"),
        (baseline(TONNES, factors=[factor("product_mix", "grades A and B, half each")]), "stated"),
        (baseline(factors=[factor("load")]), "stated"), (baseline(TONNES, "signal_grade", state=True), "checked"),
        (baseline(TONNES, SHARE), "checked"), (baseline(FLOW), None), (baseline("signal_air_m3_h"), None),
        (baseline("signal_tank_m"), None),
    ],
)  # fmt: skip
def test_the_mix_of_products_must_be_known_where_products_are_counted(model: Baseline, status: str | None) -> None:
    found = of(model).get("product_mix")
    assert (found.status if found else None) == status


def test_an_expired_certificate_is_open_whatever_else_is_known() -> None:
    """Also of a baseline from the nameplate, whose present energy the meter measures."""
    drivers = (FLOW, TEMPERATURE)
    time = ExpiredTime("ct", "E1", "2026-01-31", day_number("2026-02-01") * DAY_MS, None)
    for expired, status in (([], "proven"), ([time], "provisional")):
        found = assumptions_of(
            baseline(*drivers), days("2026-02-01", 28), dict.fromkeys(drivers, CALIBRATED), u95_wh=1.0,
            without_u95_wh=1.0, expired=expired,
        )  # fmt: skip
        assert verdict(10.0, 1.0, 5, found) == status
    assert found[0] == Assumption(
        "certificate", "open", reasons.CERTIFICATE_EXPIRED(device="ct", number="E1", until="2026-01-31")
    )
    plate = from_nameplate("mill", {"rated_w": 1e5, "efficiency": 0.93, "rpm": 1480.0, "sync_rpm": 1500.0}, 0)
    found = assumptions_of(plate, set(), {}, u95_wh=1.0, without_u95_wh=1.0, expired=[time])
    assert [item.kind for item in found] == ["driver", "certificate"]


def test_open_assumptions_come_first() -> None:
    found = assumptions_of(
        baseline(TONNES, factors=[factor("product_mix", "as before")]), days("2026-07-01", 31), {TONNES: CALIBRATED},
        u95_wh=1.0, without_u95_wh=1.0,
    )  # fmt: skip
    assert [item.status for item in found] == ["open", "stated", "stated", "checked"]


OPEN = Assumption("driver", "open", reasons.NO_DRIVER(cv=0.1))
CHECKED = Assumption("driver", "checked", reasons.LOAD_MEASURED(drivers=(FLOW,)))


@pytest.mark.parametrize(
    ("saved_wh", "intervals", "assumptions", "undecided", "expected"),
    [
        (10.0, 5, [CHECKED], None, "proven"), (10.0, 5, [OPEN, CHECKED], None, "provisional"),
        (0.5, 5, [CHECKED], None, "not_proven"), (0.5, 5, [OPEN], None, "not_proven"),
        (-10.0, 5, [OPEN], None, "negative"), (10.0, 0, [CHECKED], None, "not_proven"),
        (10.0, 5, [CHECKED], reasons.CT_RATIO(), "undecided"), (-10.0, 5, [OPEN], reasons.CT_RATIO(), "undecided"),
    ],
)  # fmt: skip
def test_only_a_saving_without_open_assumptions_is_proven(
    saved_wh: float, intervals: int, assumptions: list[Assumption], undecided: Reason | None, expected: str
) -> None:
    assert verdict(saved_wh, 1.0, intervals, assumptions, undecided) == expected


BEGIN_MS = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000)


def steady(first: int, n: int, share: float = 1.0, **drivers: Driver) -> list[Interval]:
    """A load that alternates by ±2 %; its mean is the same before and after."""
    return [
        Interval("pump", BEGIN_MS + k * QUARTER_MS, share * 10_000 * (1 + 0.02 * (-1) ** k), drivers=drivers, meter="a",
                 reactive_varh=5000.0)
        for k in range(first, first + n)
    ]  # fmt: skip


@pytest.mark.parametrize(("factors", "expected"), [([], "provisional"), ([factor("load")], "proven")])
def test_a_saving_without_a_driver_is_proven_only_with_a_stated_load(
    factors: list[StaticFactor], expected: str
) -> None:
    frozen = freeze(learn("pump", steady(0, 1344), classes=("0.5S", "0.5S")), 0, "test", factors)
    found, _ = evaluate(frozen, steady(1400, 2000, 0.8), classes=("0.5S", "0.5S"))
    assert found.verdict == expected
    first = found.caveats[0].code if found.caveats else None
    assert (first == reasons.NO_DRIVER) == (expected == "provisional")
    assert found.u80_wh < found.u90_wh < found.u95_wh
    assert found.u80_wh > 0.5 * found.u95_wh
