"""The word list finds planted words in each kind of text, and the list itself is valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture import wording
from tests.architecture.source_texts import is_prose, is_sql, texts_of

MODULE = '''"""A module that
tells nobody anything."""

from gettext import gettext as _

NOTE = "three words anew"
QUERY = "select told from saving where doubt = ?"


def run(log, echo):
    """Wait for ever."""
    log.warning("anew: %s", run)
    echo(_("told"))
    key = "told"
    if not key:
        raise ValueError(f"{key} is in doubt at once")
    return {"told": 1}
'''


def hits(found: list[wording.Finding]) -> list[tuple[int, str, str]]:
    return [(row.line, row.kind, row.word) for row in sorted(found, key=lambda row: (row.line, row.word))]


@pytest.fixture
def words() -> wording.WordList:
    return wording.read_words()


def test_planted_words_are_found_in_docstrings_and_messages(tmp_path: Path, words: wording.WordList) -> None:
    """Line numbers are those of the word. Keys, SQL and plain identifiers are no messages."""
    file = tmp_path / "module.py"
    file.write_text(MODULE, encoding="utf-8")
    assert hits(wording.check([file], words)) == [
        (2, "docstring", "nobody"),
        (2, "docstring", "tells"),
        (6, "message", "anew"),
        (11, "docstring", "for ever"),
        (12, "message", "anew"),
        (13, "message", "told"),
        (16, "message", "at once"),
        (16, "message", "doubt"),
    ]


def test_a_page_is_checked_without_its_code(tmp_path: Path, words: wording.WordList) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Told\n\n    told here\n\n```sh\ntold\n```\nThe `told` field goes\non.\n", encoding="utf-8")
    assert hits(wording.check([page], words)) == [(1, "page", "Told"), (8, "page", "goes on")]


def test_english_texts_of_a_catalogue_are_checked(tmp_path: Path, words: wording.WordList) -> None:
    head = 'msgid ""\nmsgstr ""\n"Language: {}\\n"\n\n'
    body = 'msgid "the meter "\n"told it"\nmsgstr "anew"\n\nmsgid "%d row"\nmsgid_plural "rows told"\nmsgstr[0] ""\n'
    for language, expected in (("zh_CN", ["told", "told"]), ("en", ["told", "anew", "told"])):
        file = tmp_path / f"{language}.po"
        file.write_text(head.format(language) + body, encoding="utf-8")
        assert [row.word for row in wording.check([file], words)] == expected


def test_each_word_matches_something() -> None:
    """A pattern that can match nothing would pass in silence: each one finds an example in its own source."""
    examples = {
        "tells", "says", "speaks", "heard", "is asked", "ask the meter", "answers", "refused", "believed", "notices",
        "forgotten", "vouches", "is content", "insists", "doubt", "sure", "foretell", "errs", "hang together", "anew",
        "seldom", "hardly", "at once", "by itself", "for ever", "ever more", "alike", "whence", "that many", "all but",
        "of before", "beside", "behind it", "stands in", "what stands", "stands still", "lies in", "hangs on",
        "from elsewhere", "in its place", "goes on", "goes with", "handed on", "taken over", "comes about",
        "thrown away", "set back", "cut off its end", "spares it", "mended", "spoils", "owed", "drawn straight",
        "cannot be had", "hurry", "is looked at", "works out", "young", "nobody", "a person", "of ours",
        "of its own", "a mistake of ours", "he", "of the house", "is no number", "the least value", "is whole",
        "each wire", "dead device", "damaged frame", "on hold", "meter exchanged", "newest root",
        "what the old plant would", "not claimed", "the plate", "its begin", "the plant's file", "learnt",
    }  # fmt: skip
    for word in wording.read_words().words:
        assert any(word.pattern.search(example) for example in examples), word.pattern.pattern


@pytest.mark.parametrize(
    "text",
    [
        "a whole number of cycles", "whole cycles", "at most 20", "at least 3", "dead band", "quarter hour",
        "make sure that", "behind a gateway", "a TCP gateway behind the proxy", "connection refused",
        "a least-squares fit", "must be between 0 and 1", "response", "stands for", "wire format",
        "2-wire connection", "square root of",
        "hold the lock", "on the next poll", "ask for confirmation", "the wire protocol", "an energy balance",
    ],
)  # fmt: skip
def test_standard_terms_pass(text: str, words: wording.WordList, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    assert not wording.check([page], words)


def test_the_list_of_the_project_is_valid(words: wording.WordList) -> None:
    assert 45 <= len(words.words) <= 80
    assert len(words.exceptions) <= wording.EXCEPTIONS_MAX


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no word"),
        ("[[word]]\npattern = 'a('\nuse = 'b'", "word 1"),
        ("[[word]]\npattern = 'a'", "expected `pattern` and `use`"),
        ("[[words]]\npattern = 'a'", "unknown tables"),
        ("[[word]]\npattern='a'\nuse='b'\n[[exception]]\nwhere='x'\nword='a'\nreason=''", "exception 1"),
        ("[[word]]\npattern='a'\nuse='b'\n" + "[[exception]]\nwhere='x'\nword='a'\nreason='y'\n" * 21, "at most 20"),
        ("[[word", "words.toml"),
    ],
)
def test_an_invalid_list_is_an_error(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "words.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(wording.WordListError, match=message):
        wording.read_words(file)


def test_an_exception_accepts_one_word_in_one_place(tmp_path: Path) -> None:
    listed = tmp_path / "words.toml"
    listed.write_text(
        "[[word]]\npattern='told'\nuse='reported'\n[[exception]]\nwhere='*/a.md'\nword='Told'\nreason='a quotation'\n",
        encoding="utf-8",
    )
    words = wording.read_words(listed)
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_text("told", encoding="utf-8")
    assert [row.file.name for row in wording.check([tmp_path], words)] == ["b.md"]
    assert words.used == set(words.exceptions)


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("fine\ntold\n", encoding="utf-8")
    assert wording.main([str(page)]) == 1
    assert capsys.readouterr().out == f"{page}:2: 'told': use {wording.read_words().words[0].use}\n"
    page.write_text("fine\n", encoding="utf-8")
    assert wording.main([str(page)]) == 0
    assert wording.main(["--count", str(page)]) == 0
    assert "pages" in capsys.readouterr().out


def test_nothing_to_check_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt or empty path must not pass."""
    assert wording.main([str(tmp_path / "missing")]) == 2
    assert wording.main([str(tmp_path)]) == 2
    assert wording.main(["--words", str(tmp_path / "missing.toml")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_the_default_covers_every_package() -> None:
    """Pages and tests are checked, too."""
    places = {wording.relative(file).partition("/")[0] for file in wording.files_of(wording.default_paths())}
    assert places >= {"agent", "drivers", "dsp", "simulators", "tests", "docs", "README.md", "ARCHITECTURE.md"}


@pytest.mark.parametrize(
    ("text", "prose"),
    [
        ("no response within 1 s", True),
        ("{} is beyond {}", True),
        (" is beyond ", True),
        ("one space", False),
        ("1 2 3 4", False),
        ("select seq from ledger where seq = ?", False),
        ("delete from spool where id = ?", False),
        ("Update the configuration first", True),
        ("Select a device from the list", True),
    ],
)
def test_what_counts_as_prose(text: str, prose: bool) -> None:
    assert is_prose(text) is prose
    assert not (prose and is_sql(text))


def test_an_f_string_is_one_text(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text('x = 1\ny = f"the value {x} is too high: {x!r:>5}" + f"{x}"\n', encoding="utf-8")
    assert [text.text for text in texts_of(file)] == ["the value {} is too high: {}"]
