"""`magwatt resume`."""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

import click

from agent.cli.options import FINDING, config_option, fail, load, login_name, plant_file
from agent.core.local_time import zone_of
from agent.core.text import N_, _, text_of, use


@click.command(
    help=N_(
        "Resume a bus that another master stopped.\n\n"
        "BUS is its name in the configuration; without BUS the stopped buses are listed. The command confirms that the "
        "other master was removed. A running agent applies it within 2 s, listens to the bus as before a start, and "
        "polls again unless another master is active."
    )
)
@click.argument("bus", required=False)
@config_option
def resume(bus: str | None, config_file: Path | None) -> None:
    loaded = load(plant_file(config_file))[0]
    use(None, zone_of(loaded.site.timezone))

    from agent.acquisition.bus_stops import RESUME, STOP, traffic_of
    from agent.config.schema import unknown_reference
    from agent.core.clock import SystemClock
    from agent.delivery.store import Store, default_directory

    if bus is not None and bus not in loaded.buses:
        fail(f"{bus}: {text_of(unknown_reference('bus', bus, list(loaded.buses)))}")
    clock = SystemClock()
    with contextlib.closing(Store(loaded.state_dir or default_directory(), clock, loaded.store)) as store:
        stops = store.entries(STOP)
        if bus is None:
            for name, body in stops.items():
                click.echo(f"{name}: {text_of(traffic_of(body, clock).reason(body['where']))}")
            if not stops:
                click.echo(_("no bus is stopped"))
            return
        if bus not in stops:
            click.echo(_("bus {bus} is not stopped", bus=bus), err=True)
            sys.exit(FINDING)
        confirmation = {"by": login_name(), "at_ms": time.time_ns() // 1_000_000}
        store.save_entry(RESUME, bus, str(stops[bus]["since_ms"]), confirmation)
    click.echo(_(
        "bus {bus}: confirmed. The agent listens for {seconds:g} s and then polls again",
        bus=bus, seconds=loaded.buses[bus].listen_before_start_s,
    ))  # fmt: skip
