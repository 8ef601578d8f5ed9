"""`magwatt import`: measurements from before the agent was installed."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.options import FINDING, check_usage, config_option, fail, load, must_have, option_value, plant_file
from agent.core.local_time import zone_of
from agent.core.text import N_, _, text_of, use

if TYPE_CHECKING:
    from agent.config.model import Config
    from agent.savings.importing.csv_reader import CsvColumn


@click.command(
    "import",
    help=N_(
        "Import meter history or model inputs from a CSV file.\n\n"
        "Meter energy in rows of 1, 5, 10, 15, 30 or 60 min provides data for a baseline from before the agent was "
        "installed. Without --energy, only independent variables (flow, tonnes per shift; 1 min to 1 day per row) are "
        "added to energy that is already stored. Measured energy is never replaced. Exits 1 if the file contains "
        "nothing new."
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--motor", metavar="MOTOR", required=True, help=N_("Motor that the data belong to."))
@click.option("--time", "time_column", required=True, metavar="COLUMN", help=N_("Column with the timestamps."))
@click.option("--energy", "energy_column", metavar="COLUMN",
              help=N_("Column with energy or power. Without it only the --driver columns are imported."))  # fmt: skip
@click.option(
    "--unit", metavar="UNIT", help=N_("Unit of --energy: Wh, kWh, MWh (energy of a row), W, kW, MW (mean power).")
)
@click.option("--counter", is_flag=True, help=N_("The --energy column is a cumulative register (Wh, kWh, MWh)."))
@click.option("--time-at-end", is_flag=True, help=N_("Timestamps mark the end of a row's interval, not its start."))
@click.option("--zone", metavar="NAME", help=N_("Time zone of timestamps without an offset. [default: site.timezone]"))
@click.option("--driver", "drivers", multiple=True, metavar="NAME=COLUMN:UNIT[:U]",
              help=N_("Column with an independent variable; U is its uncertainty (k = 2) in UNIT. Example: "
                      "flow=Q1:m3/h:2, where flow is a [signal.flow] or a new name; repeatable."))  # fmt: skip
@click.option("--meter", "meter_name", metavar="NAME",
              help=N_("Meter identity (name, serial number, CT ratio) as stored with live intervals: "
                      "'mcc-1 22091734 400/5'."))  # fmt: skip
@click.option("--replace", is_flag=True, help=N_("Replace previously imported data for the same period."))
@config_option
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
def import_history(
    file: Path, motor: str, time_column: str, energy_column: str | None, unit: str | None, counter: bool,
    time_at_end: bool, zone: str | None, drivers: tuple[str, ...], meter_name: str | None, replace: bool,
    config_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    from agent.config.keys import SITE
    from agent.delivery.site_clock import utc_ms
    from agent.savings.importing import importer
    from agent.savings.importing.csv_reader import CsvColumn, ImportProblem

    config: Config = load(plant_file(config_file))[0]
    must_have(config, motor)
    if zone is not None:
        option_value("--zone", zone, SITE["timezone"].convert)
    check_usage(
        (energy_column is None and not drivers,
         _("nothing to import: give --energy COLUMN or --driver NAME=COLUMN:UNIT")),
        ((energy_column is None) != (unit is None), _("--energy and --unit must be given together")),
    )  # fmt: skip
    named = dict(_driver(text) for text in drivers)
    place, now_ms = zone or config.site.timezone, utc_ms(config)
    use(None, zone_of(place))
    try:
        if energy_column is None or unit is None:
            result = importer.import_drivers(config, file, motor, place, time_column, named, ends=time_at_end,
                                                replace=replace, now_ms=now_ms)  # fmt: skip
        else:
            result = importer.import_energy(config, file, motor, place, time_column, CsvColumn(energy_column, unit),
                                        counter=counter, ends=time_at_end, drivers=named, meter=meter_name or "",
                                        replace=replace, now_ms=now_ms)  # fmt: skip
    except ImportProblem as error:
        fail("\n".join(map(text_of, error.reasons)))
    click.echo(json.dumps(result.body, ensure_ascii=False) if as_json else "\n".join(map(text_of, result.findings)))
    sys.exit(0 if result.body["written"] else FINDING)


def _driver(text: str) -> tuple[str, CsvColumn]:
    from agent.savings.importing.csv_reader import CsvColumn

    name, equals, rest = text.partition("=")
    column, _colon, more = rest.partition(":")
    unit, _colon, uncertainty = more.partition(":")
    try:
        u = float(uncertainty or 0)
    except ValueError:
        u = -1.0
    if not (name and equals and column and unit) or not 0 <= u < math.inf:
        fail(
            _("--driver {text}: expected NAME=COLUMN:UNIT or NAME=COLUMN:UNIT:U, for example flow=Q1:m3/h:2", text=text)
        )
    return name, CsvColumn(column, unit, u)
