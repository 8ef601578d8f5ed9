"""Histories from CSV: units, zones, clock changes, what is missing or twice, and each mistake named by its line."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.savings.csv_rows import Column, ImportProblem
from agent.savings.import_csv import Imported, read_history
from agent.savings.types import QUARTER_MS

KWH = Column("kWh", "kWh")


def read(
    folder: Path, text: str | bytes, zone: str = "Asia/Shanghai", energy: Column = KWH, **more: object
) -> Imported:
    path = folder / "old.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_history(path, "fan", zone, "time", energy, **more)  # type: ignore[arg-type]


def lines(first: str, values: list[object], minutes: int = 15, head: str = "time,kWh") -> str:
    begin = datetime.fromisoformat(first)
    rows = [f"{begin + timedelta(minutes=k * minutes):%Y-%m-%d %H:%M},{value}" for k, value in enumerate(values)]
    return "\n".join([head, *rows]) + "\n"


def utc_ms(text: str, zone: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def test_quarter_hours_become_intervals(tmp_path: Path) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [10, 11.5, 12, 9]))
    assert [item.energy_wh for item in found.intervals] == [10_000, 11_500, 12_000, 9_000]
    assert found.intervals[0].start_ms == utc_ms("2026-01-05 00:00", "Asia/Shanghai")
    assert {item.source for item in found.intervals} == {"imported"}
    assert not found.gaps


@pytest.mark.parametrize(
    ("unit", "factor"), [("Wh", 1), ("kWh", 1e3), ("MWh", 1e6), ("W", 0.25), ("kW", 250), ("MW", 250e3)]
)
def test_units(tmp_path: Path, unit: str, factor: float) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [10, 20]), energy=Column("kWh", unit))
    assert [item.energy_wh for item in found.intervals] == [10 * factor, 20 * factor]


def test_a_counter_rises_from_reading_to_reading(tmp_path: Path) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [1000, 1010, 1025, 1025]), counter=True)
    assert [item.energy_wh for item in found.intervals] == [10_000, 15_000, 0]


def test_a_missing_reading_of_a_counter_is_bridged_and_said(tmp_path: Path) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [1000, 1010, "", 1050, 1060]), counter=True)
    assert [item.energy_wh for item in found.intervals] == [10_000, 20_000, 20_000, 10_000]
    assert [item.filled_wh for item in found.intervals] == [0, 20_000, 20_000, 0]
    assert [item.coverage for item in found.intervals] == [1, 0, 0, 1]


def test_a_counter_over_a_long_gap_is_no_history(tmp_path: Path) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [1000, 1010, *[""] * 5, 1050, 1060]), counter=True)
    assert [item.energy_wh for item in found.intervals] == [10_000, 10_000]
    [(begin, end)] = found.gaps
    assert end - begin == 6 * QUARTER_MS


def test_a_counter_that_falls_is_counted_not_used(tmp_path: Path) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [1000, 1010, 3, 13]), counter=True)
    assert ([item.energy_wh for item in found.intervals], found.resets) == ([10_000, 10_000], 1)


def test_minutes_are_joined(tmp_path: Path) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [1] * 30, 1))
    assert [item.energy_wh for item in found.intervals] == [15_000, 15_000]
    found = read(tmp_path, lines("2026-01-05 00:00", [60] * 6, 5), energy=Column("kWh", "kW"))
    assert [item.energy_wh for item in found.intervals] == pytest.approx([15_000, 15_000])


def test_a_few_missing_minutes_are_stood_for_many_are_not(tmp_path: Path) -> None:
    values: list[object] = [1] * 30
    values[3] = "--"
    for k in range(16, 26):
        values[k] = ""
    first, second = read(tmp_path, lines("2026-01-05 00:00", values, 1)).intervals
    assert (first.energy_wh, first.coverage) == (pytest.approx(15_000), pytest.approx(14 / 15))
    assert first.filled_wh == pytest.approx(1000)
    assert (second.energy_wh, second.coverage) == (None, pytest.approx(5 / 15))


def test_times_at_the_end_of_a_row(tmp_path: Path) -> None:
    text = "time,kWh\n2026-01-05 23:45,1\n2026-01-05 24:00,2\n"
    found = read(tmp_path, text, ends=True)
    assert found.intervals[0].start_ms == utc_ms("2026-01-05 23:30", "Asia/Shanghai")
    assert found.intervals[1].end_ms == utc_ms("2026-01-06 00:00", "Asia/Shanghai")


def test_the_hour_that_comes_twice(tmp_path: Path) -> None:
    """Berlin, 2025-10-26: 2:00 to 3:00 stands there twice; 25 h of energy, none lost, none doubled."""
    hours = [*range(3), *range(2, 24)]
    rows = [f"2025-10-26 {hour:02d}:{minute:02d},{k}" for k, hour in enumerate(hours) for minute in (0, 15, 30, 45)]
    for order in (rows, rows[::-1], [*rows[::-1], "", ""]):
        found = read(tmp_path, "\n".join(["time,kWh", *order]), "Europe/Berlin")
        assert [item.energy_wh for item in found.intervals] == [1000 * k for k in range(25) for _ in range(4)]
        assert {b.start_ms - a.start_ms for a, b in zip(found.intervals, found.intervals[1:], strict=False)} == {
            QUARTER_MS
        }
        assert not found.gaps


def test_the_hour_that_the_clock_skips_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportProblem, match=r"old\.csv:3: .*skipped this time in Europe/Berlin"):
        read(tmp_path, "time,kWh\n2026-03-29 01:45,1\n2026-03-29 02:00,2\n", "Europe/Berlin")


def test_a_spring_day_has_23_hours(tmp_path: Path) -> None:
    rows = [f"2026-03-29 {hour:02d}:{minute:02d},1" for hour in (0, 1, *range(3, 24)) for minute in (0, 15, 30, 45)]
    found = read(tmp_path, "\n".join(["time,kWh", *rows]), "Europe/Berlin")
    assert (len(found.intervals), found.gaps) == (92, [])


def test_an_offset_in_the_text_is_believed(tmp_path: Path) -> None:
    found = read(tmp_path, "time,kWh\n2026-01-05T00:00:00+08:00,1\n2026-01-05T00:15:00+08:00,2\n", "Europe/Berlin")
    assert found.intervals[0].start_ms == utc_ms("2026-01-05 00:00", "Asia/Shanghai")


def test_repeated_rows_are_dropped_contradicting_ones_refused(tmp_path: Path) -> None:
    text = lines("2026-01-05 00:00", [1, 2, 3])
    found = read(tmp_path, text + text.splitlines()[-1])
    assert (len(found.intervals), found.repeated) == (3, 1)
    with pytest.raises(ImportProblem, match=r"old\.csv:5: the same time as line 4, but another value"):
        read(tmp_path, text + "2026-01-05 00:30,99\n")


def test_gaps_are_listed(tmp_path: Path) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [1, 2, 3, 4]) + "2026-01-05 03:00,5\n")
    assert found.gaps == [(utc_ms("2026-01-05 01:00", "Asia/Shanghai"), utc_ms("2026-01-05 03:00", "Asia/Shanghai"))]


def test_a_european_and_a_chinese_export(tmp_path: Path) -> None:
    european = "time;kWh\r\n05.01.2026 00:00;10,5\r\n05.01.2026 00:15;11,25\r\n".encode("utf-8-sig")
    assert [item.energy_wh for item in read(tmp_path, european).intervals] == [10_500, 11_250]
    (tmp_path / "gb.csv").write_bytes("时间,电量\n2026年01月05日 00:00,10\n2026年01月05日 00:15,11\n".encode("gb18030"))
    found = read_history(tmp_path / "gb.csv", "fan", "Asia/Shanghai", "时间", Column("电量", "kWh"))
    assert [item.energy_wh for item in found.intervals] == [10_000, 11_000]


def test_the_text_that_excel_calls_unicode(tmp_path: Path) -> None:
    text = lines("2026-01-05 00:00", [10, 11]).replace(",", "\t")
    for code in ("utf-16", "utf-16-le", "utf-16-be"):
        mark = "" if code == "utf-16" else "\ufeff"
        found = read(tmp_path, (mark + text).encode(code))
        assert [item.energy_wh for item in found.intervals] == [10_000, 11_000]


def test_a_repeated_hour_that_stands_there_once_is_told(tmp_path: Path) -> None:
    """Berlin, 2025-10-26, of a meter that writes 2:00 to 3:00 once: 24 h of rows for 25 h."""
    rows = [f"2025-10-26 {hour:02d}:{minute:02d},1" for hour in range(24) for minute in (0, 15, 30, 45)]
    found = read(tmp_path, "\n".join(["time,kWh", *rows]), "Europe/Berlin")
    assert found.once == ["2025-10-26 02:00"]
    twice = [*rows[:12], *rows[8:]]
    assert read(tmp_path, "\n".join(["time,kWh", *twice]), "Europe/Berlin").once == []
    assert read(tmp_path, "\n".join(["time,kWh", *rows[:10]]), "Europe/Berlin").once == []  # it ends in that hour
    assert read(tmp_path, "\n".join(["time,kWh", *rows[24:]]), "Europe/Berlin").once == []


def test_rows_below_zero_are_counted(tmp_path: Path) -> None:
    assert read(tmp_path, lines("2026-01-05 00:00", [10, -1, 12, -0.5])).below_zero == 2


def test_drivers_come_along_with_their_u(tmp_path: Path) -> None:
    text = lines("2026-01-05 00:00", ["1,100", "2,", "3,300"], head="time,kWh,flow")
    first, second, third = read(tmp_path, text, drivers={"flow": Column("flow", "m3/h", 2.0)}).intervals
    assert first.drivers["flow"] == (100, 2.0)
    assert third.drivers["flow"].mean == 300
    assert not second.drivers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("time,kWh\n", "has 0 rows"),
        ("zeit,kWh\n1,2\n", "no column time; there are zeit, kWh"),
        ("time,kWh\n2026-01-05 00:00,1\n2026-01-05 00:15,lots\n", r"old\.csv:3: 'lots' is not a number"),
        ("time,kWh\nnoon,1\n2026-01-05 00:15,1\n", r"old\.csv:2: 'noon' is not a time"),
        ("time,kWh\n2026-01-05 00:00,1\n2026-01-05 00:15\n", r"old\.csv:3: too few columns"),
        ("time,kWh\n2026-01-05 00:00,inf\n2026-01-05 00:15,1\n", "is not a number"),
        (lines("2026-01-05 00:00", [1, 2, 3], 60), "rows are 60 min apart"),
        (lines("2026-01-05 00:07", [1, 2, 3]), "do not lie on whole 15 min"),
        (b"time,kWh\n\xff\xff\xff\xff,1\n", "neither UTF-8 nor GB 18030"),
        (b"PK\x03\x04\x14\x00\xff\xff", "a workbook or an archive, no CSV: save its sheet as CSV"),
        ("Export\n22091734\n\ntime,kWh\n2026-01-05 00:00,1\n", "line 4 names the columns: take away the lines above"),
        ("time,kWh,kWh\n2026-01-05 00:00,1,2\n", "2 columns are called kWh"),
        (
            'time,kWh\n2026-01-05 00:00,"1,234.5"\n',
            "'1,234.5' is not a number; write it without marks between thousands, as 1234.5",
        ),
        (
            "time;kWh\n2026-01-05 00:00;1.234,5\n",
            "'1.234,5' is not a number; write it without marks between thousands, as 1234,5",
        ),
        ('time,kWh\n2026-01-05 00:00,"20,5"\n', "a decimal comma needs semicolons between the columns"),
    ],
)
def test_each_mistake_is_said(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(ImportProblem, match=said):
        read(tmp_path, text)


def test_a_file_that_is_not_there_and_a_unit_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ImportProblem, match="No such file"):
        read_history(tmp_path / "none.csv", "fan", "UTC", "time", KWH)
    with pytest.raises(ImportProblem, match="must be one of Wh, kWh, MWh, W, kW, MW"):
        read_history(tmp_path / "none.csv", "fan", "UTC", "time", Column("kWh", "kwh"))
    with pytest.raises(ImportProblem, match=r"must be one of Wh, kWh, MWh$"):
        read_history(tmp_path / "none.csv", "fan", "UTC", "time", Column("kW", "kW"), counter=True)


def test_many_mistakes_are_told_in_few_lines(tmp_path: Path) -> None:
    with pytest.raises(ImportProblem, match="and 95 more") as caught:
        read(tmp_path, lines("2026-01-05 00:00", ["x"] * 100))
    assert len(str(caught.value).splitlines()) == 6
