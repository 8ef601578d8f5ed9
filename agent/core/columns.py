"""Columns of text in a terminal, where a Chinese character has the width of two."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len

from agent.core.text import _


def padded(text: str, width: int) -> str:
    """The text with spaces after it, up to a width in columns."""
    return text + " " * (width - cell_len(text))


def padded_left(text: str, width: int) -> str:
    """The text with spaces before it, up to a width in columns."""
    return " " * (width - cell_len(text)) + text


def headings(columns: Iterable[tuple[str, int]]) -> str:
    """One line of headings. columns: text, marked by `N_`, and width; negative: aligned to the right."""
    cells = (padded(_(text), width) if width > 0 else padded_left(_(text), -width) for text, width in columns)
    return " ".join(cells).rstrip()
