"""`magwatt init --browser` in the terminal: link, exit codes, and what it reports at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.basics import ROOT

from agent.cli import main
from agent.cli.options import WRONG
from agent.web.setup import server
from agent.web.setup.setup import Setup

LINK = "http://127.0.0.1:8471/#token"


def init(monkeypatch: pytest.MonkeyPatch, file: Path, use: Callable[[Setup], None], *options: str) -> Result:
    """Runs the command. use: what happens in the browser."""

    def run(setup: Setup, listen: Any, command: str, started: Callable[[str, str], None]) -> None:
        started(LINK, "AB:CD")
        use(setup)

    monkeypatch.setattr(server, "run", run)
    return CliRunner().invoke(main, ["init", str(file), "--browser", *options])


def test_ctrl_c_keeps_what_was_entered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def use(setup: Setup) -> None:
        setup.answer("site.id", "mill-2")
        raise KeyboardInterrupt

    done = init(monkeypatch, tmp_path / "plant.toml", use, "--listen", "192.0.2.5:8471")
    assert done.exit_code == 130
    for shown in (LINK, "AB:CD", str(tmp_path / "plant.answers.toml"), "--browser --listen 192.0.2.5:8471"):
        assert shown in done.output
    again = init(monkeypatch, tmp_path / "plant.toml", lambda setup: setup.answer("site.gateway", "gw"))
    assert again.exit_code == 130, "the hour was over before the last question"


def test_the_end_is_that_of_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kept values, and the proposed ones for what they lack; check and the next commands are shown."""
    example = (ROOT / "examples" / "meter.answers.toml").read_bytes()
    (tmp_path / "plant.answers.toml").write_bytes(example)
    file = tmp_path / "plant.toml"
    plain = CliRunner().invoke(main, ["init", str(file), "--answers", str(tmp_path / "plant.answers.toml")])
    written = file.read_bytes()
    file.unlink()

    def use(setup: Setup) -> None:
        while question := setup.view().get("question"):
            setup.answer(question["key"], "")
        setup.end()

    done = init(monkeypatch, file, use)
    assert done.exit_code == plain.exit_code
    assert file.read_bytes() == written
    assert plain.output in done.output


def test_a_configuration_that_stays_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plant.toml").write_text("mine", encoding="utf-8")
    assert init(monkeypatch, tmp_path / "plant.toml", lambda setup: setup.choose("leave")).exit_code == 0


@pytest.mark.parametrize("options", [["--answers", "a.toml"], ["--listen", "0.0.0.0"], ["--listen", "x y"]])
def test_wrong_options_are_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    done = init(monkeypatch, tmp_path / "plant.toml", lambda setup: None, *options)
    assert done.exit_code == WRONG
    assert LINK not in done.output


def test_an_address_of_another_computer_is_rejected(tmp_path: Path) -> None:
    words = ["init", str(tmp_path / "plant.toml"), "--browser", "--listen", "192.0.2.5:8471"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == WRONG
    assert "192.0.2.5:8471" in done.output


def test_a_missing_library_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "segno", None)
    done = init(monkeypatch, tmp_path / "plant.toml", lambda setup: None)
    assert done.exit_code == WRONG
    assert "magwatt[web]" in done.output
