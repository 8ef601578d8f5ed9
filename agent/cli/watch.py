"""`magwatt watch`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agent.cli.options import BROKER, broker_of, fail, login_options, seconds_option
from agent.core.text import N_, text_of


@click.command(
    help=N_(
        "Show a live table of all motors from an MQTT broker.\n\n"
        "URL is the broker, for example mqtts://broker.example:8883. [default: mqtt://127.0.0.1:1883] "
        "The last line of the screen lists the keys. Without a terminal, each message is printed as one line."
    )
)
@click.argument("url", default=BROKER)
@click.option("--topic", metavar="FILTER", default="magwatt/v1/#", show_default=True, help=N_("MQTT topic filter."))
@click.option(
    "--once", is_flag=True,
    help=N_("Print the table once, when each motor has sent a message, at the latest after --seconds. [default: 5]"),
)  # fmt: skip
@login_options
@seconds_option
def watch(
    url: str, topic: str, once: bool, user: str | None, password_file: Path | None, ca: Path | None,
    seconds: float | None,
) -> None:  # fmt: skip
    from agent.cli.watch_runner import watch_broker
    from agent.config.keys import open_to_others
    from agent.delivery.mqtt.follower import check_filter

    broker = broker_of(url, user, password_file, ca)
    try:
        check_filter(topic)
    except ValueError as error:
        fail(f"--topic {topic!r}: {text_of(error)}")
    if password_file and (reason := open_to_others(password_file)):
        click.echo(f"--password-file {password_file}: {text_of(reason)}", err=True)
    sys.exit(watch_broker(broker, topic, seconds, once))
