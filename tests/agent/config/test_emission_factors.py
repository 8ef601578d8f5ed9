"""Avoided emissions and standard coal: published figures with their years, rejection of unknown factors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.config import emission_factors, reasons
from drivers.file_reasons import DID_YOU_MEAN
from drivers.reasons import Code, InvalidValue


def test_the_independent_case(data: Path) -> None:
    """161 MWh saved in a rail mill, grid emission factor of Inner Mongolia in 2022: 110.27 t."""
    cases = json.loads((data / "efficiency" / "cases.json").read_text())["cases"]
    wanted = [case for case in cases if case["kind"] == "co2_cost"]
    assert wanted
    for case in wanted:
        given = case["inputs"]
        factor = emission_factors.grid_factor("CN-NM 2022")
        assert factor.kg_per_kwh == given["kgco2_per_kwh"]
        tonnes = emission_factors.co2_kg(1000 * given["savings_kwh"], factor) / 1000
        assert tonnes == pytest.approx(case["expected"]["tco2"], abs=case["tol"])


@pytest.mark.parametrize(
    ("wanted", "year", "kg"),
    [("CN", 2022, 0.5366), ("CN-NM", 2022, 0.6849), ("CN-NM 2021", 2021, 0.7025), ("CN North", 2022, 0.6776),
     ("CN 华北 2021", 2021, 0.7120), ("GB", 2023, 0.207), (0.55, None, 0.55)],
)  # fmt: skip
def test_a_factor_comes_with_its_year(wanted: str | float, year: int | None, kg: float) -> None:
    found = emission_factors.grid_factor(wanted)
    assert (found.year, found.kg_per_kwh) == (year, kg)
    assert found.source


def test_values_without_a_source_are_marked_and_not_preferred() -> None:
    """CN: the verified factor of 2022 is used, not the newer one with status memory. JP: no factor is verified."""
    assert any(row.scope == "CN" and row.year == 2023 and row.status == "memory" for row in emission_factors.factors())
    assert emission_factors.grid_factor("CN").status == "verified"
    assert emission_factors.grid_factor("JP").status == "memory"


@pytest.mark.parametrize(
    ("wanted", "code", "data"),
    [
        ("CN-MN", DID_YOU_MEAN, {"problem": reasons.GRID_FACTOR_UNKNOWN(name="CN-MN")}),
        ("CN-NM 1999", reasons.GRID_FACTOR_YEAR, {"name": "CN-NM", "year": 1999, "years": ("2021", "2022")}),
        ("Atlantis", reasons.GRID_FACTOR_UNKNOWN, {"name": "Atlantis"}),
    ],
)
def test_an_unknown_factor_is_rejected_with_the_available_ones(
    wanted: str, code: Code, data: dict[str, object]
) -> None:
    with pytest.raises(InvalidValue) as error:
        emission_factors.grid_factor(wanted)
    assert error.value.reason.code == code
    assert error.value.reason.data.items() >= data.items()


def test_each_source_code_is_explained() -> None:
    assert {row.source for row in emission_factors.factors()} <= set(emission_factors.SOURCES)


def test_coal_both_ways() -> None:
    """Calorific value: 3.6 MJ/kWh over 29.3076 MJ/kg of standard coal. Equivalent value: by year, or the newest."""
    heat = emission_factors.coal("calorific")
    assert heat.kgce_per_kwh == pytest.approx(3.6 / 29.3076, rel=1e-3)
    assert emission_factors.coal_kg(1e6, heat) == pytest.approx(122.9)
    burnt = emission_factors.coal("supply", 2020)
    assert (burnt.year, burnt.kgce_per_kwh) == (2020, 0.3055)
    assert emission_factors.coal("supply", 2030).year == emission_factors.coal("supply").year
    assert emission_factors.coal("generation", 2019).year == 2020, "the oldest figure"
    with pytest.raises(ValueError, match="generation"):
        emission_factors.coal("equivalent")


@pytest.mark.parametrize("year", [2020, 2021, 2022, 2023])
def test_a_plant_supplies_less_than_it_generates(year: int) -> None:
    """Thermal plants of China consume 5 to 7 % of their generation themselves [M]."""
    generation, supply = (emission_factors.coal(kind, year) for kind in ("generation", "supply"))
    assert generation.year == supply.year == year
    assert 0.05 < 1 - generation.kgce_per_kwh / supply.kgce_per_kwh < 0.07
    assert {generation.status, supply.status} == {"memory"}


def test_more_used_is_more_emitted() -> None:
    factor = emission_factors.grid_factor("CN")
    assert emission_factors.co2_kg(-1e6, factor) == -emission_factors.co2_kg(1e6, factor) < 0
