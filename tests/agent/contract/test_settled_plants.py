"""Months of twelve simulated plants are settled; an independent verifier accepts each bundle with the same amount."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.independent_bundle import verified
from support.settled_plants import PLANTS, SettledMonth, settled_months


def checked(found: Iterator[SettledMonth]) -> Counter[str]:
    """Verifies each bundle from its text; how many months have which state and evidence."""
    counts = Counter[str]()
    for each in found:
        counts[each.state] += 1
        if each.bundle is None:
            counts.update(each.obstacles)
            continue
        counts[each.evidence] += 1
        result = verified(json.loads(json.dumps(each.bundle)))
        assert (result.state, result.later) == ("settled", ()), (each.plant, each.month)
        assert result.amount["gross"] == each.gross, (each.plant, each.month)
    return counts


@pytest.mark.parametrize("plant", ["two shifts", "flow meter 1 % off"])
def test_a_few_days_of_a_plant(plant: str, tmp_path: Path) -> None:
    counts = checked(settled_months(tmp_path, plant, months=1, days=3))
    assert counts["settled"] == 1


@pytest.mark.soak
@pytest.mark.parametrize("plant", PLANTS)
def test_a_year_of_a_plant(plant: str, tmp_path: Path) -> None:
    """Of twelve months at least eleven are settled: more than 90 %."""
    counts = checked(settled_months(tmp_path, plant, months=12))
    print(plant, dict(counts))
    assert counts["settled"] >= 11
