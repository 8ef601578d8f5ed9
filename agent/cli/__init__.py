"""The command line. Each command is imported only when it runs; `--help` needs only the table in this file."""

from __future__ import annotations

import gettext
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from agent.core.columns import cells
from agent.core.text import DOMAIN, N_, _, language_of, language_of_environment, locale_folder, text_of, use
from drivers.reasons import CodedError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

C = TypeVar("C", bound=click.Command)
NUMBERS = (N_("integer"), N_("integer range"), N_("float"), N_("float range"))  # types of click in its errors


class HelpEntry(NamedTuple):
    """One row of `magwatt --help`.

    place: module of agent.cli and name of the command in it, "module:name".
    summary: the first sentence of the command's own help, without its full stop.
    """

    place: str
    summary: str


GROUPS = {
    N_("Start"): {
        "demo": HelpEntry("demo:demo", N_("Run a simulated plant, the agent and a live table")),
        "init": HelpEntry("init:init", N_("Write a configuration from questions and a scan")),
        "scan": HelpEntry("scan:scan", N_("Find the devices on a bus and their serial settings")),
        "identify": HelpEntry("identify:identify", N_("Identify the model of a device")),
        "check": HelpEntry("check:check", N_("Check a configuration without connecting to any device")),
        "plan": HelpEntry("plan:plan", N_("Show the requests and load of each bus, and MQTT topics")),
        "doctor": HelpEntry("doctor:doctor", N_("Diagnose buses, host, broker and MQTT signals")),
        "commission": HelpEntry(
            "commission:commission", N_("Commission motors: nameplate, wiring, self-check, record")
        ),
    },
    N_("Operate"): {
        "run": HelpEntry("run:run", N_("Run the agent: poll devices, compute metrics, publish")),
        "health": HelpEntry("health:health", N_("Report whether the running agent produces rows")),
        "read": HelpEntry("read:read", N_("Poll devices and print the decoded values")),
        "watch": HelpEntry("watch:watch", N_("Show a live table of all motors from an MQTT broker")),
        "web": HelpEntry("web:web", N_("Serve the page of the plant to browsers")),
        "modbus-server": HelpEntry(
            "modbus_server:modbus_server", N_("Serve the newest values to Modbus TCP clients, read only")
        ),
        "opcua": HelpEntry("opcua:opcua", N_("Serve the newest values to OPC UA clients, read only")),
        "explain": HelpEntry("explain:explain", N_("Explain the current efficiency of a motor, and its condition")),
        "condition": HelpEntry("condition:condition", N_("Show what was learned about the condition of motors")),
        "alarms": HelpEntry("alarms:alarms", N_("List the alarms, acknowledge and shelve them")),
        "maintenance": HelpEntry("maintenance:maintenance", N_("Put a motor in maintenance to suppress its alarms")),
        "resume": HelpEntry("resume:resume", N_("Resume a bus that another master stopped")),
    },
    N_("Savings"): {
        "import": HelpEntry(
            "import_history:import_history", N_("Import meter history or model inputs from a CSV file")
        ),
        "baseline": HelpEntry("baseline:baseline", N_("Fit, freeze and show the baseline model of a motor")),
        "adjustment": HelpEntry("adjustment:adjustment", N_("List non-routine events and record how each is treated")),
        "certificate": HelpEntry(
            "certificate:certificate", N_("Print a digital calibration certificate (DCC) as keys")
        ),
        "contract": HelpEntry("contract:contract", N_("Sign and show the plan and the months of a contract")),
        "report": HelpEntry("report:report", N_("Write the savings report of a month (HTML, CSV, JSON)")),
        "ledger": HelpEntry("ledger:ledger", N_("Verify the signed ledger of savings records")),
    },
    N_("Data and tools"): {
        "replay": HelpEntry("replay:replay", N_("Analyse a recording: power, harmonics, events, condition")),
        "simulate": HelpEntry("simulate:simulate", N_("Serve a simulated plant or virtual Modbus devices")),
        "fleet": HelpEntry("fleet:fleet", N_("Ask questions about a lake of many gateways")),
        "profiles": HelpEntry("profiles:profiles", N_("List, show and check register maps")),
        "backup": HelpEntry("backup:backup", N_("Write state, ledger, key and configuration into one file")),
        "restore": HelpEntry("backup:restore", N_("Restore a backup on this or on a new computer")),
        "compile": HelpEntry("compile:compile_kernels", N_("Compile the signal-processing kernels into the cache")),
    },
}


_PIECES = re.compile(  # a line may break between spaces, words and wide characters, but not before their punctuation
    r"\s+|[(\[（《“]*(?:[\u2e80-\uffef]|[^\s（《“\u2e80-\uffef]+)[,.;:!?)\]、。》”！），：；？]*|."
)


def wrapped(text: str, width: int) -> list[str]:
    """A paragraph as lines of at most this many cells; a longer word has its own line."""
    lines = [""]
    for piece in _PIECES.findall(text):
        if piece.isspace():
            lines[-1] += " " if lines[-1] else ""
        elif not lines[-1] or cells(lines[-1] + piece) <= width:
            lines[-1] += piece
        else:
            lines.append(piece)
    return [line.rstrip() for line in lines]


class HelpFormatter(click.HelpFormatter):
    """Wraps by cells of the terminal, not by characters, and writes the colon of the language."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        usage = _("Usage:")
        super().write_usage(prog, args, prefix or (usage if cells(usage[-1]) == 2 else f"{usage} "))

    def write_heading(self, heading: str) -> None:
        self.write(f"{'':{self.current_indent}}{heading}{_(': ').rstrip()}\n")

    def write_text(self, text: str) -> None:
        indent = " " * self.current_indent
        paragraphs = (wrapped(each, self.width - self.current_indent) for each in text.split("\n\n"))
        self.write("\n\n".join("\n".join(indent + line for line in lines) for lines in paragraphs) + "\n")

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        rows = list(rows)
        left = min(max(cells(term) for term, _text in rows), col_max) + col_spacing
        indent, margin = " " * self.current_indent, " " * (self.current_indent + left)
        for term, text in rows:
            lines = wrapped(text, max(self.width - len(margin), 10)) if text else []
            if not lines or cells(term) > left - col_spacing:
                self.write(f"{indent}{term}\n")
            else:
                self.write(f"{indent}{term}{' ' * (left - cells(term))}{lines.pop(0)}\n")
            self.write("".join(f"{margin}{line}\n" for line in lines))


class Context(click.Context):
    formatter_class = HelpFormatter


class LazyGroup(click.Group):
    """The commands of GROUPS; each module is imported when its command is used."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for entries in GROUPS.values() for name in entries]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for entries in GROUPS.values():
            if entry := entries.get(cmd_name):
                module, _, name = entry.place.partition(":")
                command = getattr(import_module(f"agent.cli.{module}"), name)
                assert isinstance(command, click.Command)
                return translated(command)
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.list_commands(ctx)))
        for heading, entries in GROUPS.items():
            with formatter.section(_(heading)):
                formatter.write_dl([(name.ljust(width), _(entry.summary)) for name, entry in entries.items()])

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        click.Group.format_help(translated(self), ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands without importing them, and options of `magwatt` itself."""
        from click.shell_completion import CompletionItem

        entries = [(name, entry) for group in GROUPS.values() for name, entry in group.items()]
        found = [CompletionItem(name, help=_(entry.summary)) for name, entry in entries if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = _("Show this message and exit.")
        return option

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; an error with a reason ends it with one line (traceback: --verbose) and exit code 2, or 1 if
        another process uses the state."""
        try:
            return super().invoke(ctx)
        except CodedError as error:
            import logging

            from agent.cli.options import FINDING, WRONG
            from agent.delivery.store.reasons import STATE_DIR_IN_USE

            logging.getLogger("agent").debug("command failed", exc_info=True)
            click.echo(text_of(error), err=True)
            sys.exit(FINDING if error.reason.code == STATE_DIR_IN_USE else WRONG)

    def main(self, *args: Any, **extra: Any) -> Any:
        with _language_kept():
            return super().main(*args, **extra)


def translated(command: C) -> C:
    """A copy of a command with help texts in the language of this process; they are marked by `N_`."""
    found = copy(command)
    found.context_class = Context
    if command.help:
        found.help = _(command.help)
    found.params = [_translated_parameter(parameter) for parameter in command.params]
    if isinstance(found, click.Group) and isinstance(command, click.Group):
        found.commands = {name: translated(each) for name, each in command.commands.items()}
    return found


def _translated_parameter(parameter: click.Parameter) -> click.Parameter:
    found = copy(parameter)
    if parameter.type.name in NUMBERS:
        found.type = copy(parameter.type)
        found.type.name = _(parameter.type.name)
    if isinstance(found, click.Option) and found.help:
        found.help = _(found.help)
    return found


@contextmanager
def _language_kept() -> Iterator[None]:
    """Uses the language of the environment for this package and click; undoes changes by `--lang` at the end."""
    before = os.environ.get("LANGUAGE")
    gettext.bindtextdomain(DOMAIN, locale_folder())
    gettext.textdomain(DOMAIN)
    _use_language(None, None, language_of_environment())
    try:
        yield
    finally:
        os.environ.pop("LANGUAGE")
        if before is not None:
            os.environ["LANGUAGE"] = before
        use(None)


def _use_language(_context: object, _parameter: object, name: str | None) -> None:
    """Switches all texts to a language. gettext reads the variable LANGUAGE, in click and in child processes, too."""
    if name is not None:
        os.environ["LANGUAGE"] = language_of(name) or "en"
        use(None)


def _show_version(context: click.Context, _parameter: object, wanted: bool) -> None:
    if wanted:
        from agent import VERSION

        click.echo(_("magwatt, version {version}", version=VERSION))
        context.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=N_(
        "Measure the efficiency and energy savings of motors on variable-frequency drives, with their uncertainty."
    ),
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version,
    help=N_("Show the version and exit."),
)  # fmt: skip
@click.option(
    "--lang", metavar="LANG", is_eager=True, expose_value=False, callback=_use_language,
    help=N_("Language of texts: en or zh. [default: that of the environment]"),
)  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help=N_("Also log debug messages."))
def main(verbose: bool) -> None:
    import logging

    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO, format="%(asctime)s %(levelname)s %(message)s",
        datefmt="%H:%M:%S",
    )  # fmt: skip
    if os.environ.get("MAGWATT_PROFILES"):
        from agent.config.loader import profile_folders
        from drivers.profiles import set_profile_folders

        set_profile_folders(profile_folders())
    for name in ("pymodbus", "amqtt", "transitions", "asyncio", "numba"):  # magwatt logs the same faults itself
        logging.getLogger(name).setLevel(logging.CRITICAL)
