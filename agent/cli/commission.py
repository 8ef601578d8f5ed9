"""`magwatt commission`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.options import FINDING, config_option, fail, load, plant_file, split_file
from agent.core.text import N_, _, text_of

if TYPE_CHECKING:
    from agent.commissioning.wizard.record import Reply
    from drivers.reasons import Reason


@click.command(
    help=N_(
        "Commission motors: nameplate, wiring, self-check, record.\n\n"
        "FILE is the configuration, the same as --config FILE; the first argument is a file if it ends in .toml or "
        "exists. Without MOTOR all motors are commissioned. Exits 1 if there are open points."
    )
)
@click.argument("words", nargs=-1, metavar="[FILE] [MOTOR]...")
@config_option
@click.option("--by", metavar="NAME", help=N_("Name of the operator. [default: prompt for it]"))
@click.option("--readings", type=click.IntRange(3, 1000), metavar="N", default=10, show_default=True,
              help=N_("Number of readings for the self-check."))  # fmt: skip
@click.option("--batch", is_flag=True, help=N_("Run the self-check only, without questions."))
@click.option("--output-dir", metavar="DIR", type=click.Path(path_type=Path),
              help=N_("Folder for the records. [default: commissioning/ next to the configuration]"))  # fmt: skip
def commission(
    words: tuple[str, ...], config_file: Path | None, by: str | None, readings: int, batch: bool,
    output_dir: Path | None,
) -> None:  # fmt: skip
    import asyncio

    from agent.commissioning.wizard.wizard import Dialogue, Wizard
    from agent.config.schema import unknown_reference
    from agent.config.topology import assets
    from agent.core.clock import SystemClock
    from agent.core.columns import padded
    from agent.delivery.store import Store, default_directory
    from agent.delivery.store.database_file import private_directory
    from agent.delivery.store.lock import StateLock

    file, motors = split_file(words)
    config = plant_file(config_file, file)
    loaded, report = load(config)
    known = [asset.name for asset in assets(loaded)]
    if unknown := [name for name in motors if name not in known]:
        fail(f"{unknown[0]}: {text_of(unknown_reference('motor', unknown[0], known))}")
    for item in report.findings:
        click.echo(f"{padded(_(item.level), 8)} {item.text(text_of)}", err=True)

    if by is None:
        by = "" if batch else click.prompt(_("Name of the operator"))
    if not batch:
        click.echo(
            _("Confirm each statement with y (yes), n (no; then enter the actual state) or s (skip: not checked).")
        )
    directory = loaded.state_dir or default_directory()
    private_directory(directory)
    lock = StateLock(directory, "commission", SystemClock().utc_ns() // 1_000_000)  # also keeps `run` from the buses
    try:
        store = Store(directory, SystemClock(), lock=lock)
        folder = output_dir or config.parent / "commissioning"
        dialogue = Dialogue(click.echo, (lambda statement: ("skipped", "")) if batch else _confirm)
        records = asyncio.run(Wizard(loaded, store, folder, by, dialogue).run(list(motors), readings))
    except OSError as error:
        fail(text_of(error))
    sys.exit(FINDING if report.findings or any(record.open_points for record in records) else 0)


def _confirm(statement: Reason) -> tuple[Reply, str]:
    key = click.prompt(
        f"  {text_of(statement)}", type=click.Choice(["y", "n", "s"]), prompt_suffix="? ", default="y"
    )  # fmt: skip
    if key == "n":
        return "no", click.prompt("    " + _("Actual state"), default="")
    return ("yes" if key == "y" else "skipped"), ""
