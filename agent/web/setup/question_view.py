"""A question of `init` as the browser shows it."""

from __future__ import annotations

from typing import Any

from agent.commissioning.init import reasons as codes
from agent.commissioning.init.question import UNSET, YES_NO, OpenQuestion
from agent.commissioning.init.session import HEADINGS
from agent.core.text import _, text_of
from drivers.reasons import Code, Reason

SECTIONS = tuple(dict.fromkeys(HEADINGS.values()))
# A request of function 03 can start a motor; a watchdog can stop one.
WARNINGS = {codes.FC03_WARNING: "safety", codes.WATCHDOG_WARNING: "medium", codes.WATCHDOG_PARAMETER: "medium"}
NUMBERS = ("unit_id", "kw", "volts", "amps", "hz", "rpm", "poles", "cos_phi", "efficiency")  # keys; keyboard of a phone
INPUT_NEEDED = Code("setup_input_needed", "the field is empty")
YES, NO = "yes", "no"  # as they are typed


def view(question: OpenQuestion) -> dict[str, Any]:
    """Texts, choices with what is typed for each, and the default.

    kind: text | choice | yes_no. empty: button for what is not stated; `typed` is sent for it.
    """
    kind = "yes_no" if question.choices is YES_NO else "choice" if question.choices else "text"
    ports = [note for note in question.notes if note.code == codes.PORT]
    notes = [note for note in question.notes if note.code not in (codes.PORT, codes.PORTS_FOUND)]
    choices = [{"typed": str(port.data["n"]), "name": port.data["name"], "label": port.data["description"]}
               for port in ports]  # fmt: skip
    if kind == "choice":
        choices = [{"typed": choice.typed, "name": choice.typed, "label": text_of(choice.label) if choice.label else ""}
                   for choice in question.choices]  # fmt: skip
    default = "" if question.default in (UNSET, None, "", ()) else str(question.default)
    return {
        "key": ".".join(question.key), "kind": kind, "text": text_of(question.text), "choices": choices,
        "notes": [{"text": text_of(note), "warning": WARNINGS.get(note.code)} for note in notes], "default": default,
        "empty": {"typed": question.none, "text": text_of(question.empty)} if question.empty else None,
        "numeric": question.key[-1] in NUMBERS, "section": SECTIONS.index(HEADINGS[question.key[0]]),
    }  # fmt: skip


def sections() -> list[str]:
    """The parts of the questions, in order."""
    return [_(name) for name in SECTIONS]


def cause_in_browser(cause: Reason) -> Reason:
    """Why something was rejected; the cause of an empty line names keys of a terminal."""
    return INPUT_NEEDED() if cause.code == codes.ANSWER_EMPTY else cause
