"""Codes that the readers and writers of files share: configuration, profiles, scenarios, recordings, imports, reports.

Fields: path is the file as it was named. error is the text of the operating system or of a library. near is the most
similar known name.
"""

from __future__ import annotations

from drivers.reasons import Code

FILE_MISSING = Code("file_missing", "no such file: {path}")
FILE_EMPTY = Code("file_empty", "{path}: the file is empty")
FILE_UNREADABLE = Code("file_unreadable", "cannot read {path}: {error}")
FILE_UNWRITABLE = Code("file_unwritable", "cannot write {path}: {error}")
PATH_IS_FOLDER = Code("path_is_folder", "{path}: is a folder; name a file in it")
OUTPUT_FOLDER_MISSING = Code("output_folder_missing", "{path}: the folder {folder} does not exist")

# Tables and keys of a TOML file

INVALID_TOML = Code("invalid_toml", "not valid TOML: {error}")
KEY_UNKNOWN = Code("key_unknown", "unknown key")
KEY_MISSPELLED = Code("key_misspelled", "unknown key; did you mean {near:quoted}?")
KEY_MISSING = Code("key_missing", "missing")
TABLE_EXPECTED = Code("table_expected", "expected a table")
