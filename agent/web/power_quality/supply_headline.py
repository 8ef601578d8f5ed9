"""A headline of a view: a few words that are read before any picture."""

from __future__ import annotations

from msgspec import Struct


class SupplyHeadline(Struct):
    """detail: the smaller text of the headline. beyond: a value is above its limit."""

    title: str
    detail: str
    beyond: bool = False
