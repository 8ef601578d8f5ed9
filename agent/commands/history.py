"""What was measured before the agent was there: import of a meter's history."""

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.shared import FINDING, config_option, fail, load, must_have, plant_file

if TYPE_CHECKING:
    from agent.config import Config
    from agent.savings.csv_rows import Column


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--motor", required=True, help="Whose history it is.")
@click.option("--time", "time_column", required=True, metavar="COLUMN", help="The column of times.")
@click.option(
    "--energy",
    "energy_column",
    metavar="COLUMN",
    help="The column of energy or power. Without it only drivers are taken, beside the energy that is there.",
)
@click.option("--unit", help="Wh, kWh, MWh (energy of a row), W, kW, MW (mean power of a row).")
@click.option("--counter", is_flag=True, help="The column is a register that rises (Wh, kWh, MWh).")
@click.option("--ends", is_flag=True, help="The time is that of a row's end, not its begin.")
@click.option("--zone", help="Of times without an offset; default: site.timezone.")
@click.option(
    "--driver",
    "drivers",
    multiple=True,
    metavar="NAME=COLUMN:UNIT[:U]",
    help="A column of what drives the energy: flow=Q1:m3/h:2. The name of a [signal.NAME] or a new one.",
)
@click.option("--meter", "meter_name", metavar="NAME",
              help="Which meter told it, as live intervals name it, with serial number and transformer ratio: "
                   "'mcc-1 22091734 400/5'.")  # fmt: skip
@click.option("--replace", is_flag=True, help="What was imported before for the same time goes.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def import_history(
    file: Path, motor: str, time_column: str, energy_column: str | None, unit: str | None, counter: bool, ends: bool,
    zone: str | None, drivers: tuple[str, ...], meter_name: str | None, replace: bool, config_file: Path | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Take a meter's history of 1, 5 or 15 min from FILE (CSV), for a baseline from before the agent was there.

    Or, without --energy, what drives it (tonnes of a shift, a flow; rows of a minute to a day), beside what was
    measured. No measured energy is replaced. Exit 1 when nothing new was in it.
    """
    config: Config = load(plant_file(config_file))[0]
    must_have(config, motor)
    if zone is not None:
        _zone(zone)
    from agent.savings.csv_rows import Column, ImportProblem

    if energy_column is None and not drivers:
        fail("nothing to take: --energy COLUMN, or --driver NAME=COLUMN:UNIT")
    if (energy_column is None) != (unit is None):
        fail("--energy and --unit go together")
    from agent.savings import import_command

    named = dict(_driver(text) for text in drivers)
    place, now_ms = zone or config.site.timezone, time.time_ns() // 1_000_000
    try:
        if energy_column is None or unit is None:
            told = import_command.run_drivers(config, file, motor, place, time_column, named, ends=ends,
                                              replace=replace, now_ms=now_ms)  # fmt: skip
        else:
            told = import_command.run(config, file, motor, place, time_column, Column(energy_column, unit),
                                      counter=counter, ends=ends, drivers=named, meter=meter_name or "",
                                      replace=replace, now_ms=now_ms)  # fmt: skip
    except ImportProblem as error:
        fail(str(error))
    click.echo(json.dumps(told.body, ensure_ascii=False) if as_json else "\n".join(told.lines))
    sys.exit(0 if told.body["written"] else FINDING)


def _zone(name: str) -> None:
    from agent.config_keys import SITE

    try:
        SITE["timezone"].convert(name)
    except ValueError as error:
        fail(f"--zone {name}: {error}")


def _driver(text: str) -> tuple[str, Column]:
    from agent.savings.csv_rows import Column

    name, equals, rest = text.partition("=")
    column, _, more = rest.partition(":")
    unit, _, doubt = more.partition(":")
    try:
        u = float(doubt or 0)
    except ValueError:
        u = -1.0
    if not (name and equals and column and unit) or not 0 <= u < math.inf:
        fail(f"--driver {text}: write NAME=COLUMN:UNIT or NAME=COLUMN:UNIT:U, for example flow=Q1:m3/h:2")
    return name, Column(column, unit, u)
