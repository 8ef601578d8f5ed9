"""Rated values and T circuits of random cage motors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CageMachine:
    """Rated values and parameters of a phase, stator side, SI units.

    inertia: kg m², motor and load. ring: part of the cage's resistance and leakage that belongs to the end rings.
    """

    kw: float
    poles: int
    hz: float
    volts: float
    bars: int
    rs: float
    rr: float
    lls: float
    llr: float
    lm: float
    inertia: float
    friction_w: float
    ring: float = 0.3

    @property
    def pairs(self) -> int:
        return self.poles // 2

    def steady(self, slip: float, u_v: float, hz: float) -> complex:
        """Stator current (rms phasor, voltage real) of the sound machine."""
        w = 2 * np.pi * hz
        rotor = self.rr / slip + 1j * w * self.llr
        mutual = 1j * w * self.lm
        return u_v / (self.rs + 1j * w * self.lls + mutual * rotor / (mutual + rotor))

    def torque(self, slip: float, u_v: float, hz: float) -> float:
        w = 2 * np.pi * hz
        i1 = self.steady(slip, u_v, hz)
        i2 = i1 * 1j * w * self.lm / (self.rr / slip + 1j * w * (self.llr + self.lm))
        return 3 * self.pairs * abs(i2) ** 2 * self.rr / slip / w

    def slip_at(self, torque_nm: float, u_v: float, hz: float) -> float:
        low, high = 1e-5, 0.12
        for _ in range(40):
            mid = (low + high) / 2
            low, high = (mid, high) if self.torque(mid, u_v, hz) < torque_nm else (low, mid)
        return low

    def rated(self) -> tuple[float, float, float]:
        """Slip, torque and current at rated power."""
        w = 2 * np.pi * self.hz / self.pairs
        slip = 0.01
        for _ in range(5):
            torque = (self.kw * 1e3 + self.friction_w) / (w * (1 - slip))
            slip = self.slip_at(torque, self.volts / math.sqrt(3), self.hz)
        return slip, torque, abs(self.steady(slip, self.volts / math.sqrt(3), self.hz))

    def nameplate(self) -> dict[str, float]:
        slip, _, amps = self.rated()
        rpm = round(120 * self.hz / self.poles * (1 - slip))
        shaft_nm = self.kw * 1e3 / (rpm * math.pi / 30)
        return {"kw": self.kw, "rpm": rpm, "hz": self.hz, "poles": self.poles, "volts": self.volts,
                "amps": round(amps, 2), "nm": round(shaft_nm, 1), "rotor_bars": self.bars}  # fmt: skip


def random_machine(rng: np.random.Generator, **fixed: float) -> CageMachine:
    """A machine of 3 to 250 kW with usual per-unit values."""
    kw = float(fixed.get("kw", np.exp(rng.uniform(np.log(3), np.log(250)))))
    hz = float(fixed.get("hz", rng.choice([50.0, 60.0])))
    poles = int(fixed.get("poles", rng.choice([2, 4, 4, 6, 8])))
    volts = float(fixed.get("volts", rng.choice([380.0, 400.0, 415.0, 690.0] if hz == 50 else [440.0, 460.0, 480.0])))
    bars = int(fixed.get("bars", rng.choice([18, 22, 26, 28, 34, 38, 44, 48, 52, 58, 70])))
    bars = max(bars, 6 * poles // 2)
    size = np.log10(kw)
    base = volts**2 / (kw * 1e3 / (0.80 + 0.05 * size))  # of the apparent power
    w = 2 * np.pi * hz
    rs = base * 0.045 * kw**-0.33 * rng.uniform(0.8, 1.25)
    rr = base * 0.052 * kw**-0.33 * rng.uniform(0.75, 1.3)
    leak = rng.uniform(0.07, 0.105)
    xm = rng.uniform(1.7, 2.4) + 0.5 * size - 0.12 * poles
    inertia_s = np.exp(rng.uniform(np.log(0.08), np.log(2.5)))  # H: kinetic energy over rated power
    inertia = 2 * inertia_s * kw * 1e3 / (w / (poles / 2)) ** 2
    return CageMachine(kw, poles, hz, volts, bars, rs, rr, base * leak / w, base * leak * rng.uniform(0.9, 1.5) / w,
                       base * xm / w, inertia, kw * 1e3 * 0.008, rng.uniform(0.15, 0.4))  # fmt: skip
