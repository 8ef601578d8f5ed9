"""`magwatt explain`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agent.cli.broker_source import broker_source, topic_option
from agent.cli.options import check_usage, config_option, load, login_options, must_have, plant_file, seconds_from
from agent.core.text import N_, _


@click.command(
    help=N_(
        "Explain the current efficiency of a motor, and its condition.\n\n"
        "Shows input signals, method, loss breakdown, uncertainty budget, and what would reduce the uncertainty; then "
        "each fault of the motor: found, clear or not observable. Reads "
        "the messages of the agent from the broker at URL [default: that of the configuration; without a configuration "
        "mqtt://127.0.0.1:1883]. Exits 1 if no message about the motor is received."
    )
)
@click.argument("motor")
@click.argument("url", required=False)
@config_option
@click.option("--poll", is_flag=True,
              help=N_("Poll the devices directly for a short time; for use while no agent is running."))  # fmt: skip
@topic_option
@login_options
@click.option("--seconds", type=seconds_from(1),
              help=N_("Seconds to wait for a message or to poll. [default: 5; --poll: 20]"))  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
def explain(
    motor: str, url: str | None, config_file: Path | None, poll: bool, topic: str | None, user: str | None,
    password_file: Path | None, ca: Path | None, seconds: float | None, as_json: bool,
) -> None:  # fmt: skip
    from agent.cli import explain_source

    if poll:
        import asyncio

        check_usage((url, _("--poll reads the devices, not a broker; omit the URL")))
        config = load(plant_file(config_file))[0]
        must_have(config, motor)
        sys.exit(asyncio.run(explain_source.from_poll(config, motor, seconds or 20.0, as_json)))
    source = broker_source(url, config_file, topic, user, password_file, ca)
    sys.exit(explain_source.from_broker(source, motor, seconds or 5.0, as_json))
