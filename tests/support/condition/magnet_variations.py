"""Variations of magnet motors, their nameplates, and channels that record them, drawn at random."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from random import Random

import numpy as np
from support.condition.magnet_machine import Floats, Machine

from agent.analysis.condition.machine import MachineData
from agent.analysis.condition.record import Record

WINDINGS = ((9, 5), (9, 4), (12, 5), (12, 4), (12, 7), (18, 8), (24, 4), (36, 4), (36, 2), (48, 4), (27, 5), (36, 3))
SHOW_LINES = ((9, 5), (9, 4), (27, 5))  # windings in which one magnet shows
COPPER_W = 0.9  # power factor times efficiency, about


def draw(rng: Random, *, interior: bool = False, windings: tuple[tuple[int, int], ...] = WINDINGS) -> Machine:
    """A sound motor with a drive, at 25 to 100 % of its torque and 35 to 100 % of its speed."""
    slots, pairs = rng.choice(windings)
    kw = 10 ** rng.uniform(0.2, 2.2)
    volts = rng.choice((200.0, 330.0, 380.0, 460.0, 660.0))
    rated_hz = rng.choice((50.0, 60.0, 75.0, 100.0, 148.6, 180.0))
    amps = kw * 1e3 / (math.sqrt(3) * volts * COPPER_W)
    omega, phase_v = 2 * math.pi * rated_hz, volts / math.sqrt(3)
    x_pu = rng.uniform(0.2, 0.5)
    l_q = x_pu * phase_v / amps / omega
    small = 1 / (1 + kw / 10)  # small machines have much resistance
    return Machine(
        slots=slots,
        pairs=pairs,
        kw=kw,
        volts=volts,
        rated_hz=rated_hz,
        amps=amps,
        flux_wb=rng.uniform(0.8, 0.92) * phase_v * math.sqrt(2) / omega,
        ld_h=l_q * (rng.uniform(0.4, 0.8) if interior else 1.0),
        lq_h=l_q,
        l0_h=rng.uniform(0.1, 0.5) * l_q,
        ohm=(0.008 + 0.03 * small) * phase_v / amps,
        speed=rng.uniform(0.35, 1.0),
        load=rng.uniform(0.25, 1.0),
        lead_deg=rng.uniform(10, 35) if interior else 0.0,
        winding_degc=rng.uniform(20, 110),
        magnet_degc=rng.uniform(20, 90),
        load_noise=(rng.uniform(0.001, 0.006), rng.uniform(0.003, 0.012)),
        carrier_hz=rng.choice((3000.0, 4000.0, 5000.0, 6000.0)),
        dead_v=rng.uniform(0.005, 0.02) * volts,
        bandwidth_hz=rng.uniform(120, 350),
        drive_gains=tuple(rng.uniform(-0.003, 0.003) for _ in range(3)),  # type: ignore[arg-type]
        link_ripple=rng.uniform(0.0, 0.01),
        link_hz=rng.choice((100.0, 120.0, 300.0)),
    )


def other_load(machine: Machine, rng: Random) -> Machine:
    """The same motor when it was sound, at another load and temperature, by ±20 % at another speed."""
    return replace(
        machine,
        flux_loss=0.0,
        weak={},
        eccentricity=0.0,
        once=0.0,
        turns=0.0,
        contact_ohm=0.0,
        encoder_deg=0.0,
        lost_s=math.inf,
        coast_s=math.inf,
        ramp=0.0,
        load=rng.uniform(0.3, 1.0),
        speed=min(machine.speed * rng.uniform(0.8, 1.2), 1.0),
        winding_degc=rng.uniform(20, 110),
        magnet_degc=rng.uniform(20, 90),
    )


def with_short(machine: Machine, share: float, times_rated: float) -> Machine:
    """Shorted turns through a path with which their current is `times_rated` times the rated one, if it can be."""
    omega = 2 * math.pi * machine.rated_hz * machine.speed
    volts = share * omega * machine.flux_wb
    x = omega * share**2 * machine.coils * (machine.lq_h + machine.l0_h / 2) * 2 / 3
    z = volts / (times_rated * machine.amps * math.sqrt(2))
    ohm = math.sqrt(max(z**2 - x**2, 0.0)) - share * machine.resistance_ohm
    return replace(machine, turns=share, turns_ohm=max(ohm, 0.0))


def plate(machine: Machine, rng: Random, *, temperatures: str = "both", exact: bool = False) -> MachineData:
    """The nameplate, with the errors that one has; temperatures: both, winding or none."""

    def near(value: float, share: float) -> float:
        return value * (1 + (0.0 if exact else rng.uniform(-share, share)))

    l_q = near(machine.lq_h, 0.05)
    reactance = machine.ld_h != machine.lq_h
    return MachineData(
        kind="magnet",
        at="drive_output",
        kw=machine.kw,
        rpm=60 * machine.rated_hz / machine.pairs,
        hz=machine.rated_hz,
        poles=2 * machine.pairs,
        volts=machine.volts,
        amps=machine.amps,
        slots=machine.slots,
        r1_ohm=near(machine.ohm, 0.02),
        ls_h=None if reactance else l_q,
        xq_ohm=2 * math.pi * machine.rated_hz * l_q if reactance else None,
        flux_wb=near(machine.flux_wb, 0.005),
        winding_degc=None if temperatures == "none" else machine.winding_degc,
        magnet_degc=machine.magnet_degc if temperatures == "both" else None,
        carrier_hz=machine.carrier_hz,
    )


@dataclass(frozen=True)
class Channels:
    """How waveforms are recorded. star: artificial, real, or computed (two voltages and two currents are measured).

    gains: bound of the gain errors. noise: rms in steps of the converter. every: steps of the drive per sample.
    """

    star: str = "artificial"
    gains: float = 0.003
    bits: int = 13
    noise: float = 0.5
    every: int = 1


def channels(rng: Random) -> Channels:
    star = rng.choice(("artificial", "artificial", "artificial", "real", "computed"))
    return Channels(
        star, rng.choice((0.001, 0.003)), rng.choice((10, 12, 13, 16)), rng.uniform(0.3, 1.0), rng.choice((1, 1, 2))
    )


def recorded(u_v: Floats, i_a: Floats, step_s: float, machine: Machine, how: Channels, rng: Random) -> Record:
    """A recording with ripple of the carrier, gains, offsets, noise and the steps of a converter."""
    noise = np.random.default_rng(rng.getrandbits(32))
    fs_hz = 1 / step_s / how.every
    n = u_v.shape[1] // how.every
    u, i = (x[:, : n * how.every].reshape(3, n, how.every).mean(axis=2) for x in (u_v, i_a))
    if how.star != "real":
        u = u - u.mean(axis=0)
    t = np.arange(n) / fs_hz
    for side in (-2, 2):  # what the filter leaves of the carrier, folded
        hz = 1.02 * machine.carrier_hz + side * machine.rated_hz * machine.speed
        phases = 2 * math.pi * hz * t + noise.uniform(0, 6.28, 3)[:, None]
        ripple = 0.01 * machine.volts * (np.cos(phases) - np.cos(phases).mean(axis=0))
        u, i = u + ripple, i + 0.01 * machine.amps * (np.sin(phases) - np.sin(phases).mean(axis=0))
    u, i = (_converted(x, how, noise) for x in (u, i))
    if how.star == "computed":
        u[2], i[2] = -u[0] - u[1], -i[0] - i[1]
    return Record(fs_hz, u, i)


def _converted(x: Floats, how: Channels, noise: np.random.Generator) -> Floats:
    full = 1.6 * float(np.abs(x).max())
    step = 2 * full / 2**how.bits
    gained = x * (1 + noise.uniform(-how.gains, how.gains, (3, 1))) + noise.uniform(-0.001, 0.001, (3, 1)) * full
    result: Floats = np.round((gained + noise.normal(0, how.noise * step, x.shape)) / step) * step
    return result
