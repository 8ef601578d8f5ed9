"""`magwatt simulate fleet`: many gateways against one broker. A scenario has motors; a fleet has gateways."""

from __future__ import annotations

import sys

import click

from agent.commands.shared import FINDING, Seconds, broker_of, fail


@click.command()
@click.option("--gateways", type=click.IntRange(1, 20000), default=100, show_default=True)
@click.option("--motors", type=click.IntRange(1, 200), default=12, show_default=True, help="Behind each gateway.")
@click.option("--every", "every_s", type=Seconds(0.1), default=5.0, show_default=True, help="Seconds between two rows.")
@click.option("--seconds", type=Seconds(1), default=60.0, show_default=True, help="How long rows are made.")
@click.option("--broker", default="mqtt://127.0.0.1:1883", show_default=True)
@click.option("--user")
@click.option("--password-file", type=click.Path(path_type=str))
@click.option("--site", default="fleet", show_default=True, help="Topics are magwatt/v1/SITE/…")
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON object.")
def fleet(
    gateways: int, motors: int, every_s: float, seconds: float, broker: str, user: str | None,
    password_file: str | None, site: str, as_json: bool,
) -> None:  # fmt: skip
    """Play GATEWAYS against a broker and report what arrived. Exit 1 when a row did not."""
    from pathlib import Path

    from agent import schema
    from agent.clock import SystemClock
    from agent.fleet import FleetError, play, show

    try:
        schema.identifier(site)
    except ValueError as error:
        fail(f"--site {site}: {error}")
    settings = broker_of(broker, user, Path(password_file) if password_file else None)
    try:
        report = play(settings, site, gateways, motors, every_s, seconds, SystemClock())
    except FleetError as error:
        click.echo(str(error), err=True)
        sys.exit(FINDING)
    show(report, as_json)
    sys.exit(FINDING if report.lost else 0)


class WithFleet(click.Command):
    """`simulate`, whose first word may be `fleet`: then it is that command."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: object
    ) -> click.Context:
        if args[:1] == ["fleet"]:
            return fleet.make_context(f"{info_name} fleet", args[1:], parent)
        return super().make_context(info_name, args, parent, **extra)
