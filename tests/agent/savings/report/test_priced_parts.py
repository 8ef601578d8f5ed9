"""Imported intervals that are longer than 15 min are priced by quarter hours, and have no demand in shorter windows."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import config_text, metered_retrofit

from agent.config.tariff import Tariff
from agent.savings.accounting.interval_comparison import IntervalResult
from agent.savings.records.model import Interval
from agent.savings.report.model import priced_parts


@pytest.fixture
def tariff(tmp_path: Path) -> Tariff:
    """0.34 to 07:00, 0.68 to 17:00, 1.05 to 23:00; demand over 15 min."""
    found = config_text.load(tmp_path, metered_retrofit.PLANT).tariff
    assert found is not None
    return found


def at(time: str) -> int:
    return metered_retrofit.utc_ms(f"2024-10-05 {time}")


@pytest.mark.parametrize(
    ("start", "minutes", "expected"),
    [("16:30", 60, (0.68 + 1.05) / 2), ("06:50", 20, (0.34 + 0.68) / 2), ("06:45", 60, (0.34 + 3 * 0.68) / 4),
     ("17:00", 15, 1.05)],
)  # fmt: skip
def test_an_interval_has_the_mean_price_of_its_time(tariff: Tariff, start: str, minutes: int, expected: float) -> None:
    _, price = priced_parts.mean_price(tariff, Interval("fan", at(start), 1.0, 60 * minutes))
    assert price == pytest.approx(expected)


@pytest.mark.parametrize("minutes", [10, 15, 30, 60])
def test_the_parts_add_up_to_the_interval_and_do_not_cross_a_quarter_hour(minutes: int) -> None:
    results = [IntervalResult(at("00:00") + 60_000 * minutes * k, 60 * minutes, None, 700.0, 600.0) for k in range(6)]
    parts = priced_parts.priced_results(results)
    assert sum(part.adjusted_wh or 0.0 for part in parts) == pytest.approx(6 * 700)
    assert sum(part.measured_wh or 0.0 for part in parts) == pytest.approx(6 * 600)
    assert sum(part.length_s for part in parts) == 6 * 60 * minutes
    for part in parts:
        assert part.start_ms // 900_000 == (part.start_ms + 1000 * part.length_s - 1) // 900_000


@pytest.mark.parametrize(("minutes", "unknown"), [(10, True), (15, False), (30, True), (60, True)])
def test_the_demand_of_longer_intervals_is_unknown(tariff: Tariff, minutes: int, unknown: bool) -> None:
    """Rows of 10 min cross the ends of windows of 15 min."""
    results = [IntervalResult(at("00:00") + 60_000 * minutes * k, 60 * minutes, None, 7.0, 6.0) for k in range(6)]
    assert (priced_parts.longer_than_window(tariff, results) is not None) == unknown
