"""Progress lines of a long run."""

from __future__ import annotations

import io
import re

from agent.progress import DAY_S, LINE_S, Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def run(stream: io.StringIO, from_day: float, to_day: float, per_day_s: float) -> Progress:
    """Passes the days of the plant one by one, per_day_s real seconds each."""
    now = [0.0]
    progress = Progress(stream, from_day * DAY_S, to_day * DAY_S, lambda: now[0])
    for day in range(round(to_day) + 1):
        progress.update(day * DAY_S)
        now[0] += per_day_s
    return progress


def numbers(line: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", line)]


def test_lines_are_few_and_the_remaining_time_is_in_proportion() -> None:
    stream = io.StringIO()
    run(stream, 0, 20, LINE_S / 4).close()
    lines = stream.getvalue().splitlines()
    assert [numbers(line) for line in lines] == [[day, 20, (20 - day) * LINE_S / 4] for day in (4, 8, 12, 16, 20)]


def test_a_terminal_has_one_line_that_is_cleared_at_the_end() -> None:
    stream = Terminal()
    run(stream, 0, 5, 1.0).close()
    assert "\n" not in stream.getvalue()
    shown = stream.getvalue().split("\r")
    assert numbers(shown[1])[:2] == [1, 5]
    assert shown[-2].strip() == ""


def test_the_repeated_part_does_not_count_for_the_remaining_time() -> None:
    stream = io.StringIO()
    run(stream, 10, 20, LINE_S)
    lines = stream.getvalue().splitlines()
    assert numbers(lines[0]) == [1, 10]
    assert numbers(lines[-2]) == [19, 20, LINE_S]
