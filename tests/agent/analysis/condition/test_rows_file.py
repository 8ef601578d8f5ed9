"""Rows of one second in a CSV file: values, missing values, and what is wrong with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.analysis.condition import file_reasons as codes
from agent.analysis.condition.rows_file import is_rows_file, read_rows
from drivers.errors import FileError
from drivers.file_reasons import FILE_EMPTY, FILE_UNREADABLE


def write(tmp_path: Path, text: str, name: str = "rows.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize(
    "text",
    [
        "t_s,u12_v,note\n0,400.5,1\n1,,nan\n",
        "t_s;u12_v;note\r\n0;400,5;1\r\n\r\n1;-;null\r\n",
        '"t_s"\t"u12_v"\t"note"\n0\t400.5\t1\n1\t\tinf\n',
    ],
)
def test_an_empty_cell_is_no_value(tmp_path: Path, text: str, bom: str) -> None:
    path = write(tmp_path, bom + text)
    assert is_rows_file(path)
    assert list(read_rows(path)) == [(0.0, {"u12_v": 400.5, "note": 1.0}), (1.0, {"u12_v": None, "note": None})]


@pytest.mark.parametrize(
    ("text", "name"),
    [("t_s,u1,i1\n0,1,2\n", "a.csv"), ("time,u12_v\n0,1\n", "a.csv"), ("t_s,u12_v\n0,1\n", "a.npz"), ("", "a.csv")],
)
def test_a_recording_of_waveforms_is_no_table_of_rows(tmp_path: Path, text: str, name: str) -> None:
    assert not is_rows_file(write(tmp_path, text, name))
    assert not is_rows_file(tmp_path / "missing.csv")


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("t_s,u12_v\n0,400\n1,four\n", codes.ROWS_VALUE_INVALID, 3),
        ("t_s,u12_v\n0,400\n,400\n", codes.ROWS_TIME_MISSING, 3),
        ("t_s,u12_v\n5,400\n\n4,400\n", codes.ROWS_TIME_BACK, 4),
        ("t_s,u12_v\n0,400,1\n", codes.ROWS_CELLS, 2),
        ("t_s,u12_v\n0\n", codes.ROWS_CELLS, 2),
        ("t_s,u12_v,u12_v\n0,1,2\n", codes.ROWS_COLUMN_TWICE, None),
        ("t_s,u12_v\n", codes.ROWS_EMPTY, None),
        ("", FILE_EMPTY, None),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, code: str, line: int | None) -> None:
    with pytest.raises(FileError) as caught:
        list(read_rows(write(tmp_path, text)))
    assert caught.value.reason.code == code
    assert caught.value.reason.data.get("line") == line


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError) as caught:
        list(read_rows(tmp_path / "missing.csv"))
    assert caught.value.reason.code == FILE_UNREADABLE
