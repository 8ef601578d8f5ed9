"""A power meter with its own small errors, its own refresh and its own counters."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from simulators.meters.readings import Values, electrical
from simulators.plant.phasors import Phasors, active_w, reactive_var

_DEMAND_S = 900.0


@dataclass(frozen=True, slots=True)
class Errors:
    """Complex factors on the three voltages and currents: gain and phase of transformers and input stage together."""

    u: NDArray[np.complex128]
    i: NDArray[np.complex128]
    frequency_hz: float = 0.0


EXACT = Errors(np.ones(3, complex), np.ones(3, complex))


def draw_errors(rng: Random) -> Errors:
    """Inside class 0.5 for power, 0.2 for voltage and current (limits of IEC 61557-12, from memory).

    Gains within ±0.18 %, phase errors of the current within ±1.5': at pf 0.5 at most 0.36 % + 0.08 % on the power.
    """

    def factor(gain: float, minutes: float) -> complex:
        phase = rng.uniform(-minutes, minutes) / 60 * math.pi / 180
        return (1 + rng.uniform(-gain, gain)) * cmath.exp(1j * phase)

    return Errors(
        np.array([factor(0.0018, 0.0) for _ in range(3)]),
        np.array([factor(0.0018, 1.5) for _ in range(3)]),
        rng.uniform(-0.002, 0.002),
    )


class Meter:
    """`values`: quantity → value as displayed, renewed every refresh_s; counters run on between refreshes.

    start_kwh, start_kvarh: what the counters held when the plant began. The energies carry the errors of the power.
    """

    def __init__(
        self, errors: Errors, *, refresh_s: float = 0.2, start_kwh: float = 0.0, start_kvarh: float = 0.0
    ) -> None:
        self._errors, self._refresh_s = errors, refresh_s
        self._age_s = math.inf
        self._demand: Values = {}
        self._counters = {
            "energy_import": start_kwh,
            "energy_export": 0.0,
            "reactive_energy_import": start_kvarh,
            "reactive_energy_export": 0.0,
        }
        self._counters |= {f"energy_import_l{k}": start_kwh / 3 for k in (1, 2, 3)}
        self._counters |= {f"energy_export_l{k}": 0.0 for k in (1, 2, 3)}
        self.values: Values = {}

    def step(self, u_v: Phasors, i_a: Phasors, frequency_hz: float, dt_s: float) -> None:
        """dt_s of constant conditions have passed."""
        u = u_v * self._errors.u[:, None]
        i = i_a * self._errors.i[:, None]
        self._count(active_w(u, i) * dt_s / 3.6e6, float(reactive_var(u, i).sum()) * dt_s / 3.6e6)
        self._age_s += dt_s
        if self._age_s < self._refresh_s * (1 - 1e-9):
            return
        shown = electrical(u, i, frequency_hz + self._errors.frequency_hz)
        self._average(shown, 0.0 if math.isinf(self._age_s) else self._age_s)
        self._age_s = 0.0
        self.values = shown | self._demand | self._totals()

    def _count(self, phases_kwh: NDArray[np.float64], kvarh: float) -> None:
        for k, kwh in enumerate(phases_kwh, 1):
            self._counters[f"energy_{'import' if kwh >= 0 else 'export'}_l{k}"] += abs(float(kwh))
        total = float(phases_kwh.sum())
        self._counters["energy_import" if total >= 0 else "energy_export"] += abs(total)
        self._counters["reactive_energy_import" if kvarh >= 0 else "reactive_energy_export"] += abs(kvarh)

    def _average(self, shown: Values, dt_s: float) -> None:
        """Demand as a 15 min exponential mean: the form of a thermal demand meter."""
        stay = math.exp(-dt_s / _DEMAND_S)
        for name, source in (("demand_active_power", "active_power"), ("demand_apparent_power", "apparent_power")):
            self._demand[name] = self._demand.get(name, shown[source]) * stay + shown[source] * (1 - stay)
        for k in (1, 2, 3):
            now, name = shown[f"current_l{k}"], f"demand_current_l{k}"
            self._demand[name] = self._demand.get(name, now) * stay + now * (1 - stay)
        highest = self._demand.get("demand_active_power_max", 0.0)
        self._demand["demand_active_power_max"] = max(highest, self._demand["demand_active_power"])

    def _totals(self) -> Values:
        c = self._counters
        sums = {
            "energy_total": c["energy_import"] + c["energy_export"],
            "energy_net": c["energy_import"] - c["energy_export"],
            "reactive_energy_total": c["reactive_energy_import"] + c["reactive_energy_export"],
        }
        sums |= {f"energy_total_l{k}": c[f"energy_import_l{k}"] + c[f"energy_export_l{k}"] for k in (1, 2, 3)}
        return c | sums
