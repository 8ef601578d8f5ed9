"""`magwatt fleet report` and `query reported` on the command line: exit codes, files, the same figures everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command_line import invoke
from support.retrofit_lake import MONTH, retrofit, to_lake


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("fleet")
    to_lake(retrofit(folder / "plant"), folder / "lake")
    return str(folder / "lake")


def test_the_report_is_a_page_a_picture_and_data(lake: str, tmp_path: Path) -> None:
    result = invoke("fleet", "report", "--lake", lake, "--month", MONTH, "--output", str(tmp_path / "fleet.html"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fleet.html", "fleet.json", "fleet.svg"]
    found = json.loads((tmp_path / "fleet.json").read_text(encoding="utf-8"))
    assert result.exit_code == 1, "27 days of the month have no data"
    assert [item["code"] for item in found["attention"]] == ["compared_little", "gateway_silent"]
    [motor], total = found["motors"], found["total"]
    assert (total["motors"], total["saved_wh"]) == (1, motor["saving"]["saved_wh"])
    asked = json.loads(invoke("fleet", "query", "reported", "--lake", lake, "--month", MONTH, "--json").stdout)
    [row] = asked["rows"]
    assert (row["saved_wh"], row["u95_wh"], row["intervals"]) == (total["saved_wh"], motor["saving"]["u95_wh"], 4 * 96)
    assert f"{row['saved_wh'] / 1000:.3f}" in result.stdout


@pytest.mark.parametrize("options", [
    ["--month", "October"], ["--month", MONTH, "--from", "2024-11"], ["--month", MONTH, "--from", "11"], [],
    ["--month", MONTH, "--output", "."], ["--month", MONTH, "--processes", "0"], ["--month", MONTH, "--lake", "none"],
])  # fmt: skip
def test_wrong_usage_is_exit_code_2(lake: str, options: list[str]) -> None:
    assert invoke("fleet", "report", "--lake", lake, *options).exit_code == 2


def test_a_month_without_a_saving_has_no_sum(lake: str) -> None:
    result = invoke("fleet", "report", "--lake", lake, "--month", "2020-01")
    assert (result.exit_code, "±" in result.stdout) == (1, False)


def test_query_reported_needs_a_month(lake: str) -> None:
    assert invoke("fleet", "query", "reported", "--lake", lake).exit_code == 2
