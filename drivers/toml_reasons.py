"""Codes of lines that are not TOML. example: the corrected line, which is valid."""

from __future__ import annotations

from drivers.reasons import Code

TOML_STRING_EXPECTED = Code("toml_string_expected", "expected a quoted string, for example {example}")
TOML_QUOTE_MISSING = Code("toml_quote_missing", "a quotation mark is missing; write {example}")
TOML_FULL_WIDTH = Code("toml_full_width", "contains full-width characters ({found}); write {example}")
TOML_COLON = Code("toml_colon", "expected = after the key instead of a colon; write {example}")
TOML_BRACKET_MISSING = Code("toml_bracket_missing", "a bracket is missing; write {example}")
TOML_BOOLEAN = Code("toml_boolean", "expected true or false in lower case; write {example}")
TOML_BACKSLASH = Code(
    "toml_backslash", "a backslash between double quotation marks is not taken literally; write {example}"
)
TOML_DECIMAL_COMMA = Code("toml_decimal_comma", "expected a decimal point instead of the comma; write {example}")
TOML_THOUSANDS_COMMA = Code(
    "toml_thousands_comma", "a number has no comma; write {example}, or {other} if the comma is a decimal comma"
)
TOML_TEXT_AFTER_NUMBER = Code(
    "toml_text_after_number", "text follows the number; write a string: {example}, or only the number: {other}"
)
TOML_EXTRA_TEXT = Code("toml_extra_text", "text follows the string; write {example}, and a comment only after #")
TOML_DATE = Code("toml_date", "expected a date of the calendar with two digits for month and day, such as 2026-03-01")
TOML_CONTROL_CHARACTER = Code("toml_control_character", "contains the control character U+{number:04X}; delete it")
TOML_VALUE_MISSING = Code("toml_value_missing", "the value is missing; write it after =, or delete the line")
TOML_STATEMENT_EXPECTED = Code(
    "toml_statement_expected",
    'expected a table such as [site], a key with its value such as id = "mill-2", or a comment that begins with #',
)
TOML_KEY_CHARACTERS = Code(
    "toml_key_characters",
    "expected a name of A-Z a-z 0-9 _ - without spaces; a title in another script is the value of the key `name`",
)
TOML_TABLE_TWICE = Code(
    "toml_table_twice", "the table is already in line {first:d}; merge both, or give this one another name"
)
TOML_KEY_TWICE = Code("toml_key_twice", "the key is already in line {first:d}; delete one of the two lines")
TOML_LIST_OPEN = Code("toml_list_open", "the closing ] of the list is missing, or a comma between its items")
TOML_TEXT_OPEN = Code("toml_text_open", "the closing {quotes} of the string is missing")
TOML_ENCODING = Code("toml_encoding", "the file is not UTF-8 text; save it with the encoding UTF-8")
TOML_LINE = Code("toml_line", "line {line:d}: {problem}")
