"""Each typical mistake, made for real: the message of the command states cause and correction, in both languages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from support.mistakes import MISTAKES, Bench, bench

from agent.cli import main
from agent.core.text import LOCALE_VARIABLE, Catalogue
from docs.generate import mistakes_table

CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(tmp_path_factory.mktemp("mistakes")) as found:
        yield found


def run(language: str, command: list[str]) -> Result:
    return CliRunner().invoke(main, ["--lang", language, *command])


# paho leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", MISTAKES)
def test_the_message_states_cause_and_correction_in_both_languages(place: Bench, name: str) -> None:
    found = MISTAKES[name](place)
    for language, catalogue in (("en", "en"), ("zh", "zh_CN")):
        done = run(language, found.command)
        expected = Catalogue(catalogue).reason(found.reason)
        assert expected in done.output
        assert done.exit_code == found.exit_code
        assert "Traceback" not in done.output
        assert "Errno" not in done.output
        assert bool(CHINESE.search(expected)) or language == "en" or LOCALE_VARIABLE in os.environ


@pytest.mark.text
def test_an_unknown_option_has_a_suggestion_in_both_languages() -> None:
    for language in ("en", "zh"):
        done = run(language, ["check", "--as-usr", "magwatt"])
        last = done.output.splitlines()[-1]
        assert done.exit_code == 2
        assert "'--as-user'" in last
        words = re.findall("[A-Za-z]{2,}", last.replace("--as-user", "").replace("--as-usr", ""))
        assert bool(words) == (language == "en")


@pytest.mark.text
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_documentation_has_each_message(place: Bench) -> None:
    """The generated table of docs/how-to/doctor.md, with the paths, ports and accounts of an installation."""
    assert mistakes_table.written(mistakes_table.PAGE.read_text("utf-8")) == mistakes_table.table_markdown(place)
