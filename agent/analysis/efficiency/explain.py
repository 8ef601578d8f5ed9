"""How the present efficiency of a motor is computed: inputs, methods, losses, parts of U, and possible improvements.

`explanation` makes the body of the message `<motor>/explain`; explain_text.py shows it to an engineer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from agent.analysis.efficiency import explain_reasons as codes
from agent.analysis.efficiency import reasons
from agent.analysis.efficiency.energy_window import EnergyCell
from agent.analysis.efficiency.loss_sources import PARTS, drive_source, motor_sources
from agent.analysis.efficiency.plausibility import DRIVE_POWER_U, FAULTY
from agent.analysis.efficiency.results import has_system_efficiency, least_load, useful_w
from agent.config.model import CLASS_ASSUMED, Meter
from agent.core.text import as_object
from drivers.reasons import Reason
from dsp import efficiency as eff
from dsp.efficiency_drive import eight_point_gain
from dsp.tables import reference_drive_loss_w

if TYPE_CHECKING:
    from agent.analysis.efficiency.estimator import Estimator

TEMPERATURE_U_K = 15.0
CT_PHASE, SAMPLING = "ct_phase_displacement", "sampling"


def explanation(estimator: Estimator) -> dict[str, Any]:
    """The body as JSON values: powers in W, efficiencies in %, U (k = 2) in percentage points
    (docs/reference/mqtt.md).
    """
    trace, motor = estimator.trace, estimator.motor
    assert trace is not None
    window = trace.window
    body: dict[str, Any] = {
        "nameplate": _nameplate(estimator),
        "inputs": {name: as_object(reason) for name, reason in _inputs(estimator).items()},
        "signals": _signals(estimator),
        "meter_wiring": estimator.checks.wiring.text,
        "meter_wiring_faults": [as_object(fault.reason) for fault in estimator.checks.wiring.faults],
        "reason": as_object(trace.reason) if trace.reason else None,
        "methods": [
            {"id": item.method, "loss_w": _round(item.losses.total_w), "u_w": _round(item.losses.u_w)}
            for item in trace.models
        ],
    }
    if estimator.asset.drive is not None:
        body["drive_method"] = {
            "id": estimator.nameplate.drive_method,
            "u_pct": round(100 * estimator.nameplate.drive_u),
        }
    body["loss_sources"] = {name: as_object(source) for name, source in _loss_sources(estimator)}
    parts: dict[str, float] = {}
    if trace.reason or window is None or not trace.models:
        missing = reasons.WARMING_UP() if window is None else reasons.LOSSES_NOT_MODELLED()
        body["reason"] = as_object(trace.reason or missing)
    else:
        cell = window.ratio
        body["interval"] = {"seconds": round(cell.seconds, 1), "steady": window.steady, "complete": window.complete}
        body["powers"] = _powers(cell)
        body["input_u_w"] = _round(cell.all_u_in / cell.seconds)
        body["checks"] = _checks(estimator, window.now)
        gross = cell.terminal_plus + cell.shaft_minus
        least = least_load(trace.models[0].method)
        parts = _u_parts(estimator, cell, gross) if gross > cell.motor else {}
        if not parts:
            body["reason"] = as_object(reasons.LOSSES_EXCEED_POWER())
        elif useful_w(cell) < least * 1000 * motor.kw:
            body["reason"] = as_object(reasons.LOAD_TOO_LOW(least=least))
        else:
            body["efficiency_pct"] = round(100 * (1 - cell.motor / gross), 2)
            body["u_pct"] = round(math.hypot(*parts.values()), 2)
            body["u_parts_pct"] = {name: round(value, 3) for name, value in parts.items()}
            if estimator.asset.drive is not None and has_system_efficiency(trace.asset, trace.nameplate):
                body |= _system(estimator, cell)
    body["improvements"] = [as_object(reason) for reason in _improvements(estimator, parts)]
    return body


def _system(estimator: Estimator, cell: EnergyCell) -> dict[str, Any]:
    """Efficiency of drive and motor together, its U and the parts of U."""
    gross, loss = cell.in_plus + cell.shaft_minus, cell.drive + cell.motor
    if not gross > loss:
        return {}
    parts = _system_u_parts(estimator, cell, gross)
    return {
        "system_efficiency_pct": round(100 * (1 - loss / gross), 2),
        "system_u_pct": round(math.hypot(*parts.values()), 2),
        "system_u_parts_pct": {name: round(value, 3) for name, value in parts.items()},
    }


def _loss_sources(estimator: Estimator) -> Iterator[tuple[str, Reason]]:
    if estimator.asset.drive is not None:
        yield "drive", drive_source(estimator.asset.drive)
    if estimator.models:
        yield from motor_sources(estimator.motor, estimator.nameplate, estimator.models[0].method).items()


def _nameplate(estimator: Estimator) -> dict[str, Any]:
    motor, nameplate, efficiency = estimator.motor, estimator.nameplate, estimator.nameplate.efficiency
    return {
        "kind": motor.kind,
        "rated_power_w": 1000 * motor.kw,
        "rated_speed_rpm": motor.rpm,
        "poles": motor.poles,
        "rated_voltage_v": motor.volts,
        "rated_current_a": round(nameplate.rated_a, 1),
        "rated_efficiency_pct": None if efficiency is None else round(100 * efficiency, 1),
        "efficiency_source": None if efficiency is None else "class" if nameplate.from_class else "nameplate",
    }


def _inputs(estimator: Estimator) -> dict[str, Reason]:
    """Input → where it comes from."""
    asset, found = estimator.asset, dict[str, Reason]()
    if asset.meter and not asset.shared:
        found["input_power"] = _meter(asset.meter)
    elif asset.drive:
        found["input_power"] = codes.INPUT_FROM_DRIVE(drive=asset.drive.name, u=DRIVE_POWER_U)
    if asset.drive:
        name, share = asset.drive.name, asset.drive_share
        found["current_and_frequency"] = (
            codes.CURRENT_FROM_SHARED_DRIVE(drive=name, share=share)
            if share < 1
            else codes.CURRENT_FROM_DRIVE(drive=name)
        )
    if estimator.signals.winding_degc is None:
        found["winding_temperature"] = codes.TEMPERATURE_ESTIMATED(u_k=TEMPERATURE_U_K)
    return found


def _meter(meter: Meter) -> Reason:
    if not meter.ct:
        return codes.INPUT_FROM_METER(meter=meter.name, accuracy_class=meter.accuracy_class)
    code = codes.INPUT_FROM_METER_CT if meter.ct_class else codes.INPUT_FROM_METER_CT_ASSUMED
    return code(
        meter=meter.name, accuracy_class=meter.accuracy_class, primary_a=meter.ct[0], secondary_a=meter.ct[1],
        ct_class=meter.ct_class_applied,
    )  # fmt: skip


def _signals(estimator: Estimator) -> dict[str, float]:
    """Present values, those that are known."""
    s = estimator.signals
    values = {
        "terminal_power_w": s.power_w,
        "current_a": s.current_a,
        "frequency_hz": None if s.current_a is None and not s.frequency_hz else s.frequency_hz,
        "shaft_speed_rpm": s.speed_rpm,
        "winding_temperature_degc": s.winding_degc,
        "shaft_torque_nm": s.shaft_nm,
    }
    return {name: float(f"{value:.4g}") for name, value in values.items() if value is not None}


def _powers(cell: EnergyCell) -> dict[str, float]:
    """Mean powers over the interval, from the input to the shaft."""

    def mean(plus: float, minus: float = 0.0) -> float:
        return _round((plus - minus) / cell.seconds)

    found = {"input_w": mean(cell.in_plus, cell.in_minus)}
    if cell.drive:
        found |= {"drive_losses_w": mean(cell.drive), "terminals_w": mean(cell.terminal_plus, cell.terminal_minus)}
    found |= {f"{part}_losses_w": mean(getattr(cell, part)) for part in PARTS}
    found["shaft_w"] = mean(cell.shaft_plus, cell.shaft_minus)
    if cell.in_minus and cell.in_plus:
        found |= {"input_taken_w": mean(cell.in_plus), "input_returned_w": mean(cell.in_minus)}
    return found


def _checks(estimator: Estimator, now: EnergyCell) -> dict[str, dict[str, float]]:
    """Other values of the drive for comparison; they are never used for an efficiency."""
    found: dict[str, dict[str, float]] = {}
    if estimator.asset.drive is None or estimator.trace is None:
        return found
    share, mean_w = estimator.asset.drive_share, (now.in_plus - now.in_minus) / now.seconds
    if estimator.drive_power_w is not None and not estimator.trace.substituted:
        found["drive_losses"] = {
            "check_w": _round(mean_w - share * estimator.drive_power_w), "used_w": _round(now.drive / now.seconds)
        }  # fmt: skip
    if estimator.torque_pct is not None and estimator.speed_rpm and share == 1:
        torque_w = estimator.torque_pct / 100 * estimator.motor.kw * 1000 * estimator.speed_rpm / estimator.motor.rpm
        shaft_w = (now.shaft_plus - now.shaft_minus) / now.seconds
        found["shaft_power"] = {"check_w": _round(torque_w), "used_w": _round(shaft_w)}
    return found


def _u_parts(estimator: Estimator, cell: EnergyCell, gross: float) -> dict[str, float]:
    """Parts of U (k = 2) of the motor efficiency in percentage points; in quadrature they are the published U.

    gross: energy that flows into the motor on either side, J.
    """
    share = cell.motor / gross
    found = {"motor_losses": 100 * cell.u_motor / gross} | _input_parts(estimator, 100 * share * cell.u_in / gross)
    if cell.u_drive:
        found["drive_losses"] = 100 * share * cell.u_drive / gross
    if polled := math.hypot(cell.polled_motor, 2 * math.sqrt(cell.var_motor)):
        found[SAMPLING] = 100 * polled / gross
    return found


def _system_u_parts(estimator: Estimator, cell: EnergyCell, gross: float) -> dict[str, float]:
    """As `_u_parts`, of the efficiency of drive and motor together; gross: energy that flows into both, J."""
    share = (cell.drive + cell.motor) / gross
    found = {"drive_losses": 100 * cell.u_drive / gross, "motor_losses": 100 * cell.u_motor / gross}
    found |= _input_parts(estimator, 100 * share * cell.u_in / gross)
    polled = math.hypot(cell.polled_drive, cell.polled_motor, 2 * math.sqrt(cell.var_drive + cell.var_motor))
    if polled:
        found[SAMPLING] = 100 * polled / gross
    return found


def _input_parts(estimator: Estimator, u_pct: float) -> dict[str, float]:
    """The part of the input power, divided by its causes."""
    u, substituted = estimator.meter_u, estimator.trace is not None and estimator.trace.substituted
    if not estimator.asset.meter or estimator.asset.shared or u.total <= 0 or substituted:
        return {"drive_output_power": u_pct}
    causes = {"meter": u.meter, "ct_ratio_error": u.ct_ratio, CT_PHASE: u.ct_phase,
              "vt_ratio_error": u.vt_ratio, "vt_phase_displacement": u.vt_phase, "feeder": u.feeder}  # fmt: skip
    return {name: u_pct * part / u.total for name, part in causes.items() if part}


def _improvements(estimator: Estimator, parts: Mapping[str, float]) -> Iterator[Reason]:
    """What an engineer can do to reduce the uncertainty, or to get an efficiency."""
    asset, motor, nameplate = estimator.asset, estimator.motor, estimator.nameplate
    if nameplate.efficiency is None:
        yield codes.ADD_EFFICIENCY(motor=motor.name)
        return
    if nameplate.contradiction:
        yield codes.CHECK_NAMEPLATE()
    if estimator.checks.wiring.verdict == FAULTY:
        yield codes.CORRECT_WIRING()
    method = estimator.models[0].method if estimator.models else eff.M0
    if method == eff.M5 and not motor.loss_points_w:
        yield codes.ADD_SEVEN_POINTS(motor=motor.name)
    if motor.kind == "induction" and motor.no_load_w is None and asset.drive is None:
        yield codes.ADD_NO_LOAD_LOSSES(motor=motor.name)
    if motor.r1_ohm is None:
        yield codes.ADD_RESISTANCE(motor=motor.name)
    if estimator.signals.winding_degc is None and motor.r1_ohm is not None:
        yield codes.MEASURE_TEMPERATURE()
    if asset.drive is not None and nameplate.eight is None:
        gain = eight_point_gain(
            reference_drive_loss_w(nameplate.drive_w / 1000), nameplate.drive_w, asset.drive.efficiency_class,
            nameplate.rectifier,
        )  # fmt: skip
        by_class, by_points = round(gain.rated_by_class, 4), round(gain.rated_by_points, 4)
        yield codes.ADD_EIGHT_POINTS(drive=asset.drive.name, by_class=by_class, by_points=by_points)
    if asset.shared or asset.meter is None:
        yield codes.INSTALL_METER(u=DRIVE_POWER_U)
    elif asset.meter.ct and asset.meter.ct_class is None:
        yield codes.ADD_CT_CLASS(meter=asset.meter.name, assumed=CLASS_ASSUMED)
    if asset.meter is not None and not asset.shared and asset.meter.vt and asset.meter.vt_class is None:
        yield codes.ADD_VT_CLASS(meter=asset.meter.name, assumed=CLASS_ASSUMED)
    largest = max(parts, key=lambda name: parts[name], default="")
    if largest == CT_PHASE:
        yield codes.USE_BETTER_CTS()
    polled = asset.drive or asset.meter
    if largest == SAMPLING and polled is not None:
        yield codes.POLL_MORE_OFTEN(bus=polled.bus)


def _round(value: float) -> float:
    return round(value, 1) if math.isfinite(value) else 0.0
