"""The dialogue of `magwatt commission` at a terminal."""

from __future__ import annotations

from collections.abc import Callable

from agent.commissioning.wizard.answers import NOT_CHECKED, Answer, Question, operator_name, reply_of
from agent.core.text import _, text_of
from drivers.reasons import InvalidValue

ReadLine = Callable[[str], str]  # prints its argument and returns a line; raises EOFError at the end of the input


class TerminalDialogue:
    """Asks at a terminal. No question has a default: an empty line asks again. After the end of the input nothing is
    checked.
    """

    def __init__(self, print_line: Callable[[str], None], read_line: ReadLine) -> None:
        self._print_line, self._read_line, self._ended = print_line, read_line, False

    def operator(self) -> str:
        """The name of the operator. Raises EOFError."""
        while True:
            try:
                return operator_name(self._read_line(_("Name of the operator") + _(": ")))
            except InvalidValue as error:
                self._print_line(text_of(error))

    def ask(self, question: Question) -> Answer:
        while not self._ended:
            try:
                reply = reply_of(self._read_line(f"  {text_of(question.statement)} [y/n/s]? "))
                if reply == "no":
                    return Answer(reply, self._actual())
            except EOFError:
                self._ended = True
                break
            if reply is not None:
                return Answer(reply)
            self._print_line("    " + _("Enter y (yes), n (no) or s (not checked)."))
        return NOT_CHECKED

    def _actual(self) -> str:
        """What was found; required. Raises EOFError."""
        while not (actual := " ".join(self._read_line("    " + _("Actual state") + _(": ")).split())):
            self._print_line("    " + _("Enter what you found instead."))
        return actual
