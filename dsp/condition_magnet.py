"""Flux of the magnets of a motor from the phasors of its voltage and current, with its uncertainty.

u = R·i + jω·Lq·i + jω·(ψ + (Ld − Lq)·id) with the q axis as reference (Leonhard). The vector u − R·i − jω·Lq·i lies on
the q axis for every Ld, so the axes and id follow from it; only its length depends on Ld − Lq where id is not 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from dsp.efficiency_flux import ALPHA_PER_K

_U_GAIN = 0.005  # U of a channel of class 0.5, of voltage and of current
_U_PHASE_RAD = 0.005  # U of the angle between voltage and current
_U_ALPHA_PER_K = 0.0001  # −0.11 to −0.12 %/K, grades of sintered NdFeB [M]


class Known(NamedTuple):
    """A quantity with its expanded uncertainty (k = 2), in the same unit."""

    value: float
    u: float


class MagnetMachine(NamedTuple):
    """What the flux is computed with.

    r_ohm: resistance of a phase at the temperature of the recording.
    lq_h: inductance of the q axis.
    saliency: (Lq − Ld)/Lq; 0 for magnets on the surface, to about 0.65 for interior magnets.
    flux20_wb: peak flux linkage of a phase with magnets at 20 °C.
    magnet_degc: temperature of the magnets.
    """

    r_ohm: Known
    lq_h: Known
    saliency: Known
    flux20_wb: Known
    magnet_degc: Known


class MagnetPoint(NamedTuple):
    """Where the machine works.

    flux_wb: flux linkage of the magnets, peak.
    emf_v: the voltage behind R and Lq, a phasor with the angle of the q axis.
    id_a, iq_a: currents of the axes, peak; iq_a is negative when it brakes.
    """

    flux_wb: float
    emf_v: complex
    id_a: float
    iq_a: float

    @property
    def current_angle_rad(self) -> float:
        """Angle by which the current leads the q axis (id < 0), −π/2…π/2; braking current is taken reversed."""
        return math.atan2(-self.id_a, abs(self.iq_a))


class MagnetFlux(NamedTuple):
    """Flux of the magnets relative to the nameplate at the same temperature.

    index: 1 is the flux of the nameplate.
    u95: expanded uncertainty (k = 2) of the index.
    """

    index: float
    u95: float


def magnet_point(
    u_v: complex, i_a: complex, hz: float, r_ohm: float, lq_h: float, saliency: float = 0.0
) -> MagnetPoint:
    """The working point from phasors (amplitudes) of the positive sequence at a frequency above 0."""
    omega = 2 * math.pi * hz
    emf = u_v - (r_ohm + 1j * omega * lq_h) * i_a
    along = i_a * emf.conjugate() / abs(emf) if emf else i_a
    id_a = -along.imag
    return MagnetPoint(abs(emf) / omega + saliency * lq_h * id_a, emf, id_a, along.real)


def magnet_flux(u_v: complex, i_a: complex, hz: float, machine: MagnetMachine) -> MagnetFlux:
    """The flux index at a point with its uncertainty, propagated from every input.

    u_v, i_a: phasors (amplitudes) of the positive sequence, volts and amperes. Without current (coasting) the
    uncertainties of R and L have no effect.
    Each input is moved by its U; the changes are added as squares.
    """
    value = _index(u_v, i_a, hz, machine)
    moved = [
        *(_index(u_v, i_a, hz, other) for other in _moved(machine)),
        _index(u_v * (1 + _U_GAIN), i_a, hz, machine),
        _index(u_v, i_a * (1 + _U_GAIN), hz, machine),
        _index(u_v, i_a * complex(math.cos(_U_PHASE_RAD), math.sin(_U_PHASE_RAD)), hz, machine),
        value * (1 + _U_ALPHA_PER_K * (machine.magnet_degc.value - 20)),
    ]
    return MagnetFlux(value, math.sqrt(sum((other - value) ** 2 for other in moved)))


Reading = tuple[complex, complex, float, MagnetMachine]  # u_v, i_a, hz, machine


def flux_ratio(now: Reading, then: Reading) -> MagnetFlux:
    """The flux relative to that of an earlier recording of the same machine, each at its own temperature.

    What both have in common (R, Lq, saliency, flux at 20 °C) is moved in both at once, so most of it cancels; gains,
    angles and temperatures are moved one by one.
    """
    value = _ratio(now, then)
    pairs = zip(_moved(now[3]), _moved(then[3]), strict=True)
    moved = [
        _ratio((*now[:3], a), (*then[:3], b)) for name, (a, b) in zip(MagnetMachine._fields, pairs, strict=True)
        if name != "magnet_degc"
    ]  # fmt: skip
    alone = [magnet_flux(*reading[:3], _without_common(reading[3])) for reading in (now, then)]
    own = sum((one.u95 / one.index * value) ** 2 for one in alone)
    return MagnetFlux(value, math.sqrt(own + sum((other - value) ** 2 for other in moved)))


def _ratio(now: Reading, then: Reading) -> float:
    return _index(*now) / _index(*then)


def _without_common(machine: MagnetMachine) -> MagnetMachine:
    exact = {name: Known(known.value, 0.0) for name, known in machine._asdict().items() if name != "magnet_degc"}
    return machine._replace(**exact)


def _index(u_v: complex, i_a: complex, hz: float, machine: MagnetMachine) -> float:
    point = magnet_point(u_v, i_a, hz, machine.r_ohm.value, machine.lq_h.value, machine.saliency.value)
    return point.flux_wb / (machine.flux20_wb.value * (1 + ALPHA_PER_K * (machine.magnet_degc.value - 20)))


def _moved(machine: MagnetMachine) -> Iterator[MagnetMachine]:
    for name, known in machine._asdict().items():
        yield machine._replace(**{name: Known(known.value + known.u, 0.0)})
