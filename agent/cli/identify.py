"""`magwatt identify`."""

from __future__ import annotations

import sys

import click

from agent.cli.options import fail
from agent.cli.target import target_of, target_options
from agent.core.text import N_, _


@click.command(
    help=N_(
        "Identify the model of a device.\n\n"
        "Prints the model, or the few models that match, as TOML for the configuration."
    )
)
@target_options
@click.option("--unit-id", metavar="N", required=True,
              help=N_("Unit identifier of the device; of a meter of DL/T 645 the 12 digits on its label."))  # fmt: skip
def identify(
    serial: str | None, tcp: str | None, line: str | None, framing: str | None, allow_fc03: bool, as_json: bool,
    unit_id: str,
) -> None:  # fmt: skip
    from agent.cli.scan_runner import may_use_fc03, run_identify, run_identify_meter
    from drivers.dlt645_frames import ADDRESS_DIGITS

    target = target_of(serial, tcp, line, framing)
    if serial and target.setting is None:
        fail(_('--line: missing; for example --line "19200 8E1" (`magwatt scan` finds the settings)'))
    decimal = unit_id.isascii() and unit_id.isdecimal()
    if decimal and len(unit_id) == ADDRESS_DIGITS and target.is_line:
        sys.exit(run_identify_meter(target, int(unit_id), as_json))
    first, last = (0, 255) if tcp else (1, 247)
    if not (decimal and first <= int(unit_id) <= last):
        fail(_("--unit-id {unit_id}: must be {first:d} to {last:d}, or the 12 digits of a meter on a serial line",
               unit_id=unit_id, first=first, last=last))  # fmt: skip
    sys.exit(run_identify(target, int(unit_id), may_use_fc03(allow_fc03), as_json))
