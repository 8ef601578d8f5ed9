"""Saved energy as avoided grid emissions and as standard coal; each figure has year, source and status.

Avoided emissions use the location-based average factor of the grid. They are not a certificate and earn no quota.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from msgspec import Struct

from agent.config.reasons import GRID_FACTOR_UNKNOWN, GRID_FACTOR_YEAR
from agent.core.text import N_
from drivers.file_reasons import with_suggestion
from drivers.reasons import InvalidValue

_TABLES = Path(__file__).with_name("tables")
_MARKS = {"v": "verified", "m": "memory"}

# Sources of grid_emission_factors.csv by their code there
SOURCES = {
    "S1": N_("MEE and NBS announcement 2024 No. 12 (2024-04-12), factors of 2021"),
    "S2": N_(
        "MEE and NBS announcement 2024 No. 33 (2024-12-20), factors of 2022; national 0.5366 and North 0.6776 checked "
        "in two independent public files, provinces and regions in one"
    ),
    "S3": N_(
        "MEE documents on emission trading (0.6101 for 2020, 0.5810 for 2021, 0.5703 for 2022: letter [2023] No. 43)"
    ),
    "S4": N_("annual averages of IEA and Ember, from secondary sources"),
    "S5": N_("eGRID2022, average of the United States"),
    "S6": N_("MEE factors of 2023, published in late 2025"),
    "IEA": N_("IEA annual averages"),
}
# Words of the tables that are translated: regions that are not places, and sources without a code
WORDS = {
    word: word
    for word in (
        N_("national"), N_("national excl. market-traded non-fossil"), N_("national fossil power"),
        N_("NEA annual statistics"), N_("stated in the configuration"),
    )
}  # fmt: skip


class EmissionFactor(Struct, frozen=True):
    """kg CO₂ per kWh from the grid.

    scope: country or province code, "" when the plant states the factor.
    region: name in the table.
    year: None when the plant states the factor.
    basis: average, for the location-based average of the grid.
    source: one of SOURCES, or a text.
    status: verified | memory (quoted, not yet checked against the text) | stated (by the plant).
    """

    scope: str
    region: str
    year: int | None
    kg_per_kwh: float
    basis: str
    source: str
    status: str


class CoalEquivalent(Struct, frozen=True):
    """kg of standard coal per kWh.

    kind: calorific (当量, the heat of the electricity), or one of the equivalent values (等价, the coal that thermal
        plants burn for it): generation (per kWh generated) | supply (per kWh that leaves the plants) | contract.
    year: None: valid for every year.
    status: verified | memory | stated (in the configuration).
    """

    kind: str
    year: int | None
    kgce_per_kwh: float
    source: str
    status: str


def grid_factor(setting: str | float) -> EmissionFactor:
    """The factor of "CN-NM", "CN-NM 2021", "CN 华北" or "CN North 2022", or a number in kg/kWh.

    Without a year: the newest verified average, else the newest from memory. Raises InvalidValue with the nearest name,
    or with the years that are available.
    """
    if isinstance(setting, int | float):
        return EmissionFactor("", "", None, float(setting), "average", "stated in the configuration", "stated")
    words = setting.split()
    year = int(words.pop()) if len(words) > 1 and words[-1].isdigit() else None
    name = " ".join(words)
    rows = [row for row in factors() if row.basis.startswith("average")]
    found = [row for row in rows if _named(row, name)]
    if not found:
        known = sorted({row.scope for row in rows} | {f"{row.scope} {row.region}" for row in rows if _regional(row)})
        raise InvalidValue(with_suggestion(GRID_FACTOR_UNKNOWN(name=name), name, known))
    if year is not None:
        years = sorted({row.year for row in found if row.year is not None})
        found = [row for row in found if row.year == year]
        if not found:
            raise InvalidValue(GRID_FACTOR_YEAR, name=name, year=year, years=tuple(map(str, years)))
    return max(found, key=lambda row: (row.basis == "average", row.status == "verified", row.year or 0))


def co2_kg(saved_wh: float, factor: EmissionFactor) -> float:
    """Avoided grid emissions; negative when more energy was used."""
    return saved_wh / 1000 * factor.kg_per_kwh


def coal(kind: str, year: int | None = None) -> CoalEquivalent:
    """The figure of that year, else the newest earlier one, else the oldest. kind: calorific | generation | supply.

    For the equivalent value of a month: generation, with the year before the month. Source: GB/T 2589-2020 A.2 and
    GB 30251-2024 table A.2 [M]. Raises ValueError for another kind.
    """
    rows = sorted((row for row in _coal_rows() if row.kind == kind), key=lambda row: row.year or 0)
    if not rows:
        raise ValueError(f"{kind}: calorific, generation or supply")
    return ([row for row in rows if year is None or row.year is None or row.year <= year] or rows[:1])[-1]


def coal_kg(saved_wh: float, figure: CoalEquivalent) -> float:
    return saved_wh / 1000 * figure.kgce_per_kwh


@cache
def factors() -> tuple[EmissionFactor, ...]:
    """All rows of grid_emission_factors.csv."""
    return tuple(
        EmissionFactor(
            row["scope"],
            row["region"],
            int(row["year"]),
            float(row["kgco2_per_kwh"]),
            row["basis"],
            row["source"],
            _MARKS[row["status"]],
        )
        for row in _rows("grid_emission_factors.csv")
    )


@cache
def _coal_rows() -> tuple[CoalEquivalent, ...]:
    return tuple(
        CoalEquivalent(
            row["kind"],
            int(row["year"]) if row["year"] else None,
            float(row["kgce_per_kwh"]),
            row["source"],
            _MARKS[row["status"]],
        )
        for row in _rows("coal.csv")
    )


def _named(row: EmissionFactor, name: str) -> bool:
    """A scope alone means all of it: CN is the country, not one of its grids."""
    scope, _, region = name.partition(" ")
    if not region:
        return row.scope == scope and not _regional(row)
    return row.scope == scope and _regional(row) and region.lower() in row.region.lower().split()


def _regional(row: EmissionFactor) -> bool:
    return row.scope == "CN" and not row.region.startswith("national")


def _rows(name: str) -> list[dict[str, str]]:
    text = (_TABLES / name).read_text(encoding="utf-8")
    return list(csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))
