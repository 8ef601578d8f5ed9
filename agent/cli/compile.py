"""`magwatt compile`."""

from __future__ import annotations

import time

import click

from agent.core.text import N_, _


@click.command(
    "compile",
    help=N_(
        "Compile the signal-processing kernels into the cache.\n\n"
        "Needed once after each installation or upgrade; takes about a minute."
    ),
)
def compile_kernels() -> None:
    from agent.core.kernel_cache import is_complete, use_cache
    from agent.core.linear_algebra import check_linear_algebra

    check_linear_algebra()
    if is_complete():
        click.echo(_("kernels are already compiled in {directory}", directory=str(use_cache())))
        return
    compile_with_progress()
    click.echo(_("kernels compiled into {directory}", directory=str(use_cache())))


def compile_with_progress() -> None:
    """Compiles what is missing. Prints the progress: to a terminal in one line, else a line for each tenth."""
    from rich.console import Console

    from agent.core.kernel_cache import compile_kernels

    console, started_s, printed = Console(), time.monotonic(), -1

    def report(done: int, total: int) -> None:
        nonlocal printed
        text = _(
            "compiling kernels: {done:d} of {total:d}, {elapsed_s:.0f} s",
            done=done, total=total, elapsed_s=time.monotonic() - started_s,
        )  # fmt: skip
        if console.is_terminal:
            status.update(text)
        elif (tenth := 10 * done // total) > printed:
            printed = tenth
            click.echo(text)

    first = _("compiling kernels; needed once after each installation or upgrade, takes about a minute")
    if not console.is_terminal:
        click.echo(first)
    with console.status(first) as status:
        compile_kernels(report)
