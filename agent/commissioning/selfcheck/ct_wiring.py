"""Swapped or reversed current transformers at a meter, detected by the angles between the phases."""

from __future__ import annotations

import math
from collections.abc import Iterator

from agent.commissioning.selfcheck.decoding import Key, Series
from agent.commissioning.selfcheck.fault_hypothesis import Hypothesis, counts, scaled
from agent.commissioning.selfcheck.reasons import METER_CT_REVERSED, METER_CTS_SWAPPED
from agent.commissioning.selfcheck.rule_evaluation import RuleEvaluation
from agent.config.model import Meter
from drivers.reasons import Reason


def wiring(evaluation: RuleEvaluation, device: str) -> Iterator[Hypothesis]:
    """Swapped or reversed current transformers, with the powers as they would be with correct wiring."""
    item = evaluation.subjects[device].device
    assert isinstance(item, Meter)
    power_w, current_a, voltage_v = (
        [evaluation.value((device, pattern.format(k))) or 0.0 for k in (1, 2, 3)]
        for pattern in ("active_power_l{}", "current_l{}", "voltage_l{}n")
    )
    if not all((*power_w, *current_a, *voltage_v)):
        return
    volt_amperes = [u * i for u, i in zip(voltage_v, current_a, strict=True)]
    pf = [p / va for p, va in zip(power_w, volt_amperes, strict=True)]
    least = 0.8 if item.measuring_point == "motor" else 0.55  # share of the fundamental in a current
    for a, b in ((0, 1), (1, 2), (0, 2)):
        c = 3 - a - b
        # cos(φ + 120°), cos(φ − 120°), cos φ: the sum is 0, the difference of the first two √3 · sin φ.
        sine, cosine = (pf[a] - pf[b]) / math.sqrt(3), pf[c]
        size = math.hypot(sine, cosine)
        leads = (evaluation.value((device, f"reactive_power_l{c + 1}")) or 0.0) < -0.2 * volt_amperes[c]
        if abs(sum(pf)) < 0.35 and cosine > 0.1 and least < size < 1.1 and not leads:
            # A sinusoidal current: the deviation from 1 is unbalance.
            if size > 1 or item.measuring_point == "motor":
                sine, cosine = sine / size, cosine / size
            reason = METER_CTS_SWAPPED(device=device, phase=f"L{a + 1}", other_phase=f"L{b + 1}")
            yield _rewired(evaluation, reason, [cosine] * 3, [abs(sine)] * 3)
    flips = [k for k in range(3) if pf[k] < -0.05]
    sizes = [abs(value) for value in pf]
    if flips and max(sizes) - min(sizes) < 0.45:
        # Manufacturers differ in the sign of Q; a motor and a rectifier always consume it.
        sines = [
            abs(_share(evaluation, (device, f"reactive_power_l{k}"), va, pf[k - 1]))
            for k, va in enumerate(volt_amperes, 1)
        ]
        reason = METER_CT_REVERSED(device=device, phases=tuple(f"L{k + 1}" for k in flips))
        yield _rewired(evaluation, reason, [abs(value) for value in pf], sines)


def _share(evaluation: RuleEvaluation, key: Key, va: float, cosine: float) -> float:
    """Q/S as measured; where the map has no Q, the value for a sinusoidal current."""
    measured = evaluation.value(key)
    return measured / va if measured is not None else math.sqrt(max(0.0, 1 - cosine * cosine))


def _rewired(evaluation: RuleEvaluation, reason: Reason, pf: list[float], sines: list[float]) -> Hypothesis:
    """The powers with these cosines and sines of the angle between the voltage and the current of each phase."""
    device = str(reason.data["device"])
    series: dict[Key, Series] = {}
    totals: dict[str, Series] = {}
    for k in (1, 2, 3):
        u, i = evaluation.series[device, f"voltage_l{k}n"], evaluation.series[device, f"current_l{k}"]
        va = [None if a is None or b is None else a * b for a, b in zip(u, i, strict=True)]
        angle = math.atan2(sines[k - 1], pf[k - 1])
        for stem, column in (
            ("active", scaled(va, pf[k - 1])),
            ("reactive", scaled(va, sines[k - 1])),
            ("apparent", va),
        ):
            series[device, f"{stem}_power_l{k}"] = column
            totals[stem] = _sum(totals[stem], column) if stem in totals else column
        series[device, f"power_factor_l{k}"] = [pf[k - 1]] * len(va)
        series[device, f"cos_phi_l{k}"] = [math.cos(angle)] * len(va)
        series[device, f"phase_angle_l{k}"] = [math.degrees(angle)] * len(va)
        series[device, f"active_power_fund_l{k}"] = series[device, f"active_power_l{k}"]
    for stem, column in totals.items():
        series[device, f"{stem}_power"] = column
    p, q, s = (totals[stem] for stem in ("active", "reactive", "apparent"))
    series[device, "active_power_fund"] = p
    series[device, "power_factor"] = [a / b if a is not None and b else None for a, b in zip(p, s, strict=True)]
    series[device, "phase_angle"] = [
        None if a is None or b is None else math.degrees(math.atan2(b, a)) for a, b in zip(p, q, strict=True)
    ]
    series = {key: column for key, column in series.items() if key in evaluation.rows}
    # The counters integrated the wrong powers; they cannot be compared with the corrected ones.
    series |= {key: [None] * len(p) for key, row in evaluation.rows.items() if key[0] == device and counts(row)}
    return Hypothesis(reason, tuple(key[1] for key in series if not key[1].startswith("apparent")), 1.5, series)


def _sum(one: Series, two: Series) -> Series:
    return [None if a is None or b is None else a + b for a, b in zip(one, two, strict=True)]
