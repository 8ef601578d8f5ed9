"""Harmonics of voltage and current in percent of the fundamental, for the page."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from msgspec import Struct

from agent.analysis.condition.phase_loss import phases_without_current

PHASES = (1, 2, 3)
ORDERS = 51
NOISE_PCT = 0.1  # a harmonic below this is not called dominant


class Spectrum(Struct):
    """pct: by phase, then by order 0 to 50, % of the fundamental of that phase; None: unknown or above the band.

    worst_pct: the largest of the phases, by order. worst_phase: 1 to 3, the phase of the dominant order.
    dominant_order: the largest of the orders from 2 on; None: all below NOISE_PCT.
    thd_pct, tdd_pct, k_factor: by phase; of a voltage only thd_pct.
    """

    pct: list[list[float | None]]
    worst_pct: list[float | None]
    worst_phase: int | None
    dominant_order: int | None
    thd_pct: list[float | None]
    tdd_pct: list[float | None]
    k_factor: list[float | None]

    @property
    def dominant_pct(self) -> float | None:
        return None if self.dominant_order is None else self.worst_pct[self.dominant_order]

    @property
    def worst_thd_pct(self) -> float | None:
        return largest(self.thd_pct)


def spectrum(harmonics: Mapping[str, Any], pq3s: Mapping[str, Any], kind: str) -> Spectrum | None:
    """From the values (key `v`) of the messages harmonics and pq3s. kind: "u" or "i". None: no phase has harmonics.

    A phase without current has none: its fundamental is noise.
    """
    unit = "v" if kind == "u" else "a"
    lost = phases_without_current(pq3s) if kind == "i" else set()
    pct = [[] if n in lost else _percent(harmonics.get(f"harmonic_{kind}_l{n}_{unit}")) for n in PHASES]
    if not any(pct):
        return None
    rows = [row or [None] * ORDERS for row in pct]
    worst = [largest([row[order] for row in rows]) for order in range(ORDERS)]
    dominant = max(range(2, ORDERS), key=lambda order: worst[order] or 0.0)
    if (worst[dominant] or 0.0) < NOISE_PCT:
        dominant = 0
    phase = next((n for n in PHASES if dominant and rows[n - 1][dominant] == worst[dominant]), None)
    return Spectrum(
        rows, worst, phase, dominant or None, _of_phases(pq3s, f"thd_{kind}_l{{}}_pct", lost),
        _of_phases(pq3s, "tdd_l{}_pct") if kind == "i" else [],
        _of_phases(pq3s, "k_factor_l{}", lost) if kind == "i" else [],
    )  # fmt: skip


def largest(values: list[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _percent(orders: Any) -> list[float | None]:
    """% of order 1; empty without a fundamental."""
    if not isinstance(orders, list) or len(orders) < 2 or not orders[1]:
        return []
    found = [None if value is None else round(100.0 * value / orders[1], 3) for value in orders[:ORDERS]]
    return found + [None] * (ORDERS - len(found))


def _of_phases(values: Mapping[str, Any], name: str, without: Collection[int] = ()) -> list[float | None]:
    return [None if n in without else values.get(name.format(n)) for n in PHASES]
