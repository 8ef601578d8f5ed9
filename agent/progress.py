"""How far a long run is: one line that is renewed on a terminal, else a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import IO

DAY_S = 86_400.0
SHOWN_S, SAID_S = 0.5, 20.0  # between two looks on a terminal, between two lines elsewhere


class Progress:
    """From one second of the plant to another. from_s: before it the plant is stepped alone."""

    def __init__(
        self, stream: IO[str], from_s: float, to_s: float, clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream, self._from_s, self._to_s, self._clock_s = stream, from_s, to_s, clock_s
        self._terminal = stream.isatty()
        self._next_s = clock_s() + (SHOWN_S if self._terminal else SAID_S)
        self._began: tuple[float, float] | None = None  # here, in the plant
        self._width = 0

    def passed(self, now_s: float) -> None:
        real_s = self._clock_s()
        if now_s >= self._from_s and self._began is None:
            self._began = real_s, now_s
        if real_s < self._next_s:
            return
        self._next_s = real_s + (SHOWN_S if self._terminal else SAID_S)
        self._say(self._text(now_s, real_s))

    def close(self) -> None:
        """Leaves the line empty."""
        if self._width:
            self._stream.write(f"\r{'':{self._width}}\r")
            self._stream.flush()

    def _text(self, now_s: float, real_s: float) -> str:
        if self._began is None:
            return f"bringing the plant to day {self._from_s / DAY_S:.1f}: day {now_s / DAY_S:.1f}"
        text = f"day {now_s / DAY_S:.1f} of {self._to_s / DAY_S:.1f}"
        taken_s, done_s = real_s - self._began[0], now_s - self._began[1]
        return f"{text}, {taken_s * (self._to_s - now_s) / done_s:.0f} s left" if done_s > 0 else text

    def _say(self, text: str) -> None:
        if not self._terminal:
            self._stream.write(text + "\n")
        else:
            self._stream.write(f"\r{text:{self._width}}")
            self._width = len(text)
        self._stream.flush()
