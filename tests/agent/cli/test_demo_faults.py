"""Each fault of the demo appears in the registers that its agent polls, at the time that the demo states, and ends."""

from __future__ import annotations

from random import Random

import pytest
from support.faulty_plant import registers

from agent.analysis.condition.answers import ConditionFinding
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.rows.row_condition import RowCondition
from agent.cli.demo_faults import DEMO_FAULTS, announcement, simulate_option
from agent.cli.demo_plant import PLANT
from agent.simulation.serve import fault_of
from simulators.devices.device import Refused
from simulators.scenarios import load
from simulators.scenarios.plant import ScenarioPlant

DESCALING_KW = 160.0


def faulty_plant(fault: str) -> ScenarioPlant:
    scenario = load(PLANT)
    plant = scenario.build(Random(1))
    assert isinstance(plant, ScenarioPlant)
    plant.provoke(*fault_of(scenario, simulate_option(fault)))
    return plant


def shown(fault: str, device: str, quantity: str, at_s: tuple[float, ...], step_s: float = 5.0) -> list[float | None]:
    """What a register shows at these seconds after the start; None: the device does not respond."""
    plant = faulty_plant(fault)
    seen: list[float | None] = []
    for instant_s in at_s:
        while plant.now_s < instant_s:
            plant.step(step_s)
        try:
            seen.append(registers(plant, device, DESCALING_KW)[quantity])
        except Refused:
            seen.append(None)
    return seen


@pytest.mark.parametrize("name", DEMO_FAULTS)
def test_simulate_understands_each_fault(name: str) -> None:
    fault = fault_of(load(PLANT), simulate_option(name))
    assert (fault.name, fault.at_s, fault.motor) == (name, 180 if name == "dry-run" else 30, DEMO_FAULTS[name].motor)
    assert fault.to_s is None or fault.to_s >= 120
    assert announcement(name)


def test_a_dry_pump() -> None:
    before, dry, after = shown("dry-run", "vfd-descaling-1", "motor_power", (175, 190, 275))
    assert before == pytest.approx(after, rel=0.03)
    assert 0.1 < dry / before < 0.4  # type: ignore[operator]


def test_a_pump_runs_dry_when_its_usual_load_is_known() -> None:
    """Earlier, the agent takes the load of the dry pump for implausible, and raises no alarm."""
    plant = faulty_plant("dry-run")
    watch = RowCondition(MachineData(kind="magnet", at="drive_input", kw=DESCALING_KW, rpm=1500.0, application="pump"))
    found: list[ConditionFinding] = []
    while plant.now_s < 200:
        plant.step(1.0)
        drive = registers(plant, "vfd-descaling-1", DESCALING_KW)
        row = {"drive_state": 1.0, "p_out_kw": drive["motor_power"], "speed_rpm": drive["motor_speed"]}
        found += watch.on_row(plant.now_s, row)
    assert [one.code for one in found] == ["dry_run"]
    assert 190 <= found[0].at_s <= 195


def test_a_lost_phase() -> None:
    before, lost, after = shown("phase-loss", "mcc-descaling-1", "current_l1", (25, 40, 125))
    assert lost == 0
    assert before == pytest.approx(after, rel=0.03)


def test_a_silent_drive() -> None:
    before, silent, after = shown("drive-silent", "vfd-cooling-fan", "motor_current", (25, 40, 125))
    assert silent is None
    assert before == pytest.approx(after, rel=0.06)
