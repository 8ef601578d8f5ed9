"""`magwatt commission`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agent.commands.options import FINDING, config_option, fail, load, plant_file, split_file


@click.command()
@click.argument("words", nargs=-1, metavar="[FILE] [MOTOR]...")
@config_option
@click.option("--by", metavar="NAME", help="Name of the person who commissions. [default: asked for]")
@click.option("--readings", type=click.IntRange(3, 1000), default=10, show_default=True,
              help="Number of readings for the self-check.")  # fmt: skip
@click.option("--batch", is_flag=True, help="Run the self-check only, without questions.")
@click.option("--output-dir", metavar="DIR", type=click.Path(path_type=Path),
              help="Folder for the records. [default: commissioning/ in the folder of the configuration]")  # fmt: skip
def commission(
    words: tuple[str, ...], config_file: Path | None, by: str | None, readings: int, batch: bool,
    output_dir: Path | None,
) -> None:  # fmt: skip
    """Commission motors: nameplate, wiring, self-check, record.

    FILE is the configuration, the same as --config FILE; the first argument is a file if it ends in .toml or exists.
    Without MOTOR all motors are commissioned. Exits 1 if there are open points.
    """
    import asyncio

    from agent.clock import SystemClock
    from agent.commission import Answers
    from agent.commission import commission as walk
    from agent.schema import nearest
    from agent.store import Store, StoreError, default_directory
    from agent.topology import assets

    file, motors = split_file(words)
    config = plant_file(config_file, file)
    loaded, report = load(config)
    known = [asset.name for asset in assets(loaded)]
    for name in motors:
        if name in known:
            continue
        if near := nearest(name, known):
            fail(f"{name}: no such motor or shared meter; did you mean '{near}'?")
        fail(f"{name}: no such motor or shared meter; the configuration has: {', '.join(known)}")
    for line in report.findings:
        click.echo(f"finding  {line}", err=True)

    def ask(question: str) -> tuple[str, str]:
        if batch:
            return "not asked", ""
        answer = click.prompt(f"  {question}", type=click.Choice(["y", "n", "s"]), prompt_suffix="? ", default="y")
        if answer == "s":
            return "not asked", ""
        return ("yes", "") if answer == "y" else ("no", click.prompt("    Actual state", default=""))

    if by is None:
        by = "not named (--batch)" if batch else click.prompt("Name of the person who commissions")
    if not batch:
        click.echo("Answer each question with y (yes), n (no; then enter the actual state) or s (skip: not checked).")
    try:
        store = Store(loaded.state_dir or default_directory(), SystemClock())
        folder = output_dir or config.parent / "commissioning"
        done = asyncio.run(walk(loaded, store, folder, list(motors), by, readings, Answers(click.echo, ask)))
    except (StoreError, OSError) as error:
        fail(str(error))
    sys.exit(FINDING if report.findings or any(record.open_points for record in done) else 0)
