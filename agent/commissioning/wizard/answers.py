"""Replies of an operator to the statements of a commissioning, typed or in a file.

A file of replies is TOML: `by`, and for each motor or shared meter a table with the codes of its statements; the
statements about one device are in a table of that device (docs/how-to/selfcheck.md). Statements without a reply are not
checked.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct, field

from agent.core.text import text_of
from drivers.file_reasons import with_suggestion
from drivers.reasons import Code, InvalidValue, Reason
from drivers.toml_file import parse_toml, read_limited

Reply = Literal["yes", "no", "not_checked"]
TYPED: Mapping[str, Reply] = {
    "y": "yes", "yes": "yes", "是": "yes",
    "n": "no", "no": "no", "否": "no",
    "s": "not_checked", "skip": "not_checked", "not checked": "not_checked", "跳过": "not_checked",
    "未检查": "not_checked",
}  # fmt: skip
UNANSWERED = "not checked"  # in a new file of replies

OPERATOR_MISSING = Code("operator_missing", "must be the name of the operator")
ANSWER_UNKNOWN = Code(
    "answer_unknown",
    '{key}: expected "yes", "no" or "not checked", or a table with reply = "no" and actual = "what was found"',
)
ANSWER_KEY_UNKNOWN = Code("answer_key_unknown", "{key}: there is no such statement")


class Question(Struct, frozen=True):
    """A statement for the operator.

    asset: motor or shared meter.
    device: that the statement is about; empty: the motor, or all its devices.
    """

    asset: str
    device: str
    statement: Reason

    @property
    def key(self) -> tuple[str, ...]:
        """The place of the reply in a file: its tables and its key."""
        code = str(self.statement.code)
        return (self.asset, self.device, code) if self.device else (self.asset, code)


class Answer(Struct, frozen=True):
    """A reply to a statement.

    actual: with the reply "no" what was found; may be empty.
    """

    reply: Reply
    actual: str = ""


NOT_CHECKED = Answer("not_checked")


def reply_of(text: str) -> Reply | None:
    """The reply that an operator typed, in English or Chinese; None for anything else, an empty text included."""
    return TYPED.get(" ".join(unicodedata.normalize("NFKC", text).casefold().split()))


def operator_name(text: object) -> str:
    """The name with single spaces. Raises InvalidValue if it contains no letter or digit."""
    name = " ".join(text.split()) if isinstance(text, str) else ""
    if not any(character.isalnum() for character in name):
        raise InvalidValue(OPERATOR_MISSING)
    return name


class AnswersFile(Struct, frozen=True):
    """The content of a file of replies.

    by: name of the operator; empty: not in the file.
    replies: key of a question → reply.
    """

    by: str = ""
    replies: Mapping[tuple[str, ...], Answer] = field(default_factory=dict)

    def answer(self, question: Question) -> Answer:
        return self.replies.get(question.key, NOT_CHECKED)


def read_answers(path: Path, questions: Iterable[Question]) -> AnswersFile:
    """Reads a file of replies. questions: all that may be in it.

    Raises OSError, and InvalidValue for a file that is not TOML, an unknown key and an invalid reply.
    """
    tables = parse_toml(read_limited(path))
    by = operator_name(tables.pop("by")) if "by" in tables else ""
    known = {question.key for question in questions}
    return AnswersFile(by, dict(_answers(tables, (), known)))


def _answers(
    table: Mapping[str, Any], above: tuple[str, ...], known: set[tuple[str, ...]]
) -> Iterator[tuple[tuple[str, ...], Answer]]:  # fmt: skip
    for name, value in table.items():
        key = (*above, name)
        if key in known:
            yield key, _answer(key, value)
        elif isinstance(value, dict) and any(each[: len(key)] == key for each in known):
            yield from _answers(value, key, known)
        else:
            names = {each[len(above)] for each in known if each[: len(above)] == above and len(each) > len(above)}
            raise InvalidValue(with_suggestion(ANSWER_KEY_UNKNOWN(key=".".join(key)), name, sorted(names)))


def _answer(key: tuple[str, ...], value: Any) -> Answer:
    text, actual = (value.get("reply"), value.get("actual", "")) if isinstance(value, dict) else (value, "")
    known = not isinstance(value, dict) or value.keys() <= {"reply", "actual"}
    reply = reply_of(text) if isinstance(text, str) else None
    if reply is None or not isinstance(actual, str) or not known:
        raise InvalidValue(ANSWER_UNKNOWN, key=".".join(key))
    return Answer(reply, " ".join(actual.split()))


def new_file(questions: Iterable[Question], by: str, heading: str) -> str:
    """A file of replies in which nothing is checked; each statement is a comment in the language of the process.

    heading: text of the comment at its start.
    """
    name = f"by = {json.dumps(by, ensure_ascii=False)}" if by else '# by = "name of the operator"'
    lines = [*(f"# {line}" for line in heading.splitlines()), name]
    tables: dict[str, list[str]] = {}
    for question in questions:
        *table, code = question.key
        entry = [f"# {text_of(question.statement)}", f'{code} = "{UNANSWERED}"']
        tables.setdefault(".".join(table), []).extend(entry)
    for table_name, entries in tables.items():
        lines += ["", f"[{table_name}]", *entries]
    return "\n".join(lines) + "\n"
