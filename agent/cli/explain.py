"""`magwatt explain`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agent.cli.options import BROKER, broker_of, fail, load, login_options, must_have, plant_file, seconds_from
from agent.core.text import N_, _


@click.command(
    help=N_(
        "Explain the current efficiency of a motor.\n\n"
        "Shows input signals, method, loss breakdown, uncertainty budget, and what would reduce the uncertainty. Reads "
        "the messages of the agent from the broker at URL [default: mqtt://127.0.0.1:1883], or from the broker of the "
        "configuration that --config names. Exits 1 if no message about the motor is received."
    )
)
@click.argument("motor")
@click.argument("url", default=BROKER)
@click.option("--config", "config_file", metavar="FILE", type=click.Path(path_type=Path),
              help=N_("Configuration of the plant; its broker is used instead of URL. With --poll: the plant to poll, "
                      "by default the one that `magwatt run` uses."))  # fmt: skip
@click.option("--poll", is_flag=True,
              help=N_("Poll the devices directly for a short time; for use while no agent is running."))  # fmt: skip
@click.option("--topic", metavar="FILTER",
              help=N_("MQTT topic filter. [default: that of --config, else magwatt/v1/#]"))  # fmt: skip
@login_options
@click.option("--seconds", type=seconds_from(1),
              help=N_("Seconds to wait for a message or to poll. [default: 5; --poll: 20]"))  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
def explain(
    motor: str, url: str, config_file: Path | None, poll: bool, topic: str | None, user: str | None,
    password_file: Path | None, ca: Path | None, seconds: float | None, as_json: bool,
) -> None:  # fmt: skip
    if poll:
        import asyncio

        from agent.cli.explain_source import from_poll

        config = load(plant_file(config_file))[0]
        must_have(config, motor)
        sys.exit(asyncio.run(from_poll(config, motor, seconds or 20.0, as_json)))
    from agent.cli.explain_source import from_broker

    broker = broker_of(url, user, password_file, ca)
    if config_file is not None:
        config = load(config_file)[0]
        broker, topic = config.mqtt, topic or f"{config.site.root}/#"
        if broker is None:
            fail(_("{file}: no [mqtt] table; give the URL of the broker, or use --poll", file=str(config_file)))
    sys.exit(from_broker(broker, motor, topic or "magwatt/v1/#", seconds or 5.0, as_json))
