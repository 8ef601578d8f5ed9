"""`magwatt identify`."""

from __future__ import annotations

import sys

import click

from agent.cli.options import fail
from agent.cli.target import target_of, target_options
from agent.core.text import N_, _


@click.command(
    help=N_(
        "Identify the model of a Modbus device.\n\n"
        "Prints the model, or the few models that match, as TOML for the configuration."
    )
)
@target_options
@click.option("--unit-id", type=int, metavar="N", required=True, help=N_("Unit identifier of the device."))
def identify(
    serial: str | None, tcp: str | None, line: str | None, framing: str | None, allow_fc03: bool, as_json: bool,
    unit_id: int,
) -> None:  # fmt: skip
    from agent.cli.scan_runner import may_use_fc03, run_identify

    target = target_of(serial, tcp, line, framing)
    if serial and target.setting is None:
        fail(_('--line: missing; for example --line "19200 8E1" (`magwatt scan` finds the settings)'))
    first, last = (0, 255) if tcp else (1, 247)
    if not first <= unit_id <= last:
        fail(_("--unit-id {unit_id:d}: must be {first:d} to {last:d}", unit_id=unit_id, first=first, last=last))
    sys.exit(run_identify(target, unit_id, may_use_fc03(allow_fc03), as_json))
