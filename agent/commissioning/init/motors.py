"""Questions on the motors: which device feeds or measures each, and its nameplate."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from agent.commissioning.init import reasons as codes
from agent.commissioning.init.answers import INIT_MOTOR, OWN, Answers, value_of, with_value
from agent.commissioning.init.nameplate import contradictions, poles_of
from agent.commissioning.init.question import UNSET, YES_NO, Choice, OpenQuestion, number
from agent.config import keys, schema
from drivers.reasons import InvalidValue, Reason

PLATE = ("kind", "kw", "volts", "amps", "hz", "rpm", "poles", "cos_phi", "class", "efficiency")
NEEDED = ("kind", "kw", "volts", "amps", "rpm")
KINDS = (
    Choice("pm", codes.KIND_PM()), Choice("pm-line-start", codes.KIND_LINE_START()),
    Choice("induction", codes.KIND_INDUCTION()),
)  # fmt: skip
CLASSES = (*(Choice(name) for name in ("IE1", "IE2", "IE3", "IE4", "IE5")), Choice("", codes.NO_CLASS(), "none"))


def motor_steps(answers: Answers) -> Iterator[OpenQuestion]:
    """The open questions on all motors."""
    yield from _names(answers)
    for name, table in answers.get("motor", {}).items():
        yield from _plate_steps(answers, name, table)


def poles_in(table: Mapping[str, Any]) -> int | None:
    """The number of poles: stated, or from rated frequency and speed; None: not known yet."""
    if table.get("poles"):
        return int(table["poles"])
    if all(table.get(key) for key in ("kind", "hz", "rpm")):
        return poles_of(table["kind"], table["hz"], table["rpm"])
    return None


def _names(answers: Answers) -> Iterator[OpenQuestion]:
    fed = {table.get("fed_by") for table in answers.get("motor", {}).values()}
    without = value_of(answers, ("init", "without_motor")) or []
    points = {name: table.get("measuring_point") for name, table in answers.get("meter", {}).items()}
    sources = [(name, codes.ASK_MOTORS_OF_METER) for name, point in points.items() if point == "motor"]
    sources += [(name, codes.ASK_MOTORS) for name in answers.get("drive", {})]
    sources += [(name, codes.ASK_MOTORS_OF_FEEDER) for name, point in points.items() if point == "feeder"]
    for source, ask in sources:
        if source in fed or source in without:
            continue
        feeder = ask is codes.ASK_MOTORS_OF_FEEDER
        none: Any = () if feeder else UNSET
        yield OpenQuestion(
            ("motor", source), ask(source=source), _names_in(answers, ask is codes.ASK_MOTORS_OF_METER),
            effect=_fed_by(source), missing=codes.MOTOR_MISSING(source=source), default=none, assumed=none,
            empty=codes.NONE_OF_THEM() if feeder else None,
        )  # fmt: skip


def _names_in(answers: Answers, single: bool) -> Callable[[str], tuple[str, ...]]:
    taken = {name for kind in ("meter", "drive", "motor") for name in answers.get(kind, {})}

    def convert(typed: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(filter(None, map(str.strip, re.split(r"[,;，、；]", typed)))))
        if not names:
            raise InvalidValue(codes.NAMES_MISSING)
        if any(map(str.isdecimal, names)):
            raise InvalidValue(codes.NAME_WITHOUT_LETTER)
        if single and len(names) > 1:
            raise InvalidValue(codes.ONE_NAME_EXPECTED)
        try:
            names = tuple(map(schema.identifier, names))
        except InvalidValue:
            raise InvalidValue(codes.MOTOR_NAME_EXPECTED) from None
        for name in names:
            if name in taken:
                raise InvalidValue(codes.NAME_USED, name=name)
        return names

    return convert


def _fed_by(source: str) -> Callable[[Answers, tuple[str, ...]], Answers]:
    def effect(answers: Answers, names: tuple[str, ...]) -> Answers:
        if not names:
            without = [*(value_of(answers, ("init", "without_motor")) or []), source]
            return with_value(answers, ("init", "without_motor"), without)
        for name in names:
            answers = with_value(answers, ("motor", name, "fed_by"), source)
        return answers

    return effect


def _plate_steps(answers: Answers, name: str, table: Mapping[str, Any]) -> Iterator[OpenQuestion]:
    direct = table.get("fed_by") in answers.get("meter", {})
    if "kind" not in table:
        if same := _same_nameplate(answers, name, direct):
            yield same
        else:
            yield OpenQuestion(
                ("motor", name, "kind"), codes.ASK_KIND(motor=name), choices=KINDS[1:] if direct else KINDS
            )
        return
    for question in _questions(name, table):
        if question.key[-1] not in table:
            yield question
    complete = all(table.get(key) for key in NEEDED) and "efficiency" in table
    if complete and not table.get("confirmed") and (poles := poles_in(table)):
        found = contradictions({**table, "poles": poles})
        if found:
            yield OpenQuestion(
                ("motor", name, "confirmed"), codes.ASK_CONFIRMED(motor=name, contradictions=tuple(found)),
                choices=YES_NO, effect=lambda before, value: _with_confirmed(before, name, value),
                missing=codes.CONFIRMATION_MISSING(contradictions=tuple(found)),
            )  # fmt: skip


def _same_nameplate(answers: Answers, name: str, direct: bool) -> OpenQuestion | None:
    """Offers the nameplate of a motor that is complete, and is fed in the same way."""
    others = {
        other: table for other, table in answers.get("motor", {}).items()
        if other != name and "efficiency" in table and (table.get("fed_by") in answers.get("meter", {})) == direct
    }  # fmt: skip
    if not others or value_of(answers, ("motor", name, OWN)):
        return None
    labels = {  # the first motor of those with equal data
        codes.SAME_NAMEPLATE(kw=table["kw"], volts=table["volts"], amps=table["amps"], rpm=table["rpm"]): other
        for other, table in reversed(others.items())
    }
    choices = [Choice(OWN, codes.OWN_DATA()), *(Choice(other, label) for label, other in reversed(labels.items()))]

    def effect(before: Answers, value: str) -> Answers:
        if value == OWN:
            return with_value(before, ("motor", name, OWN), True)
        for key in (*PLATE, "confirmed"):
            if key in others[value]:
                before = with_value(before, ("motor", name, key), others[value][key])
        return before

    return OpenQuestion(
        ("motor", name, "kind"), codes.ASK_SAME(motor=name), choices=tuple(choices), effect=effect,
        missing=codes.ANSWER_MISSING(question=codes.ASK_KIND(motor=name)),
    )  # fmt: skip


def _questions(name: str, table: Mapping[str, Any]) -> Iterator[OpenQuestion]:
    def of(key: str, text: Reason, convert: Callable[[Any], Any], **more: Any) -> OpenQuestion:
        return OpenQuestion(("motor", name, key), text, number(convert), **more)

    motor, optional = keys.MOTOR, {"default": "", "empty": codes.NOT_ON_NAMEPLATE()}
    yield of("kw", codes.ASK_KW(motor=name), motor["kw"].convert)
    yield of("volts", codes.ASK_VOLTS(motor=name), motor["volts"].convert)
    yield of("amps", codes.ASK_AMPS(motor=name), motor["amps"].convert)
    yield of("hz", codes.ASK_HZ(motor=name), INIT_MOTOR["hz"].convert, **optional)
    yield of("rpm", codes.ASK_RPM(motor=name), lambda value: _speed(table, value))
    if table.get("hz") == "":
        yield of("poles", codes.ASK_POLES(motor=name), motor["poles"].convert)
    yield of("cos_phi", codes.ASK_COS_PHI(motor=name), INIT_MOTOR["cos_phi"].convert, **optional)
    yield OpenQuestion(("motor", name, "class"), codes.ASK_IE_CLASS(motor=name), choices=CLASSES)
    yield of("efficiency", codes.ASK_EFFICIENCY(motor=name), motor["efficiency"].convert, **optional)


def _speed(table: Mapping[str, Any], value: Any) -> None:
    rpm = keys.MOTOR["rpm"].convert(value)
    if table.get("hz"):
        poles_of(table["kind"], table["hz"], rpm)


def _with_confirmed(answers: Answers, name: str, confirmed: bool) -> Answers:
    """no: the nameplate has to be entered again."""
    if confirmed:
        return with_value(answers, ("motor", name, "confirmed"), True)
    for key in PLATE:
        answers = with_value(answers, ("motor", name, key), None)
    return answers
