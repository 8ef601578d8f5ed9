"""Replies to the statements of a commissioning: nothing but an explicit reply confirms a statement."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from agent.cli.commission_dialogue import TerminalDialogue
from agent.commissioning.wizard import reasons as codes
from agent.commissioning.wizard.answers import (
    ANSWER_KEY_UNKNOWN,
    ANSWER_UNKNOWN,
    NOT_CHECKED,
    OPERATOR_MISSING,
    Answer,
    Question,
    new_file,
    operator_name,
    read_answers,
    reply_of,
)
from drivers.file_reasons import DID_YOU_MEAN
from drivers.reasons import InvalidValue

PLATE = Question("pump", "", codes.NAMEPLATE_MATCHES(entries=()))
DRIVE = Question("pump", "vfd", codes.DRIVE_MATCHES(drive="vfd", model="ACS880", unit_id=1))
QUESTIONS = (PLATE, DRIVE)


def answered(folder: Path, text: str) -> tuple[str, Answer, Answer]:
    file = folder / "answers.toml"
    file.write_text(text, encoding="utf-8")
    found = read_answers(file, QUESTIONS)
    return found.by, found.answer(PLATE), found.answer(DRIVE)


def typed(*lines: str) -> tuple[TerminalDialogue, list[str]]:
    """A dialogue with an operator who types these lines, then ends the input; and what is printed."""
    rest, printed = list(lines), list[str]()

    def read_line(prompt: str) -> str:
        if not rest:
            raise EOFError
        return rest.pop(0)

    return TerminalDialogue(printed.append, read_line), printed


def test_only_explicit_words_are_replies() -> None:
    assert {reply_of(text) for text in ("y", "Yes\n", " 是 ", "ｙ")} == {"yes"}
    assert {reply_of(text) for text in ("n", "NO", "否")} == {"no"}
    assert {reply_of(text) for text in ("s", "not  checked", "跳过", "未检查")} == {"not_checked"}
    assert {reply_of(text) for text in ("", "\n", " ", "j", "1", "true", "yesno", "不是")} == {None}


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\u3000", "\u200b", "-", "...", None, 7])
def test_a_name_without_a_letter_is_no_operator(name: object) -> None:
    with pytest.raises(InvalidValue) as error:
        operator_name(name)
    assert error.value.reason.code == OPERATOR_MISSING


def test_a_name_keeps_its_letters() -> None:
    assert operator_name("  李 \t伟 ") == "李 伟"


def test_an_empty_line_confirms_nothing() -> None:
    dialogue, printed = typed("\n", "\n", "y\n")
    assert dialogue.ask(PLATE) == Answer("yes")
    assert len(printed) == 2, "each empty line asks again"


def test_an_empty_actual_state_is_asked_again() -> None:
    dialogue, printed = typed("n\n", "\n", " \n", "110  kW\n")
    assert dialogue.ask(PLATE) == Answer("no", "110 kW")
    assert len(printed) == 2


def test_nothing_is_checked_after_the_end_of_the_input() -> None:
    dialogue, _ = typed("\n", "n\n")
    assert dialogue.ask(PLATE) == NOT_CHECKED, "the actual state was not given"
    assert dialogue.ask(DRIVE) == NOT_CHECKED


def test_no_asks_for_the_actual_state() -> None:
    dialogue, _ = typed("否\n", " 7.5 kW \n", "s\n")
    assert dialogue.ask(PLATE) == Answer("no", "7.5 kW")
    assert dialogue.ask(DRIVE) == NOT_CHECKED


def test_the_operator_is_asked_until_there_is_a_name() -> None:
    dialogue, printed = typed("\n", "  \n", "Li Wei\n")
    assert dialogue.operator() == "Li Wei"
    assert len(printed) == 2
    with pytest.raises(EOFError):
        dialogue.operator()


def test_a_file_answers_what_it_contains_and_nothing_else(tmp_path: Path) -> None:
    text = 'by = "Li Wei"\n[pump.vfd]\ndrive_matches = { reply = "no", actual = "ACS580" }\n'
    assert answered(tmp_path, text) == ("Li Wei", NOT_CHECKED, Answer("no", "ACS580"))
    assert answered(tmp_path, 'pump.nameplate_matches = "是"\n') == ("", Answer("yes"), NOT_CHECKED)


@pytest.mark.parametrize(
    ("text", "code", "key"),
    [
        ('[pump]\nnameplate_matches = ""\n', ANSWER_UNKNOWN, "pump.nameplate_matches"),
        ("[pump]\nnameplate_matches = true\n", ANSWER_UNKNOWN, "pump.nameplate_matches"),
        ('[pump.vfd]\ndrive_matches = { reply = "maybe" }\n', ANSWER_UNKNOWN, "pump.vfd.drive_matches"),
        ('[pump.vfd]\ndrive_matches = { reply = "no", reason = "x" }\n', ANSWER_UNKNOWN, "pump.vfd.drive_matches"),
        ('[fan]\nnameplate_matches = "yes"\n', ANSWER_KEY_UNKNOWN, "fan"),
        ('by = " "\n', OPERATOR_MISSING, ""),
    ],
)
def test_a_file_with_an_error_is_rejected(tmp_path: Path, text: str, code: str, key: str) -> None:
    with pytest.raises(InvalidValue) as error:
        answered(tmp_path, text)
    assert error.value.reason.code == code
    assert error.value.reason.data.get("key", "") == key


def test_a_misspelled_statement_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue) as error:
        answered(tmp_path, '[pump]\nnameplate_match = "yes"\n')
    reason = error.value.reason
    assert reason.code == DID_YOU_MEAN
    assert reason.data["near"] == "nameplate_matches"
    assert reason.data["problem"].data["key"] == "pump.nameplate_match"


def test_a_new_file_answers_nothing(tmp_path: Path) -> None:
    text = new_file([PLATE, DRIVE, Question("pump", "", codes.DISPLAY_MATCHES())], "Li Wei", "first\nsecond")
    assert answered(tmp_path, text.replace('display_matches = "not checked"\n', "")) == (
        "Li Wei", NOT_CHECKED, NOT_CHECKED,
    )  # fmt: skip
    assert tomllib.loads(text)["pump"]["display_matches"] == "not checked"
