"""Man page and shell completions of the command line, from its definition. `make docs` writes them to deploy/share,
which the wheel installs as share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from agent import VERSION
from agent.cli import GROUPS, main
from agent.cli.simulate_fleet import fleet
from agent.core.text import use

SHARE = Path(__file__).parents[2] / "deploy" / "share"
COMPLETIONS = {
    "bash": "bash-completion/completions/magwatt",
    "zsh": "zsh/site-functions/_magwatt",
    "fish": "fish/vendor_completions.d/magwatt.fish",
}
ENVIRONMENT = {
    "MAGWATT_CONFIG": "Configuration of the plant, for commands without --config.",
    "MAGWATT_PROFILES": "Folders with own register maps, separated by colons.",
    "LANGUAGE, LC_ALL, LC_MESSAGES, LANG": "Language of the texts: English or Chinese.",
}
FILES = {
    "./plant.toml, /etc/magwatt/plant.toml": "Configuration, if neither --config nor MAGWATT_CONFIG names one.",
    "/var/lib/magwatt": "State of the service: spool, counters, ledger and its key.",
}
EXIT_STATUS = {"0": "No finding.", "1": "A finding, described in the output.", "2": "Wrong usage or configuration."}


def files() -> dict[str, str]:
    """Path below share → text."""
    return {"man/man1/magwatt.1": man_page(), **{path: completion(shell) for shell, path in COMPLETIONS.items()}}


def completion(shell: str) -> str:
    """The script that a shell loads; it asks `magwatt` for the candidates."""
    found = get_completion_class(shell)
    assert found is not None
    return found(main, {}, "magwatt", "_MAGWATT_COMPLETE").source().strip() + "\n"


def man_page() -> str:
    """The page in English: the program, then each command with its subcommands."""
    use("en")
    context = click.Context(main, info_name="magwatt", **main.context_settings)
    lines = [
        f'.TH MAGWATT 1 "" "magwatt {VERSION}" "User Commands"',
        ".SH NAME", rf"magwatt \- {_roff(_first_sentence(main.help or '').lower().rstrip('.'))}",
        ".SH SYNOPSIS", r".B magwatt", r"[\fIOPTIONS\fP] \fICOMMAND\fP [\fIARGUMENTS\fP]...",
        ".SH DESCRIPTION", *_paragraphs(main.help or ""),
        ".SH OPTIONS", *_options(main, context),
    ]  # fmt: skip
    for group, entries in GROUPS.items():
        lines += [f'.SH "{group.upper()}"']
        for name in entries:
            command = main.get_command(context, name)
            assert command is not None
            lines += _command(command, click.Context(command, context, name))
            if name == "simulate":  # which hands over to it
                lines += _command(fleet, click.Context(fleet, context, "simulate fleet"))
    for heading, items in (("EXIT STATUS", EXIT_STATUS), ("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)):
        lines += [f'.SH "{heading}"', *(line for name, text in items.items() for line in _item(name, text))]
    return "\n".join(lines) + "\n"


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    """A command and, of a group, its subcommands."""
    yield f'.SS "{context.command_path}"'
    yield _roff(" ".join((context.command_path, *command.collect_usage_pieces(context))))
    for paragraph in _paragraphs(command.help or ""):
        yield from (".PP", paragraph)
    yield from _options(command, context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from _command(child, click.Context(child, context, name))


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    """Without --help, which each command has."""
    for parameter in command.get_params(context) if context.parent is None else command.params:
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None:
            yield from _item(*record)


def _item(name: str, text: str) -> list[str]:
    return [".TP", rf"\fB{_roff(name)}\fP", _roff(" ".join(text.split()))]


def _paragraphs(text: str) -> list[str]:
    return [_roff(" ".join(paragraph.split())) for paragraph in text.split("\n\n")]


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=\.)\s", text.strip())[0]


def _roff(text: str) -> str:
    """Text without the characters that roff takes for its own."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    text = re.sub("`([^`]*)`", r"\\fB\1\\fP", text)
    return rf"\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    for path, text in files().items():
        (SHARE / path).parent.mkdir(parents=True, exist_ok=True)
        (SHARE / path).write_text(text, encoding="utf-8")
