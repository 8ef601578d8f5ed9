"""`magwatt watch`: a live table in a terminal, one table with `--once`, one line for each message otherwise."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterable

import click
from rich.console import Console
from rich.text import Text

from agent.cli.broker_source import BrokerSource
from agent.cli.watch_notes import format_event_line
from agent.cli.watch_rows import STALE_S, rows_by_gateway
from agent.cli.watch_table import Line, format_line
from agent.cli.watch_view import table
from agent.delivery.mqtt.follower import BrokerError, FollowedMessage, Follower

PIPE_WIDTH = 400  # no column is omitted and no name is cut


def watch_broker(source: BrokerSource, seconds: float | None, once: bool) -> int:
    """Returns 1 if the broker cannot be used, or if `once` found no motor; otherwise 0."""
    live = sys.stdout.isatty() and not once
    ending = threading.Event()
    follower = Follower(source.broker, source.topic, None if live or once else _MessagePrinter(ending).on_change)
    try:
        follower.start()
    except BrokerError as error:
        click.echo(source.advice(error), err=True)
        return 1
    try:
        if live:
            from agent.cli.watch_screen import show_live

            show_live(follower, seconds)
        elif once:
            return _print_once(follower, seconds or STALE_S)
        else:
            _wait(ending, seconds)
    finally:
        follower.stop()
    return 0


def as_text(line: Line) -> Text:
    """A line for rich."""
    return Text.assemble(*line)


def print_lines(console: Console, lines: Iterable[Line]) -> None:
    for line in lines:
        console.print(as_text(line), soft_wrap=True)


def _print_once(follower: Follower, seconds: float) -> int:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s and not _complete(follower):
        time.sleep(0.1)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else PIPE_WIDTH
    print_lines(Console(), table(follower, width))
    return 0 if follower.seen else 1


def _complete(follower: Follower) -> bool:
    """Whether each motor of an online gateway, at least one, has sent its values."""
    rows = [row for group in rows_by_gateway(follower) for row in group.rows if row.reachable]
    return bool(rows) and all(row.age_s is not None for row in rows)


class _MessagePrinter:
    """Prints rows and events as lines, until the reader of the pipe has closed it."""

    def __init__(self, ending: threading.Event) -> None:
        self._ending = ending

    def on_change(self, followed: FollowedMessage, kind: str) -> None:
        try:
            if kind == "telemetry" and not self._ending.is_set():
                click.echo(format_line(followed))
            elif kind == "event" and not self._ending.is_set():
                click.echo(format_event_line(followed))
        except BrokenPipeError:
            self._ending.set()
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter reports it at its end


def _wait(ending: threading.Event, seconds: float | None) -> None:
    handlers = {number: signal.signal(number, lambda *_: ending.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ending.wait(seconds)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
