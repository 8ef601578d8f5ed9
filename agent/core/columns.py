"""Columns of text in a terminal, where a Chinese character has the width of two."""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import east_asian_width

from agent.core.text import _


def cells(text: str) -> int:
    """Width of a text in columns of a terminal."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def padded(text: str, width: int) -> str:
    """The text with spaces after it, up to a width in columns."""
    return text + " " * (width - cells(text))


def padded_left(text: str, width: int) -> str:
    """The text with spaces before it, up to a width in columns."""
    return " " * (width - cells(text)) + text


def headings(columns: Iterable[tuple[str, int]]) -> str:
    """One line of headings. columns: text, marked by `N_`, and width; negative: aligned to the right."""
    found = (padded(_(text), width) if width > 0 else padded_left(_(text), -width) for text, width in columns)
    return " ".join(found).rstrip()
