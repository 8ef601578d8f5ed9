"""`magwatt init`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agent.cli.options import check_usage, fail
from agent.core.text import N_, _, text_of


@click.command(
    help=N_(
        "Write a configuration from questions and a scan.\n\n"
        "Asks for the gateway, the broker, the buses, the devices and the nameplates, writes FILE, by default "
        "plant.toml, and checks it. Each answer is immediately kept in a file next to it, plant.answers.toml: after "
        "Ctrl-C the same command continues. With --answers all answers come from a file; a missing or wrong one is "
        "an error. With --browser the questions, and the commissioning that follows, are in a browser, for example on "
        "a phone at the cabinet. Exits 1 if `check` has findings, 130 after Ctrl-C."
    )
)
@click.argument("file", required=False, type=click.Path(path_type=Path), default=Path("plant.toml"))
@click.option("--answers", "answers_file", metavar="FILE", type=click.Path(path_type=Path),
              help=N_("Answers from a file, without questions; docs/how-to/init.md describes it."))  # fmt: skip
@click.option("--browser", is_flag=True, help=N_("Ask in the browser that opens the printed link; for one hour."))
@click.option("--listen", metavar="ADDRESS:PORT", default="127.0.0.1:8471", show_default=True,
              help=N_("With --browser: address of this computer at which a phone reaches it; encrypted, with a "
                      "certificate made for this session."))  # fmt: skip
@click.option("--overwrite", is_flag=True, help=N_("Replace an existing configuration without asking."))
def init(file: Path, answers_file: Path | None, browser: bool, listen: str, overwrite: bool) -> None:
    check_usage((browser and answers_file is not None, _("`--browser` cannot be combined with `--answers`")))
    if file.is_dir() or not file.absolute().parent.is_dir():
        fail(_("{path}: write the name of a file in an existing folder", path=str(file)))
    if browser:
        from agent.cli.init_browser import init_in_browser

        sys.exit(init_in_browser(file, overwrite, listen))
    _init_here(file, answers_file, overwrite)


def _init_here(file: Path, answers_file: Path | None, overwrite: bool) -> None:
    """From questions in this terminal, or from a file."""
    from agent.cli.init_dialogue import InitDialogue
    from agent.cli.init_result import finish
    from agent.cli.init_surroundings import surroundings
    from agent.commissioning.init.answers import read_answers
    from agent.commissioning.init.session import answers_path
    from agent.commissioning.init.unattended import complete
    from drivers.file_reasons import FILE_UNREADABLE
    from drivers.reasons import cause_of
    from drivers.toml_file import TomlError

    if answers_file is None:
        dialogue = InitDialogue(file, surroundings(), overwrite)
        answers = dialogue.run()
        sys.exit(finish(dialogue.file, answers, answers_path(dialogue.file)))
    try:
        answers, report = read_answers(answers_file)
    except OSError as error:
        fail(text_of(FILE_UNREADABLE(path=str(answers_file), error=cause_of(error))))
    except TomlError as error:
        fail(f"{answers_file}: {text_of(error.located)}")
    answers = complete(answers, surroundings(), report)
    for problem in report.problems:
        click.echo(problem.text(text_of), err=True)
    if report.problems:
        fail(
            _(
                "{n:d} {n:problem|problems} in {path}; nothing was written",
                n=len(report.problems),
                path=str(answers_file),
            )
        )
    if file.exists() and not overwrite:
        fail(_("{path} exists; name another file, or replace it with --overwrite", path=str(file)))
    sys.exit(finish(file, answers, answers_file))
