"""`magwatt adjustment`: non-routine events and how each is treated."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.options import FINDING, config_option, fail
from agent.cli.savings_service import motor_argument, open_savings
from agent.core.text import N_, _

if TYPE_CHECKING:
    from agent.savings.records.model import NonRoutineEvent


@click.group(help=N_("List non-routine events and record how each is treated."))
def adjustment() -> None:
    pass


@adjustment.command(
    "list",
    help=N_(
        "List the non-routine events of a motor.\n\n"
        "They include bypass, maintenance, data gaps, meter replacement, wiring errors, load shifts, and operation "
        "outside the range of the baseline. Exits 1 while an event is not decided."
    ),
)
@motor_argument
@click.option("--open", "only_open", is_flag=True, help=N_("List only events that are not decided."))
@config_option
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object per event."))
def list_events(motor: str, only_open: bool, config_file: Path | None, as_json: bool) -> None:
    with open_savings(motor, config_file) as savings:
        found = [item for item in savings.events() if not only_open or item.decision is None]
        for item in found:
            _print(item, as_json)
        if not found and not as_json:
            click.echo(_("no non-routine events"))
        sys.exit(FINDING if any(item.decision is None for item in found) else 0)


@adjustment.command(
    "decide",
    help=N_(
        "Record how a non-routine event is treated.\n\n"
        "NUMBER is the number of the event in the list. The decision is recorded in the ledger. A later decision "
        "replaces it; the ledger keeps both."
    ),
)
@motor_argument
@click.argument("number", type=int)
@click.option("--exclude", "decision", flag_value="exclude", help=N_("Report no savings for this period."))
@click.option("--keep", "decision", flag_value="keep", help=N_("Treat this period like any other."))
@click.option("--adjust", "adjust_kwh", type=float, metavar="KWH",
              help=N_("Keep this period and add KWH to the adjusted baseline energy; may be negative."))  # fmt: skip
@click.option("--by", required=True, metavar="NAME", help=N_("Name of the reviewer."))
@click.option("--reason", required=True, metavar="TEXT", help=N_("Reason; printed in the report."))
@config_option
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object."))
def decide(
    motor: str, number: int, decision: str | None, adjust_kwh: float | None, by: str, reason: str,
    config_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    if (decision is None) == (adjust_kwh is None):
        fail(_("give one of --exclude, --keep and --adjust"))
    with open_savings(motor, config_file) as savings:
        event = savings.decide(
            number, decision or "adjust", " ".join(by.split()), " ".join(reason.split()), 1000 * (adjust_kwh or 0.0)
        )
        _print(event, as_json)


def _print(item: NonRoutineEvent, as_json: bool) -> None:
    if as_json:
        from agent.savings.records.repository import event_json

        click.echo(json.dumps(event_json(item), ensure_ascii=False))
        return
    event = {"number": item.number, "kind": item.kind, "from_ms": item.from_ms, "to_ms": item.to_ms,
             "energy_wh": item.energy_wh, "cause": item.cause}  # fmt: skip
    click.echo(
        _("{number:d}: {kind:word}, since {from_ms:local}: {cause}", **event)
        if item.to_ms is None
        else _("{number:d}: {kind:word}, {from_ms:local} to {to_ms:local}, {energy_wh:kwh} kWh: {cause}", **event)
    )
    click.echo("   " + _decision(item))


def _decision(item: NonRoutineEvent) -> str:
    if not item.decision:
        return _("not decided; proposed: {proposal:word}", proposal=item.proposal)
    decision = {"decision": item.decision, "by": item.by, "reason": item.reason}
    if item.adjust_wh:
        return _(
            "decided: {decision:word} {adjust_kwh:+z.1f} kWh ({by}: {reason})", adjust_kwh=item.adjust_wh / 1000,
            **decision,
        )  # fmt: skip
    return _("decided: {decision:word} ({by}: {reason})", **decision)
