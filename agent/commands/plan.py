"""`magwatt plan`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from agent.commands.options import FINDING, config_option, file_argument, load, plant_file


@click.command()
@file_argument
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object per bus and per broker with signals.")
def plan(file: Path | None, config_file: Path | None, as_json: bool) -> None:
    """Show the requests and load of each bus, and MQTT topics.

    FILE is the configuration, the same as --config FILE. Connects to no device. Exits 1 if a bus cannot carry its
    requests.
    """
    from agent.plan import as_object, as_text
    from agent.plan import plan as plan_buses
    from agent.topics import show

    loaded, report = load(plant_file(config_file, file))
    for line in report.findings:
        click.echo(line, err=True)
    found = plan_buses(loaded)
    for bus in found:
        click.echo(json.dumps(as_object(bus)) if as_json else as_text(bus))
    for broker in show.as_objects(loaded) if as_json else show.as_text(loaded):
        click.echo(json.dumps(broker, ensure_ascii=False) if as_json else broker)
    sys.exit(FINDING if any(bus.troubles for bus in found) else 0)
