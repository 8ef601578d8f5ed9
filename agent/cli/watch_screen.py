"""The live table in a terminal: keys, filter and resizing, with prompt_toolkit."""

from __future__ import annotations

import asyncio
import math
import signal
import threading
import time
from collections.abc import Callable

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.filters import has_focus
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.input import create_input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import ConditionalContainer, HSplit, Layout, VSplit, Window
from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl

from agent.cli.watch_table import Line
from agent.cli.watch_view import View, screen
from agent.core.text import _
from agent.delivery.mqtt.follower import Follower

REFRESH_S = 1.0  # the usual poll interval
END_CHECK_S = 0.2
ESCAPE_S = 0.1  # pause after which Esc is a key of its own and not the beginning of a sequence
_COLOURS = {name: f"ansi{name}" for name in ("green", "yellow", "red", "cyan")}


def show_live(
    follower: Follower, seconds: float | None, footer: Callable[[], str] = lambda: "",
    ending: threading.Event | None = None,
) -> None:  # fmt: skip
    """Shows the table until q, Ctrl-C, SIGTERM, `ending` or `seconds`."""
    ending = ending or threading.Event()
    handlers = {number: signal.signal(number, lambda *_: ending.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        asyncio.run(_run(_Screen(follower, footer).application, ending, seconds))
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


async def _run(application: Application[None], ending: threading.Event, seconds: float | None) -> None:
    """Runs the application; `ending` is set by other threads and signal handlers."""
    running = asyncio.create_task(application.run_async(handle_sigint=False))
    until_s = time.monotonic() + (seconds or math.inf)
    while not running.done() and not ending.is_set() and time.monotonic() < until_s:
        await asyncio.wait([running], timeout=END_CHECK_S)
    if not running.done() and application.is_running:
        application.exit()
    await running


class _Screen:
    """The application: the table, the line in which the filter is entered, and the keys."""

    def __init__(self, follower: Follower, footer: Callable[[], str]) -> None:
        self._follower, self._footer, self._view = follower, footer, View()
        self._search = Buffer(multiline=False, on_text_changed=self._on_search)
        control = FormattedTextControl(self._text, focusable=True, show_cursor=False)
        table, search = Window(control), BufferControl(self._search)
        entering = has_focus(self._search)
        prompt = Window(FormattedTextControl(lambda: _("filter (Enter: keep, Esc: clear): ")), dont_extend_width=True)
        line = ConditionalContainer(VSplit([prompt, Window(search)], height=1), entering)
        self._table = table
        self._entering = entering
        self.application: Application[None] = Application(
            Layout(HSplit([table, line]), table), key_bindings=self._keys(), full_screen=True,
            refresh_interval=REFRESH_S, input=create_input(always_prefer_tty=True),
        )  # fmt: skip
        self.application.ttimeoutlen = self.application.timeoutlen = ESCAPE_S

    def _text(self) -> StyleAndTextTuples:
        size = self.application.output.get_size()
        height = size.rows - 1 if self._entering() else size.rows
        lines = screen(self._follower, self._view, size.columns, height, self._footer())
        return [part for line in lines for part in _fragments(line)]

    def _on_search(self, buffer: Buffer) -> None:
        self._view.search, self._view.offset = buffer.text, 0

    def _keys(self) -> KeyBindings:
        keys, reading = KeyBindings(), ~has_focus(self._search)
        view = self._view

        def scroll(key: str, lines: Callable[[], int]) -> None:
            @keys.add(key, filter=reading)
            def move(_event: KeyPressEvent) -> None:
                view.offset = max(view.offset + lines(), 0)

        for key, lines in {
            "up": lambda: -1, "k": lambda: -1, "down": lambda: 1, "j": lambda: 1,
            "pageup": lambda: -view.page_lines, "pagedown": lambda: view.page_lines, " ": lambda: view.page_lines,
            "home": lambda: -view.offset, "end": lambda: 10**6,
        }.items():  # fmt: skip
            scroll(key, lines)

        @keys.add("t", filter=reading)
        def order(_event: KeyPressEvent) -> None:
            view.trouble_first = not view.trouble_first

        @keys.add("n", filter=reading)
        def notes(_event: KeyPressEvent) -> None:
            view.notes_only, view.offset = not view.notes_only, 0

        @keys.add("/", filter=reading)
        def search(event: KeyPressEvent) -> None:
            view.notes_only = False
            event.app.layout.focus(self._search)

        @keys.add("enter", filter=~reading)
        def keep(event: KeyPressEvent) -> None:
            event.app.layout.focus(self._table)

        @keys.add("escape")
        def clear(event: KeyPressEvent) -> None:
            self._search.reset()
            self._on_search(self._search)
            event.app.layout.focus(self._table)

        @keys.add("q", filter=reading)
        @keys.add("c-c")
        def leave(event: KeyPressEvent) -> None:
            event.app.exit()

        @keys.add("c-z")
        def suspend(event: KeyPressEvent) -> None:
            event.app.suspend_to_background()

        return keys


def _fragments(line: Line) -> StyleAndTextTuples:
    styled = [(" ".join(_COLOURS.get(word, word) for word in span.style.split()), span.text) for span in line]
    return [*styled, ("", "\n")]
