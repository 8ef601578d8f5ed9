"""`magwatt plan`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from agent.cli.options import FINDING, config_option, file_argument, load, plant_file
from agent.core.text import N_, text_of


@click.command(
    help=N_(
        "Show the requests and load of each bus, and MQTT topics.\n\n"
        "FILE is the configuration, the same as --config FILE. Connects to no device. Exits 1 if a bus cannot carry "
        "its requests."
    )
)
@file_argument
@config_option
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object per bus and per broker with signals."))
def plan(file: Path | None, config_file: Path | None, as_json: bool) -> None:
    from agent.acquisition.mqtt_signals import describe
    from agent.acquisition.poll_plan import plan as plan_buses
    from agent.acquisition.poll_plan import plan_as_object, plan_as_text

    loaded, report = load(plant_file(config_file, file))
    for item in report.findings:
        click.echo(item.text(text_of), err=True)
    found = plan_buses(loaded)
    for bus in found:
        click.echo(json.dumps(plan_as_object(bus), ensure_ascii=False) if as_json else plan_as_text(bus))
    for broker in describe.as_objects(loaded) if as_json else describe.as_text(loaded):
        click.echo(json.dumps(broker, ensure_ascii=False) if as_json else broker)
    sys.exit(FINDING if any(bus.problems for bus in found) else 0)
