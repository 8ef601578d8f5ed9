"""Progress of a long run: one line that is updated on a terminal, or a line every 20 s in a file."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import IO

from rich.cells import cell_len

from agent.core.text import _

DAY_S = 86_400.0
UPDATE_S, LINE_S = 0.5, 20.0  # between two updates on a terminal, between two lines in a file


class Progress:
    """Prints the progress and the estimated remaining time.

    from_s, to_s: start and end of the run, seconds of the plant. Before from_s, an earlier run is repeated.
    clock_s: monotonic time, seconds.
    """

    def __init__(
        self, stream: IO[str], from_s: float, to_s: float, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream, self._from_s, self._to_s, self._clock_s = stream, from_s, to_s, clock_s
        self._terminal = stream.isatty()
        self._next_s = clock_s() + (UPDATE_S if self._terminal else LINE_S)
        self._started: tuple[float, float] | None = None  # time of this host, time of the plant
        self._width = 0

    def update(self, now_s: float) -> None:
        """Prints the progress; called with each step. now_s: seconds of the plant."""
        real_s = self._clock_s()
        if now_s >= self._from_s and self._started is None:
            self._started = real_s, now_s
        if real_s < self._next_s:
            return
        self._next_s = real_s + (UPDATE_S if self._terminal else LINE_S)
        self._print(self._text(now_s, real_s))

    def close(self) -> None:
        """Clears the line of a terminal."""
        if self._width:
            self._stream.write(f"\r{'':{self._width}}\r")
            self._stream.flush()

    def _text(self, now_s: float, real_s: float) -> str:
        day = now_s / DAY_S
        if self._started is None:
            return _("repeating the earlier run: day {day:.1f} of {days:.1f}", day=day, days=self._from_s / DAY_S)
        elapsed_s, done_s = real_s - self._started[0], now_s - self._started[1]
        if done_s <= 0:
            return _("day {day:.1f} of {days:.1f}", day=day, days=self._to_s / DAY_S)
        return _(
            "day {day:.1f} of {days:.1f}, {left_s:.0f} s left",
            day=day,
            days=self._to_s / DAY_S,
            left_s=elapsed_s * (self._to_s - now_s) / done_s,
        )

    def _print(self, text: str) -> None:
        if not self._terminal:
            self._stream.write(text + "\n")
        else:
            width = cell_len(text)
            self._stream.write("\r" + text + " " * (self._width - width))
            self._width = width
        self._stream.flush()
