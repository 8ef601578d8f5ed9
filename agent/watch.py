"""`magwatt watch`: a live table of all motors, read from MQTT like any other consumer."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agent.config import Mqtt
from agent.subscribe import Follower, Seen

OLD_S = 5.0  # a row not renewed for that long is shown dim, with its age
_QUALITY_STYLE = {"good": "green", "uncertain": "yellow", "bad": "red"}
_STATE_STYLE = {"online": "green", "stale": "yellow", "offline": "red", "hold": "cyan"}


def watch_broker(broker: Mqtt, topic: str, seconds: float | None) -> int:
    """Shows the table until Ctrl-C or `seconds`; 1 when no broker answers."""
    follower = Follower(broker, topic)
    console = Console()
    try:
        follower.start()
    except OSError as error:
        console.print(f"no broker at {broker.host}:{broker.port}: {error}")
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


# heading, unit below it, whether numbers stand right, and the terminal width from which the column is shown
_COLUMNS = (
    ("motor", "", False, 0),
    ("state", "quality", False, 0),
    ("input", "kW", True, 0),
    ("shaft", "kW", True, 0),
    ("speed", "rpm", True, 86),
    ("current", "A", True, 94),
    ("THD-I", "%", True, 79),
    ("drive", "%", True, 0),
    ("motor", "%", True, 0),
    ("system", "%", True, 0),
    ("method", "", False, 102),
    ("age", "s", True, 76),
)


def render(follower: Follower, width: int, footer: str = "") -> RenderableType:
    """One row for each motor, U (k = 2) below its value; what is not known is a dash, never a zero.

    width: of the terminal in characters; narrow ones get fewer columns instead of cut numbers.
    """
    if not follower.seen:
        return Group(Text(f"waiting for messages on {follower.topic} …"), Text(footer, style="dim"))
    shown = [number for number, column in enumerate(_COLUMNS) if width >= column[3]]
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title=_title(follower), title_justify="left",
        title_style="",
    )  # fmt: skip
    for number in shown:
        heading, unit, right, _ = _COLUMNS[number]
        table.add_column(Text(f"{heading}\n{unit}"), justify="right" if right else "left", no_wrap=True)
    for key in sorted(list(follower.seen)):
        seen = follower.seen[key]
        if "telemetry" in seen.messages or "state" in seen.messages:
            cells = _row(seen)
            table.add_row(*(cells[number] for number in shown), style="dim" if _age_s(seen) > OLD_S else "")
    legend = Text("± is U (k = 2); – is not known", style="dim")
    return Group(table, legend, Text(footer, style="dim")) if footer else Group(table, legend)


def line(seen: Seen) -> str:
    """The same row as plain text, for logs and headless runs."""
    cells = [str(cell).replace("\n", " ") for cell in _row(seen)]
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


def _row(seen: Seen) -> list[Text]:
    telemetry = seen.messages.get("telemetry", {})
    v: dict[str, Any] = telemetry.get("v", {})
    pq: dict[str, Any] = seen.messages.get("pq3s", {}).get("v", {})
    name = seen.messages.get("meta", {}).get("name", seen.asset)
    state = seen.messages.get("state", {}).get("state", "–")
    quality = telemetry.get("q", "–")
    thd = [pq[f"thd_i_l{n}_pct"] for n in (1, 2, 3) if pq.get(f"thd_i_l{n}_pct") is not None]
    currents = [v[f"current_l{n}_a"] for n in (1, 2, 3) if v.get(f"current_l{n}_a") is not None]
    methods = telemetry.get("m", {})
    return [
        Text(name) if name == seen.asset else Text.assemble(f"{name}\n", (seen.asset, "dim")),
        Text.assemble((state, _STATE_STYLE.get(state, "")), "\n", (quality, _QUALITY_STYLE.get(quality, ""))),
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


def _age_s(seen: Seen) -> float:
    """Seconds since the newest telemetry came to us."""
    came_s = seen.came_s.get("telemetry", seen.came_s.get("state", time.monotonic()))
    return time.monotonic() - came_s


def _number(value: float | None, divisor: float, decimals: int) -> Text:
    return Text("–", style="dim") if value is None else Text(f"{value / divisor:.{decimals}f}")


def _plus_minus(values: dict[str, Any], name: str, divisor: float, decimals: int) -> Text:
    value, u = values.get(name), values.get(f"{name}_u")
    if value is None or u is None:
        return Text("–", style="dim")
    return Text.assemble(f"{value / divisor:.{decimals}f}\n", (f"±{u / divisor:.{decimals}f}", "dim"))
