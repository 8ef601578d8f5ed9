"""The questions in the browser: the same files as in the terminal, wrong input, back, scans, an existing file."""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from support.init_session import noisy_line, scan_on, session, typed
from support.setup_browser import Browser, running

from agent.cli.init_surroundings import surroundings
from agent.commissioning.discovery.scan_result import ScanOptions, ScanProgress, ScanResult, Target
from agent.commissioning.init import reasons as codes
from agent.commissioning.init.session import InitSession
from agent.core.text import text_of
from agent.web.setup.scan_job import RunScan, Stop
from agent.web.setup.setup import FIRST_QUESTION, OUT_OF_DATE, Setup
from drivers.errors import ConnectFailed
from drivers.serial_line import not_opened

PORT = "/dev/ttyUSB9"


@pytest.fixture(autouse=True)
def any_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.cli.init_surroundings.has_port", lambda name: True)


def setup_of(file: Path, scan: RunScan | None = None, **options: bool) -> Setup:
    found = InitSession(file, surroundings())
    found.resume()
    return Setup(found, scan=scan or scan_of_the_noisy_line, **options)


def scan_of_the_noisy_line(
    target: Target, options: ScanOptions, progress: ScanProgress, on_start: Callable[[Stop], None]
) -> ScanResult:
    return scan_on(noisy_line(), progress)(target, options)


def test_the_files_are_those_of_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Byte by byte, the comments in the language of the operator included."""
    language = "zh"
    (tmp_path / "terminal").mkdir()
    done = session(monkeypatch, tmp_path / "terminal" / "plant.toml", typed(PORT), "--lang", language)
    assert done.exit_code == 0, done.output
    with running(setup_of(tmp_path / "plant.toml"), language) as browser:
        browser.open()
        for line in typed(PORT):
            browser.answer(line)
        assert browser.state()["stage"] == "written"
    for name in ("plant.toml", "plant.answers.toml"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "terminal" / name).read_bytes()


def test_it_continues_where_a_terminal_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines, file = typed(PORT), tmp_path / "plant.toml"
    assert session(monkeypatch, file, lines[:15]).exit_code == 130
    with running(setup_of(file)) as browser:
        browser.open()
        for line in lines[15:]:
            browser.answer(line)
    once = tmp_path / "once.toml"
    assert session(monkeypatch, once, lines).exit_code == 0
    assert file.read_bytes() == once.read_bytes()


@pytest.fixture
def browser(tmp_path: Path) -> Any:
    with running(setup_of(tmp_path / "plant.toml")) as found:
        found.open()
        yield found


def test_a_wrong_answer_is_rejected_beside_its_field(browser: Browser) -> None:
    for typed_text in ("Mill 2", ""):
        status, problem = browser.act("answer", key="site.id", typed=typed_text)
        assert status == 422
        assert problem["detail"]
    assert "Ctrl" not in problem["detail"], "the key of a terminal"
    assert browser.state()["question"]["key"] == "site.id"
    browser.answer("mill-2")
    assert browser.state()["question"]["key"] == "site.gateway"


def test_an_answer_to_another_question_changes_nothing(browser: Browser) -> None:
    """A double tap, or a page that was open for long."""
    browser.answer("mill-2")
    status, problem = browser.act("answer", key="site.id", typed="mill-3")
    assert (status, problem["detail"]) == (422, text_of(OUT_OF_DATE()))
    assert browser.act("reply", number=1, reply="yes")[0] == 422
    assert browser.act("password", password="x")[0] == 422


def test_back_returns_to_the_previous_question(tmp_path: Path, browser: Browser) -> None:
    assert browser.act("back", key="site.id") == (422, {"type": "about:blank", "status": 422,
                                                        "detail": text_of(FIRST_QUESTION())})  # fmt: skip
    browser.answer("mill-2")
    browser.do("back", key="site.gateway")
    browser.answer("mill-3")
    kept = tomllib.loads((tmp_path / "plant.answers.toml").read_text(encoding="utf-8"))
    assert kept == {"site": {"id": "mill-3"}}


def test_an_empty_answer_has_a_button_with_its_meaning(browser: Browser) -> None:
    for line in ("bench", "laptop", "UTC", "state"):
        browser.answer(line)
    question = browser.state()["question"]
    assert question["empty"] == {"typed": "none", "text": text_of(codes.NO_BROKER())}
    browser.answer(question["empty"]["typed"])
    browser.answer(PORT)
    question = browser.state()["question"]
    assert question["empty"] == {"typed": "", "text": text_of(codes.LINE_UNKNOWN())}


def test_the_password_is_in_a_file_of_its_owner_only(tmp_path: Path, browser: Browser) -> None:
    for line in ("mill-2", "gw", "UTC", "state", "mqtt://h", "agent", ""):
        browser.answer(line)
    assert browser.state()["stage"] == "password"
    browser.do("password", password="correct horse")
    secret = tmp_path / "secrets" / "mqtt"
    assert secret.read_text(encoding="utf-8") == "correct horse\n"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert "correct horse" not in (tmp_path / "plant.answers.toml").read_text(encoding="utf-8")
    assert browser.state()["question"]["key"] == "bus"


def test_a_cancelled_scan_is_offered_again(tmp_path: Path) -> None:
    """Its progress is shown while it runs; nothing of it is kept."""
    cancelled = Event()

    def slow(target: Target, options: ScanOptions, progress: ScanProgress, on_start: Any) -> ScanResult:
        on_start(cancelled.set)
        progress.on_duration(66.0)
        progress.on_part("38400 8N1", 6)
        progress.on_unit(11)
        result = scan_on(noisy_line(), progress)(target, options)
        assert cancelled.wait(30)
        result.stopped = True
        return result

    with running(setup_of(tmp_path / "plant.toml", slow)) as browser:
        browser.open()
        for line in typed(PORT)[:11]:
            browser.answer(line)
        state = browser.state_with(stage="scan")
        while len(state["scan"]["found"]) < 6:
            state = browser.state(state["version"])
        assert {item["unit"] for item in state["scan"]["found"]} == {11, 12, 13, 14, 31, 32}
        browser.do("cancel")
        question = browser.state_with(stage="questions")["question"]
        assert question["key"] == "init.bus.line.scan"
        assert text_of(codes.SCAN_INTERRUPTED(bus="line")) in [note["text"] for note in question["notes"]]
    kept = tomllib.loads((tmp_path / "plant.answers.toml").read_text(encoding="utf-8"))
    assert kept["init"]["bus"]["line"] == {"fc03": True, "expect": "11-14,31,32", "interrupted": True}


def test_a_port_that_cannot_be_opened_is_asked_again(tmp_path: Path) -> None:
    def forbidden(*arguments: Any) -> ScanResult:
        raise ConnectFailed(not_opened(PORT, PermissionError()))

    with running(setup_of(tmp_path / "plant.toml", forbidden)) as browser:
        browser.open()
        for line in typed(PORT)[:11]:
            browser.answer(line)
        state = browser.state_with(stage="questions")
        assert state["question"]["key"] == "bus.line.serial"
        assert PORT in state["report"]["error"]


def test_an_existing_configuration_is_not_replaced_without_a_choice(tmp_path: Path) -> None:
    file = tmp_path / "plant.toml"
    file.write_text("mine", encoding="utf-8")
    with running(setup_of(file)) as browser:
        browser.open()
        assert browser.state()["stage"] == "file"
        assert browser.act("answer", key="site.id", typed="x")[0] == 422
        browser.do("choose", choice="leave")
        assert browser.state()["stage"] == "end"
    assert [path.name for path in tmp_path.iterdir()] == ["plant.toml"]
    assert file.read_text(encoding="utf-8") == "mine"
    assert setup_of(file, overwrite=True).view()["stage"] == "questions"
