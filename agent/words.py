"""Figures as text: counts with their nouns, and no minus sign before zero."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """ "1 bus", "0 buses", "2 open points"."""
    return f"{number} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"


def figure(value: float, decimals: int, *, signed: bool = False) -> str:
    """ "0.0" for -0.04, "-0.1" for -0.06; signed: "+0.0"."""
    return f"{value:{'+' if signed else ''}z.{decimals}f}"
