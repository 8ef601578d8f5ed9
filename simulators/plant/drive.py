"""Frequency converter in steady state: input from the busbar for a given motor input."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import NamedTuple

from simulators.plant import rectifier
from simulators.plant.grid import GridSupply
from simulators.plant.magnet import MagnetState
from simulators.plant.params import DriveParameters
from simulators.plant.phasors import PhasorComponent, natural_sequence

_BUS_V = 560.0  # DC bus of a 400 V supply
_CONTROL_W, _FAN = 20.0, 0.04  # usual: 24 V at 0.85 A; power of a fan relative to the heat that it removes [M]


class DriveState(NamedTuple):
    """State of a drive; input_w = output_w + losses_w.

    input_w: active power at the input terminals, W.
    output_w: active power of the motor, W; negative while the motor brakes.
    losses_w: losses of the drive, W.
    dc_bus_v: DC bus voltage, V.
    currents: components of the input currents, rms, A.
    bus: components of the voltages at the input terminals, including the distortion by the drive itself, rms, V.
    """

    input_w: float
    output_w: float
    losses_w: float
    dc_bus_v: float
    currents: tuple[PhasorComponent, ...]
    bus: tuple[PhasorComponent, ...]


class LossTerms(NamedTuple):
    """Loss terms of a drive: W = fixed_w + inverter + bridge.

    inverter = i·(a + a2·i + va·u + cross·d) + dc·d; bridge = |d|·(b + b2·|d|).
    i: output current, rms, A.
    u: DC voltage, V.
    d: output power divided by u, A; negative while the motor brakes.
    """

    fixed_w: float
    a: float
    a2: float
    va: float
    cross: float
    dc: float
    b: float
    b2: float

    def inverter_w(self, current_a: float, output_w: float, dc_bus_v: float) -> float:
        """Losses of the six switches and their diodes, W."""
        d = output_w / dc_bus_v
        return current_a * (self.a + self.a2 * current_a + self.va * dc_bus_v + self.cross * d) + self.dc * d

    def bridge_w(self, output_w: float, dc_bus_v: float) -> float:
        d = abs(output_w) / dc_bus_v
        return d * (self.b + self.b2 * d)


@cache
def loss_terms(drive: DriveParameters) -> LossTerms:
    """Return the loss terms of a drive with six switches V + r·i and their diodes, for a sine of depth m and cos φ.

    Each switch: (1/2π ± m·cos φ/8)·V·î + (1/8 ± m·cos φ/3π)·r·î². With m·cos φ·î = 4/3·P/U, power and DC voltage
    determine all terms. Switching energies are proportional to current and voltage; each leg switches once in a carrier
    period, and the mean of its current is 2/π·î. The ripple of the DC current is neglected.
    Source: Mohan; Wintrich et al., "Application Manual Power Semiconductors", 3.3.
    """
    root = math.sqrt(2)
    return LossTerms(
        fixed_w=drive.fixed_w,
        a=3 / math.pi * root * (drive.switch_v + drive.diode_v),
        a2=1.5 * (drive.switch_ohm + drive.diode_ohm),
        va=3 * 2 / math.pi * root * drive.carrier_hz * drive.switching_j_per_va,
        cross=8 / (3 * math.pi) * root * (drive.switch_ohm - drive.diode_ohm),
        dc=drive.switch_v - drive.diode_v,
        b=2 * drive.bridge_v,
        b2=2 * drive.bridge_ohm + drive.choke_r_ohm,
    )


def losses_w(drive: DriveParameters, current_a: float, output_w: float, dc_bus_v: float) -> float:
    """Return all losses of the drive, W. output_w: negative while the motor brakes."""
    terms = loss_terms(drive)
    return terms.fixed_w + terms.inverter_w(current_a, output_w, dc_bus_v) + terms.bridge_w(output_w, dc_bus_v)


def electronics_w(drive: DriveParameters) -> float:
    """Return the losses of an inverter without rectifier that do not depend on its load, W.

    Control and gate drivers, the resistors that discharge the DC capacitors after switch-off (to 60 V within 300 s,
    IEC 61800-5-1 [M]), and a fan that takes a share of the heat at rated current. Filters and the bridge belong to the
    rectifier.
    """
    capacitor_f = drive.capacitor_s / (2 * math.pi * 50)
    discharge_s = 300 / math.log(_BUS_V / 60)
    heat_w = loss_terms(drive).inverter_w(drive.current_a, drive.power_w, _BUS_V)
    return _CONTROL_W + _BUS_V**2 * capacitor_f / discharge_s + _FAN * heat_w


def table_of(drive: DriveParameters) -> rectifier.RectifierTable:
    """Return the currents and the DC voltage of the drive's bridge against load."""
    # Rounded, so that drives of the same model share a table.
    return _table(round(drive.line_ohm / drive.choke_ohm, 9), round(drive.choke_ohm * drive.capacitor_s, 9))


def solve(drive: DriveParameters, supply: GridSupply, motor: MagnetState) -> DriveState:
    """Return the state with input currents whose fundamental, unbalance and harmonics together carry the required
    power.

    A harmonic current causes a harmonic voltage −Z·I in the supply and thus the power −R·I² at the bus: the bridge
    converts power of the fundamental into harmonic power that is lost in the supply.
    """
    return _input_state(drive, supply, motor.input_w, partial(losses_w, drive, motor.current_a))


def rectify(drive: DriveParameters, supply: GridSupply, dc_w: float) -> DriveState:
    """Return the state of a rectifier without inverter; dc_w is taken from its DC bus. It cannot feed back."""
    terms = loss_terms(drive)
    return _input_state(drive, supply, max(dc_w, 0.0), lambda out_w, dc_v: terms.fixed_w + terms.bridge_w(out_w, dc_v))


def _input_state(
    drive: DriveParameters, supply: GridSupply, output_w: float, loss_w: Callable[[float, float], float]
) -> DriveState:
    """Return the state for an output power. loss_w: losses as a function of output power and DC voltage."""
    u1 = supply.volts_v
    peak_v = math.sqrt(6) * u1
    p = output_w * drive.choke_ohm * supply.frequency_hz / 50 / peak_v**2
    dc, shape = table_of(drive).at(p)
    loss = loss_w(output_w, dc * peak_v)
    need = (output_w + loss) / 3

    before = supply.components()
    background = {item.order: item.value for item in before if item.order > 1}
    negative = sum(item.value for item in before if item.order == 1 and item.sequence == -1)
    phasor = shape.tolist()
    upper = [order for order in rectifier.PRESENT if order > 1]
    # need = linear·I1 − square·I1²
    unbalance = drive.unbalance_gain * negative / u1
    unbalance /= max(abs(unbalance), 1.0)  # at most single-phase operation
    linear = u1 * phasor[1].real + (negative * unbalance.conjugate()).real
    linear += sum((background[order] * phasor[order].conjugate()).real for order in upper if order in background)
    square = supply.impedance_ohm(1).real * sum(abs(phasor[order]) ** 2 for order in upper)
    i1 = 2 * need / (linear + math.sqrt(linear**2 - 4 * square * need))

    currents = [PhasorComponent(order, natural_sequence(order), i1 * phasor[order]) for order in rectifier.PRESENT]
    bus = _distorted(before, currents[1:], supply)
    currents.append(PhasorComponent(1, -1, i1 * unbalance))
    return DriveState(output_w + loss, output_w, loss, dc * peak_v, tuple(currents), tuple(bus))


def _distorted(
    before: Sequence[PhasorComponent], currents: Sequence[PhasorComponent], supply: GridSupply
) -> list[PhasorComponent]:
    """Return the voltages with the drop of the harmonic currents; components of one order and sequence add up."""
    drops = (PhasorComponent(order, part, -supply.impedance_ohm(order) * value) for order, part, value in currents)
    return [*before, *drops]


@cache
def _table(line_share: float, smoothing: float) -> rectifier.RectifierTable:
    return rectifier.table(line_share, smoothing)
