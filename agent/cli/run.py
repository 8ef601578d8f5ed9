"""`magwatt run`."""

from __future__ import annotations

import logging
from pathlib import Path

import click

from agent.cli.options import config_option, file_argument, load, plant_file, seconds_option
from agent.core.text import N_


@click.command(
    help=N_(
        "Run the agent: poll devices, compute metrics, publish.\n\n"
        "FILE is the configuration, the same as --config FILE. The agent stops on Ctrl-C or SIGTERM and reloads its "
        "configuration when the file changes."
    )
)
@file_argument
@config_option
@seconds_option
def run(file: Path | None, config_file: Path | None, seconds: float | None) -> None:
    import asyncio

    from agent.runtime.run import run as run_agent
    from agent.runtime.start_conditions import add_start_conditions

    loaded, report = load(plant_file(config_file, file))
    add_start_conditions(loaded, report)
    for finding in report.findings:
        logging.getLogger("agent").warning("%s", finding)
    asyncio.run(run_agent(loaded, seconds))
