"""How the present figures of a motor came about: signals, method, each loss, each part of U, what would be better.

`explanation` makes the body that the agent tells on `<motor>/explain`; `as_text` reads it to an engineer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from agent.core.text import as_object, text_of
from agent.estimate import reasons
from agent.estimate.result import least_load, useful_w
from agent.estimate.window import Cell
from drivers.reasons import reason_of
from dsp import efficiency as eff
from dsp.efficiency_drive import METHODS as DRIVE_METHODS

if TYPE_CHECKING:
    from agent.estimate.estimator import Estimator

_PARTS = ("copper", "core", "mechanical", "additional")


def explanation(of: Estimator) -> dict[str, Any]:
    """A body that JSON can carry: powers in W, efficiencies and U (k = 2) in points."""
    outcome, motor = of.outcome, of.motor
    assert outcome is not None
    body: dict[str, Any] = {
        "plate": _plate(of),
        "signals": _signals(of),
        "meter_wiring": of.guard.wiring.text,
        "reason": as_object(outcome.reason) if outcome.reason else None,
        "methods": [
            {"id": item.method, "about": eff.METHODS[item.method], "loss_w": _round(item.losses.total_w),
             "u_w": _round(item.losses.u_w)}
            for item in outcome.choice
        ],
    }  # fmt: skip
    if of.asset.drive is not None:
        facts = of.facts
        body["drive_method"] = {
            "id": facts.drive_method, "about": DRIVE_METHODS[facts.drive_method], "u_pct": round(100 * facts.drive_u),
        }  # fmt: skip
    if outcome.reason or outcome.over is None or not outcome.choice:
        missing = reasons.WARMING_UP() if outcome.over is None else reasons.LOSSES_NOT_MODELLED()
        body["reason"] = as_object(outcome.reason or missing)
        body["better"] = list(_better(of, {}))
        return body
    cell, over = outcome.over.ratio, outcome.over
    body["interval"] = {"seconds": round(cell.seconds, 1), "steady": over.steady, "whole": over.whole}
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
    body["better"] = list(_better(of, parts))
    return body


def as_text(asset: str, body: Mapping[str, Any]) -> str:
    """The whole story, for a person."""
    lines = [f"{asset}: {body['plate']}", "", "Signals"]
    lines += [f"  {name:<28}{value}" for name, value in body["signals"].items()]
    lines.append(f"  {'meter wiring':<28}{body['meter_wiring'].replace('|', ' or ')}")
    if "efficiency_pct" in body:
        lines += ["", f"Motor efficiency {body['efficiency_pct']:.1f} ± {body['u_pct']:.1f} % (k = 2)"]
        where = body["interval"]
        over = f"energies over {where['seconds']:g} s"
        how = "steady load" if where["steady"] else "changing or reversing load: a quarter of an hour is taken together"
        lines.append(f"  {over}, {how}{'' if where['whole'] else '; not yet whole'}")
        if body["powers"]["shaft"] < 0:
            lines.append("  the motor brakes and gives energy back: electrical over mechanical power")
    else:
        lines += ["", f"Motor efficiency: not available: {text_of(reason_of(body['reason']))}"]
    if body["methods"] and "efficiency_pct" in body:
        lines += ["", "Method"]
        for number, item in enumerate(body["methods"]):
            mark = "taken" if number == 0 else "less sure"
            lines.append(f"  {item['id']} {item['about']}: {_watts(item['loss_w'])} ± {_watts(item['u_w'])}, {mark}")
    if "drive_method" in body:
        drive = body["drive_method"]
        lines.append(f"  drive: {drive['id']}, {drive['about']}, ± {drive['u_pct']} % of the losses")
    if "powers" in body:
        lines += ["", "From the mains to the shaft, means over the interval"]
        lines += [f"  {name:<28}{_watts(value):>12}" for name, value in body["powers"].items()]
    if body.get("checks"):
        lines += ["", "Checks, good to 5–20 %", *(f"  {name}: {value}" for name, value in body["checks"].items())]
    if "u_parts_pct" in body:
        lines += ["", "Where the doubt comes from, points (they add in quadrature)"]
        parts = sorted(body["u_parts_pct"].items(), key=lambda item: -item[1])
        lines += [f"  {name:<28}{value:>12.2f}" for name, value in parts]
    if body["better"]:
        lines += ["", "What would make it better", *(f"  - {text}" for text in body["better"])]
    return "\n".join(lines)


def _plate(of: Estimator) -> str:
    motor, facts = of.motor, of.facts
    kind = {"pm": "magnet motor", "pm-line-start": "line-start magnet motor", "induction": "induction motor"}[
        motor.kind
    ]
    known = "efficiency not known"
    if facts.efficiency is not None:
        source = "usual in its class" if facts.from_class else "plate"
        known = f"rated efficiency {100 * facts.efficiency:.1f} % ({source})"
    numbers = f"{motor.kw:g} kW, {motor.rpm:g} rpm, {motor.poles} poles, {motor.volts:g} V, {facts.rated_a:.1f} A"
    return f"{kind}, {numbers}; {known}"


def _signals(of: Estimator) -> dict[str, str]:
    s, asset = of.signals, of.asset
    found: dict[str, str] = {}
    if asset.meter and not asset.shared:
        meter = asset.meter
        ct = f", CT {meter.ct[0]:g}/{meter.ct[1]:g} A class {meter.ct_class or '1 (assumed)'}" if meter.ct else ""
        found["input power"] = f"meter {meter.name}, class {meter.accuracy_class}{ct}"
    elif asset.drive:
        found["input power"] = f"drive {asset.drive.name}'s own output power, ±10 %, its losses added"
    if asset.drive:
        share = f", of which {100 * asset.drive_share:.0f} % are this motor's" if asset.drive_share < 1 else ""
        found["current, frequency"] = f"drive {asset.drive.name}{share}"
    hz = None if s.current_a is None and not s.frequency_hz else s.frequency_hz
    for name, value, unit in (
        ("terminal power now", s.power_w and s.power_w / 1000, "kW"), ("current now", s.current_a, "A"),
        ("frequency now", hz, "Hz"), ("shaft speed", s.speed_rpm, "rpm"),
        ("winding temperature", s.winding_degc, "°C"), ("shaft torque", s.shaft_nm, "Nm"),
    ):  # fmt: skip
        if value is not None:
            found[name] = f"{value:.4g} {unit}"
    if s.winding_degc is None:
        found["winding temperature"] = "not measured: from the load, good to 15 K"
    return found


def _powers(cell: Cell) -> dict[str, float]:
    def mean(plus: float, minus: float = 0.0) -> float:
        return _round((plus - minus) / cell.seconds)

    found = {"input": mean(cell.in_plus, cell.in_minus)}
    if cell.drive:
        found |= {"drive losses": mean(cell.drive), "motor terminals": mean(cell.terminal_plus, cell.terminal_minus)}
    found |= {f"{part} losses": mean(getattr(cell, part)) for part in _PARTS}
    found["shaft"] = mean(cell.shaft_plus, cell.shaft_minus)
    if cell.in_minus and cell.in_plus:
        found |= {"of the input: taken": mean(cell.in_plus), "of the input: given back": mean(cell.in_minus)}
    return found


def _checks(of: Estimator, now: Cell) -> dict[str, str]:
    """What else the drive says, beside what was taken: never used for an efficiency."""
    found: dict[str, str] = {}
    if of.asset.drive is None or of.outcome is None:
        return found
    share, mean_w = of.asset.drive_share, (now.in_plus - now.in_minus) / now.seconds
    if of.drive_power_w is not None and not of.outcome.substituted:
        own = f"{_watts(mean_w - share * of.drive_power_w)}, taken {_watts(now.drive / now.seconds)}"
        found["drive losses, input less its own output (CDM-own)"] = own
    if of.torque_pct is not None and of.speed_rpm and share == 1:
        torque = of.torque_pct / 100 * of.motor.kw * 1000 * of.speed_rpm / of.motor.rpm
        shaft = (now.shaft_plus - now.shaft_minus) / now.seconds
        found["shaft power by the drive's torque (M8)"] = f"{_watts(torque)}, taken {_watts(shaft)}"
    return found


def _u_parts(of: Estimator, cell: Cell, gross: float) -> dict[str, float]:
    """Points of efficiency, k = 2; in quadrature they are the U that is published."""
    share = cell.motor / gross
    found = {"losses of the motor": 100 * cell.u_motor / gross}
    scale = 100 * share * cell.u_in / gross
    total = of.meter_u.total
    if of.asset.meter and not of.asset.shared and total > 0 and not (of.outcome and of.outcome.substituted):
        for name, part in (
            ("meter", of.meter_u.meter),
            ("CT ratio", of.meter_u.ct_ratio),
            ("CT phase angle", of.meter_u.ct_phase),
            ("cable and neighbours behind the feeder", of.meter_u.feeder),
        ):
            if part:
                found[name] = scale * part / total
    else:
        found["drive's own power"] = scale
    if cell.u_drive:
        found["losses of the drive"] = 100 * share * cell.u_drive / gross
    return found


def _better(of: Estimator, parts: Mapping[str, float]) -> Iterator[str]:
    """The largest part of U first, and what somebody can do about it."""
    asset, motor, facts = of.asset, of.motor, of.facts
    if facts.efficiency is None:
        yield f"say the plate's efficiency or class: motor.{motor.name}.efficiency or .class"
        return
    if facts.contradiction:
        yield "look at the nameplate again"
    if of.guard.wiring.verdict not in ("ok", "unknown"):
        yield "put the meter's transformers right; until then nothing is published"
    method = of.choice[0].method if of.choice else eff.M0
    if method == eff.M5 and not motor.loss_points_w:
        yield f"the factory's losses at seven points (motor.{motor.name}.losses): method M6, about half the doubt"
    if motor.kind == "induction" and motor.no_load_w is None and asset.drive is None:
        yield f"r1_ohm and the losses at no load (motor.{motor.name}.no_load_w): method M4, about one point"
    if motor.r1_ohm is None:
        yield f"the phase resistance at 20 °C (motor.{motor.name}.r1_ohm): copper losses become known"
    if of.signals.winding_degc is None and motor.r1_ohm is not None:
        yield "a winding temperature: copper losses to 2 % instead of 6 %"
    if asset.drive is not None and facts.eight is None:
        yield f"the drive maker's losses at eight points (drive.{asset.drive.name}.losses)"
    if asset.shared or asset.meter is None:
        yield "a meter of its own before the drive instead of the drive's ±10 %"
    elif asset.meter.ct and asset.meter.ct_class is None:
        yield f"the class of the current transformers (meter.{asset.meter.name}.ct_class): 1 is assumed"
    if parts and max(parts, key=lambda name: parts[name]).startswith("CT phase"):
        yield "current transformers of a better class: at this power factor their phase angle is the largest doubt"


def _watts(value: float) -> str:
    return f"{value / 1000:.2f} kW" if abs(value) >= 1000 else f"{value:.0f} W"


def _round(value: float) -> float:
    return round(value, 1) if math.isfinite(value) else 0.0
