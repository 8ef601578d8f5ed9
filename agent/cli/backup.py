"""`magwatt backup` and `magwatt restore`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from agent.cli.options import FINDING, config_option, load, plant_file
from agent.core.text import N_, _, text_of, use


@click.command(
    help=N_(
        "Write state, ledger, key and configuration into one file.\n\n"
        "The agent may be running. FILE is a tar archive that only its owner can read, and contains the private key of "
        "the ledger. It is complete and was checked when it appears. Exits 1 if the ledger is not valid, 2 if no file "
        "was written."
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@config_option
@click.option("--with-secrets", is_flag=True,
              help=N_("Include the password files and private keys that the configuration names."))  # fmt: skip
def backup(file: Path, config_file: Path | None, with_secrets: bool) -> None:
    config = load(plant_file(config_file))[0]
    from agent.backup.create import back_up
    from agent.delivery.store import default_directory

    result = back_up(
        config, config.state_dir or default_directory(), file.absolute(), time.time_ns() // 1_000_000, with_secrets,
        _report,
    )  # fmt: skip
    for note in result.notes:
        click.echo(text_of(note))
    found = result.manifest
    click.echo(_(
        "{path}: {size_mb:.1f} MB, {n:d} {n:file|files}; {records:d} {records:record|records} of the ledger",
        path=str(file), size_mb=sum(part.size for part in found.parts) / 1e6, n=len(found.parts),
        records=found.ledger_records,
    ))  # fmt: skip
    if result.finding is not None:
        click.echo(text_of(result.finding), err=True)
        sys.exit(FINDING)
    click.echo(_("Store it on another computer. To restore it: magwatt restore {path}", path=str(file)))


@click.command(
    help=N_(
        "Restore a backup on this or on a new computer.\n\n"
        "FILE is checked completely before anything is changed. What was there before is kept under another name. The "
        "agent must be stopped. Exits 1 if another process uses the state directory, or if the ledger of the backup is "
        "not valid; 2 if nothing was restored."
    )
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--config-to", "config_file", metavar="FILE", type=click.Path(path_type=Path),
              help=N_("Where the configuration is restored to. [default: its path on the gateway]"))  # fmt: skip
@click.option("--state-to", "state_dir", metavar="DIR", type=click.Path(path_type=Path),
              help=N_("Where the state is restored to. [default: its path on the gateway]"))  # fmt: skip
def restore(file: Path, config_file: Path | None, state_dir: Path | None) -> None:
    from agent.backup import restore as restoration
    from agent.core.local_time import zone_of

    result = restoration.restore(file, time.time_ns() // 1_000_000, config_file, state_dir, _report)
    found, places = result.manifest, result.places
    use(None, zone_of(found.timezone))
    click.echo(_(
        "Restored: {site}/{gateway}, backup of {made_ms:local}, to {config} and {state}", site=found.site,
        gateway=found.gateway, made_ms=found.made_ms, config=str(places.config_file), state=str(places.state_dir),
    ))  # fmt: skip
    for path in result.kept:
        click.echo(_("kept from before: {path}", path=str(path)))
    for name in found.omitted:
        if not Path(name).exists():
            click.echo(_("not in the backup: {path}; create it again", path=name))
    click.echo(_(
        "What was measured after the backup is missing; the agent announces the gap, and the ledger records it. If the "
        "previous computer still runs as {site}/{gateway}, stop it first.", site=found.site, gateway=found.gateway
    ))  # fmt: skip
    click.echo(_("Next: magwatt check {config}, then start the agent", config=str(places.config_file)))
    if result.finding is not None:
        click.echo(text_of(result.finding), err=True)
        sys.exit(FINDING)


def _report(step: str) -> None:
    click.echo(f"… {_(step)}", err=True)
