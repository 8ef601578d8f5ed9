"""The broker of `watch` and `explain`: that of a URL, else that of the configuration, else that on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from agent.cli.options import BROKER, broker_of, check_usage, fail, found_file, load
from agent.core.text import N_, _, text_of

if TYPE_CHECKING:
    from agent.config.model import Mqtt
    from agent.delivery.mqtt.follower import BrokerError

ALL_TOPICS = "magwatt/v1/#"


class BrokerSource(NamedTuple):
    """broker: with its login. topic: filter. config_file: where the broker is from; None: a URL or this machine."""

    broker: Mqtt
    topic: str
    config_file: Path | None = None

    def advice(self, error: BrokerError) -> str:
        """Why there is no connection, and what to do: only options and keys that the command reads."""
        from agent.delivery.reasons import BROKER_LOGIN_MISSING, BROKER_LOGIN_OPTIONS_MISSING

        if self.config_file is not None:
            return _("{problem}. The broker is from {file}; for another one, give its URL", problem=error.reason,
                     file=str(self.config_file))  # fmt: skip
        problem = error.reason
        if problem.data["cause"].code == BROKER_LOGIN_MISSING:
            problem = problem.code(**{**problem.data, "cause": BROKER_LOGIN_OPTIONS_MISSING()})
        return _("{problem}. For another broker, give its URL or --config FILE", problem=problem)


def topic_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--topic", metavar="FILTER",
        help=N_("MQTT topic filter. [default: that of the gateway in the configuration, else magwatt/v1/#]"),
    )(command)  # fmt: skip


def broker_source(
    url: str | None, config_file: Path | None, topic: str | None,
    user: str | None, password_file: Path | None, ca: Path | None,
) -> BrokerSource:  # fmt: skip
    """The broker that the options select. Exits with WRONG if one is invalid, or the configuration names no broker."""
    from agent.config.keys import open_to_others

    check_usage((url and config_file, _("URL and --config name two brokers; use one of them")))
    path = None if url else found_file(config_file)
    if path is None:
        source = BrokerSource(broker_of(url or BROKER, user, password_file, ca), ALL_TOPICS if topic is None else topic)
    else:
        source = _of_configuration(path, topic, user, password_file, ca)
    _check_filter(source.topic)
    if password_file and (reason := open_to_others(password_file)):
        click.echo(f"--password-file {password_file}: {text_of(reason)}", err=True)
    return source


def _of_configuration(
    path: Path, topic: str | None, user: str | None, password_file: Path | None, ca: Path | None
) -> BrokerSource:
    """--user replaces user and password file of the configuration, --ca its authority."""
    from msgspec.structs import replace

    config = load(path)[0]
    broker = config.mqtt
    if broker is None:
        fail(_("{file}: no [mqtt] table; give the URL of the broker", file=str(path)))
    if user:
        broker = replace(broker, user=user, password_file=password_file)
    elif password_file:
        broker = replace(broker, password_file=password_file)
    own = f"{config.site.root}/#"
    return BrokerSource(replace(broker, ca=ca) if ca else broker, own if topic is None else topic, path)


def _check_filter(topic: str) -> None:
    from agent.delivery.mqtt.follower import check_filter

    try:
        check_filter(topic)
    except ValueError as error:
        fail(f"--topic {topic!r}: {text_of(error)}")
