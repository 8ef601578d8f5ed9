"""`magwatt fleet demo`: a simulated fleet into a broker and a lake, then the report of the fleet."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.cli.fleet_options import need_libraries
from agent.cli.options import broker_of, fail
from agent.core.text import N_, _

if TYPE_CHECKING:
    from agent.config.model import Mqtt
    from agent.simulation.fleet.retrofits import GatewayPast

SITE = "demo"
MOTORS, LIVE_S = 3, 15
START_S, STOP_S = 10.0, 60.0
BROKER = "listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 1000\n"


@click.command(
    help=N_(
        "Simulate a fleet of retrofitted motors and report its savings.\n\n"
        "Simulates last month of 20 gateways with their signed ledgers, publishes rows to a broker, receives them "
        "with `fleet ingest` into a lake, copies the lakes of the gateways into it, and writes the report. One "
        "gateway is silent, one file is damaged, a certificate has expired, an event awaits a decision."
    )
)
@click.option("--gateways", type=click.IntRange(2, 200), default=20, show_default=True, metavar="N",
              help=N_("Number of gateways."))  # fmt: skip
@click.option("--folder", metavar="DIR", default="fleet-demo", show_default=True, type=click.Path(path_type=Path),
              help=N_("Directory for lake and report; it must not exist."))  # fmt: skip
@click.option("--broker", metavar="URL", help=N_("Publish to this broker. [default: starts mosquitto]"))
@click.option("--database", metavar="URL", help=N_("Load the lake into this PostgreSQL database, too."))
def demo(gateways: int, folder: Path, broker: str | None, database: str | None) -> None:
    need_libraries()
    if folder.exists():
        fail(_("--folder {path}: exists already; delete it, or name another one", path=str(folder)))
    month = (datetime.now(UTC).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    lake = folder / "lake"
    lake.mkdir(parents=True)
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="magwatt-fleet-")))
        url = broker or stack.enter_context(_mosquitto(work))
        ingest = stack.enter_context(_ingest(lake, url))
        true_wh = _simulate(_pasts(gateways, month), work, lake)
        click.echo(_("rows of {n:d} gateways, {seconds:d} s", n=gateways - 1, seconds=LIVE_S))
        _publish(broker_of(url), url, gateways - 1)
        ingest.send_signal(signal.SIGINT)  # it converts what it has received
        ingest.wait(STOP_S)
    _damage(lake)
    if database is not None:
        _run("fleet", "load", "--lake", str(lake), "--database", database)
    else:
        click.echo(_("no --database: the lake is not loaded into PostgreSQL"))
    _run("fleet", "report", "--lake", str(lake), "--month", month, "--output", str(folder / "fleet.html"))
    click.echo(_("true saving in the simulation, of all intervals: {kwh:.0f} kWh", kwh=true_wh / 1000))


def _pasts(gateways: int, month: str) -> list[GatewayPast]:
    from agent.simulation.fleet.retrofits import GatewayPast

    return [
        GatewayPast(SITE, f"gw-{number:04d}", month, MOTORS, number, until_d=20 if number == gateways else None,
                    maintenance=number == 3, expired=number == 5)
        for number in range(1, gateways + 1)
    ]  # fmt: skip


def _simulate(pasts: list[GatewayPast], work: Path, lake: Path) -> float:
    """Simulates gateways and copies their lakes into the common one; returns the true saving, Wh."""
    true_wh = 0.0
    with ProcessPoolExecutor(len(os.sched_getaffinity(0)), mp_context=get_context("spawn")) as pool:
        jobs = {pool.submit(simulate_and_export, past, work / past.gateway): past for past in pasts}
        for done, job in enumerate(as_completed(jobs), 1):
            true_wh += job.result()
            folder = work / jobs[job].gateway
            shutil.copytree(folder / "lake", lake, dirs_exist_ok=True, ignore=shutil.ignore_patterns("export.json"))
            shutil.rmtree(folder)
            click.echo(_("{done:d} of {of:d} gateways simulated", done=done, of=len(jobs)))
    return true_wh


def simulate_and_export(past: GatewayPast, folder: Path) -> float:
    """In a process of the pool."""
    from agent.simulation.fleet.retrofits import export, simulate_gateway

    true_wh = simulate_gateway(past, folder)
    export(past, folder)
    return true_wh


def _publish(broker: Mqtt, url: str, gateways: int) -> None:
    """Rows of the gateways, and two alarms."""
    from agent.simulation.fleet.alarm_events import publish_alarms

    options = {"gateways": gateways, "motors": MOTORS, "interval": 5, "seconds": LIVE_S, "site": SITE, "broker": url}
    _run("simulate", "fleet", *(part for name, value in options.items() for part in (f"--{name}", str(value))))
    publish_alarms(broker, SITE, [("gw-0002", "motor-01"), ("gw-0004", "motor-02")], time.time_ns() // 1_000_000)


def _damage(lake: Path) -> None:
    """Cuts off one file of rows, as a computer that loses power during a copy does."""
    if found := sorted(lake.glob("telemetry/**/gateway=gw-0002/**/*.parquet")):
        found[0].write_bytes(found[0].read_bytes()[:-100])


def _run(*command: str) -> None:
    """Runs a command of this program and shows what it prints. Ends the demo if it is used wrongly."""
    if subprocess.run(_command(*command), check=False).returncode > 1:
        fail(_("{command}: failed", command=" ".join(command[:2])))


def _command(*parts: str) -> list[str]:
    return [sys.executable, "-m", "agent.cli", *parts]


@contextlib.contextmanager
def _ingest(lake: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    worker = subprocess.Popen(_command("fleet", "ingest", "--lake", str(lake), "--broker", url, "--leave"))
    try:
        yield worker
    finally:
        _end(worker)


@contextlib.contextmanager
def _mosquitto(work: Path) -> Iterator[str]:
    """The URL of a broker that runs meanwhile. It must know shared subscriptions."""
    path = shutil.which("mosquitto", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
    if path is None:
        fail(_("mosquitto is not installed; install it, or use --broker"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (work / "mosquitto.conf").write_text(BROKER.format(port=port), encoding="utf-8")
    broker = subprocess.Popen([path, "-c", str(work / "mosquitto.conf")], stderr=subprocess.DEVNULL)
    try:
        _wait(lambda: socket.create_connection(("127.0.0.1", port), 1).close())
        yield f"mqtt://127.0.0.1:{port}"
    finally:
        _end(broker)


def _wait(connect: Callable[[], None]) -> None:
    until_s = time.monotonic() + START_S
    while True:
        try:
            return connect()
        except OSError:
            if time.monotonic() > until_s:
                fail(_("the broker did not start within {seconds:g} s", seconds=START_S))
            time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
