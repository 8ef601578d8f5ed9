"""A power meter with individual errors, its own refresh interval and its own counters."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from simulators.meters.readings import Values, electrical
from simulators.meters.transformers import CurrentTransformers
from simulators.meters.wiring import RIGHT, Wiring
from simulators.plant.phasors import Phasors, active_w, reactive_var

_DEMAND_S = 900.0


@dataclass(frozen=True, slots=True)
class MeterErrors:
    """Errors of one meter: gain and phase of its inputs, without current transformers of the plant.

    u: complex factors of the three voltages.
    i: complex factors of the three currents.
    frequency_hz: additive error of the frequency, Hz.
    """

    u: NDArray[np.complex128]
    i: NDArray[np.complex128]
    frequency_hz: float = 0.0


EXACT = MeterErrors(np.ones(3, complex), np.ones(3, complex))


def draw_errors(rng: Random, accuracy: float = 0.5) -> MeterErrors:
    """Draw errors within the accuracy class for power, and well within it for voltage and current.

    The limits are those of IEC 61557-12, from memory. In class 0.5, input stage and internal transformer have ratio
    errors of up to 0.09 % each, and the internal transformer a phase error of up to 1.5'; at pf 0.5 this is at most
    0.36 % + 0.08 % of the power.

    accuracy: class in percent.
    """
    gain, angle = 0.0018 * accuracy / 0.5, math.radians(1.5 / 60) * accuracy / 0.5

    def ratio() -> float:
        return (1 + rng.uniform(-gain, gain) / 2) * (1 + rng.uniform(-gain, gain) / 2.002)

    return MeterErrors(
        np.array([complex(ratio()) for _ in range(3)]),
        np.array([ratio() * cmath.exp(1j * rng.uniform(-angle, angle)) for _ in range(3)]),
        rng.uniform(-0.002, 0.002),
    )


class SimulatedMeter:
    """A power meter.

    values: quantity → displayed value, refreshed every refresh_s; the counters continue between refreshes.

    errors: measuring errors; the energies have the errors of the power.
    refresh_s: refresh interval, seconds.
    start_kwh, start_kvarh: counters at the start of the plant.
    wiring: wiring of the terminals.
    transformers: current transformers of the plant; None: connected directly.
    """

    def __init__(
        self, errors: MeterErrors, *, refresh_s: float = 0.2, start_kwh: float = 0.0, start_kvarh: float = 0.0,
        wiring: Wiring = RIGHT, transformers: CurrentTransformers | None = None,
    ) -> None:  # fmt: skip
        self._errors, self._refresh_s, self._wiring, self._transformers = errors, refresh_s, wiring, transformers
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
        """Advance by dt_s of constant conditions.

        u_v, i_a: phasors of the conductors, shape (3, orders), rms in V and A.
        frequency_hz: frequency of the fundamental.
        """
        u, i = self._wiring.at_terminals(u_v, i_a)
        if self._transformers is not None:
            i = self._transformers.secondary(i)
        u, i = u * self._errors.u[:, None], i * self._errors.i[:, None]
        self._count(active_w(u, i) * dt_s / 3.6e6, float(reactive_var(u, i).sum()) * dt_s / 3.6e6)
        self._age_s += dt_s
        if self._age_s < self._refresh_s * (1 - 1e-9):
            return
        values = electrical(u, i, frequency_hz + self._errors.frequency_hz)
        self._average(values, 0.0 if math.isinf(self._age_s) else self._age_s)
        self._age_s = 0.0
        self.values = values | self._demand | self._totals()

    def _count(self, phases_kwh: NDArray[np.float64], kvarh: float) -> None:
        for k, kwh in enumerate(phases_kwh.tolist(), 1):
            self._counters[f"energy_{'import' if kwh >= 0 else 'export'}_l{k}"] += abs(kwh)
        total = float(phases_kwh.sum())
        self._counters["energy_import" if total >= 0 else "energy_export"] += abs(total)
        self._counters["reactive_energy_import" if kvarh >= 0 else "reactive_energy_export"] += abs(kvarh)

    def _average(self, values: Values, dt_s: float) -> None:
        """Update the demand: an exponential mean over 15 min, as in a thermal demand meter."""
        stay = math.exp(-dt_s / _DEMAND_S)
        for source in ("active_power", "apparent_power", "current_l1", "current_l2", "current_l3"):
            name, now = f"demand_{source}", values[source]
            self._demand[name] = self._demand.get(name, now) * stay + now * (1 - stay)
        highest = self._demand.get("demand_active_power_max", 0.0)
        self._demand["demand_active_power_max"] = max(highest, self._demand["demand_active_power"])

    def _totals(self) -> Values:
        c = self._counters
        return c | {
            "energy_total": c["energy_import"] + c["energy_export"],
            "energy_net": c["energy_import"] - c["energy_export"],
            "reactive_energy_total": c["reactive_energy_import"] + c["reactive_energy_export"],
            **{f"energy_total_l{k}": c[f"energy_import_l{k}"] + c[f"energy_export_l{k}"] for k in (1, 2, 3)},
        }
