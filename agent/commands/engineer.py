"""For the engineer who wants to know why: explain."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agent.commands.shared import Seconds, broker_of, fail, load


@click.command()
@click.argument("motor")
@click.argument("url", default="mqtt://127.0.0.1:1883")
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Ask the broker of that configuration.")
@click.option("--poll", is_flag=True, help="With --config: no agent runs; poll the devices here for a moment.")
@click.option("--topic", help="What to subscribe to. [default: the gateway of --config, else magwatt/v1/#]")
@click.option("--user", help="The name to log in with.")
@click.option("--password-file", type=click.Path(path_type=Path), help="The file that holds the password.")
@click.option("--ca", type=click.Path(path_type=Path), help="The authority that signed the broker's certificate.")
@click.option("--seconds", type=Seconds(1), help="How long to wait, or to poll. [default: 5, or 20 with --poll]")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def explain(
    motor: str, url: str, config_file: Path | None, poll: bool, topic: str | None, user: str | None,
    password_file: Path | None, ca: Path | None, seconds: float | None, as_json: bool,
) -> None:  # fmt: skip
    """How the present efficiency of MOTOR came about: signals, method, each loss, each part of U, what would help.

    From what a running agent told the broker at URL; exit 1 when it told nothing.
    """
    if poll:
        if config_file is None:
            fail("--poll goes with --config")
        import asyncio

        from agent.estimate.explain_live import from_poll
        from agent.schema import nearest

        config, _ = load(config_file)
        if motor not in config.motors:
            near = nearest(motor, list(config.motors))
            fail(f"{motor}: no such motor" + (f"; did you mean '{near}'?" if near else ""))
        sys.exit(asyncio.run(from_poll(config, motor, seconds or 20.0, as_json)))
    from agent.estimate.explain_live import from_broker

    broker = broker_of(url, user, password_file, ca)
    if config_file is not None:
        config = load(config_file)[0]
        broker, topic = config.mqtt, topic or f"{config.site.root}/#"
        if broker is None:
            fail(f"{config_file}: has no [mqtt] table; give the broker's URL, or --poll")
    sys.exit(from_broker(broker, motor, topic or "magwatt/v1/#", seconds or 5.0, as_json))
