"""`magwatt doctor`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from agent.commands.options import FINDING, config_option, file_argument, load, plant_file


@click.command()
@file_argument
@config_option
@click.option("--rounds", type=click.IntRange(1, 1000), default=20, show_default=True,
              help="Number of reads of each register block.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object per finding.")
def doctor(file: Path | None, config_file: Path | None, rounds: int, as_json: bool) -> None:
    """Diagnose buses, host, broker and MQTT signals.

    FILE is the configuration, the same as --config FILE. Stop `magwatt run` first: only one master can use a serial
    bus. Each finding states what to do. Exits 1 if there are findings.
    """
    import asyncio

    from agent.doctor import Finding, examine

    def report_finding(item: Finding) -> None:
        if as_json:
            click.echo(json.dumps({"level": item.level, "where": item.where, "text": item.text}, ensure_ascii=False))
        else:
            click.echo(f"{item.level:8} {item.where}: {item.text}")

    def report_step(what: str) -> None:
        if not as_json:
            click.echo(f"… {what}", err=True)

    loaded, report = load(plant_file(config_file, file))
    for line in report.findings:
        report_finding(Finding("finding", *line.split(": ", 2)[1:]))  # type: ignore[arg-type]
    clean = asyncio.run(examine(loaded, rounds, report_finding, report_step))
    sys.exit(0 if clean and not report.findings else FINDING)
