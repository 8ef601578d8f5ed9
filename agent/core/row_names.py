"""Rows of the metrics table for the metrics of the gateway, some of which contain the name of a bus."""

from __future__ import annotations

from agent.core.metrics import Metric, by_name


def row_name(name: str) -> str:
    """Row of a metric of `health`: `bus_north_2_polls` → `bus_*_polls`."""
    if not name.startswith("bus_"):
        return name
    ends = [row for row in by_name("health") if row.startswith("bus_*_") and name.endswith(row[len("bus_*") :])]
    return max(ends, key=len)


def gateway_row(kind: str, name: str) -> Metric | None:
    """Row of a metric of the gateway in messages of this type; None: not in the table."""
    return by_name(kind).get(row_name(name) if kind == "health" else name)
