"""`magwatt contract verifier`: the offline verifier as one HTML file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from agent.cli.options import fail
from agent.core.text import N_, _, text_of


@click.command(
    help=N_(
        "Write the offline verifier: one HTML file that verifies the bundle of a month in any browser.\n\n"
        "It needs no network and nothing installed. Prints the SHA-256 of the file, which is the same on each computer "
        "with this version."
    )
)
@click.option("--output", metavar="FILE", type=click.Path(path_type=Path), default="verifier.html", show_default=True,
              help=N_("HTML file; an existing one is replaced."))  # fmt: skip
def verifier(output: Path) -> None:
    from agent.contract.verifier_page import verifier_html
    from drivers.file_reasons import FILE_UNWRITABLE
    from drivers.reasons import cause_of

    data = verifier_html().encode()
    try:
        output.write_bytes(data)
    except OSError as error:
        fail(text_of(FILE_UNWRITABLE(path=str(output), error=cause_of(error))))
    click.echo(_("{path}: offline verifier, {size_kb:.0f} kB, SHA-256 {hash}", path=str(output),
                 size_kb=len(data) / 1000, hash=hashlib.sha256(data).hexdigest()))  # fmt: skip
