"""Columns of text in a terminal, where a Chinese character has the width of two."""

from __future__ import annotations

from rich.cells import cell_len


def padded(text: str, width: int) -> str:
    """The text with spaces after it, up to a width in columns."""
    return text + " " * (width - cell_len(text))


def padded_left(text: str, width: int) -> str:
    """The text with spaces before it, up to a width in columns."""
    return " " * (width - cell_len(text)) + text
