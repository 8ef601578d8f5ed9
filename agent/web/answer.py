"""An answer of a view: a sentence of a few words that is read before any picture."""

from __future__ import annotations

from msgspec import Struct


class Answer(Struct):
    """title: the answer. detail: what stands below it. beyond: it is above its limit."""

    title: str
    detail: str
    beyond: bool = False
