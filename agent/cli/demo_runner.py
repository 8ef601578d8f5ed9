"""`magwatt demo`: simulated plant, agent, broker and live table on one host.

Plant and agent are processes with the commands that a user would enter. Without --broker, the broker is a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from agent.cli.compile import compile_with_progress
from agent.cli.demo_faults import announcement, simulate_option
from agent.cli.demo_page import demo_page
from agent.cli.demo_plant import PLANT, demo_config, simulate_demo_past
from agent.cli.watch_notes import format_event_line
from agent.cli.watch_table import format_line
from agent.config.loader import parse_broker
from agent.config.model import Mqtt
from agent.core import kernel_cache
from agent.core.child_process import end_with_parent
from agent.core.text import _, text_of
from agent.delivery.mqtt.follower import BrokerError, FollowedMessage, Follower
from drivers.reasons import Code, CodedError

if TYPE_CHECKING:
    from agent.cli.demo_host import DemoHost

START_S = 180.0  # of a slow or busy computer; a process that ended is noticed at once
STOP_S = 8.0
TOPIC = "magwatt/v1/demo/#"
GROUP = "demo"  # of Sparkplug: the site
DISCOVERY = "homeassistant/device/+/config"
OWN_PREFIXES = "magwatt/v1/demo/", "homeassistant/device/magwatt_demo_"  # prefixes of the retained topics of the demo
DIALECTS = {
    "sparkplug": "Sparkplug B: mosquitto_sub -h {host} -p {port} -t 'spBv1.0/demo/#' -F '%t %l bytes'",
    "homeassistant": "Home Assistant: mosquitto_sub -h {host} -p {port} -t 'homeassistant/device/#' -v",
    "prometheus": "Prometheus: curl http://127.0.0.1:9464/metrics",
}

DEMO_BROKER_NOT_INSTALLED = Code(
    "demo_broker_not_installed",
    "the built-in broker is not installed; install it with `pip install 'magwatt[demo]'`, or use `--broker`",
)
DEMO_BROKER_NOT_STARTED = Code("demo_broker_not_started", "the built-in broker did not start; use `--broker`")
DEMO_SPARKPLUG_NOT_INSTALLED = Code(
    "demo_sparkplug_not_installed", "Sparkplug is not installed; install it with `pip install 'magwatt[sparkplug]'`"
)
DEMO_PLANT_NOT_STARTED = Code("demo_plant_not_started", "the simulated plant did not start:\n{log}")
DEMO_PROCESS_ENDED = Code("demo_process_ended", "a process of the demo ended with exit code {exit_code:d}:\n{log}")


def run_demo(
    seconds: float | None, broker_url: str | None, headless: bool, fault: str | None, outputs: tuple[str, ...] = (),
    primary_host: str | None = None, past: bool = True,
) -> int:  # fmt: skip
    """Runs the demo and returns the exit code: 0 if rows arrived, 1 if not or if a process did not start.

    seconds: duration; None: until Ctrl-C.
    broker_url: broker to use; None: the built-in one.
    headless: print rows instead of a live table, as without a terminal.
    fault: key of DEMO_FAULTS; None: no fault.
    outputs: additional outputs, keys of DIALECTS.
    primary_host: Sparkplug host for which births wait, run by the demo on the built-in broker; None: no waiting.
    past: simulate the hours since the last evening first.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(prefix="magwatt-demo-") as folder, contextlib.ExitStack() as stack:
            headless = headless or not sys.stdout.isatty()
            return _run(Path(folder), stack, seconds, broker_url, headless, fault, outputs, primary_host, past)
    except DemoError as error:
        click.echo(text_of(error), err=True)
        return 1
    except KeyboardInterrupt:
        return 0


class DemoError(CodedError):
    """The demo cannot start or continue."""


def _run(
    folder: Path, stack: contextlib.ExitStack, seconds: float | None, broker_url: str | None, headless: bool,
    fault: str | None, outputs: tuple[str, ...], primary_host: str | None, past: bool,
) -> int:  # fmt: skip
    _compile_kernels()
    own_broker = broker_url is None
    if broker_url is None:
        broker_url = f"mqtt://127.0.0.1:{stack.enter_context(embedded_broker())}"
    broker = parse_broker(broker_url)
    if not own_broker:
        stack.callback(delete_retained, broker)  # after plant and agent have ended
    host = _start_host(stack, broker, primary_host, headless) if own_broker and primary_host else None
    age_s = simulate_demo_past(folder) if past else 0.0
    plant, agent = start_processes(folder, stack, broker_url, fault, outputs, primary_host, age_s)
    _start_page(folder, stack)
    _announce(folder, broker, broker_url, fault, outputs)
    if primary_host and not host:
        click.echo(_("primary host online: {command}", command=_publish_state(broker, primary_host, "true")))
        click.echo(_("primary host offline: {command}", command=_publish_state(broker, primary_host, "false")))
    rows = _RowCounter(headless)
    follower = Follower(broker, TOPIC, rows.on_change)
    try:
        follower.start()
    except BrokerError as error:
        raise DemoError(error.reason) from None
    stack.callback(follower.stop)
    ending = threading.Event()
    threading.Thread(target=_watch_processes, args=([plant, agent], ending), daemon=True).start()
    if headless:
        with contextlib.suppress(KeyboardInterrupt):
            ending.wait(seconds)
    else:
        from agent.cli.watch_screen import show_live

        footer = _("{url}  {topic}", url=broker_url, topic=TOPIC)
        show_live(follower, seconds, lambda: f"{footer}\n{host.status()}" if host else footer, ending)
    if host:
        click.echo(host.status())
    for process, log_file in ((plant, folder / "plant.log"), (agent, folder / "agent.log")):
        if process.poll() not in (None, 0):
            raise DemoError(DEMO_PROCESS_ENDED, exit_code=process.returncode, log=log_file.read_text(errors="replace"))
    return _conclude(folder, rows)


def _announce(folder: Path, broker: Mqtt, broker_url: str, fault: str | None, outputs: tuple[str, ...]) -> None:
    """Prints what runs, and the commands that show it."""
    click.echo(_("plant: water station of a hot strip mill on Modbus TCP, Modbus RTU and a waveform stream"))
    click.echo(_("configuration: {file}", file=str(folder / "plant.toml")))
    click.echo(_("true values: {file}", file=str(folder / "truth.ndjson")))
    if fault is not None:
        click.echo(announcement(fault))
    command = f"mosquitto_sub -h {broker.host} -p {broker.port} -t '{TOPIC}' -v"
    click.echo(_("subscribe: {command}", command=command))
    click.echo(_("table in another terminal: {command}", command="magwatt watch " + broker_url))
    for name in outputs:
        click.echo(DIALECTS[name].format(host=broker.host, port=broker.port))


def _conclude(folder: Path, rows: _RowCounter) -> int:
    """Prints the number of rows; returns the exit code: 1 without rows."""
    found = _("{rows:d} {rows:row|rows} from {motors:d} {motors:motor|motors}",
              rows=rows.count, motors=len(rows.assets))  # fmt: skip
    click.echo(found)
    if rows.count:
        return 0
    last = (folder / "agent.log").read_text(errors="replace").splitlines()[-3:]
    hint = _("no rows received; on a slow host, use a longer `--seconds`. Last log lines of the agent:")
    click.echo("\n".join([hint, *last]), err=True)
    return 1


def start_processes(
    folder: Path, stack: contextlib.ExitStack, broker_url: str, fault: str | None = None,
    outputs: tuple[str, ...] = (), primary_host: str | None = None, age_s: float = 0.0,
) -> tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]:  # fmt: skip
    """Starts plant and agent and returns their processes; closing `stack` ends them.

    age_s: seconds that the plant has been running.

    Raises DemoError with the log if the plant does not start.
    """
    config, written = folder / "plant.toml", folder / "simulated.toml"
    fault_options = ("--fault", simulate_option(fault)) if fault else ()
    plant = _start(stack, folder / "plant.log", "simulate", PLANT, "--write-config", str(written), "--broker",
                   broker_url, "--truth", str(folder / "truth.ndjson"), "--age", f"{age_s:.0f}",
                   *fault_options)  # fmt: skip
    _wait_for_file(written, plant, folder / "plant.log")
    text = demo_config(written.read_text(encoding="utf-8"))
    if outputs:
        text = text.replace("[mqtt]\n", f"[mqtt]\noutputs = {json.dumps(outputs)}\n")
        if primary_host:
            text += f"\n[sparkplug]\nprimary_host = {json.dumps(primary_host, ensure_ascii=False)}\n"
    config.write_text(text, encoding="utf-8")
    return plant, _start(stack, folder / "agent.log", "run", str(config))


def _start_page(folder: Path, stack: contextlib.ExitStack) -> None:
    """Serves the page and prints its address."""
    page = demo_page(folder / "plant.toml")
    if page is None:
        click.echo(_("page: not installed; install it with `pip install 'magwatt[web]'`"))
        return
    _start(stack, folder / "web.log", *page.command)
    click.echo(_("page: {address}", address=page.address))


def _start_host(stack: contextlib.ExitStack, broker: Mqtt, host_id: str, announce: bool) -> DemoHost:
    """announce: print its changes; a live table shows them in its footer."""
    try:
        from agent.cli.demo_host import DemoHost
    except ImportError:
        raise DemoError(DEMO_SPARKPLUG_NOT_INSTALLED) from None
    host = DemoHost(broker, host_id, GROUP, click.echo if announce else lambda _text: None)
    host.start()
    stack.callback(host.stop)
    return host


def _publish_state(broker: Mqtt, host_id: str, online: str) -> str:
    """The command that publishes STATE of the primary host, retained."""
    payload = f'{{"online":{online},"timestamp":\'$(date +%s%3N)\'}}'
    topic = shlex.quote(f"spBv1.0/STATE/{host_id}")
    return f"mosquitto_pub -h {broker.host} -p {broker.port} -q 1 -r -t {topic} -m '{payload}'"


def delete_retained(broker: Mqtt) -> None:
    """Deletes the retained messages of the demo from a broker that it does not own."""
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv311)
    topics: set[str] = set()
    client.on_connect = lambda connected, *_: connected.subscribe([(TOPIC, 1), (DISCOVERY, 1)])
    client.on_message = lambda _client, _data, message: (
        topics.add(message.topic) if message.retain and message.topic.startswith(OWN_PREFIXES) else None
    )
    with contextlib.suppress(OSError):
        client.connect(broker.host, broker.port)
        client.loop_start()
        time.sleep(1)
        for topic in sorted(topics):
            client.publish(topic, b"", qos=1, retain=True).wait_for_publish(2)
        client.disconnect()
        client.loop_stop()


class _RowCounter:
    """Counts rows; headless: also prints rows and events."""

    def __init__(self, headless: bool) -> None:
        self.count, self.assets = 0, set[str]()
        self._headless = headless

    def on_change(self, followed: FollowedMessage, kind: str) -> None:
        if kind == "telemetry":
            self.count += 1
            self.assets.add(followed.asset)
            if self._headless:
                click.echo(format_line(followed))
        elif kind == "event" and self._headless:
            click.echo(format_event_line(followed))


def _start(stack: contextlib.ExitStack, log_file: Path, *arguments: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", "from agent.cli import main; main()", *arguments],
        stdin=subprocess.DEVNULL, stdout=stack.enter_context(log_file.open("wb")), stderr=subprocess.STDOUT,
        start_new_session=True, preexec_fn=end_with_parent,
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
            raise DemoError(DEMO_PLANT_NOT_STARTED, log=log_file.read_text(errors="replace"))
        time.sleep(0.02)


def _watch_processes(processes: list[subprocess.Popen[bytes]], ending: threading.Event) -> None:
    while not ending.wait(0.5):
        if any(process.poll() is not None for process in processes):
            ending.set()


def _compile_kernels() -> None:
    if kernel_cache.is_complete():
        return
    try:
        compile_with_progress()
    except OSError:
        click.echo(_("the kernels could not be compiled; the demo runs without harmonics"), err=True)


@contextlib.contextmanager
def embedded_broker() -> Iterator[int]:
    """Runs an amqtt broker, MQTT 3.1.1 only, in a thread. Yields its loopback port."""
    try:
        from amqtt.broker import Broker
    except ImportError:
        raise DemoError(DEMO_BROKER_NOT_INSTALLED) from None
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
        raise DemoError(DEMO_BROKER_NOT_STARTED)
    try:
        yield port
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(STOP_S)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
