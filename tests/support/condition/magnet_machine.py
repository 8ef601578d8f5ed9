"""Magnet motors of many kinds for tests: magnets one by one, coils one by one, and the drive that feeds them.

A model in phase quantities that shares no formula with the detectors: they work with phasors of the terminals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

POINTS = 32768  # of a turn, in the table of flux linkages


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A motor, its load, its faults, its drive and the channels that record it.

    slots, pairs: of the winding; coils of one slot pitch, or of a pole pitch where there are more slots.
    kw, volts, rated_hz, amps: rated values; volts line to line, amps rms.
    flux_wb: peak flux linkage of a phase at 20 °C. ld_h, lq_h, l0_h: inductances of the axes and of the zero sequence.
    ohm: resistance of a phase at 20 °C.
    speed, load: shares of the rated values. lead_deg: angle by which the control sets the current before the q axis.
    flux_loss: share that all magnets have lost. weak: number of the magnet → share that it has lost.
    eccentricity: offset of the rotor that turns with it, relative to the gap. once: torque once per turn, share.
    turns: share of the turns of a phase that is shorted. turns_ohm: resistance of the path. coils: self-inductance of
    the shorted turns relative to a phase wound as one coil.
    contact_ohm: more resistance in a phase. phase: 0 … 2, of the fault of the winding or the lost phase.
    encoder_deg: error of the angle that the drive uses. lost_s: a phase opens. coast_s: gates off. ramp: share by which
    the speed changes over the recording.
    """

    slots: int = 9
    pairs: int = 5
    kw: float = 10.7
    volts: float = 330.0
    rated_hz: float = 148.6
    amps: float = 20.5
    flux_wb: float = 0.27
    ld_h: float = 0.0031
    lq_h: float = 0.0031
    l0_h: float = 0.001
    ohm: float = 0.21
    speed: float = 1.0
    load: float = 0.7
    lead_deg: float = 0.0
    winding_degc: float = 20.0
    magnet_degc: float = 20.0
    flux_loss: float = 0.0
    weak: dict[int, float] = field(default_factory=dict)
    eccentricity: float = 0.0
    once: float = 0.0
    turns: float = 0.0
    turns_ohm: float = 0.0
    coils: float = 2.0
    contact_ohm: float = 0.0
    phase: int = 0
    encoder_deg: float = 0.0
    lost_s: float = math.inf
    coast_s: float = math.inf
    ramp: float = 0.0
    load_noise: tuple[float, float] = (0.004, 0.01)
    carrier_hz: float = 5000.0
    dead_v: float = 4.0
    bandwidth_hz: float = 300.0
    drive_gains: tuple[float, float, float] = (0.0, 0.0, 0.0)
    drive_offset: float = 0.001
    link_ripple: float = 0.0
    link_hz: float = 100.0

    @property
    def resistance_ohm(self) -> float:
        return self.ohm * (254.5 + self.winding_degc) / 274.5  # copper, IEC 60228: α = 0.00393/K at 20 °C

    @property
    def remanence(self) -> float:
        """Share of the flux at 20 °C; NdFeB loses 0.115 % per kelvin, the middle of the usual range."""
        return (1 - self.flux_loss) * (1 - 0.00115 * (self.magnet_degc - 20))


def flux_table(machine: Machine) -> Floats:
    """Flux linkage of the three phases over a turn, shape (3, POINTS), webers; largest in phase 1 at angle 0."""
    sound = _linkages(machine, np.ones(2 * machine.pairs))
    around = np.arange(2 * machine.pairs) * math.pi / machine.pairs
    strength = 1 + machine.eccentricity * np.cos(around - 0.4)
    for number, loss in machine.weak.items():
        strength[number] *= 1 - loss
    scale = machine.flux_wb / (2 * abs(sound[0, machine.pairs]))
    turn = np.exp(1j * np.arange(sound.shape[1]) * np.angle(sound[0, machine.pairs]) / -machine.pairs)
    spectrum = _linkages(machine, strength) * turn * scale * machine.remanence
    return np.fft.irfft(spectrum * POINTS, POINTS, axis=1)


def _linkages(machine: Machine, strength: Floats) -> npt.NDArray[np.complex128]:
    """Fourier coefficients of the flux linkages over the angle of the rotor, shape (3, orders)."""
    pairs, slots = machine.pairs, machine.slots
    grid = np.arange(POINTS) * 2 * math.pi / POINTS
    pole = np.floor(grid * pairs / math.pi + 0.5).astype(int) % (2 * pairs)
    gap_field = np.cos(pairs * grid) * strength[pole]
    orders = np.arange(0, 8 * pairs)
    coefficients = np.fft.rfft(gap_field)[: len(orders)] / POINTS
    span = max(round(slots / (2 * pairs)), 1) * 2 * math.pi / slots
    coil = np.arange(slots) * 2 * math.pi / slots
    sector = np.floor(((pairs * coil + math.pi / 6 + 1e-9) % (2 * math.pi)) / (math.pi / 3)).astype(int)
    found = np.zeros((3, len(orders)), complex)
    for phase, plus in enumerate((0, 2, 4)):
        sign = (sector == plus).astype(float) - (sector == (plus + 3) % 6)
        sums = (sign[:, None] * np.exp(1j * orders * coil[:, None])).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            width = np.where(orders > 0, 2 * np.sin(orders * span / 2) / np.maximum(orders, 1), span)
        found[phase] = np.conj(coefficients * width * sums)
    return found
