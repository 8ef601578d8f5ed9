"""What is wrong with the files of a lake is named; the rest is computed."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from support.lake import ROOT, ndjson, parts

from agent.core.messages import Message
from agent.delivery.files.lake.parts import Origin
from agent.delivery.files.lake.rows import convert
from agent.fleet import reasons as codes
from agent.fleet.lake import Lake, LakeError
from agent.fleet.lake_files import files_of, overlapping
from agent.fleet.messages import coverage

DAY_MS = 86_400_000
MIDNIGHT_MS = 1_789_948_800_000  # 2026-09-21 00:00 UTC


def add(lake: Path, *rows: tuple[str, int], gateway: str = "gw-07", energy_wh: int = 0, **more: object) -> Path:
    """A file with rows (id, time)."""
    messages = [
        (row_id, Message("pump-1", "telemetry", t_ms, {"energy_counted_import_wh": energy_wh + n, **more}))
        for n, (row_id, t_ms) in enumerate(rows)
    ]
    source = ndjson(lake.parent / "rows.ndjson", messages)
    return convert(source, ROOT, lake, Origin("mill-2", gateway, "1.2.3"))[-1]


def second(n: int, boot: int = 7) -> tuple[str, int]:
    return f"{boot}-{n}", MIDNIGHT_MS + 1000 * n


def rows_of(lake: Lake) -> int:
    return sum(row.rows for row in coverage(lake))


def test_a_row_that_is_in_two_files_counts_once(tmp_path: Path) -> None:
    add(tmp_path / "lake", *map(second, range(50)))
    add(tmp_path / "lake", *map(second, range(40, 70)))
    add(tmp_path / "lake", *map(second, range(70, 80)))
    lake = Lake(tmp_path / "lake")
    assert rows_of(lake) == 80
    assert lake.findings == []


def test_only_files_with_common_ids_are_compared(tmp_path: Path) -> None:
    chance, owner = Random(3), dict[int, set[int]]()
    for number in range(12):
        first = chance.randrange(500)
        owner[number] = set(range(first, first + chance.randrange(1, 60)))
        add(tmp_path / f"{number}", *map(second, sorted(owner[number])))
        target = tmp_path / "lake/telemetry/v=1/site=mill-2/gateway=gw-07/day=2026-09-21"
        target.mkdir(parents=True, exist_ok=True)
        [path] = (tmp_path / f"{number}").rglob("*.parquet")
        path.rename(target / path.name)
    alone, _ = overlapping(files_of(tmp_path / "lake", "telemetry", []))
    for file in alone:
        assert file.first is not None
        assert file.last is not None
        ids = set(range(file.first[1], file.last[1] + 1))
        assert sum(bool(ids & others) for others in owner.values()) == 1, "this file only"
    assert rows_of(Lake(tmp_path / "lake")) == len(set().union(*owner.values()))


def test_a_file_that_was_cut_off_is_named(tmp_path: Path) -> None:
    add(tmp_path / "lake", *map(second, range(50)))
    cut = add(tmp_path / "lake", *map(second, range(50, 90)))
    cut.write_bytes(cut.read_bytes()[:-20])
    lake = Lake(tmp_path / "lake")
    assert rows_of(lake) == 50
    assert codes.LAKE_FILE_UNREADABLE(path=str(cut)) in lake.findings


def test_an_upload_that_was_interrupted_is_no_file_yet(tmp_path: Path) -> None:
    """rsync --partial-dir=.partial keeps its beginning there."""
    add(tmp_path / "lake", *map(second, range(50)))
    path = add(tmp_path / "lake", *map(second, range(50, 90)))
    (path.parent / ".partial").mkdir()
    part = path.rename(path.parent / ".partial" / path.name)
    part.write_bytes(part.read_bytes()[:-20])
    lake = Lake(tmp_path / "lake")
    assert (rows_of(lake), lake.findings) == (50, [])


def test_a_file_with_changed_bytes_is_named(tmp_path: Path) -> None:
    """Its end is intact, so that only reading finds it."""
    add(tmp_path / "lake", *map(second, range(50)))
    bad = add(tmp_path / "lake", *map(second, range(50, 500)))
    content = bytearray(bad.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    bad.write_bytes(content)
    lake = Lake(tmp_path / "lake")
    assert [rows_of(lake), rows_of(lake)] == [50, 50]
    assert lake.findings == [codes.LAKE_FILE_UNREADABLE(path=str(bad))], "once, also after a second question"


def test_files_of_another_version_are_counted(tmp_path: Path) -> None:
    add(tmp_path / "lake", *map(second, range(50)))
    later = tmp_path / "lake/telemetry/v=2/site=mill-2/gateway=gw-08/day=2026-09-21/part-1-1_1-2.parquet"
    later.parent.mkdir(parents=True)
    later.write_bytes(b"of a later version")
    (tmp_path / "lake/telemetry/copied.parquet").write_bytes(b"by hand")
    lake = Lake(tmp_path / "lake")
    assert rows_of(lake) == 50
    assert codes.LAKE_VERSION_UNKNOWN(dataset="telemetry", version="2", n=1) in lake.findings
    assert codes.LAKE_FILE_MISPLACED(path=str(tmp_path / "lake/telemetry/copied.parquet")) in lake.findings


@pytest.mark.parametrize("folder", ["day=copy", "day=2026-9-21", "day=2026-02-30", "month=20260901"])
def test_a_folder_that_is_no_day_or_month(folder: str, tmp_path: Path) -> None:
    """Someone has renamed or copied it. The other files are read."""
    add(tmp_path / "lake", *map(second, range(50)))
    path = add(tmp_path / "lake", ("6-1", MIDNIGHT_MS - DAY_MS))
    moved = path.parent.rename(path.parent.with_name(folder)) / path.name
    lake = Lake(tmp_path / "lake")
    assert rows_of(lake) == 50
    assert lake.findings == [codes.LAKE_FILE_MISPLACED(path=str(moved))]


def test_a_clock_that_was_back_is_named_and_its_rows_count(tmp_path: Path) -> None:
    add(tmp_path / "lake", *map(second, range(50)))
    add(tmp_path / "lake", ("8-1", MIDNIGHT_MS - 400 * DAY_MS))
    add(tmp_path / "lake", ("9-1", MIDNIGHT_MS + DAY_MS), gateway="gw-08")
    lake = Lake(tmp_path / "lake")
    assert rows_of(lake) == 52
    assert lake.findings == [
        codes.CLOCK_WAS_BACK(site="mill-2", gateway="gw-07", day="2025-08-17", before="2026-09-21"),
        codes.MONTHS_MISSING(site="mill-2", gateway="gw-07", motor="pump-1", n=12, first="2025-09", last="2026-08"),
    ]
    found = list(lake.findings)
    lake.files("telemetry")
    assert lake.findings == found, "once"


def test_two_gateways_with_one_name_lose_no_row(tmp_path: Path) -> None:
    """Their ids are the same and their times are not."""
    add(tmp_path / "lake", *map(second, range(50)))
    add(tmp_path / "lake", *((row_id, t_ms + 137) for row_id, t_ms in map(second, range(30))))
    lake = Lake(tmp_path / "lake")
    assert rows_of(lake) == 80
    assert lake.findings == [codes.ROW_ID_SHARED(site="mill-2", gateway="gw-07", n=30)]


def test_files_with_other_columns_are_read_together(tmp_path: Path) -> None:
    """A metric that was added, and one whose type an earlier version wrote differently."""
    add(tmp_path / "lake", *map(second, range(50)), energy_wh=100)
    add(tmp_path / "lake", *map(second, range(50, 60)), energy_wh=1000, motor_load_pct=80.0)
    path = add(tmp_path / "lake", *map(second, range(60, 61)), energy_wh=2000)
    assert len(parts(tmp_path / "lake")) == 3
    [row] = coverage(Lake(tmp_path / "lake"))
    assert (row.rows, row.counted_wh) == (61, 1900)
    assert (row.first_ms, row.last_ms, row.days) == (MIDNIGHT_MS, MIDNIGHT_MS + 60_000, 1)
    assert path.exists()


def test_a_name_with_a_quotation_mark_is_not_part_of_the_query(tmp_path: Path) -> None:
    add(tmp_path / "plant's lake", *map(second, range(5)))
    assert rows_of(Lake(tmp_path / "plant's lake")) == 5


def test_a_directory_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(LakeError) as raised:
        Lake(tmp_path / "lake")
    assert raised.value.reason == codes.LAKE_MISSING(path=str(tmp_path / "lake"))
