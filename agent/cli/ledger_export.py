"""`magwatt ledger export`: the bundle of a month."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import click

from agent.cli.contract_view import fail_with_problems
from agent.cli.ledger_options import fail_unreadable, open_state, state_option
from agent.cli.options import config_option, fail, load, must_have, plant_file
from agent.core.text import N_, _, text_of


@click.command(
    help=N_(
        "Write the bundle of a month: the signed lines of the ledger and the signed plans in one file.\n\n"
        "A verifier needs nothing else; docs/reference/ledger-format.md describes it."
    )
)
@click.option("--month", required=True, metavar="YYYY-MM", help=N_("Billing month, as defined by tariff.reading_day."))
@click.option("--motor", "motors", metavar="MOTOR", multiple=True,
              help=N_("Only this motor; repeatable. [default: all motors]"))  # fmt: skip
@click.option("--plan", "plan_files", metavar="FILE", multiple=True, type=click.Path(path_type=Path),
              help=N_("Signed plan to include; repeatable. Its tariff defines the billing month."))  # fmt: skip
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
    from agent.contract.plan_reader import PlanError
    from agent.contract.plan_versions import read_plan
    from drivers.file_reasons import FILE_UNWRITABLE
    from drivers.reasons import cause_of

    try:
        plans = [read_plan(path) for path in plan_files]
    except PlanError as error:
        fail_with_problems(error)
    tariff = plans[0].plan.rules.tariff if plans else config.tariff
    span = tariff.bounds_ms(month) if tariff else month_bounds_ms(month, config.site.timezone)
    db, directory = open_state(config, state)
    try:
        bundle = bundle_of(db, month, span, motors or tuple(config.motors), plans)
    except sqlite3.Error as error:
        fail_unreadable(directory, error)
    try:
        output.write_text(bundle_text(bundle), encoding="utf-8")
    except OSError as error:
        fail(text_of(FILE_UNWRITABLE(path=str(output), error=cause_of(error))))
    click.echo(_("{path}: {n:d} lines of the ledger, {plans:d} {plans:plan|plans}", path=str(output),
                 n=len(bundle["lines"]), plans=len(plans)))  # fmt: skip
