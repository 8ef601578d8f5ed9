"""`magwatt compile`."""

from __future__ import annotations

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
    from agent.core.kernel_cache import compile_kernels, is_complete, use_cache
    from agent.core.linear_algebra import check_linear_algebra

    check_linear_algebra()
    if is_complete():
        click.echo(_("kernels are already compiled in {directory}", directory=str(use_cache())))
        return
    click.echo(_("compiling kernels …"))
    compile_kernels()
    click.echo(_("kernels compiled into {directory}", directory=str(use_cache())))
