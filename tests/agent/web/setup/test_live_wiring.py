"""The wiring by present values: phasors of a symmetrical load, measured through transformers that are exchanged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from support.basics import HandClock
from support.setup_cabinet import CABINET

from agent.commissioning.selfcheck.live_values import Values
from agent.config.loader import load_config
from agent.config.topology import assets
from agent.web.setup.live_wiring import WatchedWiring
from agent.web.setup.phases import view

VOLTS, PHI_DEG, AT_DEG = 230.0, 31.0, (0.0, -120.0, 120.0)


def through(order: Sequence[int], amps: float = 80.0) -> Values:
    """What a meter measures if the current of phase order[k] reaches its input k."""
    values: Values = {}
    for k, phase in enumerate(order):
        angle = math.radians(AT_DEG[k] - (AT_DEG[phase] - PHI_DEG))
        values |= {
            f"voltage_l{k + 1}n": VOLTS, f"current_l{k + 1}": amps,
            f"active_power_l{k + 1}": VOLTS * amps * math.cos(angle),
            f"reactive_power_l{k + 1}": VOLTS * amps * math.sin(angle),
        }  # fmt: skip
    total = sum(values[f"active_power_l{k}"] for k in (1, 2, 3))
    return values | {"active_power": total, "power_factor": total / (3 * VOLTS * amps)}


@pytest.fixture
def wiring(tmp_path: Path) -> WatchedWiring:
    (tmp_path / "plant.toml").write_text(CABINET, encoding="utf-8")
    config, _ = load_config(tmp_path / "plant.toml")
    return WatchedWiring(config, assets(config)[0], HandClock())


@pytest.mark.parametrize(
    ("values", "verdict", "fault"),
    [
        (through((0, 1, 2)), "ok", None),
        (through((2, 0, 1)), "faulty", "wiring_ct_rotated"),
        (through((1, 0, 2)), "faulty", "wiring_ct_swapped"),
        (through((0, 1, 2), amps=2.0), "unknown", None),
    ],
    ids=["right", "rotated", "exchanged", "no load"],
)
def test_five_readings_give_a_verdict(wiring: WatchedWiring, values: Values, verdict: str, fault: str | None) -> None:
    assert wiring.verdict == "pending"
    for _ in range(5):
        wiring.on_values({"mcc-1": values})
        wiring.on_values({"mcc-1": {}})  # no response
        wiring.on_values({"other": values})
    assert wiring.verdict == verdict
    assert [str(reason.code) for reason in wiring.faults][:1] == ([fault] if fault else [])


def test_the_rows_mark_angles_that_no_load_has() -> None:
    right, rotated = view("m", through((0, 1, 2))), view("m", through((1, 0, 2)))
    assert [row["angle_deg"] for row in right["phases"]] == pytest.approx([PHI_DEG] * 3)
    assert not any(row["wrong"] for row in right["phases"])
    assert [row["wrong"] for row in rotated["phases"]] == [True, True, False]
    assert right["phasors"]["i_deg"] == pytest.approx([at - PHI_DEG for at in AT_DEG])
    without = view("m", {key: value for key, value in through((0, 1, 2)).items() if "reactive" not in key})
    assert without["phasors"] is None, "an angle that is not measured is not drawn"
