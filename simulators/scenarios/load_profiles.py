"""Loads of a scenario: speed and torque at the shaft over time. SI units.

Laws: radial pump and fan by affinity, throttle and damper at full speed, friction and lift of a conveyor, a reversing
roller with its inertia, a hoist with its load on the rope (textbook).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from simulators.plant import wave_load
from simulators.plant.root_finding import root

_RPM = 30 / math.pi
# A pump without water: bearings, seals and air; below the power of any pump against a closed valve [M]
_DRY, _OF_SHUT_OFF = 0.28, 0.85


class LoadDemand(NamedTuple):
    """Demand of a driven shaft at one instant. share: of the full flow, for loads that have one; otherwise 0."""

    speed_rad_s: float
    torque_nm: float
    share: float = 0.0


def at(profile: Sequence[tuple[float, float]], now_s: float) -> float:
    """Return the value of a periodic step profile of (hours, value)."""
    whole_h = sum(hours for hours, _ in profile)
    left_h = now_s / 3600 % whole_h
    for hours, value in profile:
        if left_h < hours:
            return value
        left_h -= hours
    return profile[-1][1]


@dataclass(frozen=True, slots=True)
class Flow:
    """A pump or fan.

    kw: shaft power at full flow and speed_rpm, kW.
    speed_rpm: reference speed, rpm.
    shape: coefficients of shaft power over relative flow at full speed and full opening; their sum is 1.
    system: (static, dynamic) part of the head required by the pipe at full flow; the relative speed for a relative
        flow q is √(static + dynamic·q²).
    inertia_kg_m2: inertia of the wheel, for coasting, kg·m².
    """

    kw: float
    speed_rpm: float
    shape: tuple[float, float, float]
    system: tuple[float, float]
    inertia_kg_m2: float = 0.0

    @property
    def torque_max_nm(self) -> float:
        return 1000 * self.kw * _RPM / self.speed_rpm

    def throttled_w(self, share: float, speed_rad_s: float) -> float:
        """Return the shaft power at a given speed with a valve or damper that limits the flow, W."""
        n = speed_rad_s * _RPM / self.speed_rpm
        if n <= 0:
            return 0.0
        x = share / n
        a, b, c = self.shape
        return 1000 * self.kw * n**3 * (a + b * x + c * x * x)

    def dry_w(self, speed_rad_s: float) -> float:
        """Return the shaft power of a pump that runs dry, W."""
        share = min(_DRY, _OF_SHUT_OFF * self.shape[0])
        return 1000 * self.kw * share * max(speed_rad_s * _RPM / self.speed_rpm, 0.0) ** 3

    def in_time(self, share: float, dry: bool = False) -> wave_load.WaveLoad:
        """Return the same law for the waveform model, with a valve or damper."""
        shape = (min(_DRY, _OF_SHUT_OFF * self.shape[0]), 0.0, 0.0) if dry else self.shape
        return wave_load.of_flow(1000 * self.kw, self.speed_rpm, shape, share, self.inertia_kg_m2)

    def driven(self, share: float) -> LoadDemand:
        """Return the demand at the speed that just delivers the flow."""
        static, dynamic = self.system
        n = math.sqrt(static + dynamic * share**2)
        speed = n * self.speed_rpm / _RPM
        return LoadDemand(speed, self.throttled_w(share, speed) / speed, share)

    def limited(self, share: float, limit_w: float) -> LoadDemand:
        """Return the demand for the largest flow up to this share whose power is at most limit_w."""

        def missing_w(flow: float) -> float:
            demand = self.driven(flow)
            return limit_w - demand.torque_nm * demand.speed_rad_s

        if missing_w(share) >= 0:
            return self.driven(share)
        if missing_w(0.0) > 0:
            return self.driven(root(missing_w, 0.0, share, width=1e-9, enough=1e-6 * limit_w))
        # too little for the static head: no flow
        speed = (limit_w / (1000 * self.kw * self.shape[0])) ** (1 / 3) * self.speed_rpm / _RPM
        return LoadDemand(speed, limit_w / speed, 0.0)


@dataclass(frozen=True, slots=True)
class Conveyor:
    """A belt at one speed.

    speed_rpm: speed of the shaft, rpm.
    friction_nm: constant friction of the empty belt, Nm.
    loaded_nm: additional friction of a full belt, Nm.
    viscous_nm_s: friction proportional to the speed, Nm per rad/s.
    lift_nm: torque of a full belt uphill, Nm.
    inertia_kg_m2: inertia, kg·m².
    """

    speed_rpm: float
    friction_nm: float
    loaded_nm: float
    viscous_nm_s: float = 0.0
    lift_nm: float = 0.0
    inertia_kg_m2: float = 0.0

    @property
    def torque_max_nm(self) -> float:
        return wave_load.torque_nm(self.in_time(1.15), self.speed_rpm / _RPM)

    def in_time(self, share: float, dry: bool = False) -> wave_load.WaveLoad:
        """Return the load for the waveform model. dry: of a pump only."""
        del dry
        friction_nm = self.friction_nm + share * self.loaded_nm
        return wave_load.WaveLoad(
            constant_nm=share * self.lift_nm, linear=self.viscous_nm_s, dry_nm=friction_nm,
            inertia_kg_m2=self.inertia_kg_m2,
        )  # fmt: skip

    def throttled_w(self, share: float, speed_rad_s: float) -> float:
        """Return the shaft power at a given speed, W."""
        return wave_load.torque_nm(self.in_time(share), speed_rad_s) * speed_rad_s

    def driven(self, share: float) -> LoadDemand:
        speed = self.speed_rpm / _RPM
        return LoadDemand(speed, wave_load.torque_nm(self.in_time(share), speed), share)

    def limited(self, share: float, limit_w: float) -> LoadDemand:
        """Return the demand at the highest speed whose power is at most limit_w."""
        full = self.driven(share)
        if full.torque_nm * full.speed_rad_s <= limit_w:
            return full

        def missing_w(speed: float) -> float:
            return limit_w - self.throttled_w(share, speed)

        speed = root(missing_w, 0.0, full.speed_rad_s, width=1e-9, enough=1e-6 * limit_w)
        return LoadDemand(speed, limit_w / speed, share * speed / full.speed_rad_s)


Shared = Flow | Conveyor  # loads that follow a profile of shares


@dataclass(frozen=True, slots=True)
class Roller:
    """A reversing roller: ramps between ±speed.

    speed_rpm: speed of the shaft, rpm.
    cycle_s: duration of a cycle, half of it in each direction, seconds.
    ramp_s: duration of a ramp from standstill, seconds.
    inertia_kg_m2: inertia of the load, kg·m².
    friction_nm: friction, Nm.
    idle_s: pause at the end of a cycle, seconds.
    """

    speed_rpm: float
    cycle_s: float
    ramp_s: float
    inertia_kg_m2: float
    friction_nm: float
    idle_s: float = 0.0

    @property
    def torque_max_nm(self) -> float:
        return self.inertia_kg_m2 * self.speed_rpm / _RPM / self.ramp_s + self.friction_nm

    def demand(self, now_s: float) -> LoadDemand:
        top, half = self.speed_rpm / _RPM, self.cycle_s / 2
        into = now_s % (self.cycle_s + self.idle_s)
        if into >= self.cycle_s:
            return LoadDemand(0.0, 0.0)
        sign = 1.0 if into < half else -1.0
        into %= half
        rate = top / self.ramp_s
        if into < self.ramp_s:
            speed, torque = rate * into, self.inertia_kg_m2 * rate
        elif into < half - self.ramp_s:
            speed, torque = top, 0.0
        else:
            speed, torque = rate * (half - into), -self.inertia_kg_m2 * rate
        return LoadDemand(sign * speed, sign * (torque + (self.friction_nm if speed else 0.0)))


@dataclass(frozen=True, slots=True)
class Hoist:
    """A hoist that lifts and lowers: T = m·g·v/ω, divided by the gear's efficiency when lifting, times it when
    lowering.

    mass_kg: suspended mass when lifting.
    speed_m_s: speed of the load, m/s.
    motor_rpm: speed of the motor, rpm.
    height_m: height of the lift, m.
    gear: efficiency of the gear.
    rest_s: pause at the top and at the bottom, seconds.
    empty_kg: suspended mass when lowering; 0: as mass_kg.
    """

    mass_kg: float
    speed_m_s: float
    motor_rpm: float
    height_m: float
    gear: float
    rest_s: float
    empty_kg: float = 0.0

    @property
    def torque_max_nm(self) -> float:
        return self.mass_kg * 9.81 * self.speed_m_s / self.gear / (self.motor_rpm / _RPM)

    def demand(self, now_s: float) -> LoadDemand:
        way_s = self.height_m / self.speed_m_s
        into = now_s % (2 * (way_s + self.rest_s))
        speed = self.motor_rpm / _RPM
        if into < way_s:
            return LoadDemand(speed, self.mass_kg * 9.81 * self.speed_m_s / self.gear / speed)
        if way_s + self.rest_s <= into < 2 * way_s + self.rest_s:
            mass = self.empty_kg or self.mass_kg
            return LoadDemand(-speed, mass * 9.81 * self.speed_m_s * self.gear / speed)
        return LoadDemand(0.0, 0.0)
