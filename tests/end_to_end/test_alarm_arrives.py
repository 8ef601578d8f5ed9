"""A fault of the simulated plant becomes an alarm of the agent, is acknowledged in the operators' file, and returns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.alarms.model import AlarmKey
from agent.alarms.operator_log import OperatorLog
from agent.simulation.accelerated import run_accelerated
from simulators.scenarios import load
from simulators.scenarios.scenario import PlannedFault

MOTOR, CODE = "descaling-1", "phase_loss"
BEGIN_S, END_S = 60.0, 120.0
DELAY_S = 5.0  # two rows, a step of the alarms, and a late poll


@pytest.mark.soak
def test_a_lost_phase_of_the_demo_plant_arrives_and_returns(tmp_path: Path) -> None:
    scenario = load("water-station")
    states: list[tuple[str, float]] = []
    verdicts: list[str] = []

    def receive(topic: str, payload: bytes, retained: bool) -> None:
        body: dict[str, Any] = json.loads(payload) if payload else {}
        if topic.endswith(f"{MOTOR}/condition"):
            verdicts.append(body["faults"][CODE]["verdict"])
        if topic.endswith(f"{MOTOR}/alarm/{CODE}") and (not states or states[-1][0] != body["state"]):
            states.append((body["state"], body["t"] / 1000 - scenario.start_utc_ns / 1e9))
            if body["state"] in ("UNACK", "RTNUN"):
                OperatorLog(tmp_path / "state").acknowledge(AlarmKey(MOTOR, CODE), body["t"], "Li Wei")

    fault = PlannedFault("phase-loss", BEGIN_S, END_S, MOTOR)
    run_accelerated(scenario, 160, receive, fault=fault, folder=tmp_path)
    assert [state for state, _ in states] == ["UNACK", "ACKED", "RTNUN", "NORM"]
    assert BEGIN_S <= states[0][1] <= BEGIN_S + DELAY_S
    assert END_S <= states[2][1] <= END_S + 3 * DELAY_S  # release of the detector and off-delay, 5 s each
    assert verdicts[0] != "finding"
    assert "finding" in verdicts
