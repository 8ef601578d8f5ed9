"""The commands of the command line, with those of their groups."""

from __future__ import annotations

from collections.abc import Iterator

import click


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Path and command, also of each command that help lists, at any depth."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from commands(found, f"{path} {name}")
