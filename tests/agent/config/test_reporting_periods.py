"""Dated periods of a retrofit, and the data of the motor that was replaced."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from agent.config.reasons import BASELINE_PERIOD_AHEAD, PERIOD_ORDER
from agent.config.reporting_periods import ahead, phases_of
from agent.savings.accounting.account import period_at, reporting_of
from agent.savings.records.model import Baseline
from agent.savings.records.replaced_motor import old_motor_of
from drivers.reasons import InvalidValue

DATES = {"baseline": date(2026, 9, 1), "commissioning": date(2026, 9, 15), "reporting": datetime(2026, 9, 20, 6)}  # noqa: DTZ001  # local, as in TOML


def utc_ms(*when: int) -> int:
    return round(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc, arg-type]


def frozen(to_ms: int) -> Baseline:
    return Baseline("p", "constant", (), (1.0,), ((0.0,),), {}, {}, 1, 1.0, 0, 0, 0, 0, 0, 0, None, 0, to_ms)


def test_periods_start_at_midnight_in_the_zone_of_the_plant() -> None:
    found = phases_of(DATES, "Asia/Shanghai")
    assert [phase.name for phase in found] == ["baseline", "commissioning", "reporting"]
    assert found[0].from_ms == utc_ms(2026, 8, 31, 16)
    assert found[1].to_ms == found[2].from_ms == utc_ms(2026, 9, 19, 22)
    assert found[2].to_ms is None
    assert period_at(found, utc_ms(2026, 9, 16), None) == "commissioning"
    assert period_at(found, utc_ms(2026, 8, 1), None) == ""


def test_an_end_date_ends_the_last_period() -> None:
    found = phases_of({**DATES, "end": date(2027, 9, 20)}, "UTC")
    assert found[-1].to_ms == utc_ms(2027, 9, 20)
    assert period_at(found, utc_ms(2027, 9, 20), None) == ""


def test_an_impossible_order_is_rejected() -> None:
    with pytest.raises(InvalidValue) as error:
        phases_of({**DATES, "commissioning": date(2026, 8, 1)}, "UTC")
    assert error.value.reason == PERIOD_ORDER(later="commissioning", earlier="baseline")


@pytest.mark.parametrize("begin", [date(2027, 9, 1), datetime(2027, 9, 1, 6)])  # noqa: DTZ001
def test_a_baseline_period_in_the_future_is_reported_with_its_days(begin: date) -> None:
    assert ahead({"baseline": begin}, date(2027, 8, 30)) == BASELINE_PERIOD_AHEAD(days=2)
    assert ahead({"baseline": begin}, date(2027, 8, 31)) == BASELINE_PERIOD_AHEAD(days=1)
    assert ahead({"baseline": begin}, date(2027, 9, 1)) is None
    assert ahead({"reporting": begin}, date(2027, 8, 30)) is None, "a planned retrofit is not a mistake"


def test_without_dates_reporting_follows_the_baseline_and_never_overlaps_it() -> None:
    assert period_at((), 5, None) == ""
    assert period_at((), 5, frozen(10)) == ""
    assert period_at((), 10, frozen(10)) == "reporting"
    assert reporting_of((), frozen(10)).from_ms == 10
    late = frozen(utc_ms(2026, 10, 1))
    assert reporting_of(phases_of(DATES, "UTC"), late).from_ms == late.to_ms


def motor(**values: object) -> object:
    none = {
        "kind": "pm",
        "kw": 160.0,
        "rpm": 1500.0,
        "efficiency_class": None,
        "efficiency_pct": None,
        "replaced_motor": None,
    }
    return SimpleNamespace(**{**none, **values})


@pytest.mark.parametrize(("rpm", "sync"), [(1485, 1500), (2960, 3000), (985, 1000), (735, 750), (1780, 1800)])
def test_the_synchronous_speed_is_the_next_above(rpm: float, sync: float) -> None:
    old = SimpleNamespace(kind="induction", kw=160.0, efficiency_class="IE2", rpm=rpm)
    found = old_motor_of(motor(replaced_motor=old))  # type: ignore[arg-type]
    assert found is not None
    assert found["sync_rpm"] == sync
    assert found["rpm"] == rpm


def test_an_induction_motor_is_its_own_replaced_motor_and_a_magnet_motor_is_not() -> None:
    assert old_motor_of(motor()) is None  # type: ignore[arg-type]
    found = old_motor_of(motor(kind="induction", rpm=1485.0, efficiency_pct=93.8))  # type: ignore[arg-type]
    assert found == {"rated_w": 160e3, "efficiency": 0.938, "rpm": 1485.0, "sync_rpm": 1500.0}
