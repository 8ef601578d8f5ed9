"""Passwords: never in the file, never in what is said of it, and readable by nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from configkit import at_input, bus, load_told, problems, site

from agent.cli import main

BASE = site() + bus(tcp="192.0.2.40:502")


def test_secrets_are_never_in_the_file_nor_in_its_problems(tmp_path: Path) -> None:
    found = problems(tmp_path, BASE + "[mqtt]\nurl = 'mqtt://me:hunter2@broker'\npassword = 'hunter2'\n")
    assert not any("hunter2" in line for line in found)


@pytest.mark.parametrize(
    "key", ["pass", "passwort", "passwd", "pwd", "secret", "secret_key", "token", "Password", "passwords"]
)
@pytest.mark.parametrize("value", ["'hunter2'", "['hunter2']", "{a = 'hunter2'}"])
def test_a_password_under_a_near_key_is_not_shown(tmp_path: Path, key: str, value: str) -> None:
    found = problems(tmp_path, BASE + f"[mqtt]\nurl = 'mqtt://broker'\n{key} = {value}\n")
    assert len(found) == 1
    assert f"mqtt.{key} = ***: unknown key" in found[0]


@pytest.mark.parametrize(
    "line", ["outputs = [{password = 'hunter2'}]", "url = 'mqtt://me:hunter2/@b'", "user = {password = 'hunter2'}"]
)
def test_a_password_inside_another_value_is_not_shown(tmp_path: Path, line: str) -> None:
    found = problems(tmp_path, BASE + "[mqtt]\n" + ("" if "url" in line else "url = 'mqtt://b'\n") + line + "\n")
    assert not any("hunter2" in item for item in found), found


@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1), (0o644, 1)])
def test_a_password_that_others_may_read_is_a_finding(tmp_path: Path, mode: int, count: int) -> None:
    (tmp_path / "secret").write_text("hunter2")
    (tmp_path / "secret").chmod(mode)
    text = BASE + at_input("m") + "[mqtt]\nurl = 'mqtt://b'\nuser = 'gw'\npassword_file = 'secret'\n"
    _, report = load_told(tmp_path, text)
    assert len(report.findings) == count
    assert all(f"mode {mode:04o}" in line for line in report.findings)
    assert CliRunner().invoke(main, ["check", str(tmp_path / "plant.toml")]).exit_code == count
