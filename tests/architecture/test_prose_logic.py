"""The guard finds each form of a decision on a text for people, and accepts codes, SQL and the allowed texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture import prose_logic

CONSTANT = 'WHY = "the meter is silent"\nTABLE = (("the clock was wrong", 1), ("no response in time", 2))\n'

DECISIONS = {
    "==": 'text == "the meter is silent"',
    "!=": '"the meter is silent" != text',
    "in a text": 'text in "the meter is silent"',
    "a text in": '" is beyond " in text',
    "not in": 'text not in ("the meter is silent", "b")',
    "in a set": 'text in {"the meter is silent"}',
    "in a dict": 'text in {"the meter is silent": 1}',
    "startswith": 'text.startswith("the meter is silent")',
    "startswith a tuple": 'text.startswith(("the meter is silent", "b"))',
    "endswith": 'text.endswith(" is beyond the range")',
    "split": 'text.split(" is beyond ")',
    "partition": 'text.partition(" is beyond ")',
    "removeprefix": 'text.removeprefix("the meter is ")',
    "find": 'text.find("is beyond the")',
    "an f-string": 'text == f"the meter {number} is silent"',
    "re": 're.match("the meter .* silent for (.*) s", text)',
    "re.compile": 're.compile(r"the meter (\\w+) is silent")',
    "concatenation": 'text == "the meter " + "is silent now"',
    "a module's constant": "text.startswith(WHY)",
    "a constant in lower case": "text == WHY.lower()",
    "a loop over a table": "[code for begin, code in TABLE if text.startswith(begin)]",
    "a loop over a table written there": 'next(b for b, n in (("the clock was wrong", 1),) if b in text)',
    "another module's constant": "text == OTHER",
    "a module's member": "text == far.OTHER",
    "a translated text": 'text == _("the meter is silent")',
    "a walrus": '(said := "the meter is silent") and text == said',
}

HARMLESS = {
    "a code": 'text == "meter_silent"',
    "two words": 'text == "not proven"',
    "SQL": 'text == "select seq from ledger where t_ms"',
    "a separator": 'text.split(" ")',
    "words of a constant": '"a bb cc".split()',
    "a lookup by column": "[begin for begin, code in TABLE if code == text]",
    "a message": 'print("the meter is silent")',
    "numbers": "number == 1",
}


def checked(tmp_path: Path, code: str) -> list[prose_logic.Finding]:
    (tmp_path / "far.py").write_text('OTHER = "the meter is silent"\n', encoding="utf-8")
    file = tmp_path / "module.py"
    file.write_text(f"import re\nimport far\nfrom far import OTHER\n{CONSTANT}{code}", encoding="utf-8")
    found, _ = prose_logic.check([file], root=tmp_path)
    return found


@pytest.mark.parametrize("form", DECISIONS)
def test_a_decision_on_prose_is_found(tmp_path: Path, form: str) -> None:
    found = checked(tmp_path, f"def decide(text, number):\n    return {DECISIONS[form]}\n")
    assert [row.line for row in found] == [7], form


@pytest.mark.parametrize("form", HARMLESS)
def test_codes_and_messages_pass(tmp_path: Path, form: str) -> None:
    assert not checked(tmp_path, f"def decide(text, number):\n    return {HARMLESS[form]}\n"), form


def test_a_case_is_found(tmp_path: Path) -> None:
    code = 'def decide(text):\n    match text:\n        case "the meter is silent":\n            return 1\n'
    assert [(row.line, row.operation) for row in checked(tmp_path, code)] == [(8, "case")]


def test_a_local_constant_is_found_and_an_argument_hides_a_constant(tmp_path: Path) -> None:
    local = 'def decide(text):\n    why = "the meter is silent"\n    return text == why\n'
    assert [row.line for row in checked(tmp_path, local)] == [8]
    assert not checked(tmp_path, "def decide(text, WHY):\n    return text == WHY\n")


def test_at_module_level(tmp_path: Path) -> None:
    assert [row.line for row in checked(tmp_path, 'FLAG = WHY == "b"\n')] == [6]


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "module.py"
    file.write_text('def f(text):\n    return "is out of range" in text\n', encoding="utf-8")
    assert prose_logic.main([str(file)]) == 1
    assert capsys.readouterr().out == f"{file}:2: In on a text for people: 'is out of range'\n"
    file.write_text("def f(text):\n    return text\n", encoding="utf-8")
    assert prose_logic.main([str(file)]) == 0
    assert prose_logic.main([str(tmp_path / "missing")]) == 2


def test_every_allowed_text_has_a_reason() -> None:
    """`make lint` also reports entries that match nothing."""
    assert all(row.reason for row in prose_logic.ALLOWED)


def test_an_allowed_text_that_matches_nothing_is_returned(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("def f(text):\n    return text\n", encoding="utf-8")
    _, unused = prose_logic.check([tmp_path], root=tmp_path)
    assert unused == list(prose_logic.ALLOWED)
