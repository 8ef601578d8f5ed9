"""What the machines of a scenario have to do: speed and torque at the shaft over time. SI units.

Laws: radial pump and fan by affinity, throttle and damper at full speed, a conveyor's friction and lift, a reversing
roller with its inertia, a hoist with its load on the rope (textbook).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from simulators.plant import wave_load

_RPM = 30 / math.pi


class Demand(NamedTuple):
    """Of a driven shaft at one instant. share: of the full flow, for loads that have one."""

    speed_rad_s: float
    torque_nm: float
    share: float = 0.0


def at(profile: Sequence[tuple[float, float]], now_s: float) -> float:
    """A value that changes in steps: (hours, value) over and over."""
    whole_h = sum(hours for hours, _ in profile)
    left_h = now_s / 3600 % whole_h
    for hours, value in profile:
        if left_h < hours:
            return value
        left_h -= hours
    return profile[-1][1]


@dataclass(frozen=True, slots=True)
class Flow:
    """A pump or fan. kw: at the shaft with full flow and speed_rpm.

    shape: shaft power over relative flow at full speed and full opening, 1 in sum. system: (static, dynamic) part of
    the head that the pipe needs at full flow; the relative speed for flow q is √(static + dynamic·q²).
    """

    kw: float
    speed_rpm: float
    shape: tuple[float, float, float]
    system: tuple[float, float]
    inertia_kg_m2: float = 0.0  # of the wheel, when nobody drives it

    @property
    def torque_max_nm(self) -> float:
        return 1000 * self.kw * _RPM / self.speed_rpm

    def throttled_w(self, share: float, speed_rad_s: float) -> float:
        """Valve or damper: the machine runs at full speed and the flow is taken away from it."""
        n = speed_rad_s * _RPM / self.speed_rpm
        if n <= 0:
            return 0.0
        x = share / n
        a, b, c = self.shape
        return 1000 * self.kw * n**3 * (a + b * x + c * x * x)

    def in_time(self, share: float) -> wave_load.Load:
        """The same law for the waveform tier, with a valve or damper."""
        return wave_load.of_flow(1000 * self.kw, self.speed_rpm, self.shape, share, self.inertia_kg_m2)

    def driven(self, share: float) -> Demand:
        """Turned just fast enough for that flow."""
        static, dynamic = self.system
        n = math.sqrt(static + dynamic * share**2)
        speed = n * self.speed_rpm / _RPM
        return Demand(speed, self.throttled_w(share, speed) / speed, share)


@dataclass(frozen=True, slots=True)
class Conveyor:
    """A belt at one speed. friction_nm, viscous_nm_s: of the empty belt, constant and with the speed; loaded_nm,
    lift_nm: what a full belt adds, of friction and uphill; what lies on it is a share of that."""

    speed_rpm: float
    friction_nm: float
    loaded_nm: float
    viscous_nm_s: float = 0.0
    lift_nm: float = 0.0
    inertia_kg_m2: float = 0.0

    @property
    def torque_max_nm(self) -> float:
        return wave_load.torque_nm(self.in_time(1.15), self.speed_rpm / _RPM)

    def in_time(self, share: float) -> wave_load.Load:
        """For the waveform tier."""
        friction_nm = self.friction_nm + share * self.loaded_nm
        return wave_load.of_conveyor(friction_nm, self.viscous_nm_s, share * self.lift_nm, self.inertia_kg_m2)

    def throttled_w(self, share: float, speed_rad_s: float) -> float:
        """At whatever speed."""
        return wave_load.torque_nm(self.in_time(share), speed_rad_s) * speed_rad_s

    def driven(self, share: float) -> Demand:
        speed = self.speed_rpm / _RPM
        return Demand(speed, wave_load.torque_nm(self.in_time(share), speed), share)


Shared = Flow | Conveyor  # loads that follow a profile of shares


@dataclass(frozen=True, slots=True)
class Roller:
    """Turns to and fro: ramps between ±speed in ramp_s, half a cycle each way. idle_s: pause at the end of a cycle."""

    speed_rpm: float
    cycle_s: float
    ramp_s: float
    inertia_kg_m2: float
    friction_nm: float
    idle_s: float = 0.0

    @property
    def torque_max_nm(self) -> float:
        return self.inertia_kg_m2 * self.speed_rpm / _RPM / self.ramp_s + self.friction_nm

    def demand(self, now_s: float) -> Demand:
        top, half = self.speed_rpm / _RPM, self.cycle_s / 2
        into = now_s % (self.cycle_s + self.idle_s)
        if into >= self.cycle_s:
            return Demand(0.0, 0.0)
        sign = 1.0 if into < half else -1.0
        into %= half
        rate = top / self.ramp_s
        if into < self.ramp_s:
            speed, torque = rate * into, self.inertia_kg_m2 * rate
        elif into < half - self.ramp_s:
            speed, torque = top, 0.0
        else:
            speed, torque = rate * (half - into), -self.inertia_kg_m2 * rate
        return Demand(sign * speed, sign * (torque + (self.friction_nm if speed else 0.0)))


@dataclass(frozen=True, slots=True)
class Hoist:
    """Lifts and lowers: T = m·g·v/ω, over the gear's efficiency when lifting, times it when lowering."""

    mass_kg: float
    speed_m_s: float
    motor_rpm: float
    height_m: float
    gear: float
    rest_s: float
    empty_kg: float = 0.0  # what hangs there on the way down

    @property
    def torque_max_nm(self) -> float:
        return self.mass_kg * 9.81 * self.speed_m_s / self.gear / (self.motor_rpm / _RPM)

    def demand(self, now_s: float) -> Demand:
        way_s = self.height_m / self.speed_m_s
        into = now_s % (2 * (way_s + self.rest_s))
        speed = self.motor_rpm / _RPM
        if into < way_s:
            return Demand(speed, self.mass_kg * 9.81 * self.speed_m_s / self.gear / speed)
        if way_s + self.rest_s <= into < 2 * way_s + self.rest_s:
            mass = self.empty_kg or self.mass_kg
            return Demand(-speed, mass * 9.81 * self.speed_m_s * self.gear / speed)
        return Demand(0.0, 0.0)
