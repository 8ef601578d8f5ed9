"""Questions on meters and drives: what they measure and feed, and what only their labels state."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from agent.commissioning.discovery.config_snippet import watchdog
from agent.commissioning.init import reasons as codes
from agent.commissioning.init.answers import OWN, Answers, Key, value_of, with_value
from agent.commissioning.init.buses import UNUSED
from agent.commissioning.init.question import Choice, OpenQuestion, checked, number
from agent.config import keys
from drivers.dlt645_frames import ADDRESS_DIGITS
from drivers.profiles import load_profile
from drivers.reasons import InvalidValue, Reason

DIRECT = "direct"  # typed for a meter without transformers
INSTALLED = ("class", "wiring", "ct", "ct_class", "vt", "vt_class", "ratio_applied_by")
POINTS = (
    Choice("motor", codes.POINT_MOTOR()), Choice("drive-input", codes.POINT_DRIVE_INPUT()),
    Choice("feeder", codes.POINT_FEEDER()), Choice(UNUSED, codes.UNUSED()),
)  # fmt: skip
WIRINGS = (
    Choice("3P4W", codes.WIRING_3P4W()), Choice("3P3W", codes.WIRING_3P3W()), Choice("1P2W", codes.WIRING_1P2W()),
)  # fmt: skip
APPLIED_BY = (Choice("meter", codes.APPLIED_BY_METER()), Choice("agent", codes.APPLIED_BY_AGENT()))
COMM_LOSS = (
    Choice("not used", codes.COMM_LOSS_NOT_USED()), Choice("other port", codes.COMM_LOSS_OTHER_PORT()),
    Choice("warning only", codes.COMM_LOSS_WARNING()), Choice("armed", codes.COMM_LOSS_STOPS()),
)  # fmt: skip


def meter_steps(answers: Answers) -> Iterator[OpenQuestion]:
    """The open questions on all meters."""
    for name, table in answers.get("meter", {}).items():
        if missing := list(_place("meter", name, table)):
            yield from missing
            continue
        if same := _same_meter(answers, name, table):
            yield same
            continue
        for question in _meter_questions(name, table):
            if question.key[-1] not in table:
                yield question


def drive_steps(answers: Answers) -> Iterator[OpenQuestion]:
    """The open questions on all drives."""
    meters = [
        name for name, table in answers.get("meter", {}).items()
        if table.get("measuring_point") in ("drive-input", "feeder")
    ]  # fmt: skip
    for name, table in answers.get("drive", {}).items():
        if missing := list(_place("drive", name, table)):
            yield from missing
            continue
        profile = load_profile(table["profile"])
        if "comm_loss" not in table:
            yield OpenQuestion(
                ("drive", name, "comm_loss"), codes.ASK_COMM_LOSS(drive=name, model=profile.id), choices=COMM_LOSS,
                notes=(codes.WATCHDOG_PARAMETER(drive=name, parameter=watchdog(profile)),),
            )  # fmt: skip
        if meters and "fed_by" not in table:
            choices = (*(Choice(meter, _power(answers, "meter", meter)) for meter in meters),
                       Choice("", codes.NO_METER(), "none"))  # fmt: skip
            note = _power(answers, "drive", name)
            yield OpenQuestion(
                ("drive", name, "fed_by"), codes.ASK_FED_BY(drive=name), choices=choices,
                notes=(codes.POWER_OF_DRIVE(drive=name, showed=note),) if note else (),
            )  # fmt: skip


def _power(answers: Answers, kind: str, name: str) -> Reason | None:
    """The power that a device showed during the scan, with the ratios that the agent applies; None: it was not read."""
    table = answers[kind][name]
    power_w = value_of(answers, ("init", "bus", table.get("bus", ""), "power_w", str(table.get("unit_id"))))
    if power_w is None:
        return None
    if table.get("ratio_applied_by") == "agent":
        for key in ("ct", "vt"):
            primary, secondary = keys.METER[key].convert(table[key]) if table.get(key) else (1.0, 1.0)
            power_w *= primary / secondary
    return codes.POWER_SHOWN(power_w=power_w)


def _place(kind: str, name: str, table: dict[str, Any]) -> Iterator[OpenQuestion]:
    """What an answers file may lack; a scan knows it."""
    for key, ask in (("bus", codes.ASK_BUS), ("unit_id", codes.ASK_UNIT_ID), ("profile", codes.ASK_PROFILE)):
        if key not in table:
            spec = keys.METER[key].convert
            convert = _unit_id if key == "unit_id" else checked(spec)
            yield OpenQuestion((kind, name, key), ask(device=name), convert)


def _unit_id(typed: str) -> Any:
    """A unit identifier, or the 12 digits of a meter of DL/T 645, which remain a string."""
    if len(typed) != ADDRESS_DIGITS:
        return number(keys.METER["unit_id"].convert)(typed)
    keys.METER["unit_id"].convert(typed)
    return typed


def _same_meter(answers: Answers, name: str, table: dict[str, Any]) -> OpenQuestion | None:
    """Offers class, connection and transformers of a meter whose questions are all answered."""
    others = {
        other: found for other, found in answers["meter"].items()
        if other != name and "vt" in found and ("ratio_applied_by" in found or not (found["ct"] or found["vt"]))
    }  # fmt: skip
    if "measuring_point" not in table or "class" in table or OWN in table or not others:
        return None
    labels = {  # the first meter of those with equal data
        codes.SAME_METER(accuracy=found["class"], wiring=found.get("wiring", "1P2W"), ct=found["ct"] or DIRECT): other
        for other, found in reversed(others.items())
    }
    choices = [Choice(OWN, codes.OWN_DATA()), *(Choice(other, label) for label, other in reversed(labels.items()))]

    def effect(before: Answers, value: str) -> Answers:
        if value == OWN:
            return with_value(before, ("meter", name, OWN), True)
        for key in INSTALLED:
            if key in others[value]:
                before = with_value(before, ("meter", name, key), others[value][key])
        return before

    missing = codes.ANSWER_MISSING(question=codes.ASK_CLASS(meter=name))
    ask = codes.ASK_SAME_METER(meter=name)
    return OpenQuestion(("meter", name, "class"), ask, choices=tuple(choices), effect=effect, missing=missing)


def _meter_questions(name: str, table: dict[str, Any]) -> Iterator[OpenQuestion]:
    key: Callable[[str], Key] = lambda last: ("meter", name, last)  # noqa: E731
    profile = load_profile(table["profile"])
    yield OpenQuestion(
        key("measuring_point"), codes.ASK_POINT(meter=name, model=profile.id), choices=POINTS,
        effect=lambda before, value: _with_point(before, name, value),
    )  # fmt: skip
    yield OpenQuestion(key("class"), codes.ASK_CLASS(meter=name), checked(keys.METER["class"].convert))
    if profile.phases != 1:
        yield OpenQuestion(key("wiring"), codes.ASK_WIRING(meter=name), choices=WIRINGS)
    for ratio, ask, accuracy, ask_class in (
        ("ct", codes.ASK_CT, "ct_class", codes.ASK_CT_CLASS), ("vt", codes.ASK_VT, "vt_class", codes.ASK_VT_CLASS)
    ):  # fmt: skip
        yield OpenQuestion(key(ratio), ask(meter=name), _ratio, none=DIRECT, empty=codes.WITHOUT_TRANSFORMERS())
        if table.get(ratio):
            yield OpenQuestion(
                key(accuracy), ask_class(meter=name), checked(keys.METER[accuracy].convert), default="", assumed="",
                empty=codes.NOT_KNOWN(),
            )  # fmt: skip
    if table.get("ct") or table.get("vt"):
        yield OpenQuestion(key("ratio_applied_by"), codes.ASK_APPLIED_BY(meter=name), choices=APPLIED_BY)


def _ratio(typed: str) -> str:
    """150/5, also from 150:5 A or 150 A / 5 A."""
    plain = re.sub(r"\s*[AVav]\b|\s+", "", typed).replace(":", "/")
    try:
        keys.METER["ct"].convert(plain)
    except ValueError:
        raise InvalidValue(codes.RATIO_OR_DIRECT) from None
    return plain


def _with_point(answers: Answers, name: str, value: str) -> Answers:
    if value != UNUSED:
        return with_value(answers, ("meter", name, "measuring_point"), value)
    table = answers["meter"][name]
    unused: Key = ("init", "bus", table["bus"], "unused")
    answers = with_value(answers, unused, [*(value_of(answers, unused) or []), int(table["unit_id"])])
    return with_value(answers, ("meter", name), None)
