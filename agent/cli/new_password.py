"""Asks for a new password, which the page and the OPC UA server store as a hash."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agent.cli.options import fail
from agent.core.text import _, text_of
from drivers.reasons import CodedError


def ask_and_store(file: Path, prompt: str) -> None:
    """Asks twice in a terminal, otherwise reads a line. Exits with WRONG if nothing was stored."""
    from agent.core.password_hash import write_hash

    if sys.stdin.isatty():
        first = click.prompt(prompt, hide_input=True)
        if click.prompt(_("once more"), hide_input=True) != first:
            fail(_("the passwords differ; nothing was changed"))
    else:
        first = sys.stdin.readline().rstrip("\r\n")
    try:
        write_hash(file, first)
    except (CodedError, OSError) as error:
        fail(text_of(error))
