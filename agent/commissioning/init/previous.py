"""The previous question, from the answers alone: `<` also returns to the answers of an earlier session."""

from __future__ import annotations

from collections.abc import Iterator

from agent.commissioning.init.answers import Answers, Key, value_of, with_value
from agent.commissioning.init.buses import units_on
from agent.commissioning.init.question import OpenQuestion
from agent.commissioning.init.steps import Surroundings, next_step

PLACE = ("bus", "unit_id", "profile")  # of a device: known from the scan


def previous(answers: Answers, around: Surroundings) -> Answers | None:
    """The answers without the last one, so that its question is the next step; None if no answer precedes.

    Answers that only follow from another one and what a scan found have no question.
    """
    here = _question(answers, around)
    last: tuple[Key, tuple[Key, ...]] | None = None  # key of the question, keys of its answer
    for keys in _removable(answers):
        shorter = _without(answers, keys)
        asked = _question(shorter, around)
        if asked is None or asked == here:
            continue
        if last is None or _question(_without(shorter, last[1]), around) == last[0]:
            last = asked, keys
    return _without(answers, last[1]) if last else None


def _question(answers: Answers, around: Surroundings) -> Key | None:
    step = next_step(answers, around)
    return step.key if isinstance(step, OpenQuestion) else None


def _removable(answers: Answers) -> Iterator[tuple[Key, ...]]:
    """The keys of each answer: a value, the motors of one device, the model of a device, or a bus without devices."""
    for key in _leaves(answers, ()):
        device = key[0] in ("meter", "drive") and key[-1] in PLACE
        found = key[0] == "bus" and value_of(answers, ("init", "bus", key[1], "found")) is not None
        if not (device or found):
            yield (key,)
    motors = answers.get("motor", {})
    for source in dict.fromkeys(table.get("fed_by") for table in motors.values()):
        yield tuple(("motor", name) for name, table in motors.items() if table.get("fed_by") == source)
    for kind in ("meter", "drive"):
        for name, table in answers.get(kind, {}).items():
            models: Key = ("init", "bus", str(table.get("bus")), "models", str(int(table.get("unit_id", 0))))
            if value_of(answers, models) is not None:
                yield ((kind, name),)
    for bus in answers.get("bus", {}):
        if not units_on(answers, bus):
            yield ("bus", bus), ("init", "bus", bus)


def _leaves(table: Answers, key: Key) -> Iterator[Key]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*key, name))
        else:
            yield (*key, name)


def _without(answers: Answers, keys: tuple[Key, ...]) -> Answers:
    for key in keys:
        answers = with_value(answers, key, None)
    return answers
