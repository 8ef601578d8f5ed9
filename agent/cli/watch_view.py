"""`magwatt watch`: a live table of all motors, from the topics that every MQTT client can subscribe to."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import click
from rich import box
from rich.cells import cell_len
from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agent.analysis.power_quality.event_text import format_event
from agent.config.model import Mqtt
from agent.core.local_time import format_date, format_second
from agent.core.state_reasons import STATES
from agent.core.text import N_, _, text_of, text_of_object
from agent.delivery.mqtt.follower import BrokerError, FollowedMessage, Follower

EVENT_S = 600.0  # for this time an event is shown
OLD_S = 5.0  # from this age on a row is shown dim
_QUALITY_STYLE = {"good": "green", "uncertain": "yellow", "bad": "red"}
_FLAG_HELP = {"CLOCK_UNSYNCHRONIZED": N_("the clock of the gateway is not synchronized, see `magwatt doctor`")}
QUALITIES = (N_("good"), N_("uncertain"), N_("bad"))
_STATE_STYLE = {"online": "green", "stale": "yellow", "offline": "red", "maintenance": "cyan"}


def watch_broker(broker: Mqtt, topic: str, seconds: float | None) -> int:
    """Shows the table until Ctrl-C or `seconds`; returns 1 if the broker cannot be used, else 0."""
    follower = Follower(broker, topic)
    console = Console()
    try:
        follower.start()
    except BrokerError as error:
        click.echo(text_of(error), err=True)
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
    """Redraws the table four times a second until SIGINT, SIGTERM, `ending` or `seconds`."""
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


QUALITY = N_("quality")
# heading, unit below it, right-aligned, and order in which columns are omitted in a narrow terminal (0: never)
_COLUMNS = (
    (N_("motor"), "", False, 0),
    (N_("state"), QUALITY, False, 0),
    (N_("input"), "kW", True, 0),
    (N_("shaft"), "kW", True, 8),
    (N_("speed"), "r/min", True, 3),
    (N_("current"), "A", True, 2),
    (N_("THD-I"), "%", True, 4),
    (N_("drive"), "%", True, 7),
    (N_("motor"), "%", True, 6),
    (N_("system"), "%", True, 0),
    (N_("method"), "", False, 1),
    (N_("age"), "s", True, 5),
)
_NAME_WIDTH = 16  # a longer name is wrapped before a column is omitted


def render(follower: Follower, width: int, footer: str = "") -> RenderableType:
    """One row for each motor, with U (k = 2) below its value; an unknown value is a dash, never 0.

    width: of the terminal in characters. Columns that do not fit are omitted; no text is truncated.
    """
    if not follower.seen:
        return Group(
            Text(_("Waiting for messages on {topic} …", topic=follower.topic)), Text(footer, style="dim")
        )  # fmt: skip
    rows = [
        (
            _row(followed, follower.gateways),
            _age_s(followed) > OLD_S or follower.gateways.get(followed.gateway) == "offline",
        )
        for followed in _sorted(follower)
        if {"telemetry", "state"} & followed.messages.keys()
    ]
    columns = _fitting([cells for cells, _ in rows], width)
    table = Table(
        box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title=_title(follower), title_justify="left",
        title_style="",
    )  # fmt: skip
    for number in columns:
        side: JustifyMethod = "right" if _COLUMNS[number][2] else "left"
        table.add_column(Text("\n".join(_heading(number))), justify=side, no_wrap=number > 0, overflow="fold")
    for cells, old in rows:
        table.add_row(*(cells[number] for number in columns), style="dim" if old else "")
    parts: list[RenderableType] = [table, Text(_("±: uncertainty U (k = 2); –: unknown"), style="dim")]
    lines = *format_flags(follower), *format_states(follower), *_format_events(follower)
    parts += [Text(text, style="yellow") for text in lines]
    return Group(*parts, Text(footer, style="dim")) if footer else Group(*parts)


def _sorted(follower: Follower) -> list[FollowedMessage]:
    """The motors by topic; a copy, since messages arrive in another thread."""
    return [followed for _topic, followed in sorted(follower.seen.copy().items(), key=lambda item: item[0])]


def format_flags(follower: Follower) -> list[str]:
    """Flags of complete messages, with the motors. SIMULATED is in the title."""
    motors: dict[str, list[str]] = {}
    for followed in _sorted(follower):
        for flag in _flags(followed):
            motors.setdefault(flag, []).append(followed.asset)
    return [
        _("{flag} ({help:word}): {motors}", flag=flag, help=_FLAG_HELP[flag], motors=names) if flag in _FLAG_HELP
        else _("{flag}: {motors}", flag=flag, motors=names)
        for flag, names in motors.items()
        if flag != "SIMULATED"
    ]  # fmt: skip


def format_states(follower: Follower) -> list[str]:
    """State, reasons and start time of each motor whose state has reasons. The states of an offline gateway are
    outdated and not shown."""
    return [
        _("{time}  {motor}: {state}: {reasons}", time=_clock(state.get("since", state["t"])), motor=followed.asset,
          state=_translated(state["state"]), reasons=_("; ").join(map(text_of_object, state["reason"])))
        for followed in _sorted(follower)
        if (state := followed.messages.get("state", {})).get("reason")
        and follower.gateways.get(followed.gateway) != "offline"
    ]  # fmt: skip


def _format_events(follower: Follower) -> list[str]:
    """The latest event of each motor, for EVENT_S; times are local."""
    recent = [
        followed
        for followed in _sorted(follower)
        if "event" in followed.messages and time.monotonic() - followed.received_s["event"] < EVENT_S
    ]
    return [
        format_event_line(followed) for followed in sorted(recent, key=lambda followed: followed.messages["event"]["t"])
    ]


def format_event_line(followed: FollowedMessage) -> str:
    message = followed.messages["event"]
    name = followed.messages.get("meta", {}).get("name", followed.asset)
    text = format_event(message["v"], message.get("r", {}).get("event_text", ()))
    return f"{_clock(message['v'].get('event_start_ms', message['t']))}  {name}: {text}"


def _clock(utc_ms: float) -> str:
    """The local time; with the date if it is not today."""
    return format_second(utc_ms).removeprefix(f"{format_date(1000 * time.time())} ")


def _fitting(rows: list[list[Text]], width: int) -> list[int]:
    """The numbers of the columns that fit into the width without truncation."""
    wide = [
        max(cell_len(part) for text in (*_heading(number), *(cells[number].plain for cells in rows))
            for part in text.split("\n"))
        for number in range(len(_COLUMNS))
    ]  # fmt: skip
    wide[0] = min(wide[0], _NAME_WIDTH)
    columns = list(range(len(_COLUMNS)))
    # A column has one character of padding and one of border in addition to its text, the table one more border.
    while sum(wide[number] + 2 for number in columns) + 1 > width and len(columns) > 4:
        columns.remove(min(filter(_omission, columns), key=_omission))
    return columns


def _omission(number: int) -> int:
    """The order in which a column is omitted; 0: never."""
    return _COLUMNS[number][3]


def _heading(number: int) -> tuple[str, str]:
    """Heading and unit of a column."""
    heading, unit, *_rest = _COLUMNS[number]
    return _(heading), unit if unit != QUALITY else _(unit)


def format_line(followed: FollowedMessage) -> str:
    """The same row as plain text, for runs without a terminal."""
    cells = [str(cell).replace("\n", " ") for cell in _row(followed, {})]
    parts = [*cells[:2], *([_("simulated")] if "SIMULATED" in _flags(followed) else [])]
    for number, cell in enumerate(cells[2:-1], 2):
        if cell != "–":
            heading, unit = _heading(number)
            parts.append(" ".join(filter(None, (heading, cell, unit))))
    return "  ".join(parts)


def _title(follower: Follower) -> Text:
    title = Text()
    for topic, status in sorted(follower.gateways.items()):
        title.append(f"{topic} ").append(_translated(status), style=_STATE_STYLE.get(status, "")).append("  ")
    if any("SIMULATED" in _flags(followed) for followed in _sorted(follower)):
        title.append("SIMULATED", style="bold yellow")
    return title


def _flags(followed: FollowedMessage) -> list[str]:
    """The flags of the complete last telemetry message."""
    flags: list[str] = followed.messages.get("telemetry", {}).get("f", {}).get("*", [])
    return flags


def _row(followed: FollowedMessage, gateways: Mapping[str, str]) -> list[Text]:
    """One row of the table. gateways: topic → status. The state of an offline gateway is outdated and not shown."""
    telemetry = followed.messages.get("telemetry", {})
    v: dict[str, Any] = telemetry.get("v", {})
    pq: dict[str, Any] = followed.messages.get("pq3s", {}).get("v", {})
    name = followed.messages.get("meta", {}).get("name", followed.asset)
    state = followed.messages.get("state", {}).get("state", "–")
    quality = telemetry.get("q", "–")
    if gateways.get(followed.gateway) == "offline":
        condition = Text("\n".join((_("gateway offline"), _translated(quality))), style="dim")
    else:
        styles = _STATE_STYLE.get(state, ""), _QUALITY_STYLE.get(quality, "")
        condition = Text.assemble((_translated(state), styles[0]), "\n", (_translated(quality), styles[1]))
    # From the waveform, else from the registers of the meter
    thd = next((found for source in (pq, v) if (found := _phases(source, "thd_i_l{}_pct"))), [])
    currents = _phases(v, "current_l{}_a")
    return [
        Text(name) if name == followed.asset else Text.assemble(f"{name}\n", (followed.asset, "dim")),
        condition,
        _number(v.get("active_power_w"), 1000, 2),
        _plus_minus(v, "shaft_power_w", 1000, 2),
        _number(v.get("motor_speed_rpm"), 1, 0),
        _number(sum(currents) / len(currents) if currents else None, 1, 1),
        _number(sum(thd) / len(thd) if thd else None, 1, 1),
        _plus_minus(v, "drive_efficiency_pct", 1, 1),
        _plus_minus(v, "motor_efficiency_pct", 1, 1),
        _plus_minus(v, "system_efficiency_pct", 1, 1),
        Text(telemetry.get("m", {}).get("system_efficiency_pct", "–")),
        Text(f"{_age_s(followed):.0f}"),
    ]


def _translated(text: str) -> str:
    """A state or quality in the language of the user; a word of another version as it is."""
    return _(text) if text in STATES or text in QUALITIES else text


def _phases(values: Mapping[str, Any], name: str) -> list[float]:
    """The values of the three phases, without missing ones."""
    return [value for number in (1, 2, 3) if (value := values.get(name.format(number))) is not None]


def _age_s(followed: FollowedMessage) -> float:
    """Seconds since the last telemetry, else the last state, was received."""
    received_s = followed.received_s.get("telemetry", followed.received_s.get("state", time.monotonic()))
    return time.monotonic() - received_s


def _number(value: float | None, divisor: float, decimals: int) -> Text:
    return Text("–", style="dim") if value is None else Text(_figure(value / divisor, decimals))


def _plus_minus(values: dict[str, Any], name: str, divisor: float, decimals: int) -> Text:
    value, u = values.get(name), values.get(f"{name}_u")
    if value is None or u is None:
        return Text("–", style="dim")
    return Text.assemble(f"{_figure(value / divisor, decimals)}\n", (f"±{_figure(u / divisor, decimals)}", "dim"))


def _figure(value: float, decimals: int) -> str:
    """The number with its decimals; "0.0", never "-0.0"."""
    return f"{value:z.{decimals}f}"
