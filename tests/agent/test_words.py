"""Counts and figures as text."""

from __future__ import annotations

import pytest

from agent.words import counted, figure


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


@pytest.mark.parametrize(
    ("value", "decimals", "signed", "text"),
    [
        (-0.0049, 2, False, "0.00"),
        (-0.0051, 2, False, "-0.01"),
        (-0.0, 1, True, "+0.0"),
        (-0.04, 1, True, "+0.0"),
        (-0.06, 1, True, "-0.1"),
        (2.5, 0, False, "2"),
        (12.34, 1, True, "+12.3"),
    ],
)
def test_there_is_no_minus_before_a_zero(value: float, decimals: int, signed: bool, text: str) -> None:
    assert figure(value, decimals, signed=signed) == text
