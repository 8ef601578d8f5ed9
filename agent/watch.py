"""`magwatt watch`: a live table of all motors, read from MQTT like any other consumer."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import click
from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agent.config import Mqtt
from agent.core.text import text_of_object
from agent.subscribe import Follower, Seen
from agent.waves.event_text import format_event
from agent.words import figure

EVENT_S = 600.0  # an event is shown that long
OLD_S = 5.0  # a row not renewed for that long is shown dim, with its age
_QUALITY_STYLE = {"good": "green", "uncertain": "yellow", "bad": "red"}
_ABOUT = {"CLOCK_UNSYNCHRONIZED": " (the gateway's clock is not synchronised: magwatt doctor)"}
_STATE_STYLE = {"online": "green", "stale": "yellow", "offline": "red", "maintenance": "cyan"}


def watch_broker(broker: Mqtt, topic: str, seconds: float | None) -> int:
    """Shows the table until Ctrl-C or `seconds`; 1 when no broker answers."""
    follower = Follower(broker, topic)
    console = Console()
    try:
        follower.start()
    except (OSError, ValueError) as error:  # ValueError: a host name or a password file that is no text
        click.echo(f"no broker at {broker.host}:{broker.port}: {error}", err=True)
        return 1
    try:
        show_live(follower, console, seconds, lambda: "")
    finally:
        follower.stop()
    return 0


def show_live(
    follower: Follower, console: Console, seconds: float | None, footer: Callable[[], str],
    ending: threading.Event | None = None,
) -> None:  # fmt: skip
    """Redraws the table a few times a second until SIGINT, SIGTERM, `ending` or `seconds`."""
    ending = ending or threading.Event()
    handlers = {number: signal.signal(number, lambda *_: ending.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    until_s = time.monotonic() + seconds if seconds else float("inf")
    try:
        with Live(render(follower, console.width, footer()), console=console, auto_refresh=False) as live:
            while not ending.wait(0.25) and time.monotonic() < until_s:
                live.update(render(follower, console.width, footer()), refresh=True)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


# heading, unit below it, whether numbers stand right, and which column goes first where there is no room (0: none)
_COLUMNS = (
    ("motor", "", False, 0),
    ("state", "quality", False, 0),
    ("input", "kW", True, 0),
    ("shaft", "kW", True, 8),
    ("speed", "rpm", True, 3),
    ("current", "A", True, 2),
    ("THD-I", "%", True, 4),
    ("drive", "%", True, 7),
    ("motor", "%", True, 6),
    ("system", "%", True, 0),
    ("method", "", False, 1),
    ("age", "s", True, 5),
)
_NAME_WIDTH = 16  # a longer name is folded before a column is left out


def render(follower: Follower, width: int, footer: str = "") -> RenderableType:
    """One row for each motor, U (k = 2) below its value; what is not known is a dash, never a zero.

    width: of the terminal in characters; where there is no room columns are left out, nothing is cut.
    """
    if not follower.seen:
        return Group(Text(f"waiting for messages on {follower.topic} …"), Text(footer, style="dim"))
    rows = [
        (_row(seen, follower.gateways), _is_old(seen, follower.gateways))
        for _, seen in sorted(follower.seen.copy().items())  # each key stands there once: no two `Seen` are compared
        if {"telemetry", "state"} & seen.messages.keys()
    ]
    shown = _fitting([cells for cells, _ in rows], width)
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title=_title(follower), title_justify="left",
        title_style="",
    )  # fmt: skip
    for number in shown:
        heading, unit, right, _ = _COLUMNS[number]
        side: JustifyMethod = "right" if right else "left"
        table.add_column(Text(f"{heading}\n{unit}"), justify=side, no_wrap=number > 0, overflow="fold")
    for cells, old in rows:
        table.add_row(*(cells[number] for number in shown), style="dim" if old else "")
    parts: list[RenderableType] = [table, Text("± is U (k = 2); – is not known", style="dim")]
    parts += [Text(text, style="yellow") for text in [*marks(follower), *troubles(follower), *events(follower)]]
    return Group(*parts, Text(footer, style="dim")) if footer else Group(*parts)


def marks(follower: Follower) -> list[str]:
    """Why whole rows are uncertain, and whose; that they are simulated stands in the title."""
    found: dict[str, list[str]] = {}
    for _, seen in sorted(follower.seen.copy().items()):
        for flag in seen.messages.get("telemetry", {}).get("f", {}).get("*", []):
            found.setdefault(flag, []).append(seen.asset)
    return [f"{flag}{_ABOUT.get(flag, '')}: {', '.join(names)}" for flag, names in found.items() if flag != "SIMULATED"]


def troubles(follower: Follower) -> list[str]:
    """Why a motor is not simply online, and since when; behind a gateway that is offline nobody knows."""
    return [
        f"{_clock(state.get('since', state['t']))}  {seen.asset} is {state['state']}: "
        + "; ".join(map(text_of_object, state["reason"]))
        for _, seen in sorted(follower.seen.copy().items())
        if (state := seen.messages.get("state", {})).get("reason") and follower.gateways.get(seen.gateway) != "offline"
    ]


def events(follower: Follower) -> list[str]:
    """The newest event of each motor, while it is young; times as they are here."""
    found = []
    for seen in list(follower.seen.values()):
        message = seen.messages.get("event")
        if message is not None and time.monotonic() - seen.came_s["event"] < EVENT_S:
            found.append((message["t"], event_line(seen)))
    return [text for _, text in sorted(found)]


def event_line(seen: Seen) -> str:
    message = seen.messages["event"]
    name = seen.messages.get("meta", {}).get("name", seen.asset)
    text = format_event(message["v"], message.get("r", {}).get("event_text", ()))
    return f"{_clock(message['v'].get('event_start_ms', message['t']))}  {name}: {text}"


def _clock(utc_ms: float) -> str:
    """The time here; with its date when that is another day's."""
    at = datetime.fromtimestamp(utc_ms / 1000).astimezone()
    return f"{at:%H:%M:%S}" if at.date() == datetime.now().astimezone().date() else f"{at:%Y-%m-%d %H:%M:%S}"


def _fitting(rows: list[list[Text]], width: int) -> list[int]:
    """The numbers of the columns that fit side by side, uncut."""
    wide = [
        max(cell_len(part) for text in (heading, unit, *(cells[number].plain for cells in rows))
            for part in text.split("\n"))
        for number, (heading, unit, _, _) in enumerate(_COLUMNS)
    ]  # fmt: skip
    wide[0] = min(wide[0], _NAME_WIDTH)
    shown = list(range(len(_COLUMNS)))
    # Beside its text a column has one character of padding and one of its border; the first border stands alone.
    while sum(wide[number] + 2 for number in shown) + 1 > width and len(shown) > 4:
        shown.remove(min((number for number in shown if _COLUMNS[number][3]), key=lambda number: _COLUMNS[number][3]))
    return shown


def line(seen: Seen) -> str:
    """The same row as plain text, for logs and headless runs."""
    cells = [str(cell).replace("\n", " ") for cell in _row(seen, {})]
    parts = [*cells[:2], *(["simulated"] if _simulated(seen) else [])] + [
        f"{heading} {cell}{' ' + unit if unit else ''}"
        for (heading, unit, _, _), cell in zip(_COLUMNS[2:-1], cells[2:-1], strict=True)
        if cell != "–"
    ]
    return "  ".join(parts)


def _title(follower: Follower) -> Text:
    title = Text()
    for topic, status in sorted(follower.gateways.items()):
        title.append(f"{topic} ").append(status, style=_STATE_STYLE.get(status, "")).append("  ")
    if any(_simulated(seen) for seen in list(follower.seen.values())):
        title.append("SIMULATED", style="bold yellow")
    return title


def _simulated(seen: Seen) -> bool:
    return "SIMULATED" in seen.messages.get("telemetry", {}).get("f", {}).get("*", [])


def _is_old(seen: Seen, gateways: Mapping[str, str]) -> bool:
    return _age_s(seen) > OLD_S or gateways.get(seen.gateway) == "offline"


def _row(seen: Seen, gateways: Mapping[str, str]) -> list[Text]:
    """gateways: topic → status; behind one that is offline the last state and quality say nothing about now."""
    telemetry = seen.messages.get("telemetry", {})
    v: dict[str, Any] = telemetry.get("v", {})
    pq: dict[str, Any] = seen.messages.get("pq3s", {}).get("v", {})
    name = seen.messages.get("meta", {}).get("name", seen.asset)
    state = seen.messages.get("state", {}).get("state", "–")
    quality = telemetry.get("q", "–")
    if gateways.get(seen.gateway) == "offline":
        condition = Text(f"gateway offline\n{quality}", style="dim")
    else:
        condition = Text.assemble(
            (state, _STATE_STYLE.get(state, "")), "\n", (quality, _QUALITY_STYLE.get(quality, ""))
        )
    # Measured on the waveform where there is one, else what the meter says of it.
    thd = next((found for source in (pq, v) if (found := _phases(source, "thd_i_l{}_pct"))), [])
    currents = _phases(v, "current_l{}_a")
    methods = telemetry.get("m", {})
    return [
        Text(name) if name == seen.asset else Text.assemble(f"{name}\n", (seen.asset, "dim")),
        condition,
        _number(v.get("active_power_w"), 1000, 2),
        _plus_minus(v, "shaft_power_w", 1000, 2),
        _number(v.get("motor_speed_rpm"), 1, 0),
        _number(sum(currents) / len(currents) if currents else None, 1, 1),
        _number(sum(thd) / len(thd) if thd else None, 1, 1),
        _plus_minus(v, "drive_efficiency_pct", 1, 1),
        _plus_minus(v, "motor_efficiency_pct", 1, 1),
        _plus_minus(v, "system_efficiency_pct", 1, 1),
        Text(methods.get("system_efficiency_pct", "–")),
        Text(f"{_age_s(seen):.0f}"),
    ]


def _phases(values: Mapping[str, Any], name: str) -> list[float]:
    """Of the three phases, those that are there."""
    found = (values.get(name.format(number)) for number in (1, 2, 3))
    return [value for value in found if value is not None]


def _age_s(seen: Seen) -> float:
    """Seconds since the newest telemetry came to us."""
    came_s = seen.came_s.get("telemetry", seen.came_s.get("state", time.monotonic()))
    return time.monotonic() - came_s


def _number(value: float | None, divisor: float, decimals: int) -> Text:
    return Text("–", style="dim") if value is None else Text(figure(value / divisor, decimals))


def _plus_minus(values: dict[str, Any], name: str, divisor: float, decimals: int) -> Text:
    value, u = values.get(name), values.get(f"{name}_u")
    if value is None or u is None:
        return Text("–", style="dim")
    return Text.assemble(f"{figure(value / divisor, decimals)}\n", (f"±{figure(u / divisor, decimals)}", "dim"))
