"""Histories from CSV: units, time zones, clock changes, missing and duplicate rows, and each error with its line."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.savings.importing import reasons as codes
from agent.savings.importing.csv_reader import CsvColumn, ImportProblem
from agent.savings.importing.meter_history import MeterHistory, read_history
from agent.savings.records.model import QUARTER_MS
from drivers.error_reasons import CSV_LINE_INVALID, MORE_NAMES
from drivers.file_reasons import FILE_EMPTY, FILE_TOO_LARGE, FILE_UNREADABLE
from drivers.reasons import Code, Reason

KWH = CsvColumn("kWh", "kWh")


def read(
    folder: Path, text: str | bytes, zone: str = "Asia/Shanghai", energy: CsvColumn = KWH, **more: object
) -> MeterHistory:
    path = folder / "old.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_history(path, "fan", zone, "time", energy, **more)  # type: ignore[arg-type]


def lines(first: str, values: list[object], minutes: int = 15, head: str = "time,kWh") -> str:
    begin = datetime.fromisoformat(first)
    rows = [f"{begin + timedelta(minutes=k * minutes):%Y-%m-%d %H:%M},{value}" for k, value in enumerate(values)]
    return "\n".join([head, *rows]) + "\n"


def rejected(folder: Path, text: str | bytes, zone: str = "Asia/Shanghai") -> list[Reason]:
    """The reasons for which a file is rejected."""
    with pytest.raises(ImportProblem) as caught:
        read(folder, text, zone)
    return list(caught.value.reasons)


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
def test_each_unit_is_converted(tmp_path: Path, unit: str, factor: float) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [10, 20]), energy=CsvColumn("kWh", unit))
    assert [item.energy_wh for item in found.intervals] == [10 * factor, 20 * factor]


def test_a_counter_increases_from_reading_to_reading(tmp_path: Path) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [1000, 1010, 1025, 1025]), counter=True)
    assert [item.energy_wh for item in found.intervals] == [10_000, 15_000, 0]


def test_a_missing_reading_of_a_counter_is_interpolated_and_marked(tmp_path: Path) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [1000, 1010, "", 1050, 1060]), counter=True)
    assert [item.energy_wh for item in found.intervals] == [10_000, 20_000, 20_000, 10_000]
    assert [item.filled_wh for item in found.intervals] == [0, 20_000, 20_000, 0]
    assert [item.coverage for item in found.intervals] == [1, 0, 0, 1]


def test_a_counter_over_a_long_gap_gives_no_energy(tmp_path: Path) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [1000, 1010, *[""] * 5, 1050, 1060]), counter=True)
    assert [item.energy_wh for item in found.intervals] == [10_000, 10_000]
    [(begin, end)] = found.gaps
    assert end - begin == 6 * QUARTER_MS


def test_a_counter_that_decreases_is_counted_not_used(tmp_path: Path) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [1000, 1010, 3, 13]), counter=True)
    assert ([item.energy_wh for item in found.intervals], found.resets) == ([10_000, 10_000], 1)


def test_minutes_are_joined(tmp_path: Path) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [1] * 30, 1))
    assert [item.energy_wh for item in found.intervals] == [15_000, 15_000]
    found = read(tmp_path, lines("2026-01-05 00:00", [60] * 6, 5), energy=CsvColumn("kWh", "kW"))
    assert [item.energy_wh for item in found.intervals] == pytest.approx([15_000, 15_000])


def test_a_few_missing_minutes_are_extrapolated_many_are_not(tmp_path: Path) -> None:
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


def test_the_hour_that_occurs_twice(tmp_path: Path) -> None:
    """Berlin, 2025-10-26: 02:00 to 03:00 occurs twice; 25 h of energy, none lost, none doubled."""
    hours = [*range(3), *range(2, 24)]
    rows = [f"2025-10-26 {hour:02d}:{minute:02d},{k}" for k, hour in enumerate(hours) for minute in (0, 15, 30, 45)]
    for order in (rows, rows[::-1], [*rows[::-1], "", ""]):
        found = read(tmp_path, "\n".join(["time,kWh", *order]), "Europe/Berlin")
        assert [item.energy_wh for item in found.intervals] == [1000 * k for k in range(25) for _ in range(4)]
        assert {b.start_ms - a.start_ms for a, b in zip(found.intervals, found.intervals[1:], strict=False)} == {
            QUARTER_MS
        }
        assert not found.gaps


LENGTHS = (10, 15, 30, 60)
# A day with the repeated time and a day with the skipped time: Berlin shifts by 1 h, Lord Howe by 30 min.
CHANGES = [
    ("Europe/Berlin", "2025-10-25T22:00+00:00", 25 * 60), ("Europe/Berlin", "2026-03-28T23:00+00:00", 23 * 60),
    ("Australia/Lord_Howe", "2026-04-04T13:00+00:00", 24 * 60 + 30),
    ("Australia/Lord_Howe", "2026-10-03T13:30+00:00", 23 * 60 + 30),
    ("Asia/Shanghai", "2026-03-28T16:00+00:00", 24 * 60),
]  # fmt: skip


@pytest.mark.parametrize("minutes", LENGTHS)
@pytest.mark.parametrize(("zone", "first", "day_min"), CHANGES)
@pytest.mark.parametrize("ends", [False, True], ids=["start", "end"])
@pytest.mark.parametrize("newest_first", [False, True])
def test_each_length_over_a_clock_change(
    tmp_path: Path, zone: str, first: str, day_min: int, minutes: int, ends: bool, newest_first: bool
) -> None:
    """A meter that counts equal times in UTC and writes them on the local clock, for the day and its two neighbours."""
    begin = datetime.fromisoformat(first) - timedelta(days=1)
    starts = [begin + timedelta(minutes=minutes * k) for k in range((day_min + 2 * 24 * 60) // minutes)]
    stamps = [start + timedelta(minutes=minutes) * ends for start in starts]
    rows = [f"{stamp.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M},{k}" for k, stamp in enumerate(stamps)]
    text = "\n".join(["time,kWh", *(rows[::-1] if newest_first else rows)])
    found = read(tmp_path, text, zone, ends=ends)
    assert [item.start_ms for item in found.intervals] == [round(start.timestamp() * 1000) for start in starts]
    assert [item.energy_wh for item in found.intervals] == [1000 * k for k in range(len(starts))]
    assert {item.length_s for item in found.intervals} == {60 * minutes}
    assert (found.gaps, found.once, found.repeated) == ([], [], 0)


@pytest.mark.parametrize(("zone", "day", "time"), [("Europe/Berlin", "2025-10-26", "02:00"),
                                                   ("Australia/Lord_Howe", "2026-04-05", "01:30")])  # fmt: skip
@pytest.mark.parametrize("minutes", [10, 15, 30])
def test_a_repeated_time_that_the_file_contains_once(
    tmp_path: Path, zone: str, day: str, time: str, minutes: int
) -> None:
    """A clock that ignores the change: 24 h of rows. The energy of the second occurrence is a gap, and reported."""
    found = read(tmp_path, lines(f"{day} 00:00", [1] * (24 * 60 // minutes), minutes), zone)
    assert found.once == [f"{day} {time}"]
    shift_ms = 3_600_000 if zone == "Europe/Berlin" else 1_800_000
    assert [end - begin for begin, end in found.gaps] == [shift_ms]


@pytest.mark.parametrize("minutes", LENGTHS)
def test_the_skipped_time_is_rejected_for_each_length(tmp_path: Path, minutes: int) -> None:
    found = rejected(tmp_path, lines("2026-03-29 00:00", [1] * (6 * 60 // minutes), minutes), "Europe/Berlin")
    cause = codes.TIME_SKIPPED(text="2026-03-29 02:00", zone="Europe/Berlin")
    assert found[0] == codes.LINE_INVALID(file="old.csv", line=2 + 120 // minutes, cause=cause)


@pytest.mark.parametrize("minutes", LENGTHS)
@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu"])  # UTC + 5:30 and + 5:45
def test_rows_of_a_zone_whose_hours_are_not_those_of_utc(tmp_path: Path, zone: str, minutes: int) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [1, 2, 3], minutes), zone)
    assert [item.start_ms for item in found.intervals] == [
        utc_ms("2026-01-05 00:00", zone) + k * 60_000 * minutes for k in range(3)
    ]


@pytest.mark.parametrize("minutes", LENGTHS)
@pytest.mark.parametrize(("unit", "counter", "wh_per_h"), [("kWh", False, None), ("kW", False, 1000), ("kWh", True, 1)])
def test_energy_of_each_length_from_energies_powers_and_registers(
    tmp_path: Path, minutes: int, unit: str, counter: bool, wh_per_h: float | None
) -> None:
    """Energy in the file in Wh, from its own definition: a sum, a mean power times the time, or a difference."""
    values = [40.0, 44.0, 47.0, 55.0]
    expected = {None: [1000 * value for value in values], 1000: [1000 * value * minutes / 60 for value in values],
                1: [4000.0, 3000.0, 8000.0]}[wh_per_h]  # fmt: skip
    text = lines("2026-01-05 00:00", list(values), minutes)
    found = read(tmp_path, text, energy=CsvColumn("kWh", unit), counter=counter)
    assert [item.energy_wh for item in found.intervals] == pytest.approx(expected)
    assert {(item.length_s, item.coverage) for item in found.intervals} == {(60 * minutes, 1.0)}


def test_a_driver_of_a_register_belongs_to_the_row_before_its_time(tmp_path: Path) -> None:
    """With --time-at-end the flow of 01:00 is the mean from 00:00 to 01:00, in which the register counted 10 kWh."""
    text = lines("2026-01-05 00:00", ["100,", "110,50", "130,60"], 60, head="time,kWh,flow")
    found = read(tmp_path, text, counter=True, ends=True, drivers={"flow": CsvColumn("flow", "m3/h")})
    assert [(item.energy_wh, item.drivers["flow"].mean) for item in found.intervals] == [(10_000, 50), (20_000, 60)]
    assert found.without_value == {"flow": 1}


def test_amounts_of_short_rows_are_summed(tmp_path: Path) -> None:
    text = lines("2026-01-05 00:00", [f"1,{k}" for k in range(6)], 5, head="time,kWh,t")
    columns = {"signal_rolled_t": CsvColumn("t", "t"), "signal_speed_m_s": CsvColumn("t", "m/s")}
    found = read(tmp_path, text, drivers=columns)
    assert [item.drivers["signal_rolled_t"].mean for item in found.intervals] == [0 + 1 + 2, 3 + 4 + 5]
    assert [item.drivers["signal_speed_m_s"].mean for item in found.intervals] == [1, 4]


@pytest.mark.parametrize(("first_min", "then_min"), [(60, 15), (15, 60), (30, 60), (60, 30)])
def test_a_file_whose_rows_change_their_length_is_rejected(tmp_path: Path, first_min: int, then_min: int) -> None:
    """Ten rows of one length, then eight of another: with one length for all, energies per time would be wrong."""
    begin = datetime(2026, 1, 5)  # noqa: DTZ001
    first = [begin + timedelta(minutes=first_min * k) for k in range(10)]
    then = [first[-1] + timedelta(minutes=first_min) + timedelta(minutes=then_min * k) for k in range(8)]
    text = "\n".join(["time,kWh", *(f"{t:%Y-%m-%d %H:%M},1" for t in [*first, *then])])
    reason = codes.ROW_LENGTH_CHANGES(file="old.csv", line=12, other_min=float(then_min), step_min=float(first_min))
    assert rejected(tmp_path, text) == [reason]


def test_the_hour_that_the_clock_skips_is_rejected(tmp_path: Path) -> None:
    found = rejected(tmp_path, "time,kWh\n2026-03-29 01:45,1\n2026-03-29 02:00,2\n", "Europe/Berlin")
    cause = codes.TIME_SKIPPED(text="2026-03-29 02:00", zone="Europe/Berlin")
    assert found == [codes.LINE_INVALID(file="old.csv", line=3, cause=cause)]


def test_a_spring_day_has_23_hours(tmp_path: Path) -> None:
    rows = [f"2026-03-29 {hour:02d}:{minute:02d},1" for hour in (0, 1, *range(3, 24)) for minute in (0, 15, 30, 45)]
    found = read(tmp_path, "\n".join(["time,kWh", *rows]), "Europe/Berlin")
    assert (len(found.intervals), found.gaps) == (92, [])


def test_an_offset_in_the_text_is_used(tmp_path: Path) -> None:
    found = read(tmp_path, "time,kWh\n2026-01-05T00:00:00+08:00,1\n2026-01-05T00:15:00+08:00,2\n", "Europe/Berlin")
    assert found.intervals[0].start_ms == utc_ms("2026-01-05 00:00", "Asia/Shanghai")


def test_duplicate_rows_are_dropped_contradictory_ones_rejected(tmp_path: Path) -> None:
    text = lines("2026-01-05 00:00", [1, 2, 3])
    found = read(tmp_path, text + text.splitlines()[-1])
    assert (len(found.intervals), found.repeated) == (3, 1)
    conflict = codes.LINES_CONFLICT(file="old.csv", line=5, other_line=4)
    assert rejected(tmp_path, text + "2026-01-05 00:30,99\n") == [conflict]


def test_gaps_are_listed(tmp_path: Path) -> None:
    found = read(tmp_path, lines("2026-01-05 00:00", [1, 2, 3, 4]) + "2026-01-05 03:00,5\n")
    assert found.gaps == [(utc_ms("2026-01-05 01:00", "Asia/Shanghai"), utc_ms("2026-01-05 03:00", "Asia/Shanghai"))]


def test_a_european_and_a_chinese_export(tmp_path: Path) -> None:
    european = "time;kWh\r\n05.01.2026 00:00;10,5\r\n05.01.2026 00:15;11,25\r\n".encode("utf-8-sig")
    assert [item.energy_wh for item in read(tmp_path, european).intervals] == [10_500, 11_250]
    (tmp_path / "gb.csv").write_bytes("时间,电量\n2026年01月05日 00:00,10\n2026年01月05日 00:15,11\n".encode("gb18030"))
    found = read_history(tmp_path / "gb.csv", "fan", "Asia/Shanghai", "时间", CsvColumn("电量", "kWh"))
    assert [item.energy_wh for item in found.intervals] == [10_000, 11_000]


def test_utf_16_with_tabs_as_excel_exports_it(tmp_path: Path) -> None:
    text = lines("2026-01-05 00:00", [10, 11]).replace(",", "\t")
    for code in ("utf-16", "utf-16-le", "utf-16-be"):
        mark = "" if code == "utf-16" else "\ufeff"
        found = read(tmp_path, (mark + text).encode(code))
        assert [item.energy_wh for item in found.intervals] == [10_000, 11_000]


def test_a_repeated_hour_that_the_file_contains_once_is_reported(tmp_path: Path) -> None:
    """Berlin, 2025-10-26, a meter that writes 02:00 to 03:00 only once: rows of 24 h for a day of 25 h."""
    rows = [f"2025-10-26 {hour:02d}:{minute:02d},1" for hour in range(24) for minute in (0, 15, 30, 45)]
    found = read(tmp_path, "\n".join(["time,kWh", *rows]), "Europe/Berlin")
    assert found.once == ["2025-10-26 02:00"]
    twice = [*rows[:12], *rows[8:]]
    assert read(tmp_path, "\n".join(["time,kWh", *twice]), "Europe/Berlin").once == []
    assert read(tmp_path, "\n".join(["time,kWh", *rows[:10]]), "Europe/Berlin").once == []  # the file ends in that hour
    assert read(tmp_path, "\n".join(["time,kWh", *rows[24:]]), "Europe/Berlin").once == []


def test_rows_below_zero_are_counted(tmp_path: Path) -> None:
    assert read(tmp_path, lines("2026-01-05 00:00", [10, -1, 12, -0.5])).below_zero == 2


def test_drivers_are_imported_with_their_u(tmp_path: Path) -> None:
    text = lines("2026-01-05 00:00", ["1,100", "2,", "3,300"], head="time,kWh,flow")
    first, second, third = read(tmp_path, text, drivers={"flow": CsvColumn("flow", "m3/h", 2.0)}).intervals
    assert first.drivers["flow"] == (100, 2.0)
    assert third.drivers["flow"].mean == 300
    assert not second.drivers


ROW = "2026-01-05 00:00"


def at_line(line: int, cause: Reason) -> Reason:
    return codes.LINE_INVALID(file="old.csv", line=line, cause=cause)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("time,kWh\n2026-01-05 00:00,1\n2026-01-05 00:15,lots\n", at_line(3, codes.NUMBER_INVALID(text="lots"))),
        ("time,kWh\nnoon,1\n2026-01-05 00:15,1\n", at_line(2, codes.TIME_INVALID(text="noon"))),
        ("time,kWh\n2026-01-05 00:00,1\n2026-01-05 00:15\n", codes.LINE_TOO_SHORT(file="old.csv", line=3)),
        ("time,kWh\n2026-01-05 00:00,inf\n2026-01-05 00:15,1\n", at_line(2, codes.NUMBER_INVALID(text="inf"))),
        ("time,kWh\n0001-01-01 00:00,1\n2026-01-05 00:15,1\n", at_line(2, codes.TIME_INVALID(text="0001-01-01 00:00"))),
        (lines("2026-01-05 00:07", [1, 2, 3]), codes.ROWS_OFF_GRID(file="old.csv", line=2, n=3, step_min=15)),
        (f'time,kWh\n{ROW},"1,234.5"\n', at_line(2, codes.NUMBER_WITH_THOUSANDS(text="1,234.5"))),
        (f"time;kWh\n{ROW};1.234,5\n", at_line(2, codes.NUMBER_WITH_THOUSANDS_COMMA(text="1.234,5"))),
        (f'time,kWh\n{ROW},"20,5"\n', at_line(2, codes.NUMBER_WITH_DECIMAL_COMMA(text="20,5"))),
        (f"time,kWh\n9999-12-31 24:00,1\n{ROW},1\n", at_line(2, codes.TIME_INVALID(text="9999-12-31 24:00"))),
        (f"time,kWh\n{ROW},{'x' * 9000}\n", at_line(2, codes.NUMBER_INVALID(text="x" * 60))),
        (f"time,kWh\n{ROW},1\n\0\x1b[31m,1\n", at_line(3, codes.TIME_INVALID(text="\\x00\\x1b[31m"))),
        (f"time,kWh\n{ROW},1\n2026-01-05 00:15,20,5\n", codes.LINE_TOO_LONG(file="old.csv", line=3)),
    ],
)
def test_each_invalid_line_is_reported(tmp_path: Path, text: str, reason: Reason) -> None:
    assert rejected(tmp_path, text) == [reason]


@pytest.mark.parametrize(
    ("text", "code", "data"),
    [
        ("", FILE_EMPTY, {}),
        ("time,kWh\n", codes.FILE_TOO_SHORT, {"n": 0}),
        ("zeit,kWh\n1,2\n", codes.COLUMNS_MISSING, {"columns": ("time",), "available": ("zeit", "kWh")}),
        ("a\0a\0" + "x" * 1000 + ",b" * 13 + "\n1,2\n", codes.COLUMNS_MISSING,
         {"columns": ("time", "kWh"), "available": (r"a\x00a\x00" + "x" * 29 + "…", *["b"] * 11, MORE_NAMES(n=2))}),
        (f'time,kWh\n{ROW},"' + "9" * 140_000, CSV_LINE_INVALID,
         {"line": 2, "error": "field larger than field limit (131072)"}),
        (lines("2026-01-05 00:00", [1, 2, 3], 20), codes.ROW_LENGTH_UNSUPPORTED,
         {"step_min": 20, "expected_min": ("1", "5", "10", "15", "30", "60")}),
        (b"time,kWh\n\xff\xff\xff\xff,1\n", codes.FILE_ENCODING_UNKNOWN, {}),
        (b"PK\x03\x04\x14\x00\xff\xff", codes.FILE_IS_ARCHIVE, {}),
        ("Export\n22091734\n\ntime,kWh\n2026-01-05 00:00,1\n", codes.COLUMNS_IN_LATER_LINE,
         {"columns": ("time", "kWh"), "line": 4}),
        ("time,kWh,kWh\n2026-01-05 00:00,1,2\n", codes.COLUMN_REPEATED, {"column": "kWh", "n": 2}),
    ],
)  # fmt: skip
def test_each_unusable_file_is_reported(tmp_path: Path, text: str | bytes, code: Code, data: dict[str, object]) -> None:
    assert rejected(tmp_path, text) == [code(path=str(tmp_path / "old.csv"), **data)]


def test_no_more_than_the_limit_of_a_file_is_read() -> None:
    with pytest.raises(ImportProblem) as caught:
        read_history(Path("/dev/zero"), "fan", "UTC", "time", CsvColumn("kWh", "kWh"))
    [reason] = caught.value.reasons
    assert reason == FILE_TOO_LARGE(path="/dev/zero", size_max_mb=100.0)


def test_a_missing_file_and_an_unknown_unit(tmp_path: Path) -> None:
    def problem(unit: str, **more: bool) -> Reason:
        with pytest.raises(ImportProblem) as caught:
            read_history(tmp_path / "none.csv", "fan", "UTC", "time", CsvColumn("kWh", unit), **more)
        [reason] = caught.value.reasons
        return reason

    missing = problem("kWh")
    assert missing.code == FILE_UNREADABLE
    assert missing.data["path"] == str(tmp_path / "none.csv")
    units = ("Wh", "kWh", "MWh", "W", "kW", "MW")
    assert problem("kwh") == codes.IMPORT_UNIT_UNKNOWN(unit="kwh", units=units)
    assert problem("kW", counter=True) == codes.IMPORT_UNIT_UNKNOWN(unit="kW", units=units[:3])


def test_of_many_errors_the_first_are_named(tmp_path: Path) -> None:
    found = rejected(tmp_path, lines("2026-01-05 00:00", ["x"] * 100))
    assert [reason.data["line"] for reason in found[:-1]] == [2, 3, 4, 5, 6]
    assert found[-1] == codes.MORE_LINES_INVALID(n=95)
