"""Data of a configured motor for the watch over its condition."""

from __future__ import annotations

from typing import Literal

from agent.analysis.condition.machine import MachineData
from agent.analysis.efficiency.nameplate import induction_hz
from agent.config.model import Motor
from agent.config.topology import Asset


def machine_of(asset: Asset) -> MachineData:
    """The data of an asset with a motor. A permanent-magnet motor that starts on the line counts as a magnet motor."""
    motor = asset.motor
    assert motor is not None
    magnet, more = motor.kind != "induction", motor.condition
    return MachineData(
        kind="magnet" if magnet else "induction",
        at=_measured_at(asset, motor),
        kw=motor.kw, rpm=motor.rpm,
        hz=motor.rpm * motor.poles / 120 if magnet else induction_hz(motor.rpm, motor.poles),
        poles=motor.poles, volts=motor.volts, amps=motor.amps,
        rotor_bars=more.rotor_bars, slots=more.slots, r1_ohm=motor.r1_ohm, ls_h=more.ls_h, xq_ohm=motor.xq_ohm,
        emf_v=motor.emf_v, winding_class=more.winding_class, carrier_hz=more.carrier_hz,
        application=more.application, dc_link_uf=more.dc_link_uf,
    )  # fmt: skip


def _measured_at(asset: Asset, motor: Motor) -> Literal["line", "drive_output", "drive_input"]:
    """Where the waveform is measured; without one where the meter is."""
    if asset.drive is None:
        return "line"
    point = motor.waveform.measuring_point if motor.waveform else "drive-input"
    return "drive_input" if point == "drive-input" else "drive_output"
