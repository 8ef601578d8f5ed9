"""`magwatt ledger export`: the bundle of a month."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import click

from agent.cli.contract_month import revisions_of
from agent.cli.contract_source import plan_from, plans_of_ledger
from agent.cli.ledger_options import fail_unreadable, open_state, state_option
from agent.cli.options import config_option, fail, load, must_have, plant_file
from agent.core.text import N_, _, text_of


@click.command(
    help=N_(
        "Write the bundle of a month: the signed lines of the ledger, the plans and the month in one file.\n\n"
        "A verifier needs nothing else; docs/reference/ledger-format.md describes it."
    )
)
@click.option("--month", required=True, metavar="YYYY-MM", help=N_("Billing month, as defined by tariff.reading_day."))
@click.option("--motor", "motors", metavar="MOTOR", multiple=True,
              help=N_("Only this motor; repeatable. [default: all motors]"))  # fmt: skip
@click.option("--plan", "plan_files", metavar="FILE", multiple=True, type=click.Path(path_type=Path),
              help=N_("Signed plan to include; repeatable. Its tariff defines the billing month. [default: the plans "
                      "in the ledger]"))  # fmt: skip
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), default="bundle.json", show_default=True,
              help=N_("File of the bundle."))  # fmt: skip
@config_option
@state_option
def export(
    month: str, motors: tuple[str, ...], plan_files: tuple[Path, ...], output: Path, config_file: Path | None,
    state: Path | None,
) -> None:  # fmt: skip
    config = load(plant_file(config_file))[0]
    for name in motors:
        must_have(config, name)
    from agent.config.tariff import month_bounds_ms
    from agent.contract.bundle import bundle_of, bundle_text
    from drivers.file_reasons import FILE_UNWRITABLE
    from drivers.reasons import cause_of

    db, directory = open_state(config, state)
    try:
        plans = [plan_from(path) for path in plan_files] or plans_of_ledger(db)
        tariff = plans[0].plan.rules.tariff if plans else config.tariff
        span = tariff.bounds_ms(month) if tariff else month_bounds_ms(month, config.site.timezone)
        months = revisions_of(db, plans, month)
        bundle = bundle_of(db, month, span, motors or tuple(config.motors), plans, months)
    except sqlite3.Error as error:
        fail_unreadable(directory, error)
    try:
        output.write_text(bundle_text(bundle), encoding="utf-8")
    except OSError as error:
        fail(text_of(FILE_UNWRITABLE(path=str(output), error=cause_of(error))))
    click.echo(_("{path}: {n:d} lines of the ledger, {plans:d} {plans:plan|plans}, {months:d} "
                 "{months:revision|revisions} of the month", path=str(output), n=len(bundle["lines"]),
                 plans=len(plans), months=len(months)))  # fmt: skip
