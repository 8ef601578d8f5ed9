"""Electrical power of the old machines as a function of their load, and where a retrofit saves.

All powers are shares of the rated shaft power, all loads shares of the rated flow or throughput.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from benchmarks.plant_histories.series import Array

KELVIN = 273.15


class Machine(Protocol):
    """A driven machine."""

    def shaft(self, load: Array, air_c: Array, intensity: Array) -> Array:
        """Shaft power while the line runs.

        air_c: temperature of the air, °C.
        intensity: energy per unit of product, 1 for the reference product.
        """
        ...

    def avoidable(self, load: Array) -> Array:
        """Share of the power that control can avoid at this load; not normalised."""
        ...


@dataclass(frozen=True, slots=True)
class Pump:
    """A radial pump at fixed speed with a throttle valve.

    Euler's equation with slip: the theoretical head falls linearly with the flow, and the flow through the impeller
    exceeds the delivered one by the leakage; disc friction and bearings do not depend on the flow.

    disc: disc friction and bearings, share of the rated shaft power.
    leakage: share of the rated flow.
    fall: relative fall of the theoretical head from no flow to rated flow.
    static: static head of the system, share of the head at rated flow.
    """

    disc: float
    leakage: float
    fall: float
    static: float

    def shaft(self, load: Array, air_c: Array, intensity: Array) -> Array:
        hydraulic = (load + self.leakage) * (1 - self.fall * load)
        return self.disc + (1 - self.disc) * hydraulic / ((1 + self.leakage) * (1 - self.fall)) * intensity

    def avoidable(self, load: Array) -> Array:
        head = 1.25 - 0.25 * load**2
        return (head - self.static - (1 - self.static) * load**2) / head


@dataclass(frozen=True, slots=True)
class Fan:
    """A centrifugal fan at fixed speed with a damper; everything but the bearings is proportional to the air density.

    bearings, disc: shares of the rated shaft power.
    fall: see Pump.
    duct: share of the pressure that does not depend on the flow.
    """

    bearings: float
    disc: float
    fall: float
    duct: float

    def shaft(self, load: Array, air_c: Array, intensity: Array) -> Array:
        density = (KELVIN + 20.0) / (KELVIN + air_c)
        gas = self.disc + (1 - self.disc) * load * (1 - self.fall * load) / (1 - self.fall) * intensity
        return self.bearings + (1 - self.bearings) * density * gas

    def avoidable(self, load: Array) -> Array:
        pressure = 1.15 - 0.15 * load**2
        return (pressure - self.duct - (1 - self.duct) * load**2) / pressure


@dataclass(frozen=True, slots=True)
class Mill:
    """A grinding mill, or the drive of a strip: power at idle, and energy per tonne or metre.

    idle: power at idle, share of the rated shaft power.
    bend: relative change of the energy per tonne from half to full load is about bend / 2.
    """

    idle: float
    bend: float

    def shaft(self, load: Array, air_c: Array, intensity: Array) -> Array:
        return self.idle + (1 - self.idle) * load * intensity * (1 + self.bend * (load - 1))

    def avoidable(self, load: Array) -> Array:
        return self.idle / (self.idle + (1 - self.idle) * load)


@dataclass(frozen=True, slots=True)
class Motor:
    """Losses and reactive power of the old induction motor.

    fixed, load_loss: losses in the iron and by friction, and losses in the windings at rated shaft power.
    magnetizing, leakage: reactive power at no load, and its increase up to rated shaft power.
    """

    fixed: float
    load_loss: float
    magnetizing: float
    leakage: float

    def active(self, shaft: Array) -> Array:
        return shaft + self.fixed + self.load_loss * shaft**2

    def reactive(self, shaft: Array) -> Array:
        return self.magnetizing + self.leakage * shaft**2


def machine_of(line: str, rng: np.random.Generator) -> Machine:
    """A machine of this line: pump, fan, mill (runs empty between batches) or strip (stops between coils)."""
    if line == "pump":
        return Pump(rng.uniform(0.15, 0.28), rng.uniform(0.02, 0.05), rng.uniform(0.2, 0.42), rng.uniform(0.25, 0.6))
    if line == "fan":
        return Fan(0.02, rng.uniform(0.2, 0.35), rng.uniform(0.2, 0.4), rng.uniform(0.0, 0.15))
    if line == "mill":
        return Mill(rng.uniform(0.15, 0.35), rng.uniform(-0.1, 0.1))
    if line == "strip":
        return Mill(rng.uniform(0.05, 0.15), rng.uniform(0.1, 0.3))
    raise ValueError(f"line: expected pump, fan, mill or strip, got {line!r}")


def motor_of(rng: np.random.Generator) -> Motor:
    """A motor with a power factor of 0.80 to 0.87 at 70 % of rated shaft power."""
    fixed, load_loss = rng.uniform(0.02, 0.035), rng.uniform(0.02, 0.035)
    active = 0.7 + fixed + load_loss * 0.49
    reactive = active * float(np.tan(np.arccos(rng.uniform(0.80, 0.87))))
    magnetizing = rng.uniform(0.7, 0.85) * reactive
    return Motor(fixed, load_loss, magnetizing, (reactive - magnetizing) / 0.49)
