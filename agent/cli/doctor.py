"""`magwatt doctor`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from agent.cli.options import FINDING, config_option, file_argument, load, plant_file
from agent.core.text import N_, _, as_object, text_of

LEVELS = (N_("fine"), N_("note"), N_("finding"))
LEVEL_WIDTH = 8


@click.command(
    help=N_(
        "Diagnose buses, host, broker and MQTT signals.\n\n"
        "FILE is the configuration, the same as --config FILE. Stop `magwatt run` first: only one master can use a "
        "serial bus. Each finding states what to do. Exits 1 if there are findings."
    )
)
@file_argument
@config_option
@click.option("--rounds", type=click.IntRange(1, 1000), metavar="N", default=20, show_default=True,
              help=N_("Number of reads of each register block."))  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object per finding."))
def doctor(file: Path | None, config_file: Path | None, rounds: int, as_json: bool) -> None:
    import asyncio

    from agent.commissioning.doctor.finding import DoctorFinding, finding, note
    from agent.commissioning.doctor.host import PARTS
    from agent.commissioning.doctor.installation import INSTALLATION
    from agent.commissioning.doctor.run import examine
    from agent.config.reasons import CALIBRATION_ENDS
    from agent.core.columns import padded
    from agent.runtime.start_conditions import add_start_conditions

    def report_finding(item: DoctorFinding) -> None:
        body = {"level": item.level, "where": item.where, "reason": as_object(item.reason)}
        where = _(item.where) if item.where in (*PARTS, INSTALLATION) else item.where
        text = f"{padded(_(item.level), LEVEL_WIDTH)} {where}: {text_of(item.reason)}"
        click.echo(json.dumps(body, ensure_ascii=False) if as_json else text)

    def report_part(name: str) -> None:
        if not as_json:
            click.echo(f"… {name}", err=True)

    loaded, report = load(plant_file(config_file, file), as_json)
    add_start_conditions(loaded, report)
    for item in report.findings:
        report_finding(finding(item.key, item.reason))
    for item in report.notes:
        if item.reason.code == CALIBRATION_ENDS:
            report_finding(note(item.key, item.reason))
    clean = asyncio.run(examine(loaded, rounds, report_finding, report_part))
    sys.exit(0 if clean and not report.findings else FINDING)
