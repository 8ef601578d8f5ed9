"""Codes that the readers and writers of files share: configuration, profiles, scenarios, recordings, imports, reports.

Fields: path is the file as it was named. error is the text of the operating system or of a library. near is the most
similar known name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from drivers.reasons import Code, Reason

FILE_MISSING = Code("file_missing", "no such file: {path}")
FILE_EMPTY = Code("file_empty", "{path}: the file is empty")
FILE_UNREADABLE = Code("file_unreadable", "cannot read {path}: {error}")
FILE_TOO_LARGE = Code("file_too_large", "{path}: the file has more than {size_max_mb:g} MB; split it")
FILE_UNWRITABLE = Code("file_unwritable", "cannot write {path}: {error}")
PATH_IS_FOLDER = Code("path_is_folder", "{path}: is a folder; name a file in it")
OUTPUT_FOLDER_MISSING = Code("output_folder_missing", "{path}: the folder {folder} does not exist")

# Tables and keys of a TOML file

INVALID_TOML = Code("invalid_toml", "not valid TOML: {error}")
TOML_TOO_LARGE = Code("toml_too_large", "the file has more than {size_max_mb:g} MB: check its content")
TOML_LINE_TOO_LONG = Code(
    "toml_line_too_long", "line {line:d} has more than {n_max:d} bytes; break it, for example a list after a comma"
)
TOML_TOO_DEEP = Code("toml_too_deep", "not valid TOML: nested too deeply")
TOML_TEXT_TOO_LONG = Code("toml_text_too_long", "the string has more than {n_max:d} characters; shorten it")
TOML_INTEGER_TOO_LARGE = Code("toml_integer_too_large", "the integer has more than 64 bits; correct the number")
KEY_UNKNOWN = Code("key_unknown", "unknown key")
KEY_MISSING = Code("key_missing", "missing")
TABLE_EXPECTED = Code("table_expected", "expected a table")

# Names

SIMILAR = 0.5  # ratio of difflib; that of kW and kw
DID_YOU_MEAN = Code("did_you_mean", "{problem}; did you mean {near:quoted}?")


def nearest(word: object, known: Iterable[str]) -> str | None:
    """The known word that is most similar to `word`; None when none is similar, or when it has no letter."""
    if not (isinstance(word, str) and any(map(str.isalpha, word))):
        return None  # 150/5 is no misspelled 0.5
    found = difflib.get_close_matches(word, list(known), 1, SIMILAR)
    return found[0] if found else None


def with_suggestion(problem: Reason, word: object, known: Iterable[str]) -> Reason:
    """The problem of an unknown word, with the most similar known word if one is similar."""
    near = nearest(word, known)
    return DID_YOU_MEAN(problem=problem, near=near) if near else problem
