"""`magwatt report`."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.ledger_options import (
    checkpoint_option,
    expected_key,
    external_checkpoints,
    fail_unreadable,
    key_option,
    open_state,
    state_option,
)
from agent.cli.options import FINDING, config_option, fail, load, must_have, plant_file
from agent.core.text import N_, current, text_of
from drivers.file_reasons import FILE_UNWRITABLE
from drivers.reasons import cause_of

if TYPE_CHECKING:
    from agent.config.model import Config
    from agent.contract.sheet.sheet import Sheet
    from agent.savings.report.model.ledger_check import LedgerVerifier


@click.command(
    help=N_(
        "Write the savings report of a month (HTML, CSV, JSON).\n\n"
        "The HTML page is one self-contained file. Exits 1 if data are missing or wrong; the report and the output of "
        "this command name them."
    )
)
@click.option("--month", required=True, metavar="YYYY-MM", help=N_("Billing month, as defined by tariff.reading_day."))
@click.option("--motor", "motors", metavar="MOTOR", multiple=True,
              help=N_("Report only this motor; repeatable. [default: all motors]"))  # fmt: skip
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), default="report.html", show_default=True,
              help=N_("HTML file; the .csv and .json files are written to the same folder."))  # fmt: skip
@click.option("--lang", type=click.Choice(["en", "zh"]),
              help=N_("Language shown first; the page contains both. [default: that of the command line]"))  # fmt: skip
@checkpoint_option
@config_option
@state_option
@key_option
def report(
    month: str, motors: tuple[str, ...], output: Path, lang: str | None, checkpoint_files: tuple[Path, ...],
    config_file: Path | None, state: Path | None, key_file: Path | None,
) -> None:  # fmt: skip
    path = plant_file(config_file)
    config: Config = load(path)[0]
    for name in motors:
        must_have(config, name)
    from agent.core.linear_algebra import check_linear_algebra

    check_linear_algebra()
    db, directory = open_state(config, state)
    from agent.contract.sheet.page import added_to_report
    from agent.delivery.site_clock import utc_ms
    from agent.savings.records.repository import present_ms
    from agent.savings.report.model.ledger_check import LedgerVerifier
    from agent.savings.report.writer import write

    check = LedgerVerifier(expected_key(key_file, directory), external_checkpoints(checkpoint_files, config))
    try:
        now_ms = present_ms(config, db, utc_ms(config))
        sheets, problem = _sheets(db, config, month, motors, now_ms, check)
        lines, complete = write(db, config, motors, month, output, lang or current().language[:2], check, now_ms,
                                ("--state", str(state)) if state else ("--config", str(path)),
                                *added_to_report(sheets))  # fmt: skip
    except ValueError as error:  # also of a damaged row of the state file
        fail(text_of(error))
    except sqlite3.Error as error:
        fail_unreadable(directory, error)
    except OSError as error:
        fail(text_of(FILE_UNWRITABLE(path=str(output), error=cause_of(error))))
    for line in (*lines, *([problem] if problem else ())):
        click.echo(line)
    sys.exit(0 if complete and not problem else FINDING)


def _sheets(
    db: sqlite3.Connection, config: Config, month: str, motors: tuple[str, ...], now_ms: int, check: LedgerVerifier
) -> tuple[list[Sheet], str]:  # fmt: skip
    """The confirmation sheets of the contracts of the month, and why there is none; "": nothing is wrong."""
    from agent.contract.contract_of_month import contracts_of_month
    from agent.contract.plan_reader import PlanError
    from drivers.reasons import InvalidValue

    try:
        found = contracts_of_month(db, config, month, motors or tuple(config.motors), now_ms, check)
    except InvalidValue as error:
        return [], text_of(error)
    except PlanError as error:
        return [], error.problems[0].text(text_of)
    return [each.sheet for each in found if each.sheet is not None], ""
