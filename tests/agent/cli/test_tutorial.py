"""docs/tutorials/first-hour.md and docs/zh/first-hour.md show what `magwatt init` and `scan` show on the lines of the
simulated cabinet.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner
from support.basics import ROOT
from support.init_session import session, typed
from support.plc_cabinet import PlcCabinet

from agent.cli import main
from simulators.scenarios.bench import DeviceBench, parse_devices

TUTORIALS = {"en": ROOT / "docs" / "tutorials" / "first-hour.md", "zh": ROOT / "docs" / "zh" / "first-hour.md"}
ZONES = {"en": "Europe/Berlin", "zh": "Asia/Shanghai"}
WORDS_MAX = 900  # two pages, without the transcript
CHARACTERS_MAX = 2 * WORDS_MAX  # a Chinese word has about two
FIGURE = re.compile(r"\d+(\.\d+)?")
CUT = "…"


def transcript(command: str, language: str) -> list[str]:
    """The lines that the tutorial shows after a command, without the command."""
    blocks = re.findall(r"```console\n(.*?)```", TUTORIALS[language].read_text(encoding="utf-8"), re.DOTALL)
    parts = (part for block in blocks for part in re.split(r"^\$ magwatt ", block, flags=re.MULTILINE))
    return next(part for part in parts if part.startswith(f"{command}\n")).splitlines()[1:]


def shown(line: str) -> str:
    """A line without its figures: times, powers and numbers of requests depend on the moment; names remain."""
    measured = re.search(r"\bs\b|kW during|扫描时为|%|\[", line)  # the default in brackets is that of the computer
    line = re.sub(r"\[[^\]]*\] >", "[] >", line.rstrip())
    return FIGURE.sub("0", line) if measured else line


def pieces(command: str, language: str) -> Iterator[list[str]]:
    """The parts of the transcript between two cuts."""
    piece: list[str] = []
    for line in transcript(command, language):
        if line == CUT:
            yield piece
            piece = []
        else:
            piece.append(shown(line))
    yield piece


@pytest.mark.text
@pytest.mark.parametrize("language", TUTORIALS)
def test_the_transcript_is_the_session(language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part between two cuts appears without omission, and in this order."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "101")
    done = session(monkeypatch, Path("plant.toml"), typed("./ttyUSB0", ZONES[language]), "--lang", language)
    assert done.exit_code == 0
    lines = [shown(line) for line in done.output.splitlines()]
    assert_shown("init", lines, language)


PLC_SCAN, METER_SCAN = 'scan --serial ./ttyUSB1 --line "38400 8E1" --listen 5', "scan --serial ./ttyUSB2"


@pytest.mark.text
@pytest.mark.alone
def test_the_scan_of_the_line_of_a_plc_shows_what_it_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cabinet = PlcCabinet()
    try:
        assert_shown(PLC_SCAN, scanned(PLC_SCAN, cabinet.port, tmp_path, monkeypatch, "en"), "en")
        assert cabinet.sent == 0
    finally:
        cabinet.stop()


@pytest.mark.text
@pytest.mark.alone
@pytest.mark.parametrize("language", TUTORIALS)
def test_the_scan_finds_the_meter(language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = DeviceBench(parse_devices(["generic/dlt645-three-phase"]), Random(1), line="2400 8E1")
    outlet = bench.outlets["rtu_port"]
    port = asyncio.run(outlet.start())
    try:
        lines = scanned(METER_SCAN, port, tmp_path, monkeypatch, language, "--listen", "2")
        assert_shown(METER_SCAN, lines, language)
    finally:
        asyncio.run(outlet.stop())


def scanned(
    command: str, port: str, folder: Path, monkeypatch: pytest.MonkeyPatch, language: str, *more: str
) -> list[str]:
    """The lines that a scan prints. more: options in addition to those of the tutorial."""
    words = shlex.split(command)
    monkeypatch.chdir(folder)
    (folder / words[2]).symlink_to(port)
    done = CliRunner().invoke(main, ["--lang", language, *words, *more])
    return [shown(line) for line in ["", *done.stdout.splitlines()]]


def assert_shown(command: str, lines: list[str], language: str) -> None:
    """Each part of the transcript between two cuts appears in these lines, in this order."""
    at = 0
    parts = list(pieces(command, language))
    for piece in parts:
        size = len(piece)
        found = (start for start in range(at, len(lines) - size + 1) if lines[start : start + size] == piece)
        start = next(found, None)
        assert start is not None, "\n".join(piece)
        at = start + size
    assert not parts[-1] or at == len(lines), "the transcript ends with the output"


def test_the_tutorials_fit_on_two_pages() -> None:
    assert len(prose("en").split()) <= WORDS_MAX
    assert len(re.findall(r"[\u4e00-\u9fff]", prose("zh"))) <= CHARACTERS_MAX


def prose(language: str) -> str:
    text = TUTORIALS[language].read_text(encoding="utf-8")
    return re.sub(r"```.*?```|^    [^\n]*$", "", text, flags=re.DOTALL | re.MULTILINE)
