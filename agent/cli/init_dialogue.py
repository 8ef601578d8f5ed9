"""The questions of `magwatt init` in a terminal. Each answer is in the answers file before the next question."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import termios
from pathlib import Path

import click

from agent.cli import wrapped
from agent.cli.options import fail
from agent.cli.scan_view import ProgressLines, format_devices, next_step_without_device
from agent.commissioning.discovery.scan import Scan
from agent.commissioning.discovery.scan_result import ScanOptions, ScanResult, Target, parse_expected
from agent.commissioning.init import reasons as codes
from agent.commissioning.init.answers import Answers, as_toml, read_answers, value_of, write_atomically
from agent.commissioning.init.buses import setting_of, with_scan, with_scan_due
from agent.commissioning.init.previous import previous
from agent.commissioning.init.question import UNSET, YES_NO, OpenQuestion, ScanStep
from agent.commissioning.init.steps import Surroundings, next_step
from agent.config import keys
from agent.config.schema import reason_of_error
from agent.core.columns import cells, padded
from agent.core.text import N_, _, text_of
from drivers.errors import ConnectFailed, ForeignMasterActive, LinkClosed
from drivers.file_reasons import FILE_UNWRITABLE
from drivers.reasons import cause_of
from drivers.toml_file import TomlError

INTERRUPTED = 130  # exit code
TYPED_MIN = 12  # columns for what is typed after the question
BACK = "<"  # typed to return to the previous question
HEADINGS = {
    "site": N_("Gateway"), "store": N_("Gateway"), "mqtt": N_("Broker"), "bus": N_("Buses"), "init": N_("Buses"),
    "meter": N_("Meters"), "drive": N_("Drives"), "motor": N_("Motors"),
}  # fmt: skip


class InitDialogue:
    """Asks until every question is answered.

    file: the configuration to write; it changes if the operator names another one.
    """

    def __init__(self, file: Path, around: Surroundings, overwrite: bool = False) -> None:
        self.file, self._around, self._overwrite = file, around, overwrite
        self._heading, self._stopped = "", False

    def run(self) -> Answers:
        """The complete answers. Ctrl-C ends the program; the answers are kept."""
        answers: Answers = {}
        try:
            self._choose_file()
            answers = self._kept()
            before: list[Answers] = []  # at the questions of this run
            while step := next_step(answers, self._around):
                if isinstance(step, ScanStep):
                    answers = self._scanned(step, answers)
                elif (found := self._asked(step, answers)) is not None:
                    before.append(answers)
                    answers = found
                else:
                    answers = before.pop() if before else self._earlier(answers)
                write_atomically(answers_path(self.file), as_toml(answers))
                if self._stopped:
                    raise click.Abort
        except OSError as error:
            fail(text_of(FILE_UNWRITABLE(path=str(answers_path(self.file)), error=cause_of(error))))
        except (click.Abort, KeyboardInterrupt):
            click.echo()
            if answers:
                click.echo(_(
                    "The answers until here are kept in {answers}. To continue: magwatt init {file}",
                    answers=str(answers_path(self.file)), file=str(self.file),
                ))  # fmt: skip
            sys.exit(INTERRUPTED)
        return answers

    def _earlier(self, answers: Answers) -> Answers:
        """The answers without the last one of an earlier session."""
        found = previous(answers, self._around)
        if found is None:
            _say(_("This is the first question. All answers are in {path}", path=str(answers_path(self.file))))
        return answers if found is None else found

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

    def _kept(self) -> Answers:
        """The answers of an interrupted run."""
        kept = answers_path(self.file)
        if not kept.exists():
            click.echo(_("< returns to the previous question. Ctrl-C ends the questions; the answers are kept."))
            return {}
        try:
            answers, report = read_answers(kept)
        except (OSError, TomlError) as error:
            fail(f"{kept}: {text_of(error.located if isinstance(error, TomlError) else error)}")
        for problem in report.problems:
            click.echo(problem.text(text_of), err=True)
        if report.problems:
            fail(_("Correct {path}, or delete it to start again.", path=str(kept)))
        click.echo(_("Continuing with the answers in {path}; delete it to start again.", path=str(kept)))
        return answers

    def _asked(self, question: OpenQuestion, answers: Answers) -> Answers | None:
        """The answers with that of the operator; a wrong one is rejected. None: back to the previous question."""
        if (heading := HEADINGS[question.key[0]]) != self._heading:
            self._heading = heading
            click.secho(f"\n{_(heading)}", bold=True)
        columns = shutil.get_terminal_size().columns - 1
        *paragraphs, last = map(text_of, (*question.notes, question.text))
        shown = f" [{question.default}]" if question.default not in (UNSET, None, "", ()) else ""
        shown = " (yes/no)" if question.choices is YES_NO else shown
        if (not question.choices and cells(last + shown) + TYPED_MIN <= columns) or question.choices is YES_NO:
            prompt = f"{last}{shown} > "  # in one line
        else:
            paragraphs.append(last)
            prompt = f"{shown.lstrip()} > ".lstrip()
        for text in paragraphs:
            _say(text)
        click.echo(_choices(question), nl=False)
        while True:
            typed = str(click.prompt("", default="", show_default=False, prompt_suffix=prompt))
            if typed.strip() == BACK:
                return None
            try:
                answers = question.answered(answers, question.value(typed))
            except ValueError as error:
                cause = reason_of_error(error)
                rejected = codes.ANSWER_REJECTED(typed=typed, cause=cause) if typed.strip() else cause
                _say(text_of(rejected), "  ")
                continue
            if question.key == ("mqtt", "password_file"):
                self._ask_password(answers)
            return answers

    def _ask_password(self, answers: Answers) -> None:
        """Creates the password file, readable by its owner only, if there is none."""
        path = self.file.parent / answers["mqtt"]["password_file"]
        if path.exists():
            return
        click.echo(
            _("{path} does not exist. Password, which is not shown; Enter: create the file later", path=str(path))
        )
        if password := click.prompt("", default="", show_default=False, hide_input=True, prompt_suffix="> "):
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    file.write(password + "\n")
            except OSError as error:
                click.echo(f"  {text_of(error)}")

    def _scanned(self, step: ScanStep, answers: Answers) -> Answers:
        """The answers with the devices of a bus; without any, the question whether to scan follows again.

        Nothing of an interrupted scan is kept: it does not show which devices are missing.
        """
        again = with_scan_due(answers, step.bus)
        due = with_scan_due(answers, step.bus, "interrupted")
        write_atomically(answers_path(self.file), as_toml(due))  # also for a scan that ends with the process
        try:
            result = scan_bus(*_scan_of(answers, step.bus))
        except ConnectFailed as error:
            _say(text_of(error), "  ")
            return with_scan_due(answers, step.bus, "unreachable")
        except (LinkClosed, ForeignMasterActive) as error:
            _say(text_of(error), "  ")
            return again
        finally:
            discard_typed()
        if result.stopped:
            self._stopped = True
            click.echo()
            _say(text_of(codes.SCAN_INTERRUPTED(bus=step.bus)))
            return due
        click.echo()
        for line in format_devices(result, evidence=False).splitlines():
            _say(line)
        if not result.found:
            _say(next_step_without_device(result))
            return again
        return with_scan(answers, step.bus, result)


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


def answers_path(file: Path) -> Path:
    """The answers file of a configuration: plant.answers.toml of plant.toml."""
    return file.with_name(f"{file.stem}.answers.toml")


def scan_bus(target: Target, options: ScanOptions) -> ScanResult:
    """Scans a bus; Ctrl-C ends the scan with what was found until then. Raises LinkClosed and ForeignMasterActive."""

    async def main() -> ScanResult:
        scan = Scan(target, options, ProgressLines())
        with contextlib.suppress(ValueError, NotImplementedError):  # not in the main thread
            asyncio.get_running_loop().add_signal_handler(signal.SIGINT, scan.stop.set)
        return await scan.run()

    return asyncio.run(main())


def _scan_of(answers: Answers, bus: str) -> tuple[Target, ScanOptions]:
    table, state = answers["bus"][bus], answers["init"]["bus"][bus]
    setting = setting_of(answers, bus)
    expected = parse_expected(str(state["expect"])) if state.get("expect") else None
    # Unit identifiers on the labels: only these are queried, so that the scan is short.
    units = expected.units if expected and expected.units else ScanOptions().units
    options = ScanOptions(units, fc03=state["fc03"], expected=expected)
    if "serial" in table:
        return Target(serial=table["serial"], setting=setting), options
    host, port = keys.BUS["tcp"].convert(table["tcp"])
    return Target(host=host, port_number=port, rtu=value_of(table, ("framing",)) == "rtu", setting=setting), options
