"""Counts as people read them."""

from __future__ import annotations

import pytest

from agent.words import counted


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (1, "bus", "1 bus"),
        (0, "bus", "0 buses"),
        (2, "open point", "2 open points"),
        (1, "open point", "1 open point"),
        (3, "reply", "3 replies"),
        (2, "relay", "2 relays"),
    ],
)
def test_a_count_agrees_with_its_noun(number: int, noun: str, text: str) -> None:
    assert counted(number, noun) == text
