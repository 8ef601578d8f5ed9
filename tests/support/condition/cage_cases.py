"""Random recordings of cage motors by kind: sound and faulty machines, and what looks like a fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from support.condition.cage_machine import random_machine
from support.condition.cage_plant import OPEN, Case

Rng = np.random.Generator


def base(rng: Rng, load: tuple[float, float] = (0.5, 1.0), length_s: float | None = None) -> Case:
    """A sound machine with the spread of machines, supplies and instruments."""
    return Case(
        random_machine(rng),
        load=float(rng.uniform(*load)),
        u2=complex(rng.uniform(0, 0.01) * np.exp(1j * rng.uniform(0, 2 * np.pi))),
        harmonics=float(rng.uniform(0, 0.03)),
        hot=float(rng.uniform(0.8, 1.15)),
        u_level=float(rng.uniform(0.94, 1.06)),
        f_offset_hz=float(rng.uniform(-0.1, 0.1)),
        wander_hz=float(rng.uniform(0.005, 0.03)),
        noise_fast=float(rng.uniform(0.002, 0.008)),
        noise_slow=float(rng.uniform(0.003, 0.015)),
        bits=int(rng.integers(10, 17)),
        gain=float(rng.uniform(0, 0.003)),
        fs_hz=float(rng.choice([2000.0, 2500.0, 4000.0, 5000.0, 10000.0], p=[0.3, 0.2, 0.3, 0.15, 0.05])),
        length_s=length_s or float(rng.choice([16.0, 16.0, 20.0, 30.0])),
        seed=int(rng.integers(2**31)),
    )


def _broken(rng: Rng, load: tuple[float, float]) -> Case:
    return replace(base(rng, load), bars={0: OPEN})


def _swing(rng: Rng, hz: float | None, share: tuple[float, float]) -> Case:
    return replace(base(rng, (0.4, 1.0)), swings=((hz, float(rng.uniform(*share))),))


def _dip(rng: Rng) -> Case:
    dip = (rng.uniform(1, 12), rng.uniform(0.06, 0.6), rng.uniform(0.4, 0.85), int(rng.integers(1, 4)))
    return replace(base(rng, (0.3, 0.9)), dip=dip)


KINDS: dict[str, Callable[[Rng], Case]] = {
    "sound": lambda rng: base(rng, (0.5, 1.0)),
    "sound, 25 to 40 % load": lambda rng: base(rng, (0.25, 0.39)),
    "one bar": lambda rng: _broken(rng, (0.5, 1.0)),
    "one bar, 25 to 40 % load": lambda rng: _broken(rng, (0.25, 0.39)),
    "two bars": lambda rng: replace(base(rng), bars={0: OPEN, int(rng.integers(1, 5)): OPEN}),
    "bar of 2 to 4 times the resistance": lambda rng: replace(base(rng), bars={0: float(rng.uniform(2, 4))}),
    "load oscillates at 2sf": lambda rng: _swing(rng, None, (0.01, 0.15)),
    "load oscillates near 2sf": lambda rng: _swing(
        rng, float(np.exp(rng.uniform(np.log(0.3), np.log(6)))), (0.01, 0.15)
    ),
    "interharmonic at 2sf": lambda rng: replace(base(rng), lines=((None, float(rng.uniform(0.001, 0.02))),)),
    "interharmonic near 2sf": lambda rng: replace(
        base(rng), lines=((float(rng.uniform(-6, 6)), float(rng.uniform(0.001, 0.02))),)
    ),
    "flicker": lambda rng: replace(base(rng), flicker=float(rng.uniform(0.001, 0.006))),
    "dip": _dip,
    "start": lambda rng: replace(base(rng, (0.3, 0.9)), start_s=float(rng.uniform(-1, 8))),
    "load ramp": lambda rng: replace(base(rng, (0.4, 0.8)), ramp=float(rng.uniform(0.1, 0.4))),
    "torque once per turn": lambda rng: replace(base(rng, (0.4, 1.0)), once_per_turn=float(rng.uniform(0.01, 0.08))),
    "supply unbalance": lambda rng: replace(
        base(rng), u2=complex(rng.uniform(0.01, 0.035) * np.exp(1j * rng.uniform(0, 2 * np.pi)))
    ),
    "short": lambda rng: base(rng, (0.5, 1.0), float(rng.choice([2.0, 4.0]))),
    "short, one bar": lambda rng: replace(base(rng, (0.5, 1.0), float(rng.choice([2.0, 4.0]))), bars={0: OPEN}),
}
