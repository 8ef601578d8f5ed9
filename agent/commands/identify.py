"""`magwatt identify`."""

from __future__ import annotations

import sys

import click

from agent.commands.options import fail
from agent.commands.target import target_of, target_options


@click.command()
@target_options
@click.option("--unit-id", type=int, required=True, help="Unit identifier of the device.")
def identify(
    serial: str | None, tcp: str | None, line: str | None, framing: str | None, allow_fc03: bool, as_json: bool,
    unit_id: int,
) -> None:  # fmt: skip
    """Identify the model of a Modbus device.

    Prints the model, or the few models that match, as TOML for the configuration.
    """
    from agent.discover.scan_run import may_use_fc03, run_identify

    target = target_of(serial, tcp, line, framing)
    if serial and target.setting is None:
        fail('--line: missing; for example --line "19200 8E1" (`magwatt scan` finds the settings)')
    first, last = (0, 255) if tcp else (1, 247)
    if not first <= unit_id <= last:
        fail(f"--unit-id {unit_id}: must be {first} to {last}")
    sys.exit(run_identify(target, unit_id, may_use_fc03(allow_fc03), as_json))
