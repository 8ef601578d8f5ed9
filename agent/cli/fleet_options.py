"""Options of `magwatt fleet`, and what it needs."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from agent.cli.options import fail
from agent.core.text import N_, _

lake_option = click.option(
    "--lake", "lake_dir", metavar="DIR", default="lake", show_default=True, type=click.Path(path_type=Path),
    help=N_("Directory of the lake."),
)  # fmt: skip


def month_option(*names: str, **options: Any) -> Callable[[Any], Any]:
    """An option whose value is a month, 2026-10."""

    def checked(_context: click.Context, parameter: click.Parameter, text: str | None) -> str | None:
        if text is not None and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
            fail(_("{option} {text}: expected a month, for example 2026-10", option=parameter.opts[0], text=text))
        return text

    return click.option(*names, metavar="YYYY-MM", callback=checked, **options)


def progress(text: str) -> Callable[[int, int], None]:
    """Shows in a line of the terminal how much is done. text: with {done:d} and {of:d}, marked by `N_`."""

    def show(done: int, of: int) -> None:
        if sys.stderr.isatty():
            click.echo("\r" + _(text, done=done, of=of), err=True, nl=done == of)

    return show


def need_libraries(*more: str) -> None:
    """Ends the command if a library of the lake is missing."""
    from agent.delivery.output_libraries import is_installed

    for library in ("pyarrow", "duckdb", *more):
        if not is_installed(library):
            fail(_("{library} is not installed; run pip install 'magwatt[fleet]'", library=library))
