"""Rows of one pump motor written out by hand, for tests of single rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from agent.analysis.condition.answers import Answer, ConditionFinding
from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.rows.row_condition import RowCondition

MOTOR = MachineData(
    kind="magnet", at="drive_input", kw=11.0, rpm=1500.0, hz=75.0, poles=6, volts=400.0, amps=21.0, nm=70.0,
    winding_class="F", emf_v=330.0, r1_ohm=0.3, xq_ohm=4.4, application="pump",
)  # fmt: skip
Row = dict[str, float | None]


def row(t_s: float, **values: float | None) -> Row:
    """The motor at 80 % speed and half its rated power; `values` replace some. Each value changes from row to row."""
    wave = (t_s % 7 - 3) / 1500
    usual: Row = {
        "u12_v": 400.0, "u23_v": 400.4, "u31_v": 399.7, "i1_a": 9.0, "i2_a": 9.05, "i3_a": 8.95, "p_in_kw": 5.8,
        "pf": 0.92,
        "f_out_hz": 60.0, "speed_rpm": 1200.0, "u_out_v": 281.0, "i_out_a": 12.4, "p_out_kw": 5.5, "torque_pct": 60.0,
        "u_dc_v": 540.0, "winding_degc": 70.0, "bearing_de_degc": 45.0, "ambient_degc": 22.0, "drive_degc": 38.0,
    }  # fmt: skip
    noisy = {name: None if value is None else value * (1 + wave) for name, value in (usual | values).items()}
    return {"drive_state": 1.0} | noisy | {name: values[name] for name in ("drive_state",) if name in values}


def stopped(t_s: float, **values: float | None) -> Row:
    """Gates off, speed 0 reported."""
    off: Row = dict.fromkeys(("f_out_hz", "speed_rpm", "u_out_v", "i_out_a", "p_out_kw", "torque_pct"), 0.0)
    small: Row = {"i1_a": 0.2, "i2_a": 0.2, "i3_a": 0.2, "p_in_kw": 0.04, "drive_state": 0.0}
    return row(t_s, **(off | small | values))


def machine(**changes: Any) -> MachineData:
    return msgspec.structs.replace(MOTOR, **changes)


class Watched:
    """Feeds rows to RowCondition, one a second.

    found: what was raised, by code, with the time of the first raising.
    """

    def __init__(self, data: MachineData = MOTOR, state: dict[str, Any] | None = None) -> None:
        self.condition = RowCondition(data, state)
        self.t_s = 0
        self.found: dict[str, ConditionFinding] = {}

    def feed(self, seconds: int, make: Callable[..., Row] = row, **values: float | None) -> Watched:
        for _ in range(seconds):
            for finding in self.condition.on_row(self.t_s, make(self.t_s, **values)):
                self.found.setdefault(finding.code, finding)
            self.t_s += 1
        return self

    def answer(self, code: str) -> Answer:
        (found,) = [one for one in self.condition.answers() if one.code == code]
        return found
