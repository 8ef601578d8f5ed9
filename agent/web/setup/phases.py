"""Live values of a motor as rows and phasors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from agent.web.commissioning.wiring_picture import Angles
from drivers.vocabulary import vocabulary

LOAD_DEG = (-30.0, 90.0)  # angle of a load that consumes, as in agent/web/commissioning/wiring_picture.py
VOLTAGE_DEG = (0.0, -120.0, 120.0)
PLAIN = ("output_frequency", "motor_speed", "motor_current", "output_voltage", "motor_power")
UNIT = {"W": ("kW", 1000.0)}


def phase_angles(values: Mapping[str, Any]) -> Angles | None:
    """The angles between voltage and current in degrees, positive lagging; None if one is not known."""
    one, two, three = (_angle(values, k) for k in (1, 2, 3))
    return None if one is None or two is None or three is None else (one, two, three)


def view(device: str, values: Mapping[str, float]) -> dict[str, Any]:
    """One device: rows of the three phases of a meter, and the single values of a drive.

    angle_deg: null without a reactive power. wrong: the angle, or else the power, is not that of a load that consumes.
    """
    phases = [_row(values, k) for k in (1, 2, 3)] if any(f"current_l{k}" in values for k in (1, 2, 3)) else []
    return {
        "device": device, "silent": not values, "phases": phases, "phasors": _phasors(phases),
        "values": [_single(name, values[name]) for name in ("active_power", *PLAIN) if name in values],
    }  # fmt: skip


def _phasors(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The form of agent/web/static/charts/phasors.js; None where an angle is not known.

    A meter shows no angles between its voltages: they are drawn as those of a symmetrical supply.
    """
    if not rows or any(row[key] is None for row in rows for key in ("voltage_v", "current_a", "angle_deg")):
        return None
    angles = [row["angle_deg"] for row in rows]
    return {
        "u_v": [row["voltage_v"] for row in rows], "u_deg": list(VOLTAGE_DEG), "phi_deg": angles,
        "i_a": [row["current_a"] for row in rows],
        "i_deg": [u - phi for u, phi in zip(VOLTAGE_DEG, angles, strict=True)],
    }  # fmt: skip


def _row(values: Mapping[str, float], k: int) -> dict[str, Any]:
    angle, power = _angle(values, k), values.get(f"active_power_l{k}")
    outside = angle is not None and not LOAD_DEG[0] <= angle < LOAD_DEG[1]
    return {
        "phase": k, "voltage_v": values.get(f"voltage_l{k}n"), "current_a": values.get(f"current_l{k}"),
        "power_kw": None if power is None else power / 1000, "angle_deg": angle,
        "wrong": outside or (angle is None and power is not None and power < 0),
    }  # fmt: skip


def _angle(values: Mapping[str, Any], k: int) -> float | None:
    power, reactive = values.get(f"active_power_l{k}"), values.get(f"reactive_power_l{k}")
    if power is None or reactive is None or (power == 0 and reactive == 0):
        return None
    return math.degrees(math.atan2(reactive, power))


def _single(name: str, value: float) -> dict[str, Any]:
    unit, divisor = UNIT.get(vocabulary()[name].unit, (vocabulary()[name].unit, 1.0))
    return {"name": name, "value": value / divisor, "unit": unit}
