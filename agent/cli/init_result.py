"""The end of `magwatt init`: write the configuration, check it, show the load of the buses and the next commands."""

from __future__ import annotations

from pathlib import Path

import click
from msgspec.structs import replace

from agent.cli.check import check
from agent.cli.options import WRONG, fail
from agent.commissioning.init.answers import Answers
from agent.commissioning.init.configuration import write_configuration
from agent.core.text import _, text_of
from drivers.file_reasons import FILE_UNWRITABLE
from drivers.reasons import cause_of
from drivers.toml_lines import key_lines, line_of


def finish(file: Path, answers: Answers, answers_file: Path) -> int:
    """Writes the configuration; a problem is reported with its place in the answers file. The exit code of `check`."""
    from agent.config.loader import ConfigError

    try:
        write_configuration(file, answers)
    except OSError as error:
        fail(text_of(FILE_UNWRITABLE(path=str(file), error=cause_of(error))))
    except ConfigError as error:
        lines = key_lines(answers_file.read_text(encoding="utf-8-sig"))
        for problem in error.problems:
            place = replace(problem, file=answers_file.name, line=line_of(problem.key, lines))
            click.echo(place.text(text_of), err=True)
        fail(_("Nothing was written to {path}; correct the answers and run the command again", path=str(file)))
    return report_written(file, answers)


def report_written(file: Path, answers: Answers) -> int:
    """Shows what `check` reports, the load of the buses and the next commands. The exit code of `check`."""
    from agent.acquisition.poll_plan import plan
    from agent.config.loader import load_config

    click.echo("\n" + _("{path} is written.", path=str(file)))
    code = _exit_code_of_check(file)
    if code == WRONG:
        return code
    for bus in plan(load_config(file)[0]):
        click.echo(_(
            "bus {name}: polling needs {share:pct} % of the bus time; `magwatt plan {file}` shows the requests",
            name=bus.name, share=bus.utilization, file=str(file),
        ))  # fmt: skip
    if answers.get("mqtt", {}).get("url"):
        click.echo(_("The broker was not tried; `magwatt doctor` tries it."))
        if secret := answers["mqtt"].get("password_file"):
            click.echo(_("Its password is in {path}; change it there.", path=str(file.parent / secret)))
    click.echo(_("Next:"))
    for command, purpose in (
        (f"magwatt read {file}", _("shows the values of all devices")),
        (f"magwatt doctor {file}", _("examines the buses, this computer and the broker")),
        (f"magwatt commission {file} --by NAME", _("confirms nameplates and wiring, and checks the values")),
        (f"magwatt run {file}", _("measures and publishes")),
    ):
        click.echo(f"  {command:42}  {purpose}")
    return code


def _exit_code_of_check(file: Path) -> int:
    try:
        check.main(args=[str(file)], standalone_mode=False)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0
