"""`magwatt read`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from agent.cli.options import config_option, fail, load, plant_file, split_file, warn_of_agent
from agent.core.text import N_, _, text_of


@click.command(
    help=N_(
        "Poll devices and print the decoded values.\n\n"
        "FILE is the configuration, the same as --config FILE; the first argument is a file if it ends in .toml or "
        "exists. Without DEVICE all devices are polled. Only signals from MQTT topics need a broker. Exits 1 if a "
        "device does not respond or rejects a register of its profile."
    )
)
@click.argument("words", nargs=-1, metavar="[FILE] [DEVICE]")
@config_option
@click.option("--count", type=click.IntRange(1), metavar="N", default=1, show_default=True, help=N_("Number of polls."))
@click.option("--json", "as_json", is_flag=True, help=N_("Print JSON: one object per reading."))
def read(words: tuple[str, ...], config_file: Path | None, count: int, as_json: bool) -> None:
    import asyncio

    from agent.cli.read_view import read_devices
    from agent.config.signals import signal_devices, topic_signals

    file, devices = split_file(words)
    if len(devices) > 1:
        fail(f"{devices[1]}: " + _("only one device can be given; without DEVICE all devices are polled"))
    device = devices[0] if devices else None
    loaded, report = load(plant_file(config_file, file))
    known = [*loaded.meters, *loaded.drives, *(item.name for item in signal_devices(loaded)),
             *(signal.device for signal in topic_signals(loaded))]  # fmt: skip
    if device is not None and device not in known:
        from agent.config.schema import unknown_reference

        fail(f"{device}: {text_of(unknown_reference('device', device, known))}")
    for item in report.findings:
        click.echo(item.text(text_of), err=True)
    warn_of_agent(loaded)
    sys.exit(asyncio.run(read_devices(loaded, device, count, as_json)))
