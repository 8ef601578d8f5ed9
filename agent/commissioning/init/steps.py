"""The steps of `magwatt init`, in order: a function of the answers, so that it continues where it was interrupted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import chain

from msgspec import Struct

from agent.commissioning.init import reasons as codes
from agent.commissioning.init.answers import Answers, Key, value_of
from agent.commissioning.init.buses import SerialPort, bus_steps
from agent.commissioning.init.devices import drive_steps, meter_steps
from agent.commissioning.init.motors import motor_steps
from agent.commissioning.init.question import OpenQuestion, ScanStep, checked
from agent.config import keys, schema

NONE = "none"  # typed where there is no broker


class Surroundings(Struct, frozen=True):
    """What the computer knows, for defaults and lists.

    host_name: default name of the gateway.
    timezone: of the system.
    state_dir: proposed folder.
    ports: its serial ports.
    has_port: whether it has a serial port of this name, listed or not.
    """

    host_name: str = "gateway"
    timezone: str = "UTC"
    state_dir: str = "state"
    ports: tuple[SerialPort, ...] = ()
    has_port: Callable[[str], bool] = os.path.exists


def next_step(
    answers: Answers, around: Surroundings, omitted: frozenset[Key] = frozenset()
) -> OpenQuestion | ScanStep | None:
    """The first open step; None: everything is answered. omitted: keys of questions to pass over."""
    steps = chain(
        _gateway_steps(answers, around), bus_steps(answers, around.ports, around.has_port), meter_steps(answers),
        drive_steps(answers), motor_steps(answers),
    )  # fmt: skip
    return next((step for step in steps if step.key not in omitted), None)


def _gateway_steps(answers: Answers, around: Surroundings) -> Iterator[OpenQuestion]:
    site, mqtt = keys.SITE, keys.MQTT
    url = value_of(answers, ("mqtt", "url"))
    questions = [
        OpenQuestion(("site", "id"), codes.ASK_SITE(), checked(site["id"].convert)),
        OpenQuestion(("site", "gateway"), codes.ASK_GATEWAY(), checked(site["gateway"].convert),
                 default=around.host_name, assumed=around.host_name),
        OpenQuestion(("site", "timezone"), codes.ASK_TIMEZONE(), checked(site["timezone"].convert),
                 default=around.timezone, assumed=around.timezone),
        OpenQuestion(("store", "state_dir"), codes.ASK_STATE_DIR(), checked(keys.STORE["state_dir"].convert),
                 default=around.state_dir, assumed=around.state_dir),
        OpenQuestion(("mqtt", "url"), codes.ASK_BROKER(), checked(mqtt["url"].convert), none=NONE,
                 empty=codes.NO_BROKER()),
    ]  # fmt: skip
    if url:
        questions.append(
            OpenQuestion(("mqtt", "user"), codes.ASK_USER(), checked(mqtt["user"].convert), default="",
                     empty=codes.NO_LOGIN())
        )  # fmt: skip
    if value_of(answers, ("mqtt", "user")):
        questions.append(
            OpenQuestion(("mqtt", "password_file"), codes.ASK_PASSWORD_FILE(), checked(schema.text),
                     default="secrets/mqtt")
        )  # fmt: skip
    if isinstance(url, str) and url.startswith("mqtts:"):
        questions.append(
            OpenQuestion(("mqtt", "ca"), codes.ASK_CA(), checked(schema.text), default="", assumed="",
                     empty=codes.CA_KNOWN())
        )  # fmt: skip
    yield from (question for question in questions if value_of(answers, question.key) is None)
