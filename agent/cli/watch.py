"""`magwatt watch`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agent.cli.broker_source import broker_source, topic_option
from agent.cli.options import config_option, login_options, seconds_option
from agent.core.text import N_


@click.command(
    help=N_(
        "Show a live table of all motors from an MQTT broker.\n\n"
        "URL is the broker, for example mqtts://broker.example:8883. [default: that of the configuration; without a "
        "configuration mqtt://127.0.0.1:1883] "
        "The last line of the screen lists the keys. Without a terminal, each message is printed as one line."
    )
)
@click.argument("url", required=False)
@config_option
@topic_option
@click.option(
    "--once", is_flag=True,
    help=N_("Print the table once, when each motor has sent a message, at the latest after --seconds. [default: 5]"),
)  # fmt: skip
@login_options
@seconds_option
def watch(
    url: str | None, config_file: Path | None, topic: str | None, once: bool, user: str | None,
    password_file: Path | None, ca: Path | None, seconds: float | None,
) -> None:  # fmt: skip
    from agent.cli.watch_runner import watch_broker

    source = broker_source(url, config_file, topic, user, password_file, ca)
    sys.exit(watch_broker(source, seconds, once))
