"""Texts in the language of the reader: choice of the language, missing entries, broken catalogues."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from agent.core import text
from agent.core.text import Catalogue, language_of, language_of_environment
from drivers.reasons import UNKNOWN


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "missing", [])
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(variable, raising=False)


def folder_with(directory: Path, entries: dict[str, str], language: str = "zh_CN") -> Path:
    catalogue = Catalog(language)
    for source, translation in entries.items():
        catalogue.add(source, translation)
    file = directory / language / "LC_MESSAGES" / "magwatt.mo"
    file.parent.mkdir(parents=True)
    with file.open("wb") as out:
        write_mo(out, catalogue)
    return directory


@pytest.mark.parametrize(
    ("name", "expected"),
    [("zh", "zh_CN"), ("zh-CN", "zh_CN"), ("zh_CN.UTF-8", "zh_CN"), ("zh_TW", "zh_CN"), ("en_GB.UTF-8", "en"),
     ("en", "en"), ("de_DE", None), ("C", None), ("", None), ("zhx", None)],
)  # fmt: skip
def test_names_of_languages(name: str, expected: str | None) -> None:
    assert language_of(name) == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [({"LANG": "zh_CN.UTF-8"}, "zh_CN"), ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
     ({"LANGUAGE": "de:zh_CN:en", "LANG": "en_US"}, "zh_CN"), ({"LANG": "de_DE.UTF-8"}, "en"), ({}, "en")],
)  # fmt: skip
def test_the_environment_chooses_as_gettext_does(
    variables: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language_of_environment() == expected


def test_a_missing_entry_shows_the_source_and_is_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(text.LOCALE_VARIABLE, str(folder_with(tmp_path, {"motor {name}": "电机 {name}"})))
    chinese = Catalogue("zh_CN")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert chinese("motor {name}", name="fan-3") == "电机 fan-3"
            assert chinese.reason(UNKNOWN(name="x")) == "reason x"
    assert [record.getMessage() for record in caplog.records] == ["no zh_CN translation: unknown (reason {name})"]
    assert text.missing == ["reason {name}"]


def test_without_a_catalogue_texts_are_english(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(text.LOCALE_VARIABLE, str(tmp_path / "nowhere"))
    with caplog.at_level(logging.WARNING):
        assert Catalogue("zh_CN")("motor {name}", name="fan-3") == "motor fan-3"
    assert "zh_CN" in caplog.text


def test_an_installed_package_has_compiled_catalogues() -> None:
    """The build hook compiles them in an editable install, too."""
    for language in text.LANGUAGES:
        assert (text.locale_folder() / language / "LC_MESSAGES" / "magwatt.mo").is_file(), "make catalogues"
