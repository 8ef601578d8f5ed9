"""The questions of `magwatt init` in a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
import termios
from pathlib import Path

import click

from agent.cli import wrapped
from agent.cli.options import fail
from agent.cli.scan_view import ProgressLines, format_devices
from agent.commissioning.discovery.scan import Scan
from agent.commissioning.discovery.scan_result import ScanOptions, ScanResult, Target, advice_without_device
from agent.commissioning.init import reasons as codes
from agent.commissioning.init.answers import Answers
from agent.commissioning.init.question import UNSET, YES_NO, OpenQuestion, ScanStep
from agent.commissioning.init.session import HEADINGS, PASSWORD_FILE, InitSession, answers_path, write_password
from agent.commissioning.init.steps import Surroundings
from agent.config.schema import reason_of_error
from agent.core.columns import cells, padded
from agent.core.text import _, text_of
from drivers.errors import ConnectFailed, ForeignMasterActive, LinkClosed
from drivers.file_reasons import FILE_UNWRITABLE
from drivers.reasons import cause_of
from drivers.toml_file import TomlError

INTERRUPTED = 130  # exit code
TYPED_MIN = 12  # columns for what is typed after the question
BACK = "<"  # typed to return to the previous question


class InitDialogue:
    """Asks until every question is answered.

    file: the configuration to write; it changes if the operator names another one.
    """

    def __init__(self, file: Path, around: Surroundings, overwrite: bool = False) -> None:
        self.file, self._around, self._overwrite = file, around, overwrite
        self._heading = ""

    def run(self) -> Answers:
        """The complete answers. Ctrl-C ends the program; the answers are kept."""
        session = InitSession(self.file, self._around)
        try:
            self._choose_file()
            session = InitSession(self.file, self._around)
            if not resume(session):
                click.echo(_("< returns to the previous question. Ctrl-C ends the questions; the answers are kept."))
            while step := session.step:
                if isinstance(step, ScanStep):
                    _scan(session, step)
                else:
                    self._ask(session, step)
        except OSError as error:
            fail(text_of(FILE_UNWRITABLE(path=str(session.answers_file), error=cause_of(error))))
        except (click.Abort, KeyboardInterrupt):
            click.echo()
            say_kept(session, f"magwatt init {self.file}")
            sys.exit(INTERRUPTED)
        return session.answers

    def _choose_file(self) -> None:
        """An existing configuration is replaced only if the operator permits it."""
        while self.file.exists() and not self._overwrite:
            kept = answers_path(self.file)
            if kept.exists():
                _say(_(
                    "{path} exists. yes: write it again from the answers in {answers}, with questions for missing "
                    "ones only. no: change nothing. Or the name of another file",
                    path=str(self.file), answers=str(kept),
                ))  # fmt: skip
                _say(_(
                    "To change an answer: edit {answers}, then: magwatt init {path} --answers {answers} --overwrite",
                    path=str(self.file), answers=str(kept),
                ))  # fmt: skip
            else:
                _say(_(
                    "{path} exists. yes: replace it at the end; no: change nothing; or the name of another file",
                    path=str(self.file),
                ))  # fmt: skip
            typed = str(click.prompt("", prompt_suffix="> ")).strip()
            if typed.casefold() in ("n", "no"):
                _say(_("Nothing was changed."))
                sys.exit(0)
            if typed.casefold() in ("y", "yes"):
                self._overwrite = True
            elif Path(typed).absolute().parent.is_dir():
                self.file = Path(typed)

    def _ask(self, session: InitSession, question: OpenQuestion) -> None:
        """Takes an answer, or returns to the previous question."""
        if (heading := HEADINGS[question.key[0]]) != self._heading:
            self._heading = heading
            click.secho(f"\n{_(heading)}", bold=True)
        prompt = _shown(question)
        while True:
            typed = str(click.prompt("", default="", show_default=False, prompt_suffix=prompt))
            if typed.strip() == BACK:
                if not session.back():
                    _say(_("This is the first question. All answers are in {path}", path=str(session.answers_file)))
                return
            try:
                session.answer(question, typed)
            except ValueError as error:
                cause = reason_of_error(error)
                rejected = codes.ANSWER_REJECTED(typed=typed, cause=cause) if typed.strip() else cause
                _say(text_of(rejected), "  ")
                continue
            if question.key == PASSWORD_FILE and (path := session.password_file()):
                _ask_password(path)
            return


def resume(session: InitSession) -> bool:
    """Takes over the answers of an interrupted session; False: there are none. Wrong ones end the program."""
    kept = session.answers_file
    try:
        report = session.resume()
    except (OSError, TomlError) as error:
        fail(f"{kept}: {text_of(error.located if isinstance(error, TomlError) else error)}")
    if report is None:
        return False
    for problem in report.problems:
        click.echo(problem.text(text_of), err=True)
    if report.problems:
        fail(_("Correct {path}, or delete it to start again.", path=str(kept)))
    click.echo(_("Continuing with the answers in {path}; delete it to start again.", path=str(kept)))
    return True


def say_kept(session: InitSession, command: str) -> None:
    """Prints where the answers are. command: that continues."""
    if session.answers:
        click.echo(_(
            "The answers until here are kept in {answers}. To continue: {command}",
            answers=str(session.answers_file), command=command,
        ))  # fmt: skip


def _shown(question: OpenQuestion) -> str:
    """Prints a question and its choices; returns the prompt."""
    columns = shutil.get_terminal_size().columns - 1
    text = question.text
    if question.empty and not question.none:
        text = codes.OR_ENTER(question=text, meaning=question.empty)
    *paragraphs, last = map(text_of, (*question.notes, text))
    shown = f" [{question.default}]" if question.default not in (UNSET, None, "", ()) else ""
    shown = " (yes/no)" if question.choices is YES_NO else shown
    if (not question.choices and cells(last + shown) + TYPED_MIN <= columns) or question.choices is YES_NO:
        prompt = f"{last}{shown} > "  # in one line
    else:
        paragraphs.append(last)
        prompt = f"{shown.lstrip()} > ".lstrip()
    for paragraph in paragraphs:
        _say(paragraph)
    click.echo(_choices(question), nl=False)
    return prompt


def _ask_password(path: Path) -> None:
    click.echo(_("{path} does not exist. Password, which is not shown; Enter: create the file later", path=str(path)))
    if password := click.prompt("", default="", show_default=False, hide_input=True, prompt_suffix="> "):
        try:
            write_password(path, password)
        except OSError as error:
            click.echo(f"  {text_of(error)}")


def _scan(session: InitSession, step: ScanStep) -> None:
    """Scans a bus. Ctrl-C ends the scan and the questions."""
    target, options = session.begin_scan(step)
    try:
        result = scan_bus(target, options)
    except (ConnectFailed, LinkClosed, ForeignMasterActive) as error:
        _say(text_of(error), "  ")
        return session.end_scan(step, error)
    finally:
        discard_typed()
    session.end_scan(step, result)
    click.echo()
    if result.stopped:
        _say(text_of(codes.SCAN_INTERRUPTED(bus=step.bus)))
        raise click.Abort
    for line in format_devices(result, evidence=False).splitlines():
        _say(line)
    if not result.found:
        _say(text_of(advice_without_device(result)))


def _say(text: str, margin: str = "") -> None:
    """A paragraph, wrapped if it is wider than the terminal."""
    columns = shutil.get_terminal_size().columns - 1 - len(margin)
    for line in [text.rstrip()] if cells(text) <= columns else wrapped(text, columns):
        click.echo(margin + line)


def discard_typed() -> None:
    """Discards what was typed into the terminal during a scan: it answers no question that was shown."""
    if sys.stdin.isatty():
        termios.tcflush(sys.stdin, termios.TCIFLUSH)


def _choices(question: OpenQuestion) -> str:
    """The choices, one per line; nothing for yes or no."""
    if question.choices is YES_NO:
        return ""
    width = max((cells(choice.typed) for choice in question.choices), default=0)
    labels = [text_of(choice.label) if choice.label else "" for choice in question.choices]
    return "".join(
        f"  {n}  {padded(choice.typed, width)}  {label}".rstrip() + "\n"
        for n, (choice, label) in enumerate(zip(question.choices, labels, strict=True), 1)
    )


def scan_bus(target: Target, options: ScanOptions) -> ScanResult:
    """Scans a bus; Ctrl-C ends the scan with what was found until then. Raises LinkClosed and ForeignMasterActive."""

    async def main() -> ScanResult:
        scan = Scan(target, options, ProgressLines())
        with contextlib.suppress(ValueError, NotImplementedError):  # not in the main thread
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, scan.stop.set)
        return await scan.run()

    return asyncio.run(main())
