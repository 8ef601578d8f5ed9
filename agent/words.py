"""Words as people read them: counts with their nouns."""

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
