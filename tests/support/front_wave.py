"""Active front end in the time domain: sine grid, filter choke, two-level bridge on a stiff DC bus, regenerative.

A grid with a series choke has the equations of a magnet motor without saliency at constant speed, so the kernel of
drive_wave computes it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from simulators.plant.drive_wave import SPEED, STIFF, Converter, DriveWave
from simulators.plant.params import MagnetMotor
from simulators.plant.phasors import Vectors


class FrontWaves(NamedTuple):
    """Means over each sample interval; space vectors in V and A, current positive from the grid into the bridge."""

    u: Vectors
    i: Vectors


class ActiveFront:
    """An active front end.

    `run` advances time; `energy`: J since the start, heat in the choke and energy into the DC bus.
    """

    def __init__(
        self,
        *,
        volts_v: float = 400.0,
        frequency_hz: float = 50.0,
        filter_h: float,
        filter_ohm: float,
        dc_v: float = 650.0,
        carrier_hz: float = 4000.0,
        averaged: bool = False,
    ) -> None:
        """volts_v: line voltage, rms. Raises ValueError if dc_v is not above its peak."""
        if dc_v <= math.sqrt(2) * volts_v:
            raise ValueError(f"active front end: dc_v must be above the peak of the grid voltage, got {dc_v:g} V")
        self._omega = 2 * math.pi * frequency_hz
        grid = MagnetMotor(
            power_w=volts_v,
            volts_v=volts_v,
            current_a=1.0,
            speed_rpm=60 * frequency_hz,
            pole_pairs=1,
            rs20_ohm=filter_ohm,
            ld_h=filter_h,
            lq_h=filter_h,
            flux20_wb=volts_v * math.sqrt(2 / 3) / self._omega,
            core_s=0.0,
            core_hysteresis=0.0,
            friction_w=0.0,
            additional_w=0.0,
            inertia_kg_m2=1e12,
        )
        self._peak_v = volts_v * math.sqrt(2 / 3)
        converter = Converter(front=STIFF, carrier_hz=carrier_hz, averaged=averaged)
        self._drive = DriveWave(grid, converter, dc_v=dc_v, speed_rad_s=self._omega)

    def run(self, samples: int, rate_hz: float, power_w: float, *, step_s: float = 20e-6) -> FrontWaves:
        """Advance at unity power factor. power_w: positive from the grid, negative into it."""
        middle = self._drive.now_s + (np.arange(samples) + 0.5) / rate_hz
        wave = self._drive.run(
            samples,
            rate_hz,
            mode=SPEED,
            target_rad_s=0.0 if power_w >= 0 else 2 * self._omega,
            torque_max_nm=abs(power_w) / self._omega,
            step_s=step_s,
        )
        mean = np.sinc(self._omega / (2 * math.pi * rate_hz))
        return FrontWaves(1j * self._peak_v * mean * np.exp(1j * self._omega * middle), -wave.i)

    @property
    def energy(self) -> dict[str, float]:
        energy = self._drive.energy
        return {"filter": energy["copper"], "dc": -energy["link"]}
