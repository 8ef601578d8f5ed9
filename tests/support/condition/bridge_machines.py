"""Simulated drives of many sizes, supplies and instruments."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass

import numpy as np
from support.condition.bridge import Bridge, sequence
from support.condition.bridge_recording import Instrument

from agent.analysis.condition.machine import MachineData


@dataclass
class Drive:
    """A simulated drive with its nameplate and the instrument that records it."""

    bridge: Bridge
    how: Instrument
    machine: MachineData

    def at_load(self, load: float) -> Drive:
        from dataclasses import replace

        return Drive(replace(self.bridge, p_w=load * (self.machine.kw or 0) * 1e3), self.how, self.machine)


def random_drive(random: np.random.Generator, load: float, u2: float, distortion: float = 0.02) -> Drive:
    """A drive of 1.5 to 160 kW at a load and an unbalance of the supply; 5th and 7th order up to `distortion`."""
    kw = 10 ** random.uniform(math.log10(1.5), math.log10(160))
    hz, volts = float(random.choice([50.0, 60.0])), float(random.choice([380.0, 400.0, 415.0, 440.0, 480.0, 690.0]))
    base_ohm, omega = volts**2 / (kw * 1e3), 2 * math.pi * hz
    has_choke = random.random() < 0.5
    line = random.uniform(0.003, 0.012) if has_choke else random.uniform(0.008, 0.05)
    c_f = random.uniform(40, 130) * 1e-6 * kw * (400 / volts) ** 2
    peak = volts * math.sqrt(2 / 3)

    def turned(size: float) -> complex:
        return size * cmath.exp(2j * math.pi * random.random())

    harmonics = {
        order: sequence(
            order, peak * random.uniform(0, distortion) * cmath.exp(2j * math.pi * random.random()), order == 5
        )
        for order in (5, 7)
    }
    bridge = Bridge(
        p_w=kw * 1e3 * load, hz=hz + random.uniform(-0.1, 0.1), line_v=volts * random.uniform(0.95, 1.05),
        line_h=line * base_ohm / omega, line_ohm=random.uniform(0.002, 0.01) * base_ohm,
        choke_h=random.uniform(0.01, 0.06) * base_ohm / omega if has_choke else 0.0, c_f=c_f,
        esr_ohm=random.uniform(0.02, 0.15) / (6 * omega * c_f), unbalance=turned(u2),
        harmonics=harmonics, source_share=random.uniform(0, 0.5),
    )  # fmt: skip
    bridge.filter_f = random.uniform(0, 0.02) / (omega * base_ohm)  # 2 % of the rated current, as small drives have
    how = Instrument(
        fs_hz=float(random.choice([2000.0, 4000.0, 5000.0, 10000.0, 20000.0])),
        link_hz=float(random.choice([2000.0, 2500.0, 5000.0])), seconds=float(random.choice([3.0, 4.0, 6.0])),
        bits=int(random.choice([10, 12, 13, 16])), scale=random.uniform(1.3, 4), swapped=bool(random.random() < 0.3),
    )  # fmt: skip
    machine = MachineData(at="drive_input", kw=kw, volts=volts, dc_link_uf=c_f * 1e6)
    return Drive(bridge, how, machine)
