"""`magwatt demo`."""

from __future__ import annotations

import sys

import click

from agent.commands.options import broker_of, fail, seconds_option


@click.command()
@seconds_option
@click.option("--broker", metavar="URL", help="Publish to this broker (mqtt://host:port). [default: a built-in broker]")
@click.option("--headless", is_flag=True, help="Print one line per row instead of a live table.")
@click.option("--fault", type=click.Choice(["dip", "none"]), default="dip", show_default=True,
              help="Fault to inject 30 s after the start.")  # fmt: skip
@click.option("--outputs", metavar="NAMES", default="",
              help="Additional outputs, separated by commas: sparkplug, homeassistant, prometheus.")  # fmt: skip
def demo(seconds: float | None, broker: str | None, headless: bool, fault: str, outputs: str) -> None:
    """Run a simulated plant, the agent and a live table.

    The plant is a pump station with two pumps. No hardware and no configuration is needed.
    """
    from agent.demo import DIALECTS, run_demo

    if broker is not None:
        broker_of(broker)
    names = tuple(name.strip() for name in outputs.split(",") if name.strip())
    if unknown := [name for name in names if name not in DIALECTS]:
        known = ", ".join(DIALECTS)
        fail(f"--outputs {unknown[0]}: must be one of {known}")
    sys.exit(run_demo(seconds, broker, headless, None if fault == "none" else fault, names))
