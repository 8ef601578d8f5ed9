"""`magwatt contract sheet`: the confirmation sheet of a month, from its file and its plan."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from agent.cli.contract_month import month_from
from agent.cli.options import FINDING, fail
from agent.core.text import N_, _, current, text_of


@click.command(
    help=N_(
        "Write the confirmation sheet of a month, to print and to stamp (HTML).\n\n"
        "FILE is a month that the gateway issued, signed or not. Needs the plan, no configuration, no network and no "
        "state file. Exits 1 if something in the month is not valid; the sheet then states it."
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--plan", "plan_file", metavar="FILE", type=click.Path(path_type=Path),
              help=N_("Signed plan of a month. [default: plan.json next to FILE]"))  # fmt: skip
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), default="sheet.html", show_default=True,
              help=N_("HTML file of the sheet."))  # fmt: skip
@click.option("--lang", type=click.Choice(["en", "zh"]),
              help=N_("Language shown first; the page contains both. [default: that of the command line]"))  # fmt: skip
def sheet(file: Path, plan_file: Path | None, output: Path, lang: str | None) -> None:
    from agent.contract.sheet.page import sheet_page
    from agent.contract.sheet.sheet import sheet_of_file
    from drivers.file_reasons import FILE_UNWRITABLE
    from drivers.reasons import cause_of

    found = sheet_of_file(month_from(file, plan_file), time.time_ns() // 1_000_000)
    try:
        output.write_text(sheet_page(found, lang or current().language[:2]), encoding="utf-8")
    except OSError as error:
        fail(text_of(FILE_UNWRITABLE(path=str(output), error=cause_of(error))))
    problem = found.state.problem
    click.echo(_("{path}: confirmation sheet of {month}, revision {revision:d}", path=str(output),
                 month=found.month.month, revision=found.month.revision))  # fmt: skip
    if problem is not None:
        click.echo(text_of(problem))
    sys.exit(FINDING if problem is not None else 0)
