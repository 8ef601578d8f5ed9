"""`magwatt profiles`: list, show, check."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli import main
from drivers.profiles import profile_ids, set_profile_folders


def invoke(*words: str, **environment: str) -> Result:
    try:
        return CliRunner().invoke(main, ["profiles", *words], env=environment)
    finally:
        set_profile_folders([])


GOOD = (
    'extends = "delta/c2000"\n[device]\nid = "delta/c2000-big"\n[[register]]\nname = "motor_power"\naddress = 0x2206\n'
)


def test_the_list_has_kind_confidence_and_registers() -> None:
    rows = [json.loads(line) for line in invoke("list", "--json").output.splitlines()]
    assert len(rows) == len(profile_ids())
    (sdm,) = [row for row in rows if row["profile"] == "eastron/sdm630"]
    assert sdm["kind"] == "meter"
    assert sdm["confidence"] == "two_sources"
    assert sdm["registers"] == 64  # rows of the facts, all from two sources
    assert sdm["groups"] == {"fast": 31, "normal": 13, "slow": 20, "once": 0}
    assert invoke().output == invoke("list").output
    assert "huanyang/hy" in invoke().output


@pytest.mark.text
def test_the_list_counts_registers() -> None:
    assert " 64 registers (" in invoke().output
    assert " 1 register (" in invoke().output
    assert " 1 registers" not in invoke().output


@pytest.mark.text
@pytest.mark.parametrize(
    ("model", "texts"),
    [
        (
            "delta/c2000",
            ["8452 2104H", "09-03", "10 ms between", "easymanua.ls", "1·10^[8479]", "    4  GFF ground fault"],
        ),
        ("siemens/g120", ["never polled: starts a watchdog", "p2040"]),
        ("toshiba/vf-s11", ["never polled: contains the values of the last trip"]),
        ("abb/acs880", ["0x3220  dc link undervoltage", "not polled until a self-check confirms it", "58.14"]),
        ("wiren-board/map3h", ["orders 2 to 42"]),
        ("huanyang/hy", ["never polled"]),
        ("yaskawa/ga800", ["0.01 up to 11 kW, 0.1 above"]),
    ],
)
def test_show_prints_registers_tables_and_remarks(model: str, texts: list[str]) -> None:
    done = invoke("show", model)
    assert done.exit_code == 0
    for text in texts:
        assert text in done.output


def test_show_is_readable_by_a_program_for_every_model() -> None:
    for name in profile_ids():
        found = json.loads(invoke("show", name, "--json").output, parse_constant=lambda word: pytest.fail(word))
        assert found["profile"] == name
        assert found["registers"]


def test_an_unknown_model_gets_the_nearest_one() -> None:
    done = invoke("show", "delta/c200")
    assert done.exit_code == 2
    [line] = done.output.splitlines()
    assert "delta/c200:" in line
    assert "'delta/c2000'" in line


def test_check_prints_one_line_for_each_problem(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(GOOD)
    bad.write_text(GOOD.replace("motor_power", "motor_pover") + 'poll = "quick"\n')
    assert invoke("check", str(good)).exit_code == 0
    done = invoke("check", str(good), str(bad), str(tmp_path / "none.toml"))
    assert done.exit_code == 2
    assert f"{good}: delta/c2000-big: " in done.output
    *lines, summary = done.output.splitlines()
    assert [line for line in lines if str(bad) in line and "'motor_power'" in line]
    assert [line for line in lines if str(tmp_path / "none.toml") in line]
    assert all(str(tmp_path) in line for line in lines)
    assert re.findall(r"\d+", summary) == ["3", "2"], "files, and those with problems"


def test_own_folders_come_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "big.toml").write_text(GOOD)
    assert "delta/c2000-big" in invoke("list", MAGWATT_PROFILES=str(tmp_path)).output
    assert invoke("show", "delta/c2000-big", MAGWATT_PROFILES=str(tmp_path)).exit_code == 0
    done = invoke("list", MAGWATT_PROFILES=str(tmp_path / "no"))
    assert done.exit_code == 2
    assert str(tmp_path / "no") in done.output
    assert len(done.output.splitlines()) == 1
