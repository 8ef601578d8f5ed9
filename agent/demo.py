"""`magwatt demo`: the whole way on one machine. Plant, agent and broker are processes; the table is a consumer.

Each part is the real one, started as a user would start it; only the broker is a small one inside, unless --broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import click
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from rich.console import Console

from agent import kernels
from agent.config import Mqtt
from agent.config_load import parse_broker
from agent.subscribe import Follower, Seen
from agent.watch import event_line, line, show_live
from agent.words import counted

START_S = 20.0
STOP_S = 8.0
FAULT_S = 30.0  # after the plant's start: the voltage's reference is settled by then
TOPIC = "magwatt/v1/demo/#"
DISCOVERY = "homeassistant/device/+/config"
OWN = "magwatt/v1/demo/", "homeassistant/device/magwatt_demo_"  # how retained topics of the demo begin
DIALECTS = {
    "sparkplug": "Sparkplug B: mosquitto_sub -h {host} -p {port} -t 'spBv1.0/demo/#' -F '%t %l bytes'",
    "homeassistant": "Home Assistant: mosquitto_sub -h {host} -p {port} -t 'homeassistant/device/#' -v",
    "prometheus": "Prometheus: curl http://127.0.0.1:9464/metrics",
}


def run_demo(
    seconds: float | None, broker_url: str | None, headless: bool, fault: str | None, also: tuple[str, ...] = ()
) -> int:  # fmt: skip
    """0 when rows came; 1 when a part did not start."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="magwatt-demo-") as folder, contextlib.ExitStack() as stack:
            return _run(Path(folder), stack, seconds, broker_url, headless, fault, also)
    except DemoError as error:
        click.echo(str(error), err=True)
        return 1
    except KeyboardInterrupt:
        return 0


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


class DemoError(Exception):
    pass


def _run(
    folder: Path, stack: contextlib.ExitStack, seconds: float | None, broker_url: str | None, headless: bool,
    fault: str | None, also: tuple[str, ...],
) -> int:  # fmt: skip
    _warm_kernels()
    own_broker = broker_url is None
    if broker_url is None:
        port = stack.enter_context(embedded_broker())
        broker_url = f"mqtt://127.0.0.1:{port}"
    try:
        broker = parse_broker(broker_url)
    except ValueError as error:
        raise DemoError(f"--broker {broker_url}: {error}") from None
    if not own_broker:
        stack.callback(_forget_retained, broker)  # after all parts have ended
    plant, agent = demo_parts(folder, stack, broker_url, fault, also)
    click.echo("plant: a pump station on Modbus TCP, Modbus RTU and a waveform stream")
    click.echo(f"its configuration: {folder / 'plant.toml'}, its true values: {folder / 'truth.ndjson'}")
    if fault is not None:
        click.echo(f"{FAULT_S:.0f} s after its start the supply dips for a moment (--fault none: it does not)")
    click.echo(f"subscribe: mosquitto_sub -h {broker.host} -p {broker.port} -t '{TOPIC}' -v")
    click.echo(f"another table: magwatt watch {broker_url}")
    for name in also:
        click.echo(DIALECTS[name].format(host=broker.host, port=broker.port))
    rows = _Rows(headless)
    follower = Follower(broker, TOPIC, rows.changed)
    try:
        follower.start()
    except OSError as error:
        raise DemoError(f"no broker at {broker_url}: {error}") from None
    stack.callback(follower.stop)
    ending = threading.Event()
    watcher = threading.Thread(target=_watch_parts, args=([plant, agent], ending), daemon=True)
    watcher.start()
    if headless:
        _wait(seconds, ending)
    else:
        footer = f"{broker_url}  {TOPIC}   Ctrl-C ends"
        show_live(follower, Console(), seconds, lambda: footer, ending)
    for part, log_file in ((plant, folder / "plant.log"), (agent, folder / "agent.log")):
        if part.poll() not in (None, 0):
            raise DemoError(f"a part ended (exit {part.returncode}):\n{log_file.read_text(errors='replace')}")
    click.echo(f"{counted(rows.count, 'row')} from {counted(len(rows.assets), 'motor')}")
    if rows.count:
        return 0
    last = (folder / "agent.log").read_text(errors="replace").splitlines()[-3:]
    click.echo("\n".join(["nothing came in this time: a busy machine takes longer, give --seconds more. The agent said "
                          "last:", *last]), err=True)  # fmt: skip
    return 1


def demo_parts(
    folder: Path, stack: contextlib.ExitStack, broker_url: str, fault: str | None = None, also: tuple[str, ...] = ()
) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:
    """Starts the plant and the agent; both end with the stack. Raises DemoError with the log of what did not start."""
    config = folder / "plant.toml"
    happens = ("--fault", f"{fault}@{FAULT_S:g}") if fault else ()
    plant = _start(stack, folder / "plant.log", "simulate", "pump-station", "--write-config", str(config), "--broker",
                   broker_url, "--truth", str(folder / "truth.ndjson"), *happens)  # fmt: skip
    _wait_for_file(config, plant, folder / "plant.log")
    if also:
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace("[mqtt]\n", f"[mqtt]\noutputs = {json.dumps(also)}\n"), encoding="utf-8")
    return plant, _start(stack, folder / "agent.log", "run", str(config))


def _forget_retained(broker: Mqtt) -> None:
    """Takes the demo's retained texts off somebody else's broker."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
    topics: set[str] = set()
    client.on_connect = lambda connected, *_: connected.subscribe([(TOPIC, 1), (DISCOVERY, 1)])
    client.on_message = lambda _client, _data, message: (
        topics.add(message.topic) if message.retain and message.topic.startswith(OWN) else None
    )
    with contextlib.suppress(OSError):
        client.connect(broker.host, broker.port)
        client.loop_start()
        time.sleep(1)
        for topic in sorted(topics):
            client.publish(topic, b"", qos=1, retain=True).wait_for_publish(2)
        client.disconnect()
        client.loop_stop()


class _Rows:
    """Counts rows, and prints them when nobody draws a table."""

    def __init__(self, headless: bool) -> None:
        self.count, self.assets = 0, set[str]()
        self._headless = headless

    def changed(self, seen: Seen, kind: str) -> None:
        if kind == "telemetry":
            self.count += 1
            self.assets.add(seen.asset)
            if self._headless:
                click.echo(line(seen))
        elif kind == "event" and self._headless:
            click.echo(event_line(seen))


def _start(stack: contextlib.ExitStack, log_file: Path, *arguments: str) -> subprocess.Popen[bytes]:
    log = stack.enter_context(log_file.open("wb"))
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", "from agent.cli import main; main()", *arguments],
        stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        preexec_fn=kernels.end_with_parent,
    )  # fmt: skip
    stack.callback(_stop, process)
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_for_file(path: Path, process: subprocess.Popen[bytes], log_file: Path) -> None:
    until_s = time.monotonic() + START_S
    while not path.exists():
        if process.poll() is not None or time.monotonic() > until_s:
            raise DemoError(f"the simulated plant did not start:\n{log_file.read_text(errors='replace')}")
        time.sleep(0.02)


def _watch_parts(parts: list[subprocess.Popen[bytes]], ending: threading.Event) -> None:
    while not ending.wait(0.5):
        if any(part.poll() is not None for part in parts):
            ending.set()


def _wait(seconds: float | None, ending: threading.Event) -> None:
    with contextlib.suppress(KeyboardInterrupt):
        ending.wait(seconds)


def _warm_kernels() -> None:
    if kernels.is_warm():
        return
    process = kernels.warm_elsewhere()
    started_s = time.monotonic()
    console = Console()
    if not console.is_terminal:
        click.echo("compiling the signal processing, once: a minute or so")
    try:
        with console.status("compiling the signal processing, once") as status:
            while process.poll() is None:
                time.sleep(0.2)
                status.update(f"compiling the signal processing, once ({time.monotonic() - started_s:.0f} s)")
    finally:
        _stop(process)
    if process.returncode:
        click.echo("the kernels did not compile; the demo goes on without harmonics", err=True)


@contextlib.contextmanager
def embedded_broker() -> Iterator[int]:
    """An amqtt broker on a free loopback port, in a thread; it speaks MQTT 3.1.1 only. Yields the port."""
    try:
        from amqtt.broker import Broker
    except ImportError:
        raise DemoError(
            "the demo's own broker is not installed: pip install 'magwatt[demo]', or use --broker"
        ) from None
    logging.getLogger("amqtt").setLevel(logging.CRITICAL)
    port = _free_port()
    ready, loop = threading.Event(), asyncio.new_event_loop()
    ending = asyncio.Event()

    async def serve() -> None:
        broker = Broker({
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}", "max_connections": 100}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        })  # fmt: skip
        await broker.start()
        ready.set()
        await ending.wait()
        await broker.shutdown()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="broker", daemon=True)
    thread.start()
    if not ready.wait(START_S):
        raise DemoError("the demo's own broker did not start; use --broker")
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(STOP_S)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
