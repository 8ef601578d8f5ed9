"""What a long run says of how far it is."""

from __future__ import annotations

import io

from agent.progress import DAY_S, SAID_S, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def watched(stream: io.StringIO, from_day: float, to_day: float, per_day_s: float) -> Progress:
    """The plant's days go by one by one, per_day_s real seconds each."""
    now = [0.0]
    found = Progress(stream, from_day * DAY_S, to_day * DAY_S, lambda: now[0])
    for day in range(round(to_day) + 1):
        found.passed(day * DAY_S)
        now[0] += per_day_s
    return found


def test_lines_are_few_and_the_rest_is_in_proportion() -> None:
    stream = io.StringIO()
    watched(stream, 0, 20, SAID_S / 4).close()
    lines = stream.getvalue().splitlines()
    assert lines == [f"day {day}.0 of 20.0, {(20 - day) * SAID_S / 4:.0f} s left" for day in (4, 8, 12, 16, 20)]


def test_a_terminal_has_one_line_that_is_left_empty() -> None:
    stream = Terminal()
    watched(stream, 0, 5, 1.0).close()
    assert "\n" not in stream.getvalue()
    shown = stream.getvalue().split("\r")
    assert shown[1].startswith("day 1.0 of 5.0")
    assert shown[-2].strip() == ""


def test_what_an_earlier_run_did_is_no_measure_of_the_rest() -> None:
    stream = io.StringIO()
    watched(stream, 10, 20, SAID_S)
    lines = stream.getvalue().splitlines()
    assert lines[0] == "bringing the plant to day 10.0: day 1.0"
    assert lines[-2].endswith(f"day 19.0 of 20.0, {SAID_S:.0f} s left")
