"""Texts in the language of the reader, from GNU gettext catalogues (agent/locale).

English is the source language: the English text in the code is the message id. `_` translates and fills in named
fields; `N_` only marks a text for the catalogues. A text without an entry is shown in English and logged once.
"""

from __future__ import annotations

import functools
import gettext
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drivers.reasons import CODES, PAIR, UNKNOWN, CodedError, Reason, fill, reason_of, render
from drivers.reasons import N_ as N_

if TYPE_CHECKING:
    from logging import Logger

DOMAIN = "magwatt"
LOCALE_VARIABLE = "MAGWATT_LOCALE"  # another folder of catalogues, to try a translation
LANGUAGES = {"en": "English", "zh_CN": "中文"}
_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")  # in the order of gettext


def locale_folder() -> Path:
    """Where the catalogues are: LANGUAGE/LC_MESSAGES/magwatt.mo."""
    return Path(os.environ.get(LOCALE_VARIABLE) or Path(__file__).parents[1] / "locale")


def language_of(name: str) -> str | None:
    """A name of a language or locale (zh, zh-CN, zh_CN.UTF-8, en_GB) as one of `LANGUAGES`; None when unknown."""
    short = re.split(r"[.@_-]", name)[0].lower()
    return next((language for language in LANGUAGES if language.partition("_")[0] == short), None)


def language_of_environment() -> str:
    """The first known language that the environment names, as gettext searches it; English when there is none."""
    for variable in _VARIABLES:
        for name in os.environ.get(variable, "").split(":"):
            if found := language_of(name):
                return found
    return "en"


class Catalogue:
    """The texts of one language.

    language: one of `LANGUAGES`.
    zone: time zone in which moments are shown.
    translations: the gettext catalogue, for templates.
    """

    def __init__(self, language: str, zone: tzinfo = UTC) -> None:
        self.language, self.zone = language, zone
        self.translations = _translations(language, locale_folder())

    def translate(self, text: str) -> str:
        """The translation of an English source text, its fields not filled in."""
        return self.translations.gettext(text) if text else ""

    def known(self, text: str) -> str | None:
        """As `translate`; None: the catalogue does not have it, and English is not its language."""
        if self.language == "en":
            return text
        return self.translations.gettext(text) if text in getattr(self.translations, "_catalog", {}) else None

    def __call__(self, text: str, /, **data: Any) -> str:
        """The translation of an English source text with its fields filled in."""
        return fill(self.translate(text), data, self.translate, self.zone)

    def reason(self, reason: Reason) -> str:
        """The text of a reason."""
        return render(reason, self.translate, self.zone)

    def error(self, error: BaseException) -> str:
        """The text of an error; an error of a library has only its own text."""
        return self.reason(error.reason) if isinstance(error, CodedError) else str(error)

    def reasons(self, reasons: Iterable[Reason]) -> str:
        return self.translate("; ").join(map(self.reason, reasons))


def _log() -> Logger:
    import logging  # `--help` does not need it

    return logging.getLogger(__name__)


class _SourceText(gettext.NullTranslations):
    """Returns the English source text where the catalogue of a language has no entry."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language

    def gettext(self, message: str) -> str:
        if self._language != "en" and message not in missing:
            missing.append(message)
            code = next((f"{code} " for code in CODES.values() if code.text == message), "")
            _log().warning("no %s translation: %s(%s)", self._language, code, message)
        return message


missing: list[str] = []  # source texts that a catalogue lacked; the test suite fails when there is one
SEPARATORS = (N_(", "), N_("; "), N_(": "), PAIR)


@functools.cache
def _translations(language: str, folder: Path) -> gettext.NullTranslations:
    try:
        with (folder / language / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as file:
            found = gettext.GNUTranslations(file)
    except OSError as error:
        if language != "en":
            _log().warning("no %s catalogue, texts are in English: %s", language, error)
        return gettext.NullTranslations()
    found.add_fallback(_SourceText(language))
    return found


class _Current:
    """The catalogue of this process: of the command line, made at the first use."""

    catalogue: Catalogue | None = None


def current() -> Catalogue:
    if _Current.catalogue is None:
        _Current.catalogue = Catalogue(language_of_environment())
    return _Current.catalogue


def use(language: str | None, zone: tzinfo = UTC) -> Catalogue:
    """Switches the texts of this process to a language; None: the one of the environment."""
    _Current.catalogue = Catalogue(language or language_of_environment(), zone)
    return _Current.catalogue


def _(text: str, /, **data: Any) -> str:
    """A text for an operator, in the language of this process, with its named fields filled in."""
    return current()(text, **data)


def text_of(subject: Reason | BaseException) -> str:
    """The text of a reason or of an error, in the language of this process."""
    found = current()
    return found.reason(subject) if isinstance(subject, Reason) else found.error(subject)


def english(reason: Reason, zone: tzinfo = UTC) -> str:
    """The English text of a reason: for messages and logs."""
    return _english(zone).reason(reason)


@functools.cache
def _english(zone: tzinfo) -> Catalogue:
    return Catalogue("en", zone)


def as_object(reason: Reason, zone: tzinfo = UTC) -> dict[str, Any]:
    """A reason in messages and JSON: code, data, and the English text."""
    return {**reason.as_object(), "text": english(reason, zone)}


def text_of_object(stored: Mapping[str, Any], catalogue: Catalogue | None = None) -> str:
    """The text of a reason from a message or from JSON; catalogue None: in the language of this process.

    A code that this version does not know is shown with the text of the message.
    """
    reason = reason_of(stored)
    if reason.code == UNKNOWN and stored.get("text"):
        return str(stored["text"])
    return (catalogue or current()).reason(reason)
