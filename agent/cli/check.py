"""`magwatt check`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.options import FINDING, config_option, file_argument, load, option_value, plant_file
from agent.core.text import N_, _, text_of

if TYPE_CHECKING:
    from agent.config.model import Config
    from agent.config.schema import ConfigReport


@click.command(
    help=N_(
        "Check a configuration without connecting to any device.\n\n"
        "FILE is the configuration, the same as --config FILE. Exits 0 if it is correct, 1 if there are findings to "
        "decide on, 2 if it has errors."
    )
)
@file_argument
@config_option
@click.option(
    "--as-user",
    metavar="NAME",
    help=N_("Check files, folders and serial ports for the account of the service, such as magwatt."),
)
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object per problem, finding and note."))
def check(file: Path | None, config_file: Path | None, as_user: str | None, as_json: bool) -> None:
    from agent.core.account import account_of
    from agent.runtime.configuration_findings import add_findings

    account = None if as_user is None else option_value("--as-user", as_user, account_of)
    config = plant_file(config_file, file)
    loaded, report = load(config, as_json)
    add_findings(loaded, report, account)
    if as_json:
        for item in [*report.notes, *report.findings]:
            click.echo(json.dumps(item.as_object(), ensure_ascii=False))
    else:
        _print(config.name, loaded, report)
    sys.exit(FINDING if report.findings else 0)


def _print(name: str, loaded: Config, report: ConfigReport) -> None:
    from agent.core.columns import padded
    from agent.runtime.configuration_findings import grouped

    for item, others in grouped([*report.notes, *report.findings]):
        text = item.text(text_of)
        if others:
            text = _("{text}; the same holds for {keys}", text=text, keys=others)
        click.echo(f"{padded(_(item.level), 8)} {text}")
    click.echo(
        _(
            "{file}: {buses:d} {buses:bus|buses}, {meters:d} {meters:meter|meters}, {drives:d} "
            "{drives:drive|drives}, {motors:d} {motors:motor|motors}; {findings:d} {findings:finding|findings}",
            file=name, buses=len(loaded.buses), meters=len(loaded.meters), drives=len(loaded.drives),
            motors=len(loaded.motors), findings=len(report.findings),
        )
    )  # fmt: skip
