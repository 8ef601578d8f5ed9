"""`magwatt fleet`: questions about a lake of many gateways."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from agent.cli.fleet_view import table_lines
from agent.cli.options import FINDING, fail
from agent.core.text import N_, _, as_object, text_of

if TYPE_CHECKING:
    from agent.fleet.lake import Lake

QUESTIONS = ("savings", "verdicts", "alarms", "coverage")
lake_option = click.option(
    "--lake", "lake_dir", metavar="DIR", default="lake", show_default=True, type=click.Path(path_type=Path),
    help=N_("Directory of the lake."),
)  # fmt: skip


@click.group(help=N_("Ask questions about a lake of many gateways."))
def fleet() -> None:
    pass


@fleet.command(
    help=N_(
        "Answer a question about a lake.\n\n"
        "savings: by motor and month, from the signed ledgers. verdicts: the newest verdict of each motor. alarms: how "
        "often each was raised, and its state. coverage: rows of each motor and month. Files that cannot be read are "
        "named and left out. Exits 1 if there is a finding."
    )
)
@click.argument("question", type=click.Choice(QUESTIONS))
@lake_option
@click.option("--month", metavar="YYYY-MM", help=N_("Only this month."))
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
def query(question: str, lake_dir: Path, month: str | None, as_json: bool) -> None:
    if month is not None and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        fail(_("--month {text}: expected a month, for example 2026-10", text=month))
    lake, ask = _open(lake_dir, question)
    from agent.fleet.lake import LakeError

    try:
        rows = ask(lake, month)
    except LakeError as error:
        for finding in lake.findings:
            click.echo(text_of(finding), err=True)
        fail(text_of(error))
    if as_json:
        found = {"question": question, "rows": rows, "findings": [as_object(finding) for finding in lake.findings]}
        click.echo(msgspec.json.encode(found).decode())
    else:
        click.echo("\n".join(table_lines(question, rows)))
        for finding in lake.findings:
            click.echo(text_of(finding), err=True)
    sys.exit(FINDING if lake.findings else 0)


def _open(lake_dir: Path, question: str) -> tuple[Lake, Callable[[Lake, str | None], Sequence[Any]]]:
    try:
        from agent.fleet import messages
        from agent.fleet.lake import Lake, LakeError
        from agent.fleet.savings import savings
    except ImportError as error:
        fail(_("{library} is not installed; run pip install 'magwatt[fleet]'", library=error.name or "duckdb"))
    asked: dict[str, Callable[[Lake, str | None], Sequence[Any]]] = {
        "savings": savings, "verdicts": messages.verdicts, "alarms": messages.alarms, "coverage": messages.coverage,
    }  # fmt: skip
    try:
        return Lake(lake_dir), asked[question]
    except LakeError as error:
        fail(text_of(error))
