"""The live table in a pseudo-terminal: keys, filter, resizing."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pyte

ROOT = Path(__file__).parents[3]
SHOW = "from agent.cli.watch_screen import show_live; from support.watch_plant import plant; show_live(plant(), 60)"


class Terminal:
    """A program in a pseudo-terminal, and what the terminal shows."""

    def __init__(self, columns: int, lines: int) -> None:
        self._master, slave = pty.openpty()
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self._set_size(columns, lines)
        path = f"{ROOT}:{ROOT / 'tests'}"
        environment = os.environ | {"PYTHONPATH": path, "TERM": "xterm-256color", "LANGUAGE": "en"}
        environment.pop("MAGWATT_LOCALE", None)
        self._process = subprocess.Popen(
            [sys.executable, "-c", SHOW], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env=environment, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        os.close(slave)

    def resize(self, columns: int, lines: int) -> None:
        self._screen.resize(lines, columns)
        self._set_size(columns, lines)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def wait_for(self, what: Callable[[list[str]], object]) -> list[str]:
        """The screen as soon as it fulfils the condition."""
        until_s = time.monotonic() + 30
        while not what(self.lines()):
            assert time.monotonic() < until_s, "\n".join(self.lines())
            if select.select([self._master], [], [], 0.1)[0]:
                self._stream.feed(os.read(self._master, 65536))
        return self.lines()

    def lines(self) -> list[str]:
        # Without the empty cell that pyte puts behind a wide character
        return [line.rstrip() for line in self._screen.display]

    def end(self) -> int:
        """Reads until the program has ended, and returns its exit code."""
        with_output = True
        while with_output:
            try:
                with_output = bool(os.read(self._master, 65536))
            except OSError:  # the other end was closed
                with_output = False
        os.close(self._master)
        return self._process.wait(10)

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def test_keys_filter_and_resizing_leave_no_garbage() -> None:
    terminal = Terminal(80, 24)
    shown = terminal.wait_for(lambda lines: "q quit" in lines[-1])
    assert "method" not in shown[1]
    assert not any("pump-40" in line for line in shown)

    terminal.resize(120, 30)
    shown = terminal.wait_for(lambda lines: "shaft" in lines[1] and "q quit" in lines[-1])
    rows = [line for line in shown if "71.24" in line]
    assert {line.index("71.24") for line in rows if "除" not in line} == {rows[0].index("71.24")}
    assert sum("q quit" in line for line in shown) == 1, "the footer of the former size is gone"

    terminal.type("\x1b[F")  # End
    terminal.wait_for(lambda lines: any("pump-40" in line for line in lines))
    terminal.type("/除鳞\r")
    shown = terminal.wait_for(lambda lines: sum("71.24" in line for line in lines) == 1)
    assert any("1#除鳞泵" in line for line in shown)
    terminal.type("\x1b")  # Esc clears the filter
    terminal.wait_for(lambda lines: sum("71.24" in line for line in lines) > 10)

    terminal.resize(80, 24)
    shown = terminal.wait_for(lambda lines: "q quit" in lines[-1] and "quality" in lines[1] and "shaft" not in lines[1])
    assert sum("71.24" in line for line in shown) <= 20
    terminal.type("q")
    assert terminal.end() == 0
