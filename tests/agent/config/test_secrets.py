"""Passwords: never in the file and its problems; their files are readable only for the owner."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from support.config_text import at_input, bus, load_all, problems, site

from agent.cli import main
from agent.config import reasons as codes
from drivers.file_reasons import DID_YOU_MEAN, FILE_UNREADABLE, KEY_UNKNOWN
from drivers.reasons import cause_of

BASE = site() + bus(tcp="192.0.2.40:502")


def test_secrets_are_never_in_the_file_nor_in_its_problems(tmp_path: Path) -> None:
    found = problems(tmp_path, BASE + "[mqtt]\nurl = 'mqtt://me:hunter2@broker'\npassword = 'hunter2'\n")
    assert len(found) == 2
    assert not any("hunter2" in str(item.as_object()) + str(item) for item in found)


@pytest.mark.parametrize(
    "key", ["pass", "passwort", "passwd", "pwd", "secret", "secret_key", "token", "Password", "passwords"]
)
@pytest.mark.parametrize("value", ["'hunter2'", "['hunter2']", "{a = 'hunter2'}"])
def test_a_password_under_a_near_key_is_not_shown(tmp_path: Path, key: str, value: str) -> None:
    found = problems(tmp_path, BASE + f"[mqtt]\nurl = 'mqtt://broker'\n{key} = {value}\n")
    [problem] = found
    assert (problem.key, problem.value) == (f"mqtt.{key}", "***")
    assert problem.reason.code in (KEY_UNKNOWN, DID_YOU_MEAN)
    assert f"mqtt.{key} = ***: " in str(problem)
    assert "hunter2" not in str(problem.as_object()) + str(problem)


@pytest.mark.parametrize(
    "line", ["outputs = [{password = 'hunter2'}]", "url = 'mqtt://me:hunter2/@b'", "user = {password = 'hunter2'}"]
)
def test_a_password_inside_another_value_is_not_shown(tmp_path: Path, line: str) -> None:
    found = problems(tmp_path, BASE + "[mqtt]\n" + ("" if "url" in line else "url = 'mqtt://b'\n") + line + "\n")
    assert found
    assert not any("hunter2" in str(item.as_object()) + str(item) for item in found), found


@pytest.mark.parametrize(("mode", "count"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1), (0o644, 1)])
def test_a_password_that_others_may_read_is_a_finding(tmp_path: Path, mode: int, count: int) -> None:
    (tmp_path / "secret").write_text("hunter2")
    (tmp_path / "secret").chmod(mode)
    text = BASE + at_input("m") + "[mqtt]\nurl = 'mqtt://b'\nuser = 'gw'\npassword_file = 'secret'\n"
    _, report = load_all(tmp_path, text)
    expected = codes.FILE_MODE_OPEN(mode=mode, path=str(tmp_path / "secret"))
    assert [(item.key, item.reason) for item in report.findings] == [("mqtt.password_file", expected)] * count
    assert all(f"{mode:04o}" in str(item) for item in report.findings)
    assert CliRunner().invoke(main, ["check", str(tmp_path / "plant.toml")]).exit_code == count


def test_a_name_that_no_file_can_have_is_a_finding(tmp_path: Path) -> None:
    name = "x" * 300  # 255 bytes on common file systems
    _, report = load_all(
        tmp_path, BASE + at_input("m") + f"[mqtt]\nurl = 'mqtt://b'\nuser = 'gw'\npassword_file = '{name}'\n"
    )
    expected = FILE_UNREADABLE(path=str(tmp_path / name), error=cause_of(OSError(36, "File name too long")))
    assert [(item.key, item.reason) for item in report.findings] == [("mqtt.password_file", expected)]
