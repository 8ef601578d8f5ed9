"""Dips of all kinds on a drive of a scenario: the highest line voltage supplies the bridge, and the powers balance."""

from __future__ import annotations

from random import Random

import pytest
from support.plant import scenario_file

from simulators.plant.phasors import active_w, unbalance_percent
from simulators.scenarios.plant import ScenarioPlant
from simulators.scenarios.record_parser import scenario_record


@pytest.mark.parametrize(("kind", "trips"), [("A", True), ("B", False), ("C", False), ("D", False)])
def test_only_a_dip_of_all_phases_stops_a_drive(kind: str, trips: bool) -> None:
    """Residual voltage 0.5. Highest line voltage, from the vectors: A 0.5, B 1, C 0.90, D 1; the limit is 0.7."""
    raw = scenario_file("grid-dip")
    raw["dip"] = [{"at_h": 0.001, "duration_s": 2.0, "residual": 0.5, "kind": kind}]
    plant = ScenarioPlant(scenario_record(raw), Random(2))
    unit, found = plant.units["fan"], []
    for _ in range(round(20 / 0.2)):
        plant.step(0.2)
        train = unit.train
        assert train is not None
        found.append(unit.coasts)
        assert train.input_w == pytest.approx(float(active_w(train.u_v, train.i_a).sum()), rel=1e-9)
        inside = 3.6 <= plant.now_s < 5.6
        unbalanced = unbalance_percent(abs(train.u_v[:, 1]).tolist()) > 10
        assert unbalanced == (inside and kind != "A")
    assert any(found) == trips
    assert not found[-1], "twelve seconds later it runs again"
