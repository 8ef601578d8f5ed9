"""Loss models: all that the present signals allow, the one with the lowest uncertainty first."""

from __future__ import annotations

import math
from typing import NamedTuple

from agent.analysis.efficiency.nameplate import Nameplate
from dsp import efficiency as eff
from dsp.efficiency_induction import (
    M2_LOAD_U,
    M2_U,
    SLIP_U,
    Plate,
    m1_losses,
    m1_shaft_power_w,
    m2_load,
    m3_load,
    m4_losses,
)
from dsp.efficiency_magnet import m6_losses, pm_losses

SENSOR_U = 0.006  # of the shaft power: torque 0.5 % with 0.1 % of speed, as sensors of class 0.2 to 0.5 in the field
CAGE_ON_DRIVE_U = 0.35  # of the losses: split of the class, at a speed that the class does not cover


class LossSignals(NamedTuple):
    """Inputs at one moment; None where a source has no value.

    power_w: power at the motor terminals, the best that is known.
    speed_rpm: measured at the shaft, not computed from a frequency.
    gap_ratio: shaft power over input power by method M7.
    u_power: relative U (k = 2) of power_w.
    """

    power_w: float | None
    current_a: float | None
    frequency_hz: float
    speed_rpm: float | None = None
    volts_v: float | None = None
    winding_degc: float | None = None
    shaft_nm: float | None = None
    gap_ratio: float | None = None
    u_power: float = 0.0


class LossEstimate(NamedTuple):
    """Result of a loss model.

    power_w: input power that the model uses where none was measured. u_power: its relative U (k = 2).
    """

    method: str
    losses: eff.Losses
    power_w: float
    u_power: float = 0.0


def on_mains(nameplate: Nameplate, s: LossSignals) -> list[LossEstimate]:
    """Models of a motor direct on line, measured at its terminals. Lowest uncertainty first; empty when none fits."""
    found: list[LossEstimate] = []
    cage = nameplate.cage
    if cage is not None and s.power_w is not None:
        out_w = m1_shaft_power_w(s.power_w, cage.rated_w, cage.efficiency)
        split = m1_losses(cage, out_w / cage.rated_w)
        scaled = _scaled(split, max(s.power_w - out_w, 0.0))
        found.append(LossEstimate(eff.M1, scaled._replace(u_w=split.u_w), s.power_w))
        if s.current_a is not None and s.volts_v:
            fine = m4_losses(cage, s.power_w, s.current_a, s.speed_rpm, s.volts_v, s.winding_degc)
            if fine is not None:
                found.append(LossEstimate(eff.M4, fine, s.power_w))
        if s.gap_ratio is not None:
            from dsp.efficiency_airgap import M7_U

            loss_w = s.power_w * (1 - s.gap_ratio)
            found.append(LossEstimate(eff.M7, _scaled(split, loss_w)._replace(u_w=M7_U * abs(s.power_w)), s.power_w))
    elif cage is not None:
        found += _without_power(cage, s)
    if nameplate.magnet is not None and s.power_w is not None and s.current_a is not None:
        found.append(
            LossEstimate(eff.M5, pm_losses(nameplate.magnet, s.current_a, s.frequency_hz, s.winding_degc), s.power_w)
        )
    return _by_uncertainty(found + _from_shaft_sensor(nameplate, s, found))


def on_drive(nameplate: Nameplate, s: LossSignals) -> list[LossEstimate]:
    """Models of a motor on a drive. Lowest uncertainty first; empty when the drive reports too little."""
    if s.current_a is None or nameplate.rated_hz <= 0:
        return []
    found: list[LossEstimate] = []
    power_w, speed = s.power_w or 0.0, s.frequency_hz / nameplate.rated_hz
    if nameplate.magnet is not None:
        found.append(
            LossEstimate(eff.M5, pm_losses(nameplate.magnet, s.current_a, s.frequency_hz, s.winding_degc), power_w)
        )
        if nameplate.surface is not None:
            torque = s.current_a / nameplate.rated_a
            if s.power_w is not None and abs(speed) > 0.05:  # (input − copper losses) / speed
                torque = max(abs(s.power_w) - found[0].losses.total_w, 0.0) / nameplate.magnet.rated_w / abs(speed)
            fine = m6_losses(nameplate.surface, nameplate.magnet, speed, torque, s.current_a)
            found.append(LossEstimate(eff.M6, fine, power_w))
    elif nameplate.cage is not None:
        cage = nameplate.cage
        torque = 0.0
        if abs(speed) > 0.05:
            torque = m1_shaft_power_w(abs(power_w) / abs(speed), cage.rated_w, cage.efficiency) / cage.rated_w
        losses = m1_losses(cage, max(torque, 0.0), speed)
        found.append(LossEstimate(eff.M1, losses._replace(u_w=CAGE_ON_DRIVE_U * losses.total_w), power_w))
    return _by_uncertainty(found + _from_shaft_sensor(nameplate, s, found))


def _without_power(cage: Plate, s: LossSignals) -> list[LossEstimate]:
    """M2 and M3: load from the current or the slip, input power from load and class."""
    found: list[LossEstimate] = []
    if s.speed_rpm is not None and (load := m3_load(cage, s.speed_rpm, s.volts_v or cage.volts_v)) is not None:
        found.append(_from_load(cage, eff.M3, load, SLIP_U))
    if s.current_a is not None and (load := m2_load(cage, s.current_a)) is not None:
        found.append(_from_load(cage, eff.M2, load, M2_LOAD_U))
    return found


def _from_load(cage: Plate, method: str, load: float, u_load: float) -> LossEstimate:
    losses, out_w = m1_losses(cage, load), load * cage.rated_w
    in_w = out_w + losses.total_w
    return LossEstimate(method, losses._replace(u_w=M2_U * in_w), in_w, u_load)


def _from_shaft_sensor(nameplate: Nameplate, s: LossSignals, found: list[LossEstimate]) -> list[LossEstimate]:
    """M9: input power minus shaft power of a sensor, split as by the first of the other models."""
    if s.shaft_nm is None or s.power_w is None or not found:
        return []
    rpm = s.speed_rpm if s.speed_rpm is not None else s.frequency_hz / nameplate.rated_hz * nameplate.sync_rpm
    out_w = s.shaft_nm * rpm * math.pi / 30
    loss_w = s.power_w - out_w
    if loss_w <= 0:
        return []
    u_w = math.hypot(SENSOR_U * out_w, s.u_power * s.power_w)  # absolute U of a difference
    return [LossEstimate(eff.M9, _scaled(found[0].losses, loss_w)._replace(u_w=u_w), s.power_w)]


def _scaled(losses: eff.Losses, total_w: float) -> eff.Losses:
    scale = total_w / losses.total_w if losses.total_w > 0 else 0.0
    return eff.Losses._make((*(scale * part_w for part_w in losses[:4]), losses.u_w))


def _by_uncertainty(found: list[LossEstimate]) -> list[LossEstimate]:
    """Lowest uncertainty first; M1, whose U does not include damage and repairs, after what was measured here."""
    measured = any(item.method in eff.TESTED for item in found)

    def order(item: LossEstimate) -> tuple[bool, float]:
        return measured and item.method == eff.M1, item.losses.u_w + item.u_power * abs(item.power_w)

    return sorted(found, key=order)
