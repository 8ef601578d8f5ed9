"""A plant that is measured: demo, run, check, plan, read, watch."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from agent.commands.shared import FINDING, Seconds, broker_of, fail, load


@click.command()
@click.option("--seconds", type=Seconds(1), help="Stop by itself after that time.")
@click.option(
    "--broker", metavar="URL", help="Publish there (mqtt://host:port) instead of to a broker of the demo's own."
)
@click.option("--headless", is_flag=True, help="Print one line for each row instead of a live table.")
@click.option("--fault", type=click.Choice(["dip", "none"]), default="dip", show_default=True,
              help="What goes wrong half a minute after the start.")  # fmt: skip
@click.option("--also", metavar="NAMES", default="", help="Speak these too: sparkplug,homeassistant,prometheus.")
def demo(seconds: float | None, broker: str | None, headless: bool, fault: str, also: str) -> None:
    """A simulated pump station, the agent, a broker and a live table: no hardware, no configuration."""
    from agent.demo import DIALECTS, run_demo

    if broker is not None:
        broker_of(broker)
    dialects = tuple(name.strip() for name in also.split(",") if name.strip())
    if unknown := [name for name in dialects if name not in DIALECTS]:
        fail(f"--also {unknown[0]}: must be of {', '.join(DIALECTS)}")
    sys.exit(run_demo(seconds, broker, headless, None if fault == "none" else fault, dialects))


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--seconds", type=Seconds(1), help="Stop by itself after that time.")
def run(config: Path, seconds: float | None) -> None:
    """Poll the plant of CONFIG, compute, publish; until Ctrl-C or SIGTERM."""
    import asyncio

    from agent.run import run as run_agent
    from agent.store import StoreError

    loaded, report = load(config)
    for line in report.findings:
        logging.getLogger("agent").warning("%s", line)
    try:
        asyncio.run(run_agent(loaded, seconds))
    except StoreError as error:
        fail(str(error))


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
def check(config: Path) -> None:
    """Check CONFIG without touching a wire: exit 0 when fine, 1 on findings that a person must decide, 2 when wrong."""
    from agent.plan import overloads
    from agent.savings.phases import ahead
    from agent.words import counted

    loaded, report = load(config)
    for motor in loaded.motors.values():
        if said := ahead(dict(motor.periods), datetime.now(ZoneInfo(loaded.site.timezone)).date()):
            report.note(f"motor.{motor.name}.periods.baseline", str(said))
    findings = [*report.findings, *(f"{config}: {text}" for text in overloads(loaded))]
    for line in report.notes:
        click.echo(f"note     {line}")
    for line in findings:
        click.echo(f"finding  {line}")
    parts = (loaded.buses, "bus"), (loaded.meters, "meter"), (loaded.drives, "drive"), (loaded.motors, "motor")
    there = ", ".join(counted(len(items), noun) for items, noun in parts)
    click.echo(f"{config.name}: {there}; {counted(len(findings), 'finding')}")
    sys.exit(FINDING if findings else 0)


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object per bus, and per broker with topics.")
def plan(config: Path, as_json: bool) -> None:
    """What will be asked on each wire of CONFIG, its load, what does not fit (exit 1), and which topics are heard;
    touches no wire."""

    from agent.plan import as_object, as_text
    from agent.plan import plan as plan_buses
    from agent.topics import show

    loaded, report = load(config)
    for line in report.findings:
        click.echo(line, err=True)
    found = plan_buses(loaded)
    for bus in found:
        click.echo(json.dumps(as_object(bus)) if as_json else as_text(bus))
    for broker in show.as_objects(loaded) if as_json else show.as_text(loaded):
        click.echo(json.dumps(broker, ensure_ascii=False) if as_json else broker)
    sys.exit(FINDING if any(bus.troubles for bus in found) else 0)


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("device", required=False)
@click.option("--times", type=click.IntRange(1), default=1, show_default=True, help="Poll that often.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per reading.")
def read(config: Path, device: str | None, times: int, as_json: bool) -> None:
    """Poll the devices of CONFIG (or one DEVICE) and print their decoded values; no broker needed but for topics."""
    import asyncio

    from agent.read import read_devices
    from agent.signals import signal_devices, topic_signals

    loaded, report = load(config)
    known = [*loaded.meters, *loaded.drives, *(item.name for item in signal_devices(loaded)),
             *(signal.device for signal in topic_signals(loaded))]  # fmt: skip
    if device is not None and device not in known:
        from agent.schema import nearest

        near = nearest(device, known)
        fail(f"{device}: no such device" + (f"; did you mean '{near}'?" if near else f"; there are {', '.join(known)}"))
    for line in report.findings:
        click.echo(line, err=True)
    sys.exit(asyncio.run(read_devices(loaded, device, times, as_json)))


@click.command()
@click.argument("url", default="mqtt://127.0.0.1:1883")
@click.option("--topic", default="magwatt/v1/#", show_default=True, help="What to subscribe to.")
@click.option("--user", help="The name to log in with.")
@click.option("--password-file", type=click.Path(path_type=Path), help="The file that holds the password.")
@click.option("--ca", type=click.Path(path_type=Path), help="The authority that signed the broker's certificate.")
@click.option("--seconds", type=Seconds(1), help="Stop by itself after that time.")
def watch(
    url: str, topic: str, user: str | None, password_file: Path | None, ca: Path | None, seconds: float | None
) -> None:
    """A live table of all motors from the broker at URL."""
    from agent.config_keys import open_to_others
    from agent.subscribe import check_filter
    from agent.watch import watch_broker

    broker = broker_of(url, user, password_file, ca)
    try:
        check_filter(topic)
    except ValueError as error:
        fail(f"--topic {topic!r}: {error}")
    if password_file and (trouble := open_to_others(password_file)):
        click.echo(f"--password-file {password_file}: {trouble}", err=True)
    sys.exit(watch_broker(broker, topic, seconds))
