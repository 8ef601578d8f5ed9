"""`magwatt demo`."""

from __future__ import annotations

import sys

import click

from agent.cli.demo_faults import DEMO_FAULTS
from agent.cli.options import broker_of, fail, option_value, seconds_option
from agent.core.text import N_, _


@click.command(
    help=N_(
        "Run a simulated plant, the agent and a live table.\n\n"
        "The plant is the water station of a hot strip mill with five motors. No hardware or configuration is needed. "
        "The hours since the last evening are simulated first, so that there are savings and a night to look at."
    )
)
@seconds_option
@click.option(
    "--broker", metavar="URL", help=N_("Publish to this broker (mqtt://host:port). [default: a built-in broker]")
)
@click.option("--headless", is_flag=True, help=N_("Print one line per row instead of a live table."))
@click.option(
    "--fault",
    type=click.Choice([*DEMO_FAULTS, "none"]),
    default="dip",
    show_default=True,
    help=N_(
        "Fault to cause 30 s after the start, dry-run after 180 s: the usual load of the pump must be known. It ends, "
        "so that its alarm returns."
    ),
)
@click.option(
    "--outputs",
    metavar="NAMES",
    default="",
    help=N_("Additional outputs, separated by commas: sparkplug, homeassistant, prometheus."),
)
@click.option(
    "--primary-host",
    metavar="ID",
    help=N_(
        "Sparkplug with this primary host: births and data wait until it is online. With the built-in broker, the "
        "demo runs the host, which is offline from 20 s to 35 s after the start; with --broker, it is yours."
    ),
)
@click.option("--no-past", is_flag=True, help=N_("Start without the hours since the last evening."))
def demo(
    seconds: float | None, broker: str | None, headless: bool, fault: str, outputs: str, primary_host: str | None,
    no_past: bool,
) -> None:  # fmt: skip
    from agent.cli.demo_runner import DIALECTS, run_demo
    from agent.config.sinks import SPARKPLUG

    if broker is not None:
        broker_of(broker)
    names = tuple(name.strip() for name in outputs.split(",") if name.strip())
    if unknown := [name for name in names if name not in DIALECTS]:
        fail(_("--outputs {value}: must be one of {known}", value=unknown[0], known=tuple(DIALECTS)))
    if primary_host is not None:
        option_value("--primary-host", primary_host, SPARKPLUG["primary_host"].convert)
        names = tuple(dict.fromkeys([*names, "sparkplug"]))
    sys.exit(run_demo(seconds, broker, headless, None if fault == "none" else fault, names, primary_host,
                      past=not no_past))  # fmt: skip
