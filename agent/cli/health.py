"""`magwatt health`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agent.cli.options import FINDING, config_option, found_file, seconds_from
from agent.core.text import N_, _, text_of

WAIT_S = 5.0  # for a row, where the newest one is too old


@click.command(
    help=N_(
        "Report whether the running agent produces rows.\n\n"
        "For a monitor or a container: one sentence, and exit code 0 if the newest row is not older than --max-age, "
        "else 1. It queries the agent on this computer; no broker is needed, and no device is read. Where all devices "
        "are polled less often than once a minute, use a longer --max-age."
    )
)
@click.option("--max-age", "age_max_s", type=seconds_from(1), default=60, show_default=True,
              help=N_("Highest age of the newest row, in seconds."))  # fmt: skip
@config_option
def health(age_max_s: float, config_file: Path | None) -> None:
    from agent.core.state_directory import directory_of
    from agent.delivery.live_socket.newest_row import newest_row
    from agent.delivery.live_socket.protocol import following_paths

    found = newest_row(following_paths(directory_of(found_file(config_file))), age_max_s, WAIT_S)
    if not isinstance(found, float):
        click.echo(text_of(found))
        sys.exit(FINDING)
    click.echo(_("the agent produces rows; one is {age_s:.1f} s old", age_s=found))
