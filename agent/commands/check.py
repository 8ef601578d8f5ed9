"""`magwatt check`."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click

from agent.commands.options import FINDING, config_option, file_argument, load, plant_file


@click.command()
@file_argument
@config_option
def check(file: Path | None, config_file: Path | None) -> None:
    """Check a configuration without connecting to any device.

    FILE is the configuration, the same as --config FILE. Exits 0 if it is correct, 1 if there are findings to decide
    on, 2 if it is wrong.
    """
    from zoneinfo import ZoneInfo

    from agent.plan import overloads
    from agent.savings.phases import ahead
    from agent.words import counted

    config = plant_file(config_file, file)
    loaded, report = load(config)
    for motor in loaded.motors.values():
        if note := ahead(dict(motor.periods), datetime.now(ZoneInfo(loaded.site.timezone)).date()):
            report.note(f"motor.{motor.name}.periods.baseline", note)
    findings = [*report.findings, *(f"{config}: {text}" for text in overloads(loaded))]
    for line in report.notes:
        click.echo(f"note     {line}")
    for line in findings:
        click.echo(f"finding  {line}")
    parts = (loaded.buses, "bus"), (loaded.meters, "meter"), (loaded.drives, "drive"), (loaded.motors, "motor")
    present = ", ".join(counted(len(items), noun) for items, noun in parts)
    click.echo(f"{config.name}: {present}; {counted(len(findings), 'finding')}")
    sys.exit(FINDING if findings else 0)
