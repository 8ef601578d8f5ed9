"""docs/tutorial.md shows what `magwatt init` shows on the devices of the noisy line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.basics import ROOT
from support.init_session import session, typed

TUTORIAL = ROOT / "docs" / "tutorial.md"
WORDS_MAX = 900  # two pages, without the transcript
FIGURE = re.compile(r"\d+(\.\d+)?")
CUT = "…"


def transcript() -> list[str]:
    """The lines of the session in the tutorial, without the command."""
    block = re.search(r"```console\n\$ magwatt init\n(.*?)```", TUTORIAL.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    return block[1].splitlines()


def shown(line: str) -> str:
    """A line without its figures: times, powers and numbers of requests depend on the moment; names remain."""
    measured = re.search(r"\bs\b|kW during|%|\[", line)  # the default in brackets is that of the computer
    line = re.sub(r"\[[^\]]*\] >", "[] >", line.rstrip())
    return FIGURE.sub("0", line) if measured else line


def pieces() -> Iterator[list[str]]:
    """The parts of the transcript between two cuts."""
    piece: list[str] = []
    for line in transcript():
        if line == CUT:
            yield piece
            piece = []
        else:
            piece.append(shown(line))
    yield piece


@pytest.mark.text
def test_the_transcript_is_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part between two cuts appears without omission, and in this order."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "101")
    done = session(monkeypatch, Path("plant.toml"), typed("./ttyUSB0"), "--lang", "en")
    assert done.exit_code == 0
    lines = [shown(line) for line in done.output.splitlines()]
    at = 0
    for piece in pieces():
        size = len(piece)
        found = (start for start in range(at, len(lines) - size + 1) if lines[start : start + size] == piece)
        start = next(found, None)
        assert start is not None, "\n".join(piece)
        at = start + size
    assert at == len(lines), "the transcript ends with the session"


def test_the_tutorial_fits_on_two_pages() -> None:
    text = re.sub(r"```.*?```|^    [^\n]*$", "", TUTORIAL.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert len(text.split()) <= WORDS_MAX
