"""One question of `magwatt init`, and a scan, which is the other kind of step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from agent.commissioning.init import reasons as codes
from agent.commissioning.init.answers import Answers, Key, with_value
from agent.commissioning.init.numbers import number_of
from drivers.file_reasons import with_suggestion
from drivers.reasons import InvalidValue, Reason

UNSET = object()
QUOTATION_MARKS = "\"'“”„‘’"


class Choice(Struct, frozen=True):
    """A possible answer.

    value: as in the answers.
    label: what it means; None: the value is sufficient.
    name: what is typed; empty: the value.
    """

    value: Any
    label: Reason | None = None
    name: str = ""

    @property
    def typed(self) -> str:
        return self.name or str(self.value)


YES_NO = (Choice(True, None, "yes"), Choice(False, None, "no"))


class OpenQuestion(Struct, frozen=True):
    """A question whose answer is still missing.

    key: of the answer in the answers file.
    text: the question, with an example.
    convert: typed text → the value to keep; raises ValueError.
    choices: the only possible answers; empty: any text that `convert` accepts.
    default: answer if nothing is typed; UNSET: something must be typed.
    assumed: answer without a terminal; UNSET: it must be in the answers file.
    notes: shown before the question.
    effect: answers and value → answers, where the answer is more than a value at `key`.
    none: word that is typed for an empty text; empty: there is none.
    empty: what an empty answer means; None: there is none, or it is the default that is shown.
    missing: what is missing without a terminal; None: the text of the question.
    """

    key: Key
    text: Reason
    convert: Callable[[str], Any] = str
    choices: tuple[Choice, ...] = ()
    default: Any = UNSET
    assumed: Any = UNSET
    notes: tuple[Reason, ...] = ()
    effect: Callable[[Answers, Any], Answers] | None = None
    none: str = ""
    empty: Reason | None = None
    missing: Reason | None = None

    @property
    def may_be_empty(self) -> bool:
        """Whether an empty text is an answer: not stated, or not there."""
        return bool(self.none) or self.default == ""

    def value(self, typed: str) -> Any:
        """The value of a typed answer. Raises ValueError with the remedy."""
        typed = typed.strip().strip(QUOTATION_MARKS).strip()
        if not typed:
            if self.default is UNSET:
                raise InvalidValue(codes.ANSWER_EMPTY)
            return self.default
        if self.none and typed.casefold() == self.none:
            return ""
        if not self.choices:
            return self.convert(typed)
        if typed.isdecimal() and 0 < int(typed) <= len(self.choices):
            return self.choices[int(typed) - 1].value
        for choice in self.choices:
            short = choice.typed[0] if self.choices is YES_NO else choice.typed
            if typed.casefold() in (choice.typed.casefold(), short.casefold()):
                return choice.value
        names = [choice.typed for choice in self.choices]
        raise InvalidValue(with_suggestion(codes.CHOICE_EXPECTED(last=len(names)), typed, names))

    def answered(self, answers: Answers, value: Any) -> Answers:
        return self.effect(answers, value) if self.effect else with_value(answers, self.key, value)


class ScanStep(Struct, frozen=True):
    """A bus is to be scanned. key: of its result in the answers file. bus: its name."""

    key: Key
    bus: str


def checked(convert: Callable[[Any], Any]) -> Callable[[str], str]:
    """Keeps the text as it was typed, if the check of the configuration accepts it."""

    def kept(typed: str) -> str:
        convert(typed)
        return typed

    return kept


def number(convert: Callable[[Any], Any]) -> Callable[[str], float | int]:
    """A typed number that the check of the configuration accepts."""

    def kept(typed: str) -> float | int:
        value = number_of(typed)
        convert(value)
        return value

    return kept
