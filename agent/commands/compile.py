"""`magwatt compile`."""

from __future__ import annotations

import click


@click.command("compile")
def compile_kernels() -> None:
    """Compile the signal-processing kernels into the cache.

    Needed once after each installation or upgrade; takes about a minute.
    """
    from agent.kernels import is_warm, use_cache, warm_here

    if is_warm():
        click.echo(f"kernels are already compiled in {use_cache()}")
        return
    click.echo("compiling kernels …")
    warm_here()
    click.echo(f"kernels compiled into {use_cache()}")
