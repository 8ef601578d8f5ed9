"""`magwatt simulate fleet`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from agent.cli.options import BROKER, FINDING, broker_of, login_options, option_value, seconds_from
from agent.core.text import N_, text_of


@click.command(
    help=N_("Simulate many gateways at one broker and report which rows arrived.\n\nExits 1 if a row was lost.")
)
@click.option(
    "--gateways",
    type=click.IntRange(1, 20000),
    metavar="N",
    default=100,
    show_default=True,
    help=N_("Number of gateways."),
)
@click.option(
    "--motors", type=click.IntRange(1, 200), metavar="N", default=12, show_default=True, help=N_("Motors per gateway.")
)
@click.option(
    "--interval",
    "interval_s",
    type=seconds_from(0.1),
    default=5.0,
    show_default=True,
    help=N_("Seconds between two rows of a motor."),
)
@click.option(
    "--seconds", type=seconds_from(1), default=60.0, show_default=True, help=N_("Stop after this many seconds.")
)
@click.option("--broker", metavar="URL", default=BROKER, show_default=True, help=N_("Publish to this broker."))
@login_options
@click.option(
    "--site", metavar="SITE", default="fleet", show_default=True, help=N_("Site in the topics: magwatt/v1/SITE/…")
)
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
def fleet(
    gateways: int, motors: int, interval_s: float, seconds: float, broker: str, user: str | None,
    password_file: Path | None, ca: Path | None, site: str, as_json: bool,
) -> None:  # fmt: skip
    from agent.config import schema
    from agent.core.clock import SystemClock
    from agent.simulation.fleet.load_generator import FleetError, format_report, run_fleet

    option_value("--site", site, schema.identifier)
    settings = broker_of(broker, user, password_file, ca)
    try:
        report = run_fleet(settings, site, gateways, motors, interval_s, seconds, SystemClock())
    except FleetError as error:
        click.echo(text_of(error), err=True)
        sys.exit(FINDING)
    click.echo(json.dumps(report) if as_json else format_report(report))
    sys.exit(FINDING if report["lost"] else 0)
