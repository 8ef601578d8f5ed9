"""`magwatt watch`: a live table of all motors, read from MQTT like any other consumer."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

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
        with Live(render(follower, footer()), console=console, auto_refresh=False) as live:
            while not ending.wait(0.25) and time.monotonic() < until_s:
                live.update(render(follower, footer()), refresh=True)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def render(follower: Follower, footer: str = "") -> RenderableType:
    """One row for each motor; what is not known is a dash, never a zero."""
    table = Table(title=_title(follower), title_justify="left", expand=False)
    for heading, justify in (("motor", "left"), ("state", "left"), ("quality", "left"), ("input kW", "right"),
                             ("shaft kW", "right"), ("rpm", "right"), ("current A", "right"), ("THD-I %", "right"),
                             ("drive %", "right"), ("motor %", "right"), ("system %", "right"), ("method", "left"),
                             ("age s", "right")):  # fmt: skip
        table.add_column(heading, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for key in sorted(list(follower.seen)):
        seen = follower.seen[key]
        if "telemetry" in seen.messages or "state" in seen.messages:
            table.add_row(*_row(seen), style="dim" if _age_s(seen) > OLD_S else "")
    if not follower.seen:
        return Group(Text(f"waiting for messages on {follower.topic} …"), Text(footer, style="dim"))
    return Group(table, Text(footer, style="dim")) if footer else table


def line(seen: Seen) -> str:
    """The same row as plain text, for logs and headless runs."""
    cells = [str(cell) for cell in _row(seen)]
    names = ("", "", "", "in", "shaft", "rpm", "A", "THD-I", "drive", "motor", "system", "by")
    return "  ".join(f"{name} {cell}".strip() for name, cell in zip(names, cells[:12], strict=True))


def _title(follower: Follower) -> str:
    parts = [f"{topic} {status}" for topic, status in sorted(follower.gateways.items())]
    return "  ·  ".join(parts)


def _row(seen: Seen) -> list[Text | str]:
    telemetry = seen.messages.get("telemetry", {})
    v: dict[str, Any] = telemetry.get("v", {})
    pq: dict[str, Any] = seen.messages.get("pq3s", {}).get("v", {})
    name = seen.messages.get("meta", {}).get("name", seen.asset)
    state = seen.messages.get("state", {}).get("state", "–")
    quality = telemetry.get("q", "–")
    simulated = "SIMULATED" in telemetry.get("f", {}).get("*", [])
    speed = v.get("motor_speed_rpm")
    thd = [pq[f"thd_i_l{n}_pct"] for n in (1, 2, 3) if pq.get(f"thd_i_l{n}_pct") is not None]
    currents = [v[f"current_l{n}_a"] for n in (1, 2, 3) if v.get(f"current_l{n}_a") is not None]
    methods = telemetry.get("m", {})
    return [
        f"{seen.asset}  {name}" if name != seen.asset else name,
        Text(state, style=_STATE_STYLE.get(state, "")),
        Text(f"{quality}{', simulated' if simulated else ''}", style=_QUALITY_STYLE.get(quality, "")),
        _number(v.get("active_power_w"), 1000, 2),
        _plus_minus(v, "shaft_power_w", 1000, 2),
        _number(speed, 1, 0),
        _number(sum(currents) / len(currents) if currents else None, 1, 1),
        _number(sum(thd) / len(thd) if thd else None, 1, 1),
        _plus_minus(v, "drive_efficiency_pct", 1, 1),
        _plus_minus(v, "motor_efficiency_pct", 1, 1),
        _plus_minus(v, "system_efficiency_pct", 1, 1),
        methods.get("system_efficiency_pct", "–"),
        f"{_age_s(seen):.0f}",
    ]


def _age_s(seen: Seen) -> float:
    """Seconds since the newest telemetry came to us."""
    came_s = seen.came_s.get("telemetry", seen.came_s.get("state", time.monotonic()))
    return time.monotonic() - came_s


def _number(value: float | None, divisor: float, decimals: int) -> str:
    return "–" if value is None else f"{value / divisor:.{decimals}f}"


def _plus_minus(values: dict[str, Any], name: str, divisor: float, decimals: int) -> str:
    value, u = values.get(name), values.get(f"{name}_u")
    if value is None or u is None:
        return "–"
    return f"{value / divisor:.{decimals}f} ±{u / divisor:.{decimals}f}"
