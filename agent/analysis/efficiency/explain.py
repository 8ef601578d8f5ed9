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
from agent.analysis.efficiency.plausibility import DRIVE_POWER_U, FAULTY
from agent.analysis.efficiency.results import least_load, useful_w
from agent.core.text import as_object
from drivers.reasons import Reason
from dsp import efficiency as eff

if TYPE_CHECKING:
    from agent.analysis.efficiency.estimator import Estimator

CT_CLASS_ASSUMED = "1"
TEMPERATURE_U_K = 15.0
CT_PHASE = "ct_phase_displacement"
_PARTS = ("copper", "core", "mechanical", "additional")


def explanation(of: Estimator) -> dict[str, Any]:
    """The body as JSON values: powers in W, efficiencies in %, U (k = 2) in percentage points (docs/mqtt.md)."""
    outcome, motor = of.outcome, of.motor
    assert outcome is not None
    body: dict[str, Any] = {
        "nameplate": _nameplate(of),
        "inputs": {name: as_object(reason) for name, reason in _inputs(of).items()},
        "signals": _signals(of),
        "meter_wiring": of.guard.wiring.text,
        "meter_wiring_faults": [as_object(fault.reason) for fault in of.guard.wiring.faults],
        "reason": as_object(outcome.reason) if outcome.reason else None,
        "methods": [
            {"id": item.method, "loss_w": _round(item.losses.total_w), "u_w": _round(item.losses.u_w)}
            for item in outcome.choice
        ],
    }
    if of.asset.drive is not None:
        body["drive_method"] = {"id": of.facts.drive_method, "u_pct": round(100 * of.facts.drive_u)}
    if outcome.reason or outcome.over is None or not outcome.choice:
        missing = reasons.WARMING_UP() if outcome.over is None else reasons.LOSSES_NOT_MODELLED()
        body["reason"] = as_object(outcome.reason or missing)
        body["improvements"] = [as_object(reason) for reason in _improvements(of, {})]
        return body
    cell, over = outcome.over.ratio, outcome.over
    body["interval"] = {"seconds": round(cell.seconds, 1), "steady": over.steady, "complete": over.complete}
    body["powers"] = _powers(cell)
    body["checks"] = _checks(of, outcome.over.now)
    gross = cell.terminal_plus + cell.shaft_minus
    parts = _u_parts(of, cell, gross) if gross > cell.motor else {}
    least = least_load(outcome.choice[0].method)
    if parts and useful_w(cell) >= least * 1000 * motor.kw:
        body["efficiency_pct"] = round(100 * (1 - cell.motor / gross), 2)
        body["u_pct"] = round(math.hypot(*parts.values()), 2)
        body["u_parts_pct"] = {name: round(value, 3) for name, value in parts.items()}
    elif parts:
        body["reason"] = as_object(reasons.LOAD_TOO_LOW(least=least))
    else:
        body["reason"] = as_object(reasons.LOSSES_EXCEED_POWER())
    body["improvements"] = [as_object(reason) for reason in _improvements(of, parts)]
    return body


def _nameplate(of: Estimator) -> dict[str, Any]:
    motor, facts = of.motor, of.facts
    known = facts.efficiency is not None
    return {
        "kind": motor.kind,
        "rated_power_w": 1000 * motor.kw,
        "rated_speed_rpm": motor.rpm,
        "poles": motor.poles,
        "rated_voltage_v": motor.volts,
        "rated_current_a": round(facts.rated_a, 1),
        "rated_efficiency_pct": round(100 * facts.efficiency, 1) if facts.efficiency is not None else None,
        "efficiency_source": ("class" if facts.from_class else "nameplate") if known else None,
    }


def _inputs(of: Estimator) -> dict[str, Reason]:
    """Input → where it comes from."""
    asset, found = of.asset, dict[str, Reason]()
    if asset.meter and not asset.shared:
        found["input_power"] = _meter(of)
    elif asset.drive:
        found["input_power"] = codes.INPUT_FROM_DRIVE(drive=asset.drive.name, u=DRIVE_POWER_U)
    if asset.drive:
        name, share = asset.drive.name, asset.drive_share
        found["current_and_frequency"] = (
            codes.CURRENT_FROM_SHARED_DRIVE(drive=name, share=share)
            if share < 1
            else codes.CURRENT_FROM_DRIVE(drive=name)
        )
    if of.signals.winding_degc is None:
        found["winding_temperature"] = codes.TEMPERATURE_ESTIMATED(u_k=TEMPERATURE_U_K)
    return found


def _meter(of: Estimator) -> Reason:
    meter = of.asset.meter
    assert meter is not None
    if not meter.ct:
        return codes.INPUT_FROM_METER(meter=meter.name, accuracy_class=meter.accuracy_class)
    code = codes.INPUT_FROM_METER_CT if meter.ct_class else codes.INPUT_FROM_METER_CT_ASSUMED
    return code(
        meter=meter.name, accuracy_class=meter.accuracy_class, primary_a=meter.ct[0], secondary_a=meter.ct[1],
        ct_class=meter.ct_class or CT_CLASS_ASSUMED,
    )  # fmt: skip


def _signals(of: Estimator) -> dict[str, float]:
    """Present values, those that are known."""
    s = of.signals
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
    found |= {f"{part}_losses_w": mean(getattr(cell, part)) for part in _PARTS}
    found["shaft_w"] = mean(cell.shaft_plus, cell.shaft_minus)
    if cell.in_minus and cell.in_plus:
        found |= {"input_taken_w": mean(cell.in_plus), "input_returned_w": mean(cell.in_minus)}
    return found


def _checks(of: Estimator, now: EnergyCell) -> dict[str, dict[str, float]]:
    """Other values of the drive for comparison; they are never used for an efficiency."""
    found: dict[str, dict[str, float]] = {}
    if of.asset.drive is None or of.outcome is None:
        return found
    share, mean_w = of.asset.drive_share, (now.in_plus - now.in_minus) / now.seconds
    if of.drive_power_w is not None and not of.outcome.substituted:
        found["drive_losses"] = {
            "check_w": _round(mean_w - share * of.drive_power_w), "used_w": _round(now.drive / now.seconds)
        }  # fmt: skip
    if of.torque_pct is not None and of.speed_rpm and share == 1:
        torque_w = of.torque_pct / 100 * of.motor.kw * 1000 * of.speed_rpm / of.motor.rpm
        shaft_w = (now.shaft_plus - now.shaft_minus) / now.seconds
        found["shaft_power"] = {"check_w": _round(torque_w), "used_w": _round(shaft_w)}
    return found


def _u_parts(of: Estimator, cell: EnergyCell, gross: float) -> dict[str, float]:
    """Parts of U (k = 2) in percentage points; in quadrature they are the published U."""
    share = cell.motor / gross
    found = {"motor_losses": 100 * cell.u_motor / gross}
    scale = 100 * share * cell.u_in / gross
    total = of.meter_u.total
    if of.asset.meter and not of.asset.shared and total > 0 and not (of.outcome and of.outcome.substituted):
        for name, part in (
            ("meter", of.meter_u.meter),
            ("ct_ratio_error", of.meter_u.ct_ratio),
            (CT_PHASE, of.meter_u.ct_phase),
            ("feeder", of.meter_u.feeder),
        ):
            if part:
                found[name] = scale * part / total
    else:
        found["drive_output_power"] = scale
    if cell.u_drive:
        found["drive_losses"] = 100 * share * cell.u_drive / gross
    return found


def _improvements(of: Estimator, parts: Mapping[str, float]) -> Iterator[Reason]:
    """What an engineer can do to reduce the uncertainty, or to get an efficiency."""
    asset, motor, facts = of.asset, of.motor, of.facts
    if facts.efficiency is None:
        yield codes.ADD_EFFICIENCY(motor=motor.name)
        return
    if facts.contradiction:
        yield codes.CHECK_NAMEPLATE()
    if of.guard.wiring.verdict == FAULTY:
        yield codes.CORRECT_WIRING()
    method = of.choice[0].method if of.choice else eff.M0
    if method == eff.M5 and not motor.loss_points_w:
        yield codes.ADD_SEVEN_POINTS(motor=motor.name)
    if motor.kind == "induction" and motor.no_load_w is None and asset.drive is None:
        yield codes.ADD_NO_LOAD_LOSSES(motor=motor.name)
    if motor.r1_ohm is None:
        yield codes.ADD_RESISTANCE(motor=motor.name)
    if of.signals.winding_degc is None and motor.r1_ohm is not None:
        yield codes.MEASURE_TEMPERATURE()
    if asset.drive is not None and facts.eight is None:
        yield codes.ADD_EIGHT_POINTS(drive=asset.drive.name)
    if asset.shared or asset.meter is None:
        yield codes.INSTALL_METER(u=DRIVE_POWER_U)
    elif asset.meter.ct and asset.meter.ct_class is None:
        yield codes.ADD_CT_CLASS(meter=asset.meter.name, assumed=CT_CLASS_ASSUMED)
    if parts and max(parts, key=lambda name: parts[name]) == CT_PHASE:
        yield codes.USE_BETTER_CTS()


def _round(value: float) -> float:
    return round(value, 1) if math.isfinite(value) else 0.0
