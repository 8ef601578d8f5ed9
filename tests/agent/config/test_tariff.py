"""Cost of energy: gaps in the periods, time zones, reading day, demand, and the published power-factor table."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from support.config_text import day_tariff

from agent.config import reasons as codes
from agent.config.reasons import NOT_A_MONTH, PRICE_MISSING, PRICES_OVERLAP
from agent.config.schema import ConfigReport
from agent.config.tariff import DemandCharge, Tariff, TariffPeriod, flat, gaps_and_overlaps, month_bounds_ms
from agent.config.tariff_table import read_tariff
from agent.savings.accounting.bill import bill, pf_adjustment
from agent.savings.accounting.demand import BilledInterval
from agent.savings.reasons import REACTIVE_ENERGY_MISSING
from drivers.file_reasons import DID_YOU_MEAN, KEY_UNKNOWN
from drivers.reasons import InvalidValue, Reason

SITE = {"currency": "CNY", "timezone": "Asia/Shanghai", "energy_price": None, "grid_factor": "CN-NM"}
GOOD = day_tariff()


def read(text: str, site: dict[str, object] | None = None) -> tuple[Tariff | None, ConfigReport]:
    report = ConfigReport("plant.toml")
    return read_tariff(tomllib.loads(text), SITE | (site or {}), report), report


def reasons_of(report: ConfigReport) -> list[Reason]:
    """Reasons of the problems of the tariff's periods."""
    assert {problem.key for problem in report.problems} == {"tariff.period"}
    return sorted((problem.reason for problem in report.problems), key=repr)


def ms(year: int, month: int, day: int, hour: int = 0, minute: int = 0, zone: str = "Asia/Shanghai") -> int:
    return round(datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def test_a_period_follows_the_wall_clock_over_midnight() -> None:
    tariff, report = read(GOOD)
    assert tariff is not None
    assert not report.problems
    for hour, name in ((0, "valley"), (6, "valley"), (7, "flat"), (16, "flat"), (17, "peak"), (23, "valley")):
        assert tariff.price(ms(2026, 10, 5, hour))[0] == name


def test_the_independent_case(data: Path) -> None:
    cases = json.loads((data / "efficiency" / "cases.json").read_text())["cases"]
    wanted = [case for case in cases if case["kind"] == "co2_cost"]
    assert wanted
    for case in wanted:
        given = case["inputs"]
        at_this = flat(given["price_per_kwh"], "CNY", "Asia/Shanghai")
        rows = [BilledInterval(ms(2026, 10, 1), 1000 * given["savings_kwh"], None)]
        assert bill(at_this, rows).total == pytest.approx(case["expected"]["cost"], abs=1e-6)


def test_a_gap_in_the_periods_is_reported_with_its_hours() -> None:
    tariff, report = read(GOOD.replace('to = "17:00"', 'to = "15:30"'))
    assert tariff is None
    assert reasons_of(report) == [PRICE_MISSING(start="15:30", end="17:00", days=("all",), months=("all",))]


@pytest.mark.parametrize("span", [("00:00", "00:00"), ("24:00", "00:00"), ("24:00", "24:00"), ("07:30", "07:30")])
def test_a_period_of_zero_length_is_not_a_complete_day(span: tuple[str, str]) -> None:
    begin, end = span
    text = f'[tariff]\nprices = {{ all = 1.0 }}\n[[tariff.period]]\nprice = "all"\nfrom = "{begin}"\nto = "{end}"\n'
    _, report = read(text)
    assert ("tariff.period 1", codes.TARIFF_PERIOD_EMPTY()) in [(item.key, item.reason) for item in report.problems]


def test_midnight_may_be_written_as_either() -> None:
    for begin, end in (("22:00", "00:00"), ("22:00", "24:00")):
        text = (
            '[tariff]\nprices = { night = 1.0, day = 2.0 }\n[[tariff.period]]\nprice = "night"\n'
            f'from = "{begin}"\nto = "{end}"\n[[tariff.period]]\nprice = "day"\nfrom = "24:00"\nto = "22:00"\n'
        )
        tariff, report = read(text)
        assert tariff is not None, report.problems
        assert [tariff.price(ms(2026, 10, 5, hour))[0] for hour in (0, 21, 22, 23)] == ["day", "day", "night", "night"]


def test_an_overlap_is_reported_with_both_names() -> None:
    _, report = read(GOOD.replace('from = "17:00"', 'from = "16:00"'))
    assert reasons_of(report) == [
        PRICES_OVERLAP(prices=("flat", "peak"), start="16:00", end="17:00", days=("all",), months=("all",))
    ]


def test_a_gap_on_some_days_of_some_months_is_reported_with_them() -> None:
    _, report = read(GOOD.replace('from = "17:00"', 'from = "17:00"\ndays = ["workday"]\nmonths = [1, 2, 12]'))
    when = {"start": "17:00", "end": "23:00"}
    assert reasons_of(report) == [
        PRICE_MISSING(**when, days=("mon", "tue", "wed", "thu", "fri"), months=tuple(map(str, range(3, 12)))),
        PRICE_MISSING(**when, days=("sat", "sun"), months=("all",)),
    ]


@pytest.mark.parametrize(
    ("old", "new", "key", "reason"),
    [
        ('price = "peak"', 'price = "peek"', "period 3.price",
         DID_YOU_MEAN(problem=codes.PRICE_UNKNOWN(), near="peak")),
        ('from = "17:00"', 'from = "17:10"', "period 3.from", codes.QUARTER_HOUR_EXPECTED()),
        ("peak = 1.05", 'peak = "1.05"', "prices", codes.NUMBER_EXPECTED()),
        ("[tariff]", "[tariff]\nreading_day = 31", "reading_day", codes.INTEGER_LIMITS(low=1, high=28)),
        ("[tariff]", "[tariff]\npower_factor = 0.95", "power_factor", codes.POWER_FACTOR_STANDARD_EXPECTED()),
        ("[tariff]", "[tariff]\nfees = 1", "fees", KEY_UNKNOWN()),
        ("[tariff]", '[tariff]\nprices_in = { "2026-13" = { peak = 1 } }', "prices_in.2026-13", codes.MONTH_EXPECTED()),
        ("[tariff]", '[tariff]\nprices_in = { "2026-10" = { pea = 1 } }', "prices_in.2026-10.pea",
         codes.PRICE_UNKNOWN()),
        ("[tariff]", '[tariff]\ndemand = { price = 40, per = "kw" }', "demand.per",
         DID_YOU_MEAN(problem=codes.CHOICE_UNKNOWN(allowed=("kW", "kVA")), near="kW")),
        ("[tariff]", '[tariff]\ndemand = { price = 40, window = "20min" }', "demand.window",
         codes.WINDOW_NOT_QUARTER_HOURS()),
    ],
)  # fmt: skip
def test_each_mistake_is_one_problem(old: str, new: str, key: str, reason: Reason) -> None:
    tariff, report = read(GOOD.replace(old, new, 1))
    assert tariff is None
    assert (f"tariff.{key}", reason) in [(item.key, item.reason) for item in report.problems]


def test_several_prices_without_periods_are_no_tariff() -> None:
    tariff, report = read("[tariff]\nprices = { peak = 1, valley = 0.3 }")
    assert tariff is None
    assert report.problems[0].reason == codes.PERIODS_MISSING(prices=("peak", "valley"))


def test_an_unknown_grid_factor_is_a_problem_of_the_configuration() -> None:
    _, report = read(GOOD, {"grid_factor": "CN-MN"})
    [problem] = [item for item in report.problems if item.key == "site.grid_factor"]
    assert problem.value == '"CN-MN"'
    assert "'CN-YN'" in str(problem.reason)


def test_a_price_of_a_month_replaces_the_usual_one() -> None:
    tariff, _ = read(GOOD + '[tariff.prices_in."2026-10"]\npeak = 1.31\n')
    assert tariff is not None
    assert tariff.price(ms(2026, 10, 5, 18)) == ("peak", 1.31)
    assert tariff.price(ms(2026, 11, 5, 18)) == ("peak", 1.05)
    assert tariff.price(ms(2026, 10, 5, 8)) == ("flat", 0.68)


def test_a_holiday_differs_from_other_days_only_in_a_tariff_with_holidays() -> None:
    whole = (TariffPeriod("work", (0, 96), ("workday",)), TariffPeriod("rest", (0, 96), ("weekend",)))
    national = frozenset({date(2026, 10, 1)})  # a Thursday
    usual = Tariff("CNY", "Asia/Shanghai", {"work": 1.0, "rest": 0.5}, whole, holidays=national)
    assert usual.price(ms(2026, 10, 1, 12))[0] == "work"
    special = Tariff("CNY", "Asia/Shanghai", {"work": 1.0, "rest": 0.5, "free": 0.1},
                     (*whole, TariffPeriod("free", (0, 96), ("holiday",))), holidays=national)  # fmt: skip
    assert special.price(ms(2026, 10, 1, 12))[0] == "free"
    assert not gaps_and_overlaps(special)


def test_clock_changes_keep_the_wall_clocks_price() -> None:
    """Berlin, 2026-10-25: 02:00 to 03:00 occurs twice, both at the night price; the day has 25 h and 100 intervals."""
    tariff = Tariff("EUR", "Europe/Berlin", {"night": 0.1, "day": 0.3},
                    (TariffPeriod("night", (88, 24)), TariffPeriod("day", (24, 88))))  # fmt: skip
    begin, end = ms(2026, 10, 25, zone="Europe/Berlin"), ms(2026, 10, 26, zone="Europe/Berlin")
    names = [tariff.price(t)[0] for t in range(begin, end, 900_000)]
    assert (len(names), names.count("night"), names.count("day")) == (100, 36, 64)


@pytest.mark.parametrize(("day", "hours"), [(1, 31 * 24 + 1), (15, 30 * 24)])
def test_a_billing_month_is_the_time_between_reading_days(day: int, hours: int) -> None:
    begin, end = month_bounds_ms("2026-10", "Europe/Berlin", day)
    assert (end - begin) / 3.6e6 == hours
    local = datetime.fromtimestamp(begin / 1000, UTC).astimezone(ZoneInfo("Europe/Berlin"))
    assert (local.day, local.hour) == (day, 0)


def test_each_instant_is_in_the_month_whose_bounds_hold_it() -> None:
    tariff = Tariff("CNY", "Asia/Shanghai", {"a": 1.0}, (TariffPeriod("a", (0, 96)),), reading_day=25)
    for month in ("2026-01", "2026-10", "2026-12"):
        begin, end = tariff.bounds_ms(month)
        for t in (begin, end - 1):
            local = datetime.fromtimestamp(t / 1000, UTC).astimezone(ZoneInfo("Asia/Shanghai"))
            assert tariff.month_of(local.date()) == month


@pytest.mark.parametrize("month", ["2026-13", "October", "2026-10-01", ""])
def test_an_invalid_month_is_rejected(month: str) -> None:
    with pytest.raises(InvalidValue) as error:
        month_bounds_ms(month, "UTC")
    assert error.value.reason == NOT_A_MONTH(text=month)


def test_demand_is_the_largest_mean_of_its_window() -> None:
    """10 kWh, then 30 kWh in the quarter hours of one half hour: 40 and 120 kW over 15 min, 80 kW over 30 min."""
    rows = [
        BilledInterval(ms(2026, 10, 1), 10_000.0, 0.0), BilledInterval(ms(2026, 10, 1, 0, 15), 30_000.0, 40_000.0)
    ]  # fmt: skip
    one = (TariffPeriod("flat", (0, 96)),)
    quarter = bill(Tariff("CNY", "Asia/Shanghai", {"flat": 0.0}, one, demand=DemandCharge(40.0)), rows)
    assert (quarter.demand_kw, quarter.demand_cost) == (120, 4800)
    half = bill(Tariff("CNY", "Asia/Shanghai", {"flat": 0.0}, one, demand=DemandCharge(40.0, window_s=1800)), rows)
    assert half.demand_kw == 80
    apparent = bill(Tariff("CNY", "Asia/Shanghai", {"flat": 0.0}, one, demand=DemandCharge(40.0, "kVA")), rows)
    assert apparent.demand_kw == pytest.approx(200)  # √(120² + 160²)


def test_apparent_demand_without_reactive_energy_is_not_invented() -> None:
    tariff = Tariff("CNY", "UTC", {"flat": 1.0}, (TariffPeriod("flat", (0, 96)),), demand=DemandCharge(40.0, "kVA"))
    with pytest.raises(InvalidValue) as error:
        bill(tariff, [BilledInterval(0, 1000.0, None)])
    assert error.value.reason == REACTIVE_ENERGY_MISSING()


@pytest.mark.parametrize(
    ("standard", "pf", "pct"),
    [(0.90, 0.90, 0), (0.90, 0.89, 0.5), (0.90, 0.75, 7.5), (0.90, 0.70, 10), (0.90, 0.69, 11), (0.90, 0.65, 15),
     (0.90, 0.64, 17), (0.90, 0.95, -0.75), (0.90, 1.0, -0.75), (0.90, 0.92, -0.3),
     (0.85, 0.84, 0.5), (0.85, 0.65, 10), (0.85, 0.60, 15), (0.85, 0.90, -0.5), (0.85, 0.91, -0.65), (0.85, 1.0, -1.1),
     (0.80, 0.60, 10), (0.80, 0.90, -1.0), (0.80, 0.92, -1.3), (0.80, 0.99, -1.3),
     (0.90, 0.894999, 0.5), (0.90, 0.895001, 0)],
)  # fmt: skip
def test_the_power_factor_table(standard: float, pf: float, pct: float) -> None:
    assert 100 * pf_adjustment(standard, pf) == pytest.approx(pct, abs=1e-9)


def test_the_rule_falls_with_the_power_factor_everywhere() -> None:
    for standard in (0.80, 0.85, 0.90):
        shares = [pf_adjustment(standard, pf / 100) for pf in range(1, 101)]
        assert shares == sorted(shares, reverse=True)


def test_the_power_factor_rule_takes_energy_and_demand() -> None:
    tariff = Tariff(
        "CNY", "UTC", {"flat": 1.0}, (TariffPeriod("flat", (0, 96)),), demand=DemandCharge(10.0), power_factor=0.90
    )
    found = bill(tariff, [BilledInterval(0, 80_000.0, 60_000.0)])  # power factor 0.80, ten steps below
    assert found.power_factor == pytest.approx(0.8)
    assert found.adjustment_cost == pytest.approx(0.05 * (80 + 3200))
    assert found.total == pytest.approx(1.05 * (80 + 3200))


def test_without_reactive_energy_there_is_no_power_factor() -> None:
    tariff = Tariff("CNY", "UTC", {"flat": 1.0}, (TariffPeriod("flat", (0, 96)),), power_factor=0.90)
    found = bill(tariff, [BilledInterval(0, 1000.0, 500.0), BilledInterval(900_000, 1000.0, None)])
    assert (found.power_factor, found.adjustment_cost) == (None, 0)


@pytest.mark.parametrize("reading_day", [1, 15, 28])
@pytest.mark.parametrize(
    "zone",
    ["Europe/Berlin", "America/Santiago", "America/Havana", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Kathmandu",
     "America/St_Johns", "Pacific/Apia", "Asia/Tehran"],
)  # fmt: skip
def test_months_tile_the_years_in_every_zone(zone: str, reading_day: int) -> None:
    """No gap and no overlap, also where clocks change at midnight or by half an hour, and where a day was skipped."""
    tariff = Tariff("X", zone, {"flat": 1.0}, (TariffPeriod("flat", (0, 96)),), reading_day=reading_day)
    before = None
    for month in (f"{year}-{number:02d}" for year in range(2010, 2027) for number in range(1, 13)):
        begin_ms, end_ms = tariff.bounds_ms(month)
        assert begin_ms % 900_000 == 0
        assert before in (None, begin_ms)
        before = end_ms
        for start_ms in (begin_ms, end_ms - 900_000):
            local = datetime.fromtimestamp(start_ms / 1000, UTC).astimezone(ZoneInfo(zone))
            assert tariff.month_of(local.date()) == month
            assert tariff.price(start_ms) == ("flat", 1.0)
