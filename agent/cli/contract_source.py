"""What `magwatt contract` reads: passphrases, plans from files and from the ledger, and the month of a plan."""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.contract_view import fail_with_problems
from agent.cli.ledger_options import fail_unreadable, open_state
from agent.cli.options import fail, load, must_have, plant_file
from agent.core.text import _, text_of

if TYPE_CHECKING:
    from datetime import date

    from agent.config.model import Config
    from agent.contract.amounts import MonthAmount, MonthFigures
    from agent.contract.plan_versions import PlanVersion
    from agent.savings.report.model.month import ReportMonth
    from drivers.reasons import Reason


def passphrase_from(file: Path | None, twice: bool) -> str:
    """From the first line of a file, else typed; a program without a terminal writes it to the standard input."""
    if file is not None:
        from drivers.file_reasons import FILE_UNREADABLE
        from drivers.reasons import cause_of

        try:
            return file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, ValueError) as error:
            fail(text_of(FILE_UNREADABLE(path=str(file), error=cause_of(error))))
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    from agent.contract.party_keys import PASSPHRASE_LEAST

    asked = _("passphrase, at least {n:d} characters", n=PASSPHRASE_LEAST) if twice else _("passphrase")
    first = str(click.prompt(asked, default="", show_default=False, hide_input=True))
    if twice and first and click.prompt(_("once more"), default="", show_default=False, hide_input=True) != first:
        fail(_("the passphrases differ; nothing was written"))
    return first


def plan_from(path: Path) -> PlanVersion:
    """A plan; exits with all its problems if it cannot be used."""
    from agent.contract.plan_reader import PlanError
    from agent.contract.plan_toml import read_toml_plan
    from agent.contract.plan_versions import read_plan

    try:
        return read_toml_plan(path) if path.suffix == ".toml" else read_plan(path)
    except PlanError as error:
        fail_with_problems(error)


def plan_to_sign(file: Path) -> tuple[PlanVersion, Path]:
    """The plan to sign, and the file that gets the signature. A draft that was signed before keeps its signatures."""
    version = plan_from(file)
    target = file.with_suffix(".json") if file.suffix == ".toml" else file
    if target != file and target.exists():
        before = plan_from(target)
        if before.signed.id != version.signed.id:
            fail(_("{target}: contains another plan than {file}; rename it first", target=str(target), file=str(file)))
        version = before
    return version, target


def plans_of_ledger(db: sqlite3.Connection) -> list[PlanVersion]:
    """The plans of the ledger; exits when one of them cannot be used."""
    from agent.contract.plan_reader import PlanError
    from agent.contract.recorded_plans import recorded_plans

    try:
        return recorded_plans(db)
    except PlanError as error:
        fail_with_problems(error)


def gateway_key(db: sqlite3.Connection) -> str:
    """The public key that signs the ledger; "": there is none yet, or it is an HMAC key."""
    from agent.savings.ledger.chain import records

    declared = [record.body.get("key") for record in records(db, "key")]
    newest = declared[-1] if declared else None
    return str(newest.get("public", "")) if isinstance(newest, dict) else ""


def amount_of_month(
    version: PlanVersion, month: str, config_file: Path | None, state: Path | None
) -> tuple[MonthAmount, dict[str, MonthFigures], list[Reason]]:
    """The amount of a month with the figures of each motor, and what is wrong or missing."""
    config = load(plant_file(config_file))[0]
    for name in version.plan.motors:
        must_have(config, name)
    from agent.contract.amounts import amount_of
    from agent.contract.month_figures import figures_of
    from agent.contract.month_notes import obstacles
    from agent.core.local_time import local_datetime

    db, directory = open_state(config, state)
    months = months_by_plan(config, db, version, month, directory)[0]
    figures = {each.asset: figures_of(each, version.plan.motors[each.asset].quantity) for each in months}
    first: date = local_datetime(months[0].from_ms, version.plan.timezone).date()
    notes = [note for each in months for note in obstacles(each, version.plan)]
    return amount_of(version.plan, first, figures), figures, notes


def months_by_plan(
    config: Config, db: sqlite3.Connection, version: PlanVersion, month: str, directory: Path
) -> tuple[list[ReportMonth], int]:  # fmt: skip
    """The month of each motor by the tariff of the plan, with the ledger verified by the key that the plan names, and
    the present time, UTC ms.
    """
    from agent.core.linear_algebra import check_linear_algebra

    check_linear_algebra()
    from agent.cli.ledger_options import expected_key, external_checkpoints
    from agent.contract.contract_of_month import report_months
    from agent.delivery.site_clock import utc_ms
    from agent.savings.records.repository import present_ms
    from agent.savings.report.model.ledger_check import LedgerVerifier

    key = None if version.plan.gateway_key else expected_key(None, directory)
    check = LedgerVerifier(key, external_checkpoints((), config))
    try:
        now_ms = present_ms(config, db, utc_ms(config))
        return report_months(db, config, version, month, now_ms, check), now_ms
    except sqlite3.Error as error:
        fail_unreadable(directory, error)
