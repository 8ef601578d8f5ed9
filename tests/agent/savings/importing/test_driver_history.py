"""Drivers from CSV for measured energy: amounts are divided, means are kept, conflicts need --replace."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from support import metered_retrofit
from support.basics import HandClock
from support.savings import save_intervals

from agent.cli import main
from agent.core.local_time import zone_of
from agent.core.text import english
from agent.delivery.store import Store
from agent.delivery.store.read_only import open_read_only
from agent.savings.importing import reasons as codes
from agent.savings.importing.csv_reader import CsvColumn, ImportProblem
from agent.savings.importing.driver_history import DriverHistory, read_drivers
from agent.savings.ledger.verify import verify
from agent.savings.records import repository
from agent.savings.records.model import QUARTER_MS, Driver, Interval
from drivers.reasons import Code

ZONE = "Asia/Shanghai"
BEGIN_MS = metered_retrofit.utc_ms("2024-10-05 00:00")


def written(folder: Path, first: str, minutes: int, values: list[object], head: str = "time,t") -> Path:
    begin = datetime.fromisoformat(first)
    rows = [f"{begin + timedelta(minutes=k * minutes):%Y-%m-%d %H:%M},{value}" for k, value in enumerate(values)]
    path = folder / "drivers.csv"
    path.write_text("\n".join([head, *rows]), encoding="utf-8")
    return path


def over(found: DriverHistory, minutes: int = 15) -> dict[int, dict[str, Driver]]:
    """The drivers of each interval of this length that the file covers, by start."""
    length_ms = 60_000 * minutes
    starts_ms = range(found.spans[0][0] // length_ms * length_ms, found.spans[-1][1], length_ms)
    drivers = {start_ms: found.over(start_ms, start_ms + length_ms) for start_ms in starts_ms}
    return {start_ms: own for start_ms, own in drivers.items() if own}


@pytest.mark.parametrize("minutes", [10, 15, 30, 60])
def test_tonnes_of_a_shift_are_divided_and_none_is_lost(tmp_path: Path, minutes: int) -> None:
    path = written(tmp_path, "2024-10-05 00:00", 480, [320, 160, 0])
    found = over(read_drivers(path, ZONE, "time", {"a_t": CsvColumn("t", "t", 0.5)}), minutes)
    assert len(found) == 24 * 60 / minutes
    assert found[BEGIN_MS]["a_t"] == (pytest.approx(320 * minutes / 480), 0.5)
    assert sum(drivers["a_t"].mean for drivers in found.values()) == pytest.approx(480)


def test_a_mean_is_held(tmp_path: Path) -> None:
    path = written(tmp_path, "2024-10-05 00:00", 60, [40, 60], "time,q")
    found = over(read_drivers(path, ZONE, "time", {"q": CsvColumn("q", "m3/h")}))
    assert [found[BEGIN_MS + k * QUARTER_MS]["q"].mean for k in range(8)] == [40] * 4 + [60] * 4


def test_rows_that_are_not_aligned_to_the_intervals_are_weighted_by_time(tmp_path: Path) -> None:
    """Rows of 10 min over intervals of 15 min: the second row belongs to both halves."""
    path = written(tmp_path, "2024-10-05 00:00", 10, [30, 60, 90], "time,q")
    found = over(read_drivers(path, ZONE, "time", {"q": CsvColumn("q", "m3/h"), "a_t": CsvColumn("q", "t")}))
    assert [own["q"].mean for own in found.values()] == [pytest.approx(40), pytest.approx(80)]
    assert [own["a_t"].mean for own in found.values()] == [pytest.approx(60), pytest.approx(120)]


def test_an_interval_that_rows_cover_for_less_than_three_quarters_gets_no_driver(tmp_path: Path) -> None:
    path = written(tmp_path, "2024-10-05 00:30", 15, [40, 40, 50, 50, 50, ""], "time,q")
    found = read_drivers(path, ZONE, "time", {"q": CsvColumn("q", "m3/h")})
    assert [own["q"].mean for own in over(found, 60).values()] == [50]
    assert found.without_value == {"q": 1}


def test_minutes_are_joined(tmp_path: Path) -> None:
    path = written(tmp_path, "2024-10-05 00:00", 1, list(range(30)))
    columns = {"a_t": CsvColumn("t", "t"), "q": CsvColumn("t", "%")}
    found = over(read_drivers(path, ZONE, "time", columns))
    assert found[BEGIN_MS]["a_t"].mean == pytest.approx(sum(range(15)))
    assert found[BEGIN_MS]["q"].mean == 7


def test_a_row_may_carry_the_time_of_its_end(tmp_path: Path) -> None:
    path = written(tmp_path, "2024-10-05 08:00", 480, [320, 160])
    found = over(read_drivers(path, ZONE, "time", {"a_t": CsvColumn("t", "t")}, ends=True))
    assert (min(found), len(found)) == (BEGIN_MS, 64)


def test_a_missing_shift_stays_missing(tmp_path: Path) -> None:
    path = written(tmp_path, "2024-10-05 00:00", 480, [320, 160, 80])
    lines = path.read_text(encoding="utf-8").splitlines()
    more = [f"2024-10-0{day} 00:00,96" for day in (7, 8)]
    path.write_text("\n".join([*lines, *more]), encoding="utf-8")
    found = over(read_drivers(path, ZONE, "time", {"a_t": CsvColumn("t", "t")}))
    assert sum(drivers["a_t"].mean for drivers in found.values()) == pytest.approx(320 + 160 + 80 + 2 * 96)
    assert len(found) == 5 * 32


def test_a_day_of_25_hours(tmp_path: Path) -> None:
    path = written(tmp_path, "2026-10-23 00:00", 1440, [100, 100, 100, 100])
    found = over(read_drivers(path, "Europe/Berlin", "time", {"a_t": CsvColumn("t", "t")}))
    assert len(found) == 96 * 4 + 4
    assert sum(drivers["a_t"].mean for drivers in found.values()) == pytest.approx(400)


@pytest.mark.parametrize("night", [(4, 5), (0, 0)], ids=["two values", "the same twice"])
def test_rows_of_an_hour_when_an_hour_occurs_twice(tmp_path: Path, night: tuple[int, int]) -> None:
    """02:00 occurs twice; the second row is one hour later, whatever its value."""
    hours = ["24 23:00", "25 00:00", "25 01:00", "25 02:00", "25 02:00", "25 03:00", "25 04:00"]
    values = [1, 2, 3, *night, 6, 7]
    rows = [f"2026-10-{hour},{value}" for hour, value in zip(hours, values, strict=True)]
    path = tmp_path / "drivers.csv"
    path.write_text("\n".join(["time,q", *rows]), encoding="utf-8")
    found = read_drivers(path, "Europe/Berlin", "time", {"q": CsvColumn("q", "m3/h")})
    assert [own["q"].mean for own in over(found).values()][::4] == values
    assert found.repeated == 0


@pytest.mark.parametrize(
    ("minutes", "first", "code", "step_min"),
    [(7, "2024-10-05 00:00", codes.ROW_LENGTH_UNSUPPORTED, 7), (60, "2024-10-05 00:05", codes.ROWS_OFF_GRID, 15)],
)
def test_rows_of_other_lengths_or_times_are_rejected(
    tmp_path: Path, minutes: int, first: str, code: Code, step_min: int
) -> None:
    with pytest.raises(ImportProblem) as caught:
        read_drivers(written(tmp_path, first, minutes, [1, 2, 3]), ZONE, "time", {"a_t": CsvColumn("t", "t")})
    [reason] = caught.value.reasons
    assert (reason.code, reason.data["step_min"]) == (code, step_min)


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    (tmp_path / "plant.toml").write_text(metered_retrofit.PLANT, encoding="utf-8")
    store = Store(tmp_path / "state", HandClock())
    save_intervals(store, [Interval("fan", BEGIN_MS + k * QUARTER_MS, 20_000.0) for k in range(32)])
    store.close()
    return tmp_path


def run(plant: Path, *more: str) -> Result:
    command = ["import", str(plant / "drivers.csv"), "--motor", "fan", "--time", "time", "--config",
               str(plant / "plant.toml"), *more]  # fmt: skip
    return CliRunner().invoke(main, command)


def test_they_are_added_to_the_measured_energy_and_recorded(plant: Path) -> None:
    written(plant, "2024-10-05 00:00", 480, [320, 160])
    found = run(plant, "--driver", "rolled=t:t:0.1")
    assert found.exit_code == 0, found.output
    assert re.search(r"fan\D+ 32 .*2024-10-05 00:00 \+0800\D+2024-10-05 16:00 \+0800", found.output)
    assert str(codes.ROWS_WITHOUT_ENERGY(n=1)) in found.output
    db = open_read_only(plant / "state" / "magwatt.sqlite")
    items = repository.load_intervals(db, "fan", 0, 1 << 60)
    assert {item.drivers["signal_rolled_t"] for item in items} == {(10.0, 0.1)}
    assert {(item.source, item.energy_wh) for item in items} == {("measured", 20_000.0)}
    assert verify(db).ok
    assert run(plant, "--driver", "rolled=t:t:0.1").exit_code == 1


def test_other_values_need_replace(plant: Path) -> None:
    written(plant, "2024-10-05 00:00", 480, [320, 160])
    run(plant, "--driver", "rolled=t:t")
    written(plant, "2024-10-05 00:00", 480, [640, 160])
    rejected = run(plant, "--driver", "rolled=t:t")
    assert rejected.exit_code == 2
    conflict = codes.DRIVER_CONFLICT(n=32, first_ms=metered_retrofit.utc_ms("2024-10-05 00:00"))
    assert rejected.output.strip() == english(conflict, zone_of(metered_retrofit.ZONE))
    assert run(plant, "--driver", "rolled=t:t", "--replace").exit_code == 0
    assert verify(open_read_only(plant / "state" / "magwatt.sqlite")).ok


def test_usage_without_a_column_or_a_unit(plant: Path) -> None:
    written(plant, "2024-10-05 00:00", 480, [320, 160])
    neither, no_unit = run(plant), run(plant, "--energy", "t")
    assert (neither.exit_code, no_unit.exit_code) == (2, 2)
    assert "--driver NAME=COLUMN:UNIT" in neither.output
    assert "--unit" in no_unit.output
