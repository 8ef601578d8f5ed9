"""The months of twelve simulated plants under contract are accepted by the offline verifier, with the signed amount."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from support.offline_verifier import verdicts
from support.settled_plants import PLANTS, SettledMonth, settled_months


def refused(found: Iterable[SettledMonth]) -> list[Any]:
    """Months that are not settled by the verifier, or with another amount."""
    made = [each for each in found if each.bundle is not None]
    assert made
    results = verdicts([json.dumps(each.bundle, ensure_ascii=False) for each in made])
    amounts = [next((check["data"]["gross"] for check in result["checks"] if check["code"] == "amounts"), None)
               for result in results]  # fmt: skip
    return [(each.plant, each.month, result["reason"], amount) for each, result, amount in
            zip(made, results, amounts, strict=True)
            if (result["verdict"], amount) != ("settled", each.gross)]  # fmt: skip


def test_a_few_days_of_a_plant(tmp_path: Path) -> None:
    assert refused(settled_months(tmp_path, "flow meter 1 % off", months=1, days=3)) == []


@pytest.mark.soak
@pytest.mark.parametrize("plant", PLANTS)
def test_a_year_of_a_plant(plant: str, tmp_path: Path) -> None:
    assert refused(settled_months(tmp_path, plant, months=12)) == []
