"""Rows of the metrics table for the metrics of the gateway, some of which contain the name of a bus."""

from __future__ import annotations

from agent.core.metrics import Metric, by_name


def row_name(name: str) -> str:
    """Row of a metric of `health`: `bus_north_2_polls` → `bus_*_polls`."""
    if not name.startswith("bus_"):
        return name
    return max(_bus_rows(name), key=len)


def bus_of(name: str) -> str:
    """Name of the bus in a metric of `health`: `bus_north_2_polls` → `north_2`; "": there is none."""
    rows = _bus_rows(name) if name.startswith("bus_") else []
    return name[len("bus_") : len("bus_*") - len(max(rows, key=len))] if rows else ""


def _bus_rows(name: str) -> list[str]:
    return [row for row in by_name("health") if row.startswith("bus_*_") and name.endswith(row[len("bus_*") :])]


def gateway_row(kind: str, name: str) -> Metric | None:
    """Row of a metric of the gateway in messages of this type; None: not in the table."""
    return by_name(kind).get(row_name(name) if kind == "health" else name)
