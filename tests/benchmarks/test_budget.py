"""The table of the budget for a Raspberry Pi: what is projected, and by which ratios."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.agent_load import Steady
from benchmarks.budget import OPEN, RATIOS, SAME, Figure, by_component, row, shown

MEASURED = Path(__file__).parents[2] / "docs" / "reference" / "measured.md"


@pytest.mark.parametrize(
    ("value", "text"), [(0.0412, "0.041"), (0.9, "0.9"), (3.456, "3.5"), (19.94, "20"), (63.2, "63"), (281.4, "281")]
)
def test_figures_have_two_or_three_digits(value: float, text: str) -> None:
    assert shown(value) == text


def test_processor_time_is_projected_and_nothing_else() -> None:
    ratios = {"Pi 5": (2.0, 3.0), "Pi 4": (4.0, 6.0)}
    assert row(Figure("a", 1.5, "ms"), ratios) == "| a | 1.5 ms | 3 … 4.5 ms | 6 … 9 ms |"
    assert row(Figure("b", 50.0, "MB", SAME), ratios) == "| b | 50 MB | the same | the same |"
    assert row(Figure("c", 28.0, "s", OPEN), ratios) == "| c | 28 s | – | – |"
    assert row(Figure("a", 1.5, "ms"), {}) == "| a | 1.5 ms |", "on a Raspberry Pi"


def test_components_add_up_to_the_processor_time_of_all_threads() -> None:
    threads = {"pipeline": 6.0, "line-south": 2.0, "python": 3.0, "waveform-pump-": 25.0, "new": 0.5}
    found = by_component(Steady(threads, 0.0, 0.0, True))
    assert sum(found.values()) == sum(threads.values())
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert found["buses and event loop"] == 5.0


def test_the_page_states_the_ratios_that_are_used() -> None:
    text = MEASURED.read_text(encoding="utf-8")
    for low, high in RATIOS.values():
        assert f"{low:g} … {high:g}" in text
