"""Saved energy as avoided grid emissions and as standard coal, each figure with year, source and how sure it is.

Avoided emissions follow the location-based average of the grid. They are no certificate and earn no quota.
"""

from __future__ import annotations

import csv
import difflib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_TABLES = Path(__file__).with_name("tables")
_MARKS = {"v": "verified", "m": "memory"}


@dataclass(frozen=True, slots=True)
class Factor:
    """kgCO2 per kWh from the grid. status: verified | memory (nobody held the text yet) | stated (by the plant)."""

    scope: str
    region: str
    year: int | None
    kg_per_kwh: float
    basis: str
    source: str
    status: str


@dataclass(frozen=True, slots=True)
class Coal:
    """kg of standard coal per kWh. kind: calorific (当量, the heat of the electricity) | equivalent (等价, what the
    country's thermal plants burn for it)."""

    kind: str
    year: int | None
    kgce_per_kwh: float
    source: str
    status: str


def grid_factor(wanted: str | float) -> Factor:
    """ "CN-NM", "CN-NM 2021", "CN 华北", "CN North 2022" or a number in kg/kWh, which stands for itself.

    Without a year: the newest average that was verified, else the newest from memory. Raises ValueError with the
    nearest name, or with the years there are.
    """
    if isinstance(wanted, int | float):
        return Factor("", "", None, float(wanted), "average", "stated in the configuration", "stated")
    words = wanted.split()
    year = int(words.pop()) if len(words) > 1 and words[-1].isdigit() else None
    name = " ".join(words)
    rows = [row for row in factors() if row.basis.startswith("average")]
    found = [row for row in rows if _named(row, name)]
    if not found:
        known = sorted({row.scope for row in rows} | {f"{row.scope} {row.region}" for row in rows if _regional(row)})
        near = difflib.get_close_matches(name, known, 1, 0.4)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"no such grid factor{hint}; or write kg/kWh as a number")
    if year is not None:
        found = [row for row in found if row.year == year]
        if not found:
            years = sorted({row.year for row in rows if _named(row, name) and row.year is not None})
            raise ValueError(f"no factor of {year} for {name}; there are {', '.join(map(str, years))}")
    return max(found, key=lambda row: (row.basis == "average", row.status == "verified", row.year or 0))


def co2_kg(saved_wh: float, factor: Factor) -> float:
    """Avoided grid emissions; negative when more was used."""
    return saved_wh / 1000 * factor.kg_per_kwh


def coal(kind: str, year: int | None = None) -> Coal:
    """The figure of that year, the newest before it, or the oldest there is. kind: calorific | equivalent."""
    rows = sorted((row for row in _coal_rows() if row.kind == kind), key=lambda row: row.year or 0)
    if not rows:
        raise ValueError(f"{kind}: calorific or equivalent")
    known = [row for row in rows if year is None or row.year is None or row.year <= year]
    return (known or rows[:1])[-1]


def coal_kg(saved_wh: float, figure: Coal) -> float:
    return saved_wh / 1000 * figure.kgce_per_kwh


@cache
def factors() -> tuple[Factor, ...]:
    """All rows of grid_emission_factors.csv."""
    return tuple(
        Factor(row["scope"], row["region"], int(row["year"]), float(row["kgco2_per_kwh"]), row["basis"], row["source"],
               _MARKS[row["status"]])
        for row in _rows("grid_emission_factors.csv")
    )  # fmt: skip


@cache
def _coal_rows() -> tuple[Coal, ...]:
    return tuple(
        Coal(row["kind"], int(row["year"]) if row["year"] else None, float(row["kgce_per_kwh"]), row["source"],
             _MARKS[row["status"]])
        for row in _rows("coal.csv")
    )  # fmt: skip


def sources() -> dict[str, str]:
    """The source codes of grid_emission_factors.csv in words, from its first lines."""
    text = (_TABLES / "grid_emission_factors.csv").read_text(encoding="utf-8")
    heads = [line[1:].strip().partition(": ") for line in text.splitlines() if line.startswith("#")]
    return {code: said for code, _, said in heads if said and code.isalnum()}


def _named(row: Factor, name: str) -> bool:
    """A scope alone means its whole: CN is the country, not one of its grids."""
    scope, _, region = name.partition(" ")
    if not region:
        return row.scope == scope and not _regional(row)
    return row.scope == scope and _regional(row) and region.lower() in row.region.lower().split()


def _regional(row: Factor) -> bool:
    return row.scope == "CN" and not row.region.startswith("national")


def _rows(name: str) -> list[dict[str, str]]:
    text = (_TABLES / name).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
