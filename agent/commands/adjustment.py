"""`magwatt adjustment`: non-routine events and how each is treated."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.options import FINDING, config_option, fail
from agent.commands.savings_service import motor_argument, open_desk

if TYPE_CHECKING:
    from agent.savings.desk import Desk
    from agent.savings.types import Event


@click.group()
def adjustment() -> None:
    """List non-routine events and record how each is treated."""


@adjustment.command("list")
@motor_argument
@click.option("--open", "only_open", is_flag=True, help="List only events that are not decided.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object per event.")
def list_events(motor: str, only_open: bool, config_file: Path | None, as_json: bool) -> None:
    """List the non-routine events of a motor.

    Among them: bypass, maintenance, data gaps, meter replacement, wiring errors, load shifts, and operation outside
    the range of the baseline. Exits 1 while an event is not decided.
    """
    with open_desk(motor, config_file) as desk:
        found = [item for item in desk.events() if not only_open or item.decision is None]
        for item in found:
            _print(desk, item, as_json)
        if not found and not as_json:
            click.echo("no non-routine events")
        sys.exit(FINDING if any(item.decision is None for item in found) else 0)


@adjustment.command("decide")
@motor_argument
@click.argument("number", type=int)
@click.option("--exclude", "decision", flag_value="exclude", help="Report no savings for this time.")
@click.option("--keep", "decision", flag_value="keep", help="Treat this time like any other.")
@click.option("--adjust", "adjust_kwh", type=float, metavar="KWH",
              help="Keep this time and add KWH to the adjusted baseline energy; may be negative.")  # fmt: skip
@click.option("--by", required=True, metavar="NAME", help="Name of the person who decides.")
@click.option("--reason", required=True, metavar="TEXT", help="Reason; printed in the report.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one object.")
def decide(
    motor: str, number: int, decision: str | None, adjust_kwh: float | None, by: str, reason: str,
    config_file: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Record how a non-routine event is treated.

    NUMBER is the number of the event in the list. The decision is recorded in the ledger. A later decision replaces
    it; the ledger keeps both.
    """
    if (decision is None) == (adjust_kwh is None):
        fail("give one of --exclude, --keep and --adjust")
    with open_desk(motor, config_file) as desk:
        found = desk.decide(number, decision or "adjust", " ".join(by.split()), " ".join(reason.split()),
                            1000 * (adjust_kwh or 0.0))  # fmt: skip
        _print(desk, found, as_json)


def _print(desk: Desk, item: Event, as_json: bool) -> None:
    if as_json:
        from agent.savings.keep import event_json

        click.echo(json.dumps(event_json(item), ensure_ascii=False))
    else:
        click.echo(_as_text(desk, item))


def _as_text(desk: Desk, item: Event) -> str:
    from agent.core.text import text_of
    from agent.words import figure

    begin, end = desk.local(item.from_ms), desk.local(item.to_ms) if item.to_ms is not None else "…"
    event = (
        f"{item.number}: {item.kind}, {begin} to {end}, {figure(item.energy_wh / 1000, 1)} kWh: {text_of(item.cause)}"
    )
    if not item.decision:
        return f"{event}; open, proposed: {item.proposal}"
    if item.adjust_wh:
        adjust = figure(item.adjust_wh / 1000, 1, signed=True)
        return f"{event}; {item.decision} {adjust} kWh ({item.by}: {item.reason})"
    return f"{event}; {item.decision} ({item.by}: {item.reason})"
