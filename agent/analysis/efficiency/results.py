"""Published values from energies over an interval: value, U from its causes, method, flags, reason."""

from __future__ import annotations

import math
from typing import NamedTuple

from agent.analysis.efficiency import reasons
from agent.analysis.efficiency.energy_window import EnergyCell, WindowResult
from agent.analysis.efficiency.estimates import Estimates
from agent.analysis.efficiency.loss_models import LossEstimate, LossSignals
from agent.analysis.efficiency.nameplate import Nameplate
from agent.config.model import Motor
from agent.config.topology import Asset
from drivers.reading import Quality
from drivers.reasons import Reason
from dsp import efficiency as eff
from dsp.efficiency_class import at_rated_point, limits, observed, standard_above
from dsp.efficiency_induction import Plate
from dsp.efficiency_meter import PowerU

ON_MAINS = (
    "motor_efficiency_pct", "system_efficiency_pct", "motor_losses_w", "motor_losses_copper_w", "motor_losses_core_w",
    "motor_losses_mechanical_w", "motor_losses_additional_w", "shaft_power_w", "motor_load_pct",
)  # fmt: skip
NAMES = (
    "drive_efficiency_pct", *ON_MAINS, "drive_losses_w", "motor_input_power_w", "shaft_torque_nm",
)  # fmt: skip
OFF = 0.02  # of rated power: below it the motor counts as off
# Largest error of one part of an assumed split, as a share of all losses. Induction motors: 0.20, from the ranges in
# training texts (stator 25 to 40, rotor 15 to 25, core 15 to 25, friction 5 to 15, stray 10 to 20 %).
# Magnet motors [M].
SPLIT_U = 0.25
SPLIT_KNOWN = eff.TESTED | {eff.M4}
LOAD_MIN_SENSOR = 0.05  # with a sensor at the shaft


class EstimateTrace(NamedTuple):
    """How the latest values are computed.

    reason: why there is no efficiency; None: nothing prevents one.
    window: energies; None: not enough readings.
    models: loss models, the one with the lowest uncertainty first.
    meter_u: uncertainty of the meter's power.
    signals: inputs of the loss models.
    speed_rpm: of the shaft; None: not known.
    substituted: whether the output power of the drive replaces the meter.
    """

    asset: Asset
    motor: Motor
    nameplate: Nameplate
    reason: Reason | None
    window: WindowResult | None
    models: list[LossEstimate]
    meter_u: PowerU
    signals: LossSignals
    speed_rpm: float | None
    substituted: bool


def compute_results(result: Estimates, trace: EstimateTrace, window: WindowResult, flag: Quality) -> None:
    """Adds all values that the energies allow, and the reason where they allow no efficiency."""
    result.withhold(_add_results(result, trace, window))
    if flag:
        for name, value in result.values.items():
            if value is not None and not isinstance(value, str):
                result.flags[name] = result.flags.get(name, Quality.GOOD) | flag


def _add_results(result: Estimates, trace: EstimateTrace, window: WindowResult) -> Reason | None:
    now, cell = window.now, window.ratio
    if (cell.in_plus + cell.in_minus) / cell.seconds < OFF * trace.nameplate.drive_w:
        return reasons.MOTOR_OFF()
    if trace.asset.drive is not None:
        _drive(result, trace, window)
    if not trace.models:
        return why_no_model(trace)
    method = trace.models[0].method
    least = least_load(method)
    if useful_w(cell) < least * trace.motor.kw * 1000:
        return reasons.LOAD_TOO_LOW(least=least)
    gross, u_terminal = cell.terminal_plus + cell.shaft_minus, math.hypot(cell.u_in, cell.u_drive)
    motor = eff.from_losses(gross, cell.motor, cell.all_u_motor, u_terminal, method)
    if motor is None:
        return reasons.LOSSES_EXCEED_POWER()
    result.put("motor_efficiency_pct", motor, 100)
    loss, u_loss = cell.drive + cell.motor, math.hypot(cell.all_u_drive, cell.all_u_motor)
    if has_system_efficiency(trace.asset, trace.nameplate):
        system = eff.from_losses(cell.in_plus + cell.shaft_minus, loss, u_loss, cell.u_in, method)
        result.put("system_efficiency_pct", system, 100)
    _powers(result, trace, now, method)
    result.values["power_direction"] = 1 if now.in_plus >= now.in_minus else -1
    tested = method in eff.TESTED
    result.values["efficiency_basis"] = "measured" if tested else "tested" if method == eff.M6 else "modelled"
    _class(result, trace, motor)
    return None


def has_system_efficiency(asset: Asset, nameplate: Nameplate) -> bool:
    """Not with a cable or the rectifier of a DC bus in the system, whose losses are not known."""
    at_feeder = asset.meter is not None and asset.meter.measuring_point == "feeder"
    return nameplate.rectifier and not at_feeder


def least_load(method: str) -> float:
    """Share of rated power below which the method gives no efficiency."""
    return LOAD_MIN_SENSOR if method == eff.M9 else eff.LOAD_MIN


def useful_w(cell: EnergyCell) -> float:
    """Power at the shaft in either direction, W, mean over the time in which the motor was on."""
    return (cell.shaft_plus + cell.shaft_minus) / cell.busy_s if cell.busy_s > 0 else 0.0


def _powers(result: Estimates, trace: EstimateTrace, now: EnergyCell, method: str) -> None:
    result.put("motor_losses_w", _mean(now, now.motor, now.all_u_motor, method))
    for part in ("copper", "core", "mechanical", "additional"):
        joules = getattr(now, part)
        result.put(f"motor_losses_{part}_w", _mean(now, joules, _part_u(now, joules, method), method))
    u = math.hypot(now.all_u_in, now.all_u_drive, now.all_u_motor)
    shaft = _mean(now, now.shaft_plus - now.shaft_minus, u, method)
    result.put("shaft_power_w", shaft)
    result.put("motor_load_pct", shaft, 0.1 / trace.motor.kw)
    if trace.asset.drive is not None and trace.speed_rpm:
        result.put("shaft_torque_nm", shaft, 60 / (2 * math.pi * trace.speed_rpm))


def _drive(result: Estimates, trace: EstimateTrace, window: WindowResult) -> None:
    now, cell, method, share = window.now, window.ratio, trace.nameplate.drive_method, trace.asset.drive_share
    gross = cell.in_plus + cell.terminal_minus
    result.put("drive_efficiency_pct", eff.from_losses(gross, cell.drive, cell.all_u_drive, cell.u_in, method), 100)
    result.put("drive_losses_w", _mean(now, now.drive / share, now.all_u_drive / share, method))
    terminal = now.terminal_plus - now.terminal_minus
    result.put("motor_input_power_w", _mean(now, terminal, math.hypot(now.all_u_in, now.all_u_drive), method))


def _class(result: Estimates, trace: EstimateTrace, motor: eff.Estimate) -> None:
    """Efficiency classes that fit the losses; only with losses measured at this motor, near its rated point.

    The reason states which standard applies where its tables are not at hand.
    """
    tested = next((item for item in trace.models if item.method in eff.TESTED and item.power_w > 0), None)
    if tested is None:
        return
    share = tested.losses.total_w / tested.power_w
    here = eff.Estimate(
        1 - share, math.hypot(tested.losses.u_w / tested.power_w, share * trace.meter_u.total), tested.method
    )
    plate, nameplate = trace.motor, trace.nameplate
    rated = Plate(plate.kw * 1000, nameplate.efficiency or motor.value, plate.volts, nameplate.rated_a, plate.rpm,
                  nameplate.sync_rpm, plate.poles)  # fmt: skip
    speed = trace.signals.frequency_hz / nameplate.rated_hz
    torque = here.value * tested.power_w / (plate.kw * 1000) / max(speed, 1e-9)
    found = at_rated_point(here.value, here.u, rated, speed, torque)
    if found is None:
        return
    on_drive = trace.asset.drive is not None
    national = "GB" if nameplate.rated_hz < 55 or on_drive else "NEMA"
    classes = [
        observed(*found, limits(scheme, plate.kw, plate.poles, plate.rpm, plate.volts, plate.kind, on_drive))
        for scheme in ("IEC", national)
    ]
    if standard := standard_above(national, plate.volts, plate.kind):
        result.reasons["efficiency_class_observed"] = [reasons.CLASS_UNKNOWN(volts=plate.volts, standard=standard)]
    result.values["efficiency_class_observed"] = "; ".join(filter(None, classes)) or None


def why_no_model(trace: EstimateTrace) -> Reason:
    if trace.nameplate.efficiency is None:
        return reasons.EFFICIENCY_UNKNOWN()
    if trace.signals.current_a is None:
        return reasons.CURRENT_MISSING()
    return reasons.LOSSES_NOT_MODELLED()


def _mean(cell: EnergyCell, joules: float, u_joules: float, method: str) -> eff.Estimate:
    return eff.Estimate(joules / cell.seconds, u_joules / cell.seconds, method)


def _part_u(cell: EnergyCell, part: float, method: str) -> float:
    """U of one part in J: the parts add in quadrature to the U of the sum; larger where the split was not measured."""
    u = math.sqrt(part / cell.motor) * cell.all_u_motor if cell.motor > 0 else 0.0
    return u if method in SPLIT_KNOWN else max(u, SPLIT_U * cell.motor)
