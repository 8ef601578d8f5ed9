"""The end of `magwatt init`: write the configuration, check it, show the load of the buses and the next commands."""

from __future__ import annotations

from pathlib import Path

import click

from agent.cli.check import check
from agent.cli.options import WRONG, fail
from agent.commissioning.init.answers import Answers, write_atomically
from agent.commissioning.init.configuration import configuration
from agent.core.text import _, text_of
from drivers.file_reasons import FILE_UNWRITABLE
from drivers.reasons import cause_of


def finish(file: Path, answers: Answers) -> int:
    """Returns the exit code of `check`."""
    from agent.acquisition.poll_plan import plan
    from agent.config.loader import ConfigError, load_config

    new = file.with_name(f"{file.name}.new")
    try:
        write_atomically(new, configuration(answers))
        load_config(new)
        new.replace(file)
    except OSError as error:
        fail(text_of(FILE_UNWRITABLE(path=str(file), error=cause_of(error))))
    except ConfigError as error:
        for problem in error.problems:
            click.echo(problem.text(text_of), err=True)
        new.unlink()
        fail(_("Nothing was written to {path}; correct the answers and run the command again", path=str(file)))
    click.echo("\n" + _("{path} is written.", path=str(file)))
    code = _exit_code_of_check(file)
    if code == WRONG:
        return code
    for bus in plan(load_config(file)[0]):
        click.echo(_(
            "bus {name}: polling needs {share:pct} % of the bus time; `magwatt plan {file}` shows the requests",
            name=bus.name, share=bus.utilization, file=str(file),
        ))  # fmt: skip
    click.echo(_("Next:"))
    for command, purpose in (
        (f"magwatt read {file}", _("shows the values of all devices")),
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
