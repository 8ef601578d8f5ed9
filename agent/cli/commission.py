"""`magwatt commission`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.options import FINDING, check_usage, config_option, fail, load, plant_file, split_file
from agent.core.text import N_, _, text_of

if TYPE_CHECKING:
    from agent.commissioning.wizard.dialogue import Dialogue
    from agent.config.model import Config


@click.command(
    help=N_(
        "Commission motors: nameplate, wiring, self-check, record.\n\n"
        "FILE is the configuration, the same as --config FILE; the first argument is a file if it ends in .toml or "
        "exists. NAME is a motor, a shared meter or one of their devices; without NAME all motors are commissioned. "
        "Statements without a reply stay open: without a terminal, give the replies with --answers. Exits 1 if "
        "there are open points."
    )
)
@click.argument("words", nargs=-1, metavar="[FILE] [NAME]...")
@config_option
@click.option("--by", metavar="NAME", help=N_("Name of the operator. [default: that of --answers, else prompt for it]"))
@click.option("--answers", "answers_file", metavar="FILE", type=click.Path(path_type=Path),
              help=N_(
                  "Replies to the statements (TOML, docs/how-to/selfcheck.md); the others are not checked."
              ))  # fmt: skip
@click.option("--write-answers", metavar="FILE", type=click.Path(path_type=Path),
              help=N_("Write a file for --answers in which nothing is checked, and exit."))  # fmt: skip
@click.option("--readings", type=click.IntRange(3, 1000), metavar="N", default=10, show_default=True,
              help=N_("Number of readings for the self-check."))  # fmt: skip
@click.option("--batch", is_flag=True, help=N_("Run the self-check only, without questions."))
@click.option("--output-dir", metavar="DIR", type=click.Path(path_type=Path),
              help=N_("Folder for the records. [default: commissioning/ next to the configuration]"))  # fmt: skip
def commission(
    words: tuple[str, ...], config_file: Path | None, by: str | None, answers_file: Path | None,
    write_answers: Path | None, readings: int, batch: bool, output_dir: Path | None,
) -> None:  # fmt: skip
    import asyncio

    from agent.commissioning.wizard.wizard import commission_plant, records_folder
    from agent.core.columns import padded

    check_usage((batch and answers_file is not None, _("`--batch` cannot be combined with `--answers`")))
    file, names = split_file(words)
    config = plant_file(config_file, file)
    loaded, report = load(config)
    motors = [motor for name in names for motor in _motors_of(loaded, name)]
    if write_answers is not None:
        _write_answers(loaded, motors, by, write_answers)
        return
    by, dialogue = _dialogue(loaded, by, answers_file, batch)
    for item in report.findings:
        click.echo(f"{padded(_(item.level), 8)} {item.text(text_of)}", err=True)
    folder = output_dir or records_folder(config)
    try:
        records = asyncio.run(commission_plant(loaded, folder, by, dialogue, motors, readings))
    except OSError as error:
        fail(text_of(error))
    points = [point for record in records for point in (record.findings if batch else record.open_points)]
    sys.exit(FINDING if report.findings or points else 0)


def _motors_of(config: Config, name: str) -> list[str]:
    """The motors and shared meters of a name on the command line; exits if it is unknown."""
    from agent.config.schema import unknown_reference
    from agent.config.topology import assets

    known = assets(config)
    found = [asset.name for asset in known if asset.name == name]
    found = found or [asset.name for asset in known if name in asset.devices]
    if not found:
        fail(f"{name}: {text_of(unknown_reference('motor', name, [asset.name for asset in known]))}")
    return found


def _dialogue(config: Config, by: str | None, answers_file: Path | None, batch: bool) -> tuple[str, Dialogue]:
    """The name of the operator, and where the replies come from."""
    from agent.cli.commission_dialogue import TerminalDialogue
    from agent.commissioning.wizard.answers import AnswersFile, operator_name, read_answers
    from agent.commissioning.wizard.dialogue import Dialogue
    from agent.commissioning.wizard.questions import all_questions
    from drivers.file_reasons import FILE_UNREADABLE
    from drivers.reasons import cause_of

    try:
        by = operator_name(by) if by is not None else ""
    except ValueError as error:
        fail(f"--by: {text_of(error)}")
    answers = AnswersFile()
    if answers_file is not None:
        try:
            answers = read_answers(answers_file, all_questions(config))
        except OSError as error:
            fail(text_of(FILE_UNREADABLE(path=str(answers_file), error=cause_of(error))))
        except ValueError as error:
            fail(f"{answers_file}: {text_of(error)}")
    by, terminal = by or answers.by, TerminalDialogue(click.echo, _read_line)
    interactive = answers_file is None and not batch and sys.stdin is not None and sys.stdin.isatty()
    if not by and not batch:
        check_usage((not interactive, _("--by: missing; give the name of the operator")))
        try:
            by = terminal.operator()
        except EOFError:
            raise click.Abort from None
    if interactive:
        click.echo(_("Reply to each statement with y (yes), n (no; then enter the actual state) or s (not checked)."))
        return by, Dialogue(click.echo, terminal.ask)
    if answers_file is None and not batch:
        click.echo(_("The input is not a terminal: nothing is confirmed without `--answers`."), err=True)
    return by, Dialogue(click.echo, answers.answer)


def _read_line(prompt: str) -> str:
    click.echo(prompt, nl=False)
    if not (line := sys.stdin.readline()):
        click.echo()
        raise EOFError
    return line


def _write_answers(config: Config, motors: list[str], by: str | None, path: Path) -> None:
    from agent.commissioning.wizard.answers import new_file
    from agent.commissioning.wizard.questions import all_questions

    heading = _('Replace "not checked" by "yes" where you have compared it at the cabinet, otherwise by "no".')
    questions = [item for item in all_questions(config) if not motors or item.asset in motors]
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(new_file(questions, by or "", heading))
    except OSError as error:
        fail(f"{path}: {text_of(error)}")
    click.echo(_("Next: `magwatt commission --answers {file}`", file=str(path)))
