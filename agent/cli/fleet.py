"""`magwatt fleet`: questions about a lake of many gateways."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.cli.fleet_demo import demo
from agent.cli.fleet_ingest import ingest
from agent.cli.fleet_load import load
from agent.cli.fleet_options import lake_option, month_option, need_libraries
from agent.cli.fleet_reanalyse import reanalyse
from agent.cli.fleet_report import report
from agent.cli.fleet_view import check_object, problem_lines, table_lines
from agent.cli.options import FINDING, fail
from agent.core.text import N_, _, as_object, text_of

if TYPE_CHECKING:
    from agent.fleet.lake import Lake

QUESTIONS = ("savings", "reported", "verdicts", "alarms", "coverage")


@click.group(help=N_("Ask questions about a lake of many gateways."))
def fleet() -> None:
    pass


for command in (demo, ingest, load, reanalyse, report):
    fleet.add_command(command)


@fleet.command(
    help=N_(
        "Query a lake.\n\n"
        "savings: by motor and month, from the signed ledgers. reported: of one month, as the report of each motor: "
        "with its uncertainty, without the intervals that it excludes. verdicts: the newest verdict of each motor. "
        "alarms: how "
        "often each was raised, and its state. coverage: rows of each motor and month. Files that cannot be read are "
        "named and left out. Exits 1 if there is a finding."
    )
)
@click.argument("question", type=click.Choice(QUESTIONS))
@lake_option
@month_option("--month", help=N_("Only this month."))
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
def query(question: str, lake_dir: Path, month: str | None, as_json: bool) -> None:
    if question == "reported" and month is None:
        fail(_("{question} needs --month", question=question))
    lake, ask = _open(lake_dir, question)
    import msgspec

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


@fleet.command(
    help=N_(
        "Verify all ledgers in a lake.\n\n"
        "Checks chain and signatures of the records, and compares them with the checkpoints that `fleet ingest` has "
        "received and those of --checkpoint. `magwatt ledger verify` on the gateway also compares stored intervals. "
        "Exits 1 if a verification fails or there is a finding."
    )
)
@lake_option
@click.option("--checkpoint", "checkpoint_files", metavar="FILE", multiple=True, type=click.Path(path_type=Path),
              help=N_("External checkpoints: exported files, reports, messages; repeatable."))  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
def verify(lake_dir: Path, checkpoint_files: tuple[Path, ...], as_json: bool) -> None:
    from agent.cli.ledger_options import external_checkpoints

    given = [checkpoint for found in external_checkpoints(checkpoint_files, None).values() for checkpoint in found]
    need_libraries()
    from agent.fleet.lake import Lake, LakeError
    from agent.fleet.verify import verify_ledgers

    try:
        lake = Lake(lake_dir)
        checks = list(verify_ledgers(lake, given))
    except LakeError as error:
        fail(text_of(error))
    if as_json:
        found = {
            "ledgers": [check_object(check) for check in checks],
            "findings": [as_object(x) for x in lake.findings],
        }
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        click.echo("\n".join(table_lines("verify", checks)))
        for line in problem_lines(checks):
            click.echo(line)
        for finding in lake.findings:
            click.echo(text_of(finding), err=True)
    sys.exit(FINDING if lake.findings or not all(check.result.ok for check in checks) else 0)


def _open(lake_dir: Path, question: str) -> tuple[Lake, Callable[[Lake, str | None], Sequence[Any]]]:
    need_libraries()
    from agent.core.clock import SystemClock
    from agent.fleet import messages
    from agent.fleet.lake import Lake, LakeError
    from agent.fleet.report.reported import reported
    from agent.fleet.savings import savings

    def of_reports(lake: Lake, month: str | None) -> Sequence[Any]:
        now_ms = SystemClock().utc_ns() // 1_000_000
        return reported(lake, month or "", now_ms, len(os.sched_getaffinity(0)))

    asked: dict[str, Callable[[Lake, str | None], Sequence[Any]]] = {
        "savings": savings, "reported": of_reports, "verdicts": messages.verdicts, "alarms": messages.alarms,
        "coverage": messages.coverage,
    }  # fmt: skip
    try:
        return Lake(lake_dir), asked[question]
    except LakeError as error:
        fail(text_of(error))
